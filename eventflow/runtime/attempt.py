"""A claimed piece of work, for as long as it goes on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, cast

from eventflow.errors import Conflict
from eventflow.model import bounds, outcome
from eventflow.model.aggregate import Aggregate
from eventflow.model.exchange import Request
from eventflow.model.masking import Masker
from eventflow.model.process.events import Note
from eventflow.model.process.verdict import Bench, judge
from eventflow.model.reaction import Reaction
from eventflow.model.recorded import Context
from eventflow.model.retry import Again
from eventflow.model.routine import Routine
from eventflow.runtime.job import Job

Record = Callable[[Aggregate[Any]], object]
"""Writes down on a document what has happened; run again on the newer document when the stream has moved."""


class Fenced(Conflict):
    """The stream has moved on: this attempt is no longer ours, and its outcome is dropped."""

    def __init__(self, job: Job) -> None:
        self.job = job
        super().__init__(f"Attempt {job.attempt} of {job.reaction} on {job.stream} was taken over or overruled.")


class CameTo(StrEnum):
    """What came of an attempt, in a word. Whether a failure is tried again is told by the log."""

    DONE = "done"
    FAILED = "failed"
    OVERDUE = "overdue"
    WAITING = "waiting"
    POSTPONED = "postponed"
    INTERRUPTED = "interrupted"


@dataclass(slots=True)
class Attempt:
    """A claimed piece of work. Changes: ``document`` follows the stream while the attempt goes on.

    ``overruled`` says that somebody moved the stream on, ``overheard`` that something was said to it beside. It
    ``began`` when a clock that only this process reads said so, and may take ``limit`` seconds: of a run that is the
    step.

    For those who listen it says what it ``came_to``, what kind of ``failure`` that was, and what it is ``asking`` since
    when.

    Other systems know what it asks by what it is ``called``; what is said is masked as whoever ``speaks`` wants it.
    Both are those of the reaction, unless it is a step of a run.

    ``unsaved`` is what was heard and not appended yet: an answer goes into the log together with what comes
    of it, which saves an append; a crash in between repeats the request under the same idempotency key.
    """

    job: Job
    reaction: Reaction[Any, Any]
    document: Aggregate[Any]
    claim: int
    origin: int
    context: Context
    began: float
    ordinal: int = 0
    asked: Request | None = None
    unsaved: list[Record] = field(default_factory=list)
    overruled: bool = False
    overheard: bool = False
    limit: float = 0.0
    called: str | None = None
    speaks: Reaction[Any, Any] | None = None
    came_to: CameTo = CameTo.DONE
    failure: str | None = None
    asking: tuple[Request, int] | None = None

    def __post_init__(self) -> None:
        self.limit = self.limit or self.reaction.time_limit.total_seconds()


_AT_WORK: ContextVar[Attempt | None] = ContextVar("eventflow_attempt", default=None)


@contextmanager
def at_work(attempt: Attempt) -> Iterator[None]:
    """Let the handler that is called in this block ask about its attempt."""
    token = _AT_WORK.set(attempt)
    try:
        yield
    finally:
        _AT_WORK.reset(token)


def cancelled() -> bool:
    """Whether the work of the handler that asks is no longer wanted: its item was cancelled, or moved on by somebody.

    A handler that takes long asks now and then, and ends in its own way when it is so; nothing that it returns is
    recorded. One that does not ask is interrupted a moment later.
    """
    attempt = _AT_WORK.get()
    return attempt is not None and attempt.overruled


@dataclass(frozen=True, slots=True)
class Failing:
    """What follows a failure: another attempt later, or the failed status."""

    clock: Callable[[], datetime]
    chance: Callable[[], float]
    masker: Masker

    def __call__(self, reaction: Reaction[Any, Any], number: int, error: BaseException) -> Record:
        """How to record that attempt ``number`` ended with this error; decided now, and once."""
        if isinstance(reaction, Routine):
            return self.verdict(reaction, error)
        decision = reaction.retry.decide(number, error, self.chance)
        due = self.clock() + decision.after if isinstance(decision, Again) else None

        def record(document: Aggregate[Any]) -> None:
            # Its flow does not change: what has no place in it has none the next time either.
            if due is None or bounds.strays(document, error):
                outcome.fail(document, reaction, error, number, self.masker)
            else:
                outcome.defer(document, reaction, number, due, error, self.masker)

        return record

    def verdict(self, routine: Routine, error: BaseException, notes: Sequence[Note] = ()) -> Record:
        """The same for the step that a run is at."""
        return cast(Record, judge(self.bench(routine), error, notes))

    def bench(self, routine: Routine) -> Bench:
        """What is needed to judge a step."""
        masker = outcome.masker_of(routine, self.masker)
        return Bench(definition=routine.definition, now=self.clock(), luck=self.chance(), masker=masker)
