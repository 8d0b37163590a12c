"""The tables of the database, on both engines."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from eventflow.cli.exits import Code
from eventflow.store.database import connect
from eventflow.store.schema import upgrade
from tests.cli.words import document, says
from tests.services import fresh_schema


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, place: Path) -> Iterator[str]:
    """The address of an empty database."""
    if request.param == "sqlite":
        (place / "new.db").touch()
        yield "sqlite:///new.db"
        return
    with fresh_schema() as url:
        yield url


def schema(database: str, *arguments: str) -> dict[str, object]:
    found: dict[str, object] = document(says("--database", database, "schema", *arguments, "--json"))
    return found


def test_an_empty_database_is_brought_up_to_date(database: str) -> None:
    wanted = schema(database, "status")["wanted"]

    planned = schema(database, "upgrade", "--dry-run")
    before = schema(database, "status")
    done = schema(database, "upgrade")
    again = schema(database, "upgrade")

    assert (planned["from"], planned["to"], planned["done"]) == (0, wanted, [])
    assert (before["present"], before["current"]) == (0, False)
    assert len(done["done"]) == wanted  # type: ignore[arg-type]
    assert again["done"] == []
    assert schema(database, "status") == {"present": wanted, "wanted": wanted, "current": True}
    assert schema(database, "verify") == {"equal": True, "differences": []}


def test_tables_that_differ_end_with_damage(database: str) -> None:
    with connect(database) as opened:
        upgrade(opened)
        with opened.transaction() as transaction:
            transaction.execute("DROP TABLE snapshots")

    result = says("--database", database, "schema", "verify", "--json")

    assert result.exit_code == Code.DAMAGED
    assert any("snapshots" in one for one in json.loads(result.stdout)["differences"])


def test_an_older_schema_is_refused_with_the_command_that_upgrades_it(database: str) -> None:
    with connect(database) as opened:
        upgrade(opened)
        with opened.transaction() as transaction:
            transaction.execute("UPDATE schema_version SET version = 1")

    result = says("--database", database, "items", "list")

    assert result.exit_code == Code.USAGE
    assert "eventflow schema upgrade" in result.stderr


def test_looking_at_the_schema_makes_no_file(place: Path) -> None:
    for arguments in (("status",), ("verify",), ("upgrade", "--dry-run")):
        assert says("--database", "sqlite:///typo.db", "schema", *arguments).exit_code == Code.NOT_FOUND

    assert list(place.iterdir()) == []


def test_a_server_that_does_not_answer_ends_with_unreachable(place: Path) -> None:
    result = says("--database", "postgresql://ann:hunter2@127.0.0.1:1/shop", "schema", "status", "--json")

    assert result.exit_code == Code.UNREACHABLE
    assert json.loads(result.stderr)["error"]["code"] == "unavailable"
    assert "hunter2" not in result.stderr
