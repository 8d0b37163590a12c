"""What happens in a run. Its claims are the library's: ``claimed``, ``retry_started``, ``interrupted``."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple

from pydantic import Field

from eventflow.model.event import Event


class Note(NamedTuple):
    """A line that a step has left behind, masked: a level, who said it, and what."""

    level: str
    source: str
    text: str


class StepEvent(Event):
    """Something about a step: what there is to say of it, and the lines that it has left behind."""

    step: str
    message: str | None = None
    details: dict[str, Any] = Field(default_factory=dict)
    notes: tuple[Note, ...] = ()

    def event_body(self) -> dict[str, Any]:
        """The fields that say something; those that must be given always do."""
        own = self.__dict__
        body = {name: own[name] for name in self.__pydantic_fields__ if own[name]}
        if self.notes:
            body["notes"] = [list(one) for one in self.notes]
        return body


class StepSucceeded(StepEvent):
    """A step is done, and this is the checkpoint: the next one has begun, or the run is over.

    ``learned`` are the fields of the process that it has changed, ``seconds`` is how long it took.
    """

    learned: dict[str, Any] = Field(default_factory=dict)
    seconds: float = 0.0


class StepSkipped(StepEvent):
    """A step was passed over, because somebody wanted that."""


class StepFailed(StepEvent):
    """An attempt of a step failed, the error masked: another one is due, or the run stands in ERROR."""

    type: str
    traceback: str | None = None
    attempt: int


class StepPutOff(StepEvent):
    """A step could not be done yet, which is no failure: it is called again then."""

    until: datetime


class RunSkipped(StepEvent):
    """A step has found the whole run needless."""


class GivenUp(StepEvent):
    """A step has found that there is no going on."""


class Abandoned(Event):
    """Somebody gave the run up, for good."""

    reason: str | None = None
    step: str | None = None


class Restarted(Event):
    """Somebody restarted the run, from this step on, with a fresh budget of attempts."""

    step: str
    reason: str | None = None
    forced: bool = False


class WentTo(Event):
    """Somebody let the run go on at this step; those in between are passed over."""

    step: str
    skipped: tuple[str, ...] = ()
    reason: str | None = None


class SkipAsked(Event):
    """Somebody wants these steps to be passed over when their turn comes."""

    steps: tuple[str, ...]
    reason: str | None = None


class Halted(Event):
    """The run does not go on with the definition there is: nothing of it was called, no attempt is counted."""

    reason: str


class HandlingFailed(Event):
    """A failure could not be dealt with: what was called for it has failed itself, the error masked."""

    type: str
    message: str
    traceback: str | None = None
    step: str | None = None
    cause: str | None = None


class Migrated(Event):
    """The run goes on with another version of its process: with these steps, from this one on, knowing this.

    ``names`` is what its steps are called now, by what they were called; ``undoable`` those that can be taken back.
    """

    definition: int
    fingerprint: str
    steps: tuple[str, ...]
    done: tuple[str, ...]
    step: str
    state: dict[str, Any]
    was: int
    names: dict[str, str] = Field(default_factory=dict)
    undoable: tuple[str, ...] = ()
    reason: str | None = None


RUN_EVENTS: tuple[type[Event], ...] = (
    StepSucceeded,
    StepSkipped,
    StepFailed,
    StepPutOff,
    RunSkipped,
    GivenUp,
    Abandoned,
    Restarted,
    WentTo,
    SkipAsked,
    Halted,
    HandlingFailed,
    Migrated,
)
"""What a run may record of itself."""
