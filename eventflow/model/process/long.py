"""What is recorded of a run that waits, sends others out and hears of them. Nothing is saved here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

from pydantic import TypeAdapter

from eventflow.errors import TransitionRefused
from eventflow.model.process import long_events as events
from eventflow.model.process.fan import Course, Each, course
from eventflow.model.process.inbox import key_of
from eventflow.model.process.kin import Kin
from eventflow.model.process.memory import Waiting
from eventflow.model.process.run import Run
from eventflow.model.process.status import RunStatus
from eventflow.model.recorded import Phase
from eventflow.model.wait import FOREVER

NOW = timedelta(0)

PLAIN: TypeAdapter[Any] = TypeAdapter(tuple[Any, ...])


def signal(run: Run, name: str, data: Any = None, *, key: str | None = None) -> bool:
    """Somebody said this to the run: it is kept until a step takes it; whether it was new.

    A step that waits for it is called now. Raises ``TransitionRefused`` when the run is over.
    """
    if run.status.is_over:
        raise TransitionRefused("To signal a run", str(run.status), [str(one) for one in RunStatus if not one.is_over])
    known = key_of(name, data) if key is None else f"{name}/{key}"
    return say(run, events.SignalReceived(name=name, key=known, data=data))


def say(run: Run, said: events.SignalReceived) -> bool:
    """The same, in the words of the log. Whoever says it has seen to it that the run is not over."""
    if any(one.key == said.key for one in run.letters):
        return False
    run.record(said)
    if run.waiting is not None and run.waiting.what == f"signal {said.name}":
        run.wake()
    return True


def take(run: Run, step: str, key: str) -> None:
    """A step was given what was said under this key."""
    if any(one.key == key and (one.taken != step or one.stale) for one in run.letters):
        run.record(events.SignalTaken(step=step, key=key))


def put_aside(run: Run, step: str, what: str, until: datetime | None, *, seen: int, target: UUID | None = None) -> None:
    """The step waits, with no worker at it. When more was heard than was ``seen``, it is looked at again at once."""
    event = events.StepWaits(step=step, what=what, until=until, run=target)
    has_news = run.news > seen
    run.record(
        event,
        status=RunStatus.WAITING,
        phase=Phase.DEFERRED,
        reaction=run.route,
        attempt=run.attempt,
        due=None if has_news else min(until or FOREVER, run.deadline or FOREVER),
        after=NOW if has_news else None,
    )


def fan_out(run: Run, step: str, items: Sequence[Any]) -> None:
    """The items of a step, as they are now; what is known of them already stays."""
    if run.fan(step) is None:
        plain = PLAIN.dump_python(tuple(items), round_trip=True)
        run.record(events.FannedOut(step=step, items=plain))


def go_on(run: Run, step: str, each: Each, process: str) -> Course:
    """Begin as many items of a step as may be under way, and leave those that nobody waits for; how it goes on."""
    fan = run.fan(step)
    if fan is None:
        return Course()
    found = course(each, len(fan.items), run.kin_of(step))
    known = {one.index: one for one in run.kin_of(step)}
    again = [(at, known[at].run) for at in found.begin if at in known and known[at].is_restartable]
    anew = [(at, child_id(run, step, at)) for at in found.begin if at not in known or not known[at].is_restartable]
    begin(run, step, process, again, again=True)
    begin(run, step, process, anew)
    leave(run, step, found.stop)
    return found


def child_id(run: Run, step: str, index: int | None = None) -> UUID:
    """What a child is called that begins now: no two of a run ever are called the same."""
    return uuid5(run.id, f"{step}/{'' if index is None else index}/{run.version}")


def begin(
    run: Run,
    step: str,
    process: str,
    runs: Sequence[tuple[int | None, UUID]],
    *,
    state: Mapping[str, Any] | None = None,
    again: bool = False,
) -> None:
    """These runs are begun for a step, or restarted."""
    if runs:
        said = None if state is None else dict(state)
        run.record(events.Begun(step=step, process=process, runs=tuple(runs), state=said, again=again))


def leave(run: Run, step: str, kin: Sequence[Kin]) -> None:
    """Nobody waits for these any more: they are abandoned."""
    open = tuple(one.run for one in kin if one.is_open and not one.left)
    if open:
        run.record(events.LeftBehind(step=step, runs=open))


def watch(run: Run, by: UUID) -> None:
    """Another run waits for the end of this one."""
    if by not in run.watchers:
        run.record(events.Watched(by=by))


def hear_of_end(run: Run, other: UUID, process: str, status: RunStatus, result: Any, error: str | None) -> bool:
    """Another run has ended so; whether this one has to do with it and did not know."""
    known = run.relative(other)
    if known is None or (known.status is status and not known.again) or run.status.is_over:
        return False
    run.record(events.RunEnded(run=other, process=process, status=str(status), result=result, error=error))
    return True


def waits_for(run: Run) -> str | None:
    """What a run waits for, in words; nothing when it does not wait."""
    waiting = run.waiting
    if waiting is None or run.status is not RunStatus.WAITING:
        return None
    until = "" if waiting.until is None else f", until {waiting.until:%Y-%m-%d %H:%M:%S} UTC at the latest"
    return f"{_told(run, waiting)}{until}"


def _told(run: Run, waiting: Waiting) -> str:
    kin, fan = run.kin_of(waiting.step), run.fan(waiting.step)
    if fan is not None:
        done, failed = (sum(one.status is not None for one in kin), sum(one.has_failed for one in kin))
        return f"items: {done} of {len(fan.items)} have ended, {failed} of them failed"
    if waiting.what == "children":
        return f"{sum(one.own and one.is_open for one in run.kin)} children that are taken back first"
    return f"child {kin[0].run}" if waiting.what == "child" and kin else waiting.what
