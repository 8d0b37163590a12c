"""The read side on the command line: where it stands, rebuilding, verifying."""

from __future__ import annotations

import json
import sqlite3

from eventflow.cli.exits import Code
from tests.cli.shop import Order
from tests.cli.words import Shop


def test_the_state_says_how_far_each_projection_is_behind(shop: Shop) -> None:
    shop.has("whales")
    with shop.opened() as app:
        app.save(Order.create(title="late"))

    found = shop.knows("projections", "status", alone=True)

    assert found["log"] == 4
    assert {one["name"]: one["lag"] for one in found["projections"]} == {"current": 1, "history": 1, "metrics": 1}


def test_projections_that_are_right_are_verified(shop: Shop) -> None:
    shop.has("whales", "broken vase")

    found = shop.knows("projections", "verify", "--all")

    assert found["equal"] is True
    assert [one["rows"] for one in found["reports"]] == [2, 6, 4]


def test_rows_that_differ_are_shown_and_end_with_damage_until_they_are_rebuilt(shop: Shop) -> None:
    shop.has("whales", "broken vase")
    table = next(name for name in tables(shop) if name.startswith("items__"))
    change(shop, f"UPDATE {table} SET status = 'lost' WHERE status = 'packed'")

    result = shop.says_alone("projections", "verify", "current")
    report = json.loads(shop.says_alone("projections", "verify", "current", "--json").stdout)

    assert result.exit_code == Code.DAMAGED
    assert "lost" in result.stderr and "eventflow projections rebuild current" in result.stderr
    assert {(one["only"], one["row"]["status"]) for one in report["reports"][0]["differences"]} == {
        ("live", "lost"), ("rebuilt", "packed"),
    }  # fmt: skip
    assert shop.knows("projections", "rebuild", "current")["rebuilt"][0]["events"] == 6
    assert shop.knows("projections", "verify", "current")["equal"] is True


def test_a_projection_that_is_not_there_is_told_with_those_that_are(shop: Shop) -> None:
    shop.has("whales")

    result = shop.says("projections", "verify", "curent")

    assert result.exit_code == Code.NOT_FOUND
    assert 'Did you mean "current"?' in result.stderr
    assert shop.says("projections", "rebuild").exit_code == Code.USAGE


def tables(shop: Shop) -> list[str]:
    connection = sqlite3.connect(shop.folder / "shop.db")
    found = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    connection.close()
    return found


def change(shop: Shop, statement: str) -> None:
    connection = sqlite3.connect(shop.folder / "shop.db")
    connection.execute(statement)
    connection.commit()
    connection.close()
