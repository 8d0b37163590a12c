"""Whether what a run has recorded still fits the definition there is: read again step by step, calling nothing.

A run is not its code played anew, it is what its steps came to. So what may not fit is this: that the steps are others
now, or in another order; that what a step has learned, was told, or goes over is no value of its types any more; that a
step that waits for something waits for something else; that what was to be taken back can be no more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from pydantic import TypeAdapter

from eventflow.errors import BadInput
from eventflow.model.event import Event
from eventflow.model.library import Created
from eventflow.model.process import events, long_events
from eventflow.model.process.awaiting import Awaited, Child, Moment, RunEnd, Signal, fitted, wanted
from eventflow.model.process.definition import Definition, difference
from eventflow.model.process.memory import UNDO
from eventflow.model.process.step import Step


class Unfit(NamedTuple):
    """The first that does not fit: the event of the run by its ``version``, the ``step`` it is about, and why not."""

    version: int
    step: str | None
    reason: str


def fit(definition: Definition, recorded: Sequence[tuple[int, Event]]) -> Unfit | None:
    """What of a run (its events, each with its version, from the first on) does not fit, if anything does not."""
    return next(_unfits(definition, recorded), None)


def first_difference(before: Sequence[str], now: Sequence[str]) -> str | None:
    """The first step that is not where it was.

    >>> first_difference(["typeset", "announce"], ["typeset", "proofread", "announce"])
    'announce'
    >>> first_difference(["typeset"], ["typeset", "announce"])
    'announce'
    """
    for was, is_ in zip(before, now, strict=False):
        if was != is_:
            return was
    longer = before if len(before) > len(now) else now
    return None if len(before) == len(now) else longer[min(len(before), len(now))]


@dataclass
class _Reading:
    """What is known of a run as far as it was read. Changes with every event."""

    definition: Definition
    of: int
    steps: tuple[str, ...]
    state: Mapping[str, Any]
    undoable: tuple[str, ...] = ()
    letters: dict[str, tuple[str, Any]] = field(default_factory=dict)

    def now(self, step: str) -> str:
        """What a step is called by the present definition."""
        prefix, key = (UNDO, step.removeprefix(UNDO)) if step.startswith(UNDO) else ("", step)
        for version in range(self.of, self.definition.version):
            key = self.definition.migrations[version].steps.get(key, key)
        return prefix + key

    def step(self, step: str) -> Step | None:
        """The step by the present definition."""
        return self.definition.by_key.get(self.now(step))

    def known(self) -> Mapping[str, Any]:
        """What the run knows, by the present definition."""
        state = dict(self.state)
        for version in range(self.of, self.definition.version):
            state = dict(self.definition.migrations[version].convert(state))
        return state


def _unfits(definition: Definition, recorded: Sequence[tuple[int, Event]]) -> Iterator[Unfit]:
    begin, reading = _beginning(definition, recorded)
    version = recorded[begin][0]
    reasons = [*_whole(reading)]
    yield from (Unfit(version, step, reason) for step, reason in reasons)
    if not reasons:
        yield from _state(reading, version, reading.steps[0])
        for version, event in recorded[begin + 1 :]:
            yield from _read(reading, version, event)


def _beginning(definition: Definition, recorded: Sequence[tuple[int, Event]]) -> tuple[int, _Reading]:
    """Where the present version of the run began: what was before that has been converted, and is told no more."""
    first = recorded[0][1]
    assert isinstance(first, Created)
    undoable = tuple(first.fields.get("undoable", ()))
    for at in range(len(recorded) - 1, 0, -1):
        event = recorded[at][1]
        if isinstance(event, events.Migrated):
            return at, _Reading(definition, event.definition, event.steps, event.state, event.undoable)
    fields = first.fields
    return 0, _Reading(definition, fields["definition"], tuple(fields["steps"]), fields["state"], undoable)


def _whole(reading: _Reading) -> Iterator[tuple[str | None, str]]:
    definition = reading.definition
    if reading.of > definition.version:
        yield None, f"It is of version {reading.of}, which is newer than {definition.version}."
    elif reading.of < definition.version:
        missing = [one for one in range(reading.of, definition.version) if one not in definition.migrations]
        if missing:
            yield None, f"No migration leads on from version {missing[0]} of {definition.name}."
    elif reading.steps != definition.keys and not reading.steps[0].startswith(UNDO):
        step = first_difference(reading.steps, definition.keys)
        yield step, f"The steps have changed under version {reading.of}: {difference(reading.steps, definition.keys)}."


def _read(reading: _Reading, version: int, event: Event) -> Iterator[Unfit]:
    check = CHECKS.get(type(event))
    step = getattr(event, "step", None)
    if check is None:
        return
    if step is not None and reading.step(step) is None:
        yield Unfit(version, step, f"{reading.definition.name} {reading.definition.version} has no such step.")
        return
    yield from check(reading, version, event)


def _succeeded(reading: _Reading, version: int, event: events.StepSucceeded) -> Iterator[Unfit]:
    reading.state = {**reading.state, **event.learned}
    if event.learned:
        yield from _state(reading, version, event.step)
    step = reading.step(event.step)
    if event.step in reading.undoable and step is not None and step.undo is None:
        yield Unfit(version, event.step, "It could be taken back when the run began, and has no undo= any more.")


def _state(reading: _Reading, version: int, step: str) -> Iterator[Unfit]:
    try:
        reading.definition.revived(reading.known())
    except Exception as error:  # noqa: BLE001  # migrations and validators are user code
        yield Unfit(version, step, f"What the run knows then does not fit: {_line(error)}")


def _waits(reading: _Reading, version: int, event: long_events.StepWaits) -> Iterator[Unfit]:
    step = reading.step(event.step)
    now = None if step is None else _awaited(step)
    was = event.what.split(" ")[0] if event.what.startswith("run ") else event.what
    if was != now and was != "children":
        yield Unfit(version, event.step, f"It waited for {was}, and waits for {now or 'nothing'} now.")


def _heard(reading: _Reading, version: int, event: long_events.SignalReceived) -> Iterator[Unfit]:
    reading.letters[event.key] = (event.name, event.data)
    waiting = [one for one in reading.definition.steps if isinstance(one.awaits, Signal)]
    if not any(isinstance(one.awaits, Signal) and one.awaits.name == event.name for one in waiting):
        yield Unfit(version, None, f'No step waits for the signal "{event.name}" any more.')


def _taken(reading: _Reading, version: int, event: long_events.SignalTaken) -> Iterator[Unfit]:
    step, (name, data) = reading.step(event.step), reading.letters.get(event.key, ("", None))
    if step is None or not isinstance(step.awaits, Signal) or step.awaits.name != name:
        yield Unfit(version, event.step, f'It was given the signal "{name}", which it awaits no more.')
        return
    try:
        fitted(step.function, data)
    except BadInput as error:
        yield Unfit(version, event.step, f"What it was told does not fit any more: {_line(error)}")


def _fanned(reading: _Reading, version: int, event: long_events.FannedOut) -> Iterator[Unfit]:
    step = reading.step(event.step)
    if step is None or step.over is None:
        yield Unfit(version, event.step, "It went over items, and does so no more.")
        return
    adapter = TypeAdapter(wanted(step.function))
    for at, item in enumerate(event.items):
        try:
            adapter.validate_python(item)
        except Exception as error:  # noqa: BLE001  # validators are user code
            yield Unfit(version, event.step, f"Item {at} does not fit any more: {_line(error)}")


def _nothing(reading: _Reading, version: int, event: Event) -> Iterator[Unfit]:  # noqa: ARG001  # like the others
    """Nothing but its step has to be there."""
    return iter(())


def _awaited(step: Step) -> str | None:
    """What a step waits for, as ``StepWaits`` has it."""
    if step.over is not None:
        return "items"
    kinds: dict[type[Awaited], str] = {Moment: "time", Child: "child", RunEnd: "run"}
    return f"signal {step.awaits.name}" if isinstance(step.awaits, Signal) else kinds.get(type(step.awaits))  # type: ignore[arg-type]


def _line(error: Exception) -> str:
    return " ".join(str(error).split())


Check = Callable[[_Reading, int, Any], Iterator[Unfit]]

CHECKS: Mapping[type[Event], Check] = {
    events.StepSucceeded: _succeeded,
    events.StepSkipped: _nothing,
    events.StepFailed: _nothing,
    long_events.StepWaits: _waits,
    long_events.SignalReceived: _heard,
    long_events.SignalTaken: _taken,
    long_events.FannedOut: _fanned,
}
"""What is looked at in which event."""
