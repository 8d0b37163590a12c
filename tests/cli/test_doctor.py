"""What the doctor finds, and how it ends."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from eventflow.cli.exits import Code
from eventflow.store.workers import Workers
from tests.cli.shop import Order
from tests.cli.words import Shop, says
from tests.crash.brokers import a_namespace
from tests.services import POSTGRES, REDIS, a_free_port, fresh_schema


def findings(*arguments: str, code: int = 0) -> dict[str, list[dict[str, str]]]:
    """What is found, by the name of what was looked at."""
    result = says(*arguments, "doctor", "--json")
    assert result.exit_code == code, result.output
    found: dict[str, list[dict[str, str]]] = {}
    for one in json.loads(result.stdout)["findings"]:
        found.setdefault(one["name"], []).append(one)
    return found


def states(found: dict[str, list[dict[str, str]]]) -> dict[str, set[str]]:
    return {name: {one["state"] for one in some} for name, some in found.items()}


def test_a_shop_in_order_is_well(shop: Shop) -> None:
    shop.has("whales")

    found = findings("--app", "tests.cli.shop:app", *shop.engines)

    assert set.union(*states(found).values()) == {"ok"}
    assert set(found) == {
        "environment", "application", "settings", "database", "schema", "clock", "workers", "relay", "claims",
        "projections", "broker", "objects",
    }  # fmt: skip
    assert found["application"][0]["text"] == "aggregates order, parcel; reactions pack, carry"


def test_people_get_a_line_for_each(shop: Shop) -> None:
    shop.has("whales")

    result = shop.says("doctor")

    assert result.exit_code == 0
    assert all(line.startswith("ok ") for line in result.stdout.splitlines())


def test_a_misspelt_variable_is_a_warning_that_only_the_strict_mind(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.has("whales")
    monkeypatch.setenv("EVENTFLOW_DATABSE", "sqlite:///other.db")

    found = findings(*shop.engines)

    assert found["environment"][0]["state"] == "warn"
    assert 'Did you mean "EVENTFLOW_DATABASE"' in found["environment"][0]["text"]
    assert shop.says("doctor", "--strict").exit_code == Code.SOME_FAILED


def test_settings_that_are_wrong_are_told_all_at_once(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVENTFLOW_THREADS", "many")
    monkeypatch.setenv("EVENTFLOW_LEASE", "0s")

    found = findings(code=Code.SOME_FAILED)

    assert [one["state"] for one in found["settings"]] == ["fail", "fail"]


def test_services_that_do_not_answer_are_told_without_their_passwords(place: Path) -> None:
    port = a_free_port()
    engines = (
        "--database",
        f"postgresql://ann:hunter2@127.0.0.1:{port}/shop",
        "--broker",
        f"redis://:hunter2@127.0.0.1:{port}",
    )

    found = findings(*engines, code=Code.UNREACHABLE)

    assert (found["database"][0]["state"], found["broker"][0]["state"]) == ("fail", "fail")
    assert "hunter2" not in json.dumps(found)


def test_an_application_that_cannot_be_imported_is_told(place: Path) -> None:
    (place / "torn.py").write_text("1 / 0\n", encoding="utf-8")

    found = findings("--app", "torn:app", code=Code.SOME_FAILED)

    assert "division by zero" in found["application"][0]["text"]


def test_an_application_whose_database_is_away_is_not_to_blame(place: Path) -> None:
    away = f"postgresql://ann@127.0.0.1:{a_free_port()}/shop"

    found = findings("--app", "tests.cli.shop:app", "--database", away, code=Code.UNREACHABLE)

    assert (found["application"][0]["state"], found["database"][0]["state"]) == ("warn", "fail")


def test_work_that_nobody_does_is_told(shop: Shop) -> None:
    shop.has("whales")
    with shop.opened() as app:
        app.save(Order.create(title="late"))

    found = findings(*shop.engines)

    assert "eventflow worker" in found["relay"][0]["hint"]
    assert states(found)["projections"] == {"warn"}


def test_a_worker_that_died_is_told_with_what_it_held(shop: Shop) -> None:
    [order] = shop.has("whales")
    with shop.opened() as app:
        Workers(app.database).beat(uuid4(), "gone:1", timedelta(0))
    claim(shop, order)

    found = findings(*shop.engines)

    assert "gone:1 has been silent" in found["workers"][1]["text"]
    assert (found["claims"][0]["state"], str(order.id) in found["claims"][0]["text"]) == ("warn", True)


def test_nothing_is_made_by_looking(place: Path) -> None:
    found = findings("--database", "sqlite:///typo.db")

    assert found["database"][0]["state"] == "warn"
    assert list(place.iterdir()) == []


def test_objects_that_cannot_be_kept_are_told(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (place / "file").touch()
    monkeypatch.setenv("EVENTFLOW_OBJECTS", (place / "file" / "objects").as_uri())

    assert findings(code=Code.SOME_FAILED)["objects"][0]["state"] == "fail"


@pytest.fixture
def postgres_shop(place: Path, postgres: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
    """A shop on PostgreSQL and Redis."""
    monkeypatch.setenv("SHOP_ROOM", str(place))
    with fresh_schema(postgres) as url, a_namespace(REDIS) as queues:
        yield Shop(url, place, broker=queues)


def test_a_shop_on_services_is_well(postgres_shop: Shop) -> None:
    postgres_shop.has("whales")

    found = findings("--app", "tests.cli.shop:app", *postgres_shop.engines)

    assert set.union(*states(found).values()) == {"ok"}
    assert "messages that wait: default 0, slow 0" in found["broker"][0]["text"]


def test_an_older_schema_has_to_be_upgraded(postgres_shop: Shop) -> None:
    with postgres_shop.opened() as app, app.database.transaction() as transaction:
        transaction.execute("UPDATE schema_version SET version = 1")

    found = findings("--database", postgres_shop.database, code=Code.SOME_FAILED)

    assert "eventflow schema upgrade" in found["schema"][0]["hint"]


def test_a_database_without_a_log_is_only_a_warning(place: Path) -> None:
    found = findings("--database", f"{POSTGRES}?schema=nothing_here")

    assert found["schema"][0]["state"] == "warn"


def claim(shop: Shop, order: Order) -> None:
    """The standing work says that somebody holds the order."""
    connection = sqlite3.connect(shop.folder / "shop.db")
    connection.execute(
        "INSERT INTO work (stream, category, status, version, phase, reaction, attempt, owner, position)"
        " VALUES (:stream, 'order', 'packing', 2, 'claimed', 'pack', 1, :owner, 2)",
        {"stream": str(order.id), "owner": str(uuid4())},
    )
    connection.commit()
    connection.close()
