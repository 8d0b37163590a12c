"""When each tick ran last, how long it took and what came of it; for people to see, and for the next leader."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

from eventflow.store.database import Database
from eventflow.store.statements import Statements


class Run(NamedTuple):
    """The last run of a tick.

    ``done`` is how much there was to do, ``failures`` how many runs in a row ended with ``error``, ``heeded`` the
    version of its switch that the run knew of, ``host`` who ran it.
    """

    name: str
    every: timedelta
    began_at: datetime
    took: timedelta
    done: int
    error: str | None
    failures: int
    heeded: int
    host: str


class Runs:
    """The last run of each tick, of one log."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._sql = Statements("eventflow.store", database.dialect, "ticks.sql")

    def all(self) -> dict[str, Run]:
        """The last runs, by the name of the tick."""
        return {run.name: run for run in map(_run, self._database.query(self._sql["all"]))}

    def put(self, run: Run) -> None:
        """Keep a run in place of the one before."""
        row = {**run._asdict(), "every": run.every.total_seconds(), "took": run.took.total_seconds()}
        with self._database.transaction(derived=True) as transaction:
            transaction.execute(self._sql["put"], row)


# Any: a row has columns of several types.
def _run(row: tuple[object, ...]) -> Run:
    name, every, began_at, took, *rest = row
    return Run._make((name, _seconds(every), began_at, _seconds(took), *rest))


def _seconds(value: object) -> timedelta:
    return timedelta(seconds=float(str(value)))
