"""What a step says when it does not end like others: not yet, no more, not needed.

None of them is an ``Exception``, so that no step swallows one by mistake.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from eventflow.errors import Refused
from eventflow.model.process.status import RunStatus
from eventflow.model.wait import FOREVER

GIVEN_UP = (RunStatus.ERROR, RunStatus.ABORTED)
"""The statuses in which a step may leave its run behind."""


class Ending(BaseException):
    """A step ends otherwise than by returning, and says why."""

    def __init__(self, message: str | None = None, details: Mapping[str, Any] | None = None) -> None:
        self.message, self.details = message, dict(details or {})
        super().__init__(message, self.details)


class RetryLater(Ending):
    """Raised by a step that cannot be done yet: it is called again then, and that is no failure.

    ::

        if not invoice.is_ready:
            raise RetryLater(timedelta(minutes=5), "The invoice is not ready.")

    However often it is raised, no attempt is counted; a deadline of the run or of the step ends it. Raises ``Refused``
    for a moment without a time zone, and when neither or both of ``after`` and ``until`` are given.
    """

    def __init__(
        self,
        after: timedelta | None = None,
        message: str | None = None,
        details: Mapping[str, Any] | None = None,
        *,
        until: datetime | None = None,
    ) -> None:
        if (after is None) == (until is None):
            raise Refused("RetryLater is raised either after some time or until a moment: say one of them.")
        if after is not None and after < timedelta(0):
            raise Refused(f"RetryLater(after={after!r}) is no time to wait.")
        if until is not None and until.tzinfo is None:
            raise Refused(f"RetryLater(until={until}) has no time zone. Give an aware datetime.")
        self.after, self.until = after, until
        super().__init__(message, details)

    def due(self, now: datetime) -> datetime:
        """When the step is called again.

        >>> from datetime import UTC
        >>> RetryLater(timedelta(hours=1)).due(datetime(2026, 1, 1, tzinfo=UTC)).hour
        1
        """
        if self.until is not None:
            return self.until
        return now + min(self.after or timedelta(0), FOREVER - now)


class Abandon(Ending):
    """Raised by a step after which there is no going on: the run ends at once, no attempt is left.

    It stands in ERROR for a person to see to, or with ``status=RunStatus.ABORTED`` it is over for good. Raises
    ``Refused`` for another status.
    """

    def __init__(
        self,
        message: str | None = None,
        details: Mapping[str, Any] | None = None,
        *,
        status: RunStatus = RunStatus.ERROR,
    ) -> None:
        if status not in GIVEN_UP:
            wanted = " or ".join(str(one) for one in GIVEN_UP)
            raise Refused(f"A run that is given up stands in {wanted}, not in {status!s}.")
        self.status = status
        super().__init__(message, details)


class Skip(Ending):
    """Raised by a step that finds its whole run needless: the run ends as SKIPPED, which is no error."""
