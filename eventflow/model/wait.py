"""A handler that can do nothing yet says so: it waits, and no worker waits with it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from eventflow.errors import Refused

FOREVER = datetime(9999, 12, 31, tzinfo=UTC)
"""When nobody comes."""


class Wait(BaseException):
    """Raised by a handler that has to wait: its work is put aside, and no attempt is counted.

    It is called again, from its beginning, when the time has come or somebody sends something to the item::

        if document.approved_by is None:
            raise Wait(at_most=timedelta(days=3))

    ``at_most`` and ``until`` say how long; without either it waits for a signal, however long that takes. No
    ``Exception``, so that no handler swallows it by mistake.
    """

    def __init__(self, at_most: timedelta | None = None, *, until: datetime | None = None) -> None:
        if at_most is not None and until is not None:
            raise Refused("A handler waits at_most some time or until a moment, not both.")
        if until is not None and until.tzinfo is None:
            raise Refused(f"Wait(until={until}) has no time zone. Give an aware datetime.")
        self.at_most, self.until = at_most, until
        super().__init__(at_most, until)

    def due(self, now: datetime) -> datetime:
        """When it is over at the latest.

        >>> Wait(at_most=timedelta(hours=1)).due(datetime(2026, 1, 1, tzinfo=UTC)).hour
        1
        """
        if self.until is not None:
            return self.until
        return FOREVER if self.at_most is None else now + min(self.at_most, FOREVER - now)
