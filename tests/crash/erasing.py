"""Somebody who erases, and dies at a step of it that was chosen beforehand: before a statement, or around a commit."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

from eventflow import Eventflow, Settings
from eventflow.store.database import Transaction
from tests.crash.archiving import Fate
from tests.erasure.words import MASTER, Parcel, Person
from tests.processes import forked


class Mortal:
    """A transaction in which one may die before each statement."""

    def __init__(self, transaction: Transaction, fate: Fate) -> None:
        self._transaction, self._fate = transaction, fate

    def execute(self, *said: Any) -> Any:
        self._fate.step()
        return self._transaction.execute(*said)

    def write(self, *said: Any) -> None:
        self._fate.step()
        self._transaction.write(*said)


def an_app(url: str, folder: Path) -> Eventflow:
    """An application on this database."""
    said = Settings(database=url, objects=folder.as_uri(), master_key=MASTER)
    return Eventflow(said, aggregates=[Person, Parcel])


def dies(url: str, folder: Path, id: UUID, steps: int) -> int | None:
    """How a process ended that erases this stream and has so many steps to live; 0 when it was done before."""
    process = forked.Process(target=_run, args=(url, folder, id, steps))
    process.start()
    process.join(60)
    return process.exitcode


def _run(url: str, folder: Path, id: UUID, steps: int) -> None:
    fate = Fate(steps)
    with an_app(url, folder) as app:
        usual = app.database.transaction

        @contextmanager
        def transaction(**said: Any) -> Iterator[Any]:
            with usual(**said) as opened:
                yield Mortal(opened, fate)
                # Everything is said, and nothing of it is committed.
                fate.step()
            fate.step()

        app.database.transaction = transaction  # type: ignore[method-assign]
        app.erase(id, reason="request 17", actor="ada")
