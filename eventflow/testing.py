"""What tests of workflows need: a clock that is turned by hand, and an application that leaves nothing behind."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from eventflow.app import Eventflow
from eventflow.settings import Settings


class Clock:
    """Stands still until it is turned. Changes: ``now``.

    >>> clock = Clock()
    >>> clock.forward(seconds=31)
    >>> clock()
    datetime.datetime(2026, 1, 1, 0, 0, 31, tzinfo=datetime.timezone.utc)
    """

    def __init__(self, now: datetime = datetime(2026, 1, 1, tzinfo=UTC)) -> None:
        self.now = now

    def __call__(self) -> datetime:
        """The time that the hands show."""
        return self.now

    def forward(self, **by: float) -> None:
        """Turn the hands by a ``timedelta`` given by its parts."""
        self.now += timedelta(**by)


def in_memory(**composition: Any) -> Eventflow:
    """An application on a database in memory, with the in-process worker: gone when it is closed.

    Takes what ``Eventflow`` takes; handlers run when ``drain()`` is called, and only then.
    """
    return Eventflow(Settings(database="sqlite://", broker="embedded://"), **composition)
