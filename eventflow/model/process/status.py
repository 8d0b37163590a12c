"""The statuses of a run."""

from __future__ import annotations

from eventflow.model.status import FAILED, LOADING, Look, StatusEnum


class RunStatus(StatusEnum):
    """Where a run stands.

    ``PENDING``: not begun. ``IN_PROGRESS``: a worker is at a step. ``RETRY``: goes on when it is due. ``WAITING``: goes
    on when what it waits for has come. ``ERROR``: a step failed for good, and a person has to see to it. ``EXCEPTION``:
    the failure itself could not be dealt with. ``SUCCESS``, ``SKIPPED``, ``ABORTED``: over.
    """

    PENDING = "pending", Look(colour="gray", icon="clock", group=LOADING)
    IN_PROGRESS = "in_progress", Look(colour="blue", icon="play", group=LOADING)
    RETRY = "retry", Look(colour="orange", icon="rotate", group=LOADING)
    WAITING = "waiting", Look(colour="blue", icon="hourglass", group=LOADING)
    ERROR = "error", Look(colour="red", icon="alert", group=FAILED)
    EXCEPTION = "exception", Look(colour="red", icon="bug", group=FAILED)
    SUCCESS = "success", Look(colour="green", icon="check")
    SKIPPED = "skipped", Look(colour="gray", icon="skip")
    ABORTED = "aborted", Look(colour="gray", icon="stop")

    @property
    def is_over(self) -> bool:
        """Whether nothing follows any more.

        >>> RunStatus.SKIPPED.is_over, RunStatus.ERROR.is_over
        (True, False)
        """
        return self in TERMINAL

    @property
    def is_due(self) -> bool:
        """Whether a worker may begin or go on."""
        return self in STARTING


TERMINAL = (RunStatus.SUCCESS, RunStatus.SKIPPED, RunStatus.ABORTED)
"""Over and done with."""

STARTING = (RunStatus.PENDING, RunStatus.RETRY, RunStatus.WAITING)
"""From these a worker begins, or goes on."""

RESTARTABLE = (RunStatus.ERROR, RunStatus.RETRY, RunStatus.EXCEPTION)
"""From these a run is restarted without force."""
