"""What happens in a run that waits for others, sends others out, or takes back what it has done."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from eventflow.model.event import Event


class SignalReceived(Event):
    """Somebody said this to the run; ``key`` makes it the same one when it comes again."""

    name: str
    key: str
    data: Any = None


class SignalTaken(Event):
    """A step was given what was said under this key."""

    step: str
    key: str


class StepWaits(Event):
    """The turn of a step has come, and what it waits for has not: no worker waits with it.

    ``what`` says what it is (``signal approved``, ``child``, ``items``, …), ``run`` whose end it is if it is that of
    another run. It is over at ``until``, if not before.
    """

    step: str
    what: str
    until: datetime | None = None
    run: UUID | None = None


class FannedOut(Event):
    """The turn of a step has come that is done for each of these items."""

    step: str
    items: tuple[Any, ...]


class Begun(Event):
    """These runs are begun, or restarted, for a step: by the places of their items, where it has items.

    Appended together with what begins in their own streams.
    """

    step: str
    process: str
    runs: tuple[tuple[int | None, UUID], ...]
    state: dict[str, Any] | None = None
    again: bool = False


class LeftBehind(Event):
    """Nobody waits for these runs any more. Appended together with their being abandoned."""

    step: str
    runs: tuple[UUID, ...]


class Watched(Event):
    """Another run waits for the end of this one."""

    by: UUID


class RunEnded(Event):
    """Another run has ended so. Appended together with its end."""

    run: UUID
    process: str
    status: str
    result: Any = None
    error: str | None = None


class UndoBegan(Event):
    """What the run has done is taken back, the last first; ``steps`` are what there is to do for it.

    ``reason`` and ``step`` say what ended it; what it was like before, is kept.
    """

    steps: tuple[str, ...]
    reason: str | None = None
    step: str | None = None


LONG_EVENTS: tuple[type[Event], ...] = (
    SignalReceived,
    SignalTaken,
    StepWaits,
    FannedOut,
    Begun,
    LeftBehind,
    Watched,
    RunEnded,
    UndoBegan,
)
"""What a long run may record of itself, beside what every run may."""
