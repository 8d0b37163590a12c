"""The steps of a run: when each was worked on, for how long, what it waited for, and where the run stands among them.

Everything is taken from the events; a body that cannot be read leaves a gap and stops nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal, NamedTuple
from uuid import UUID

from eventflow.app import Eventflow
from eventflow.errors import BodyMissing, Erased, RunNotFound, Unavailable, Unreadable
from eventflow.model.event import Event
from eventflow.model.library import Interrupted
from eventflow.model.process import events
from eventflow.model.process.long_events import Begun, RunEnded, Watched
from eventflow.model.process.run import CATEGORY
from eventflow.model.process.status import RunStatus
from eventflow.model.recorded import Phase, Recorded
from eventflow_projections import RunRow

Kind = Literal["done", "skipped", "failed", "put_off", "interrupted", "at_work", "rests", "waits", "stopped"]
"""What a step did in a stretch of time; in the last three nobody was at it."""

IDLE = frozenset[Kind](("rests", "waits", "stopped"))

UNTOUCHED = frozenset(f"{CATEGORY}:{one.event_name}" for one in (Begun, RunEnded, Watched))
"""What says nothing about a step of its own, and of which there may be very many: their bodies are let lie."""


class Span(NamedTuple):
    """A stretch of time in which this became of a step; ``ended`` is the present one of what goes on."""

    step: str
    kind: Kind
    begun: datetime
    ended: datetime
    attempt: int | None = None

    @property
    def lasted(self) -> timedelta:
        """How long."""
        return self.ended - self.begun


ENDS: Mapping[type[Event], Kind] = {
    events.StepFailed: "failed",
    events.StepPutOff: "put_off",
    events.GivenUp: "failed",
    events.Halted: "failed",
    events.HandlingFailed: "failed",
    events.RunSkipped: "skipped",
    events.Abandoned: "interrupted",
    events.Restarted: "interrupted",
    events.WentTo: "interrupted",
    Interrupted: "interrupted",
}
"""What became of a step that somebody was at, when this happened and it was no success."""


class Going(NamedTuple):
    """What goes on, and since when."""

    kind: Kind
    since: datetime


@dataclass(slots=True)
class Course:
    """What became of a run until now: where it stands, its steps in their order, what each did when. Grows with events.

    ``row`` is what the read side will have of it, however far that is behind.
    """

    row: RunRow
    steps: dict[str, None] = field(default_factory=dict)
    spans: list[Span] = field(default_factory=list)
    _going: Going | None = None
    _last: datetime | None = None

    def heed(self, recorded: Recorded) -> None:
        """This has happened."""
        header, event = recorded.header, _body(recorded)
        step, at = self.row.step, header.recorded_at
        self._go_on(at)
        if step is not None and event is not None:
            self._end(step, event, at)
        self.row.heed(header, event)
        self.steps.update(dict.fromkeys(self.row.steps))
        self._begin(header.phase, step, at)
        self._last = at

    def until(self, now: datetime) -> None:
        """Nothing has happened since."""
        step = self.row.step
        if step is not None and self._going is not None:
            attempt = self.row.attempts + 1 if self._going.kind == "at_work" else None
            self.spans.append(Span(step, *self._going, max(now, self._going.since), attempt))

    def _go_on(self, at: datetime) -> None:
        """What shares an append shares its time; between two appends the earlier one was written."""
        if self._going is not None and self._going.kind == "at_work" and self._last is not None and at > self._last:
            self._going = Going("at_work", max(self._going.since, self._last))

    def _end(self, step: str, event: Event, at: datetime) -> None:
        """What an event says of the step that somebody was at."""
        is_at_work = self._going is not None and self._going.kind == "at_work"
        begun = self._going.since if self._going is not None and is_at_work else at
        if isinstance(event, events.StepSucceeded):
            ended = begun + timedelta(seconds=event.seconds)
            self.spans.append(Span(step, "done", begun, ended))
            self._going = Going("at_work", ended)
        elif isinstance(event, events.StepSkipped):
            self.spans.append(Span(step, "skipped", at, at))
        elif is_at_work and type(event) in ENDS:
            self.spans.append(Span(step, ENDS[type(event)], begun, at, getattr(event, "attempt", None)))

    def _begin(self, phase: str | None, step: str | None, at: datetime) -> None:
        """Somebody takes it up, or leaves it."""
        is_left = phase in (Phase.ANNOUNCED, Phase.DEFERRED) and self._going is not None
        if phase != Phase.CLAIMED and not is_left:
            return
        if self._going is not None and self._going.kind in IDLE and step is not None:
            self.spans.append(Span(step, *self._going, at))
        if self.row.is_over:
            self._going = None
        else:
            self._going = Going("at_work" if phase == Phase.CLAIMED else self._nobody(), at)

    def _nobody(self) -> Kind:
        """Why nobody is at it."""
        if self.row.status == RunStatus.WAITING:
            return "waits"
        return "stopped" if self.row.status in (RunStatus.ERROR, RunStatus.EXCEPTION) else "rests"


def read(app: Eventflow, run: UUID) -> list[Recorded]:
    """The history of a run; bodies are read when touched, and those of runs never leave. Raises ``RunNotFound``."""
    recorded = app.log.read(run)
    if not recorded or recorded[0].header.category != CATEGORY:
        raise RunNotFound(run)
    return recorded


def course(recorded: Sequence[Recorded], now: datetime) -> Course:
    """What became of a run, of which this is the whole history."""
    found = Course(RunRow.begun(recorded[0].header))
    for one in recorded:
        found.heed(one)
    found.until(now)
    return found


def steps(found: Course, titles: Mapping[str, str]) -> list[dict[str, Any]]:
    """Each step for people: what it is called, how it stands, how often and how long it was worked on, its spans.

    Times of spans are seconds from the beginning of the first one on.
    """
    first = min((one.begun for one in found.spans), default=found.row.created_at)
    return [_step(found, key, titles.get(key, key), first) for key in found.steps]


def lasted(found: Course) -> float:
    """Seconds from the beginning of the first span to the end of the last one."""
    begun = [one.begun for one in found.spans]
    return (max(one.ended for one in found.spans) - min(begun)).total_seconds() if begun else 0.0


def _step(found: Course, key: str, title: str, first: datetime) -> dict[str, Any]:
    own = [one for one in found.spans if one.step == key]
    worked = [one for one in own if one.kind not in IDLE and one.kind != "skipped"]
    return {
        "step": key,
        "title": title,
        "state": _state(found.row, key, own),
        "attempts": len(worked),
        "seconds": sum(one.lasted.total_seconds() for one in worked),
        "spans": [_span(one, first) for one in own],
    }


def _span(one: Span, first: datetime) -> dict[str, Any]:
    return {
        "kind": one.kind,
        "is_idle": one.kind in IDLE,
        "from": (one.begun - first).total_seconds(),
        "seconds": one.lasted.total_seconds(),
        "begun": one.begun,
        "attempt": one.attempt,
    }


def _state(row: RunRow, key: str, own: Iterable[Span]) -> str:
    """``done``, ``skipped``, ``present`` or ``ahead``; of what the run has no more of, what it was last."""
    ended = [one.kind for one in own if one.kind in ("done", "skipped")]
    if key in row.done or (key not in row.steps and ended):
        return ended[-1] if ended else "skipped"
    return "present" if key == row.step and not row.is_over else "ahead"


def _body(recorded: Recorded) -> Event | None:
    if recorded.header.name in UNTOUCHED or recorded.header.phase == Phase.CLAIMED:
        return None
    try:
        return recorded.event
    except (Erased, Unreadable, BodyMissing, Unavailable):
        return None
