"""What a step may ask about itself."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import NamedTuple
from uuid import UUID

from eventflow.errors import Refused
from eventflow.model.exchange import idempotency_key
from eventflow.model.process.run import Run


class Current(NamedTuple):
    """The step that is under way: of which run, which process, and the how manieth attempt it is.

    ``subject`` is the category and the id of what the run is about.
    """

    run: UUID
    process: str
    step: str
    attempt: int
    channel: str
    subject: tuple[str, str] | None

    @property
    def idempotency_key(self) -> str:
        """What other systems know this step by, on every attempt the same: to be sent along with what it asks."""
        return idempotency_key(f"{self.process}/{self.step}", self.run, 0, 0)


_CURRENT: ContextVar[Current | None] = ContextVar("eventflow_step", default=None)


def current_step() -> Current:
    """The step that is under way in this thread. Raises ``Refused`` outside of one."""
    found = _CURRENT.get()
    if found is None:
        raise Refused("No step of a process is under way here.")
    return found


@contextmanager
def at_step(run: Run, step: str) -> Iterator[Current]:
    """Let the step that is called in this block ask about itself."""
    current = Current(run.id, run.process, step, run.attempt, run.channel, run.subject)
    token = _CURRENT.set(current)
    try:
        yield current
    finally:
        _CURRENT.reset(token)
