"""The key of a stream is on the disk before a body is enciphered with it, whatever happens to the server in between."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from eventflow.errors import Unavailable
from tests.crash.erasing import an_app
from tests.erasure.words import NAME, Person
from tests.services import PrivatePostgres


@pytest.fixture
def server() -> Iterator[PrivatePostgres]:
    with PrivatePostgres() as server:
        yield server


def test_a_server_that_crashes_after_a_key_was_made_takes_no_body_along(
    server: PrivatePostgres, tmp_path: Path
) -> None:
    """Nobody enciphers with a key that was lost, and that is kept in memory alone."""
    with an_app(server.url, tmp_path / "objects") as app:
        app.database.maintain("ALTER SYSTEM SET wal_writer_delay = '10s'")
        server.restart()
        person = Person.create(name=NAME)
        app.log.keyring.provide({person.id: "person"})

        server.restart("immediate")
        end = time.monotonic() + 30
        while app.log.head(person.id) is None and time.monotonic() < end:
            with suppress(Unavailable):
                app.save(person)

        assert app.get(Person, person.id).name == NAME
        with an_app(server.url, tmp_path / "objects") as other:
            assert other.history(person.id)[0].event.event_body()["fields"]["name"] == NAME
