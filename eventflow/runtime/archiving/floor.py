"""Below which position a tick need not look again: what is there stays for good, or for so long."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

from eventflow.runtime.archiving.ages import LONG_AGO, Ages
from eventflow.store.archive.hot import Standing

AGAIN = timedelta(hours=1)
"""When everything is looked at again: a range that somebody was about may have been given up since."""


class _Waiting(NamedTuple):
    position: int
    due: datetime | None


class Floor:
    """What one who looks every minute remembers of categories that stay. Changes with each look; for one thread.

    Within a category bodies become old in the order of the log, so that the first one that stays says when it is worth
    looking again.
    """

    def __init__(self) -> None:
        self._upto, self._again, self._is_open = 0, LONG_AGO, False
        self._first: dict[str, _Waiting] = {}

    def begin(self, now: datetime) -> int:
        """A look begins: after this position something may be old enough."""
        if now >= self._again:
            self._upto, self._again, self._first = 0, now + AGAIN, {}
        due = [one.position for one in self._first.values() if one.due is not None and one.due < now]
        if due:
            self._upto = min(due) - 1
            self._first = {name: one for name, one in self._first.items() if one.position <= self._upto}
        self._is_open = True
        return self._upto

    def stays(self, body: Standing, ages: Ages) -> None:
        """This body is the next one, and it is not old enough."""
        if self._is_open:
            self._upto = body.position
            due = ages.due(body.category, body.recorded_at)
            self._first.setdefault(body.category, _Waiting(body.position, due))

    def leaves(self) -> None:
        """The next one is old enough: the floor is below it."""
        self._is_open = False
