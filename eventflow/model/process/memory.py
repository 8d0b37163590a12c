"""What a run remembers beside its steps: what was said to it, what it waits for, and which runs it has to do with."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID

from pydantic import BaseModel

from eventflow.model.aggregate import Aggregate, folds
from eventflow.model.library import Woken
from eventflow.model.process import long_events as events
from eventflow.model.process.fan import Fan
from eventflow.model.process.inbox import Letter, staled, took
from eventflow.model.process.kin import Kin, forgotten, left, of_step, once_more, told
from eventflow.model.process.status import RunStatus
from eventflow.model.recorded import Phase

M = TypeVar("M", bound=BaseModel)

UNDO = "undo:"
"""How the keys of those steps begin that take back what another one did."""


class Waiting(BaseModel, frozen=True):
    """What a step waits for, and until when at the latest."""

    step: str
    what: str
    until: datetime | None = None


class Undoing(BaseModel, frozen=True):
    """What a run was before it began to take back what it had done."""

    steps: tuple[str, ...]
    done: tuple[str, ...]
    step: str | None = None
    reason: str | None = None


class Memory(Aggregate[RunStatus], events=events.LONG_EVENTS):
    """What a run remembers; a ``Run`` is one of these.

    ``letters`` is what was said to it, ``waiting`` what its step waits for, ``fans`` the items of its steps, ``kin``
    the runs that these are and others that it has to do with, ``watchers`` the runs that wait for its end.

    ``undoable`` are the steps that something can take back, ``unearned`` those that count as done and were not:
    somebody passed them over. With ``undoes_failures`` a failure is taken back as well. ``undoing`` says that this goes
    on.
    """

    letters: tuple[Letter, ...] = ()
    waiting: Waiting | None = None
    fans: tuple[Fan, ...] = ()
    kin: tuple[Kin, ...] = ()
    watchers: tuple[UUID, ...] = ()
    undoable: tuple[str, ...] = ()
    undoes_failures: bool = False
    unearned: tuple[str, ...] = ()
    undoing: Undoing | None = None

    def fan(self, step: str) -> Fan | None:
        """The items of a step, once its turn has come."""
        return next((one for one in self.fans if one.step == step), None)

    def kin_of(self, step: str) -> list[Kin]:
        """The runs that a step waits for, or has waited for."""
        return of_step(self.kin, step)

    def relative(self, run: UUID) -> Kin | None:
        """Another run as this one knows it."""
        return next((one for one in self.kin if one.run == run), None)

    @property
    def news(self) -> int:
        """How much it has heard until now: letters, and ends of other runs."""
        return len(self.letters) + sum(one.status is not None for one in self.kin)

    def anew(self, steps: Iterable[str], failed: str | None) -> dict[str, Any]:
        """What changes when these steps are begun anew; of the one that had ``failed`` what ended well stays."""
        gone = tuple(one for one in steps if one != failed)
        kin = forgotten(self.kin, gone)
        return {
            "letters": staled(self.letters, steps),
            "fans": tuple(one for one in self.fans if one.step not in gone),
            "kin": kin if failed is None else once_more(kin, failed),
            "unearned": tuple(one for one in self.unearned if one not in steps),
        }

    def renamed(self, names: Mapping[str, str]) -> dict[str, Any]:
        """What changes when steps are called otherwise."""
        waiting = self.waiting
        return {
            "letters": tuple(_renamed(one, "taken", names) for one in self.letters),
            "waiting": None if waiting is None else _renamed(waiting, "step", names),
            "fans": tuple(_renamed(one, "step", names) for one in self.fans),
            "kin": tuple(_renamed(one, "step", names) for one in self.kin),
            "unearned": tuple(names.get(one, one) for one in self.unearned),
        }

    def wake(self) -> None:
        """A step that waits is looked at again at once; nothing is recorded when none does."""
        standing = self.standing
        if standing.phase == Phase.DEFERRED and self.status is RunStatus.WAITING:
            self.record(
                Woken(),
                phase=Phase.DEFERRED,
                reaction=standing.reaction,
                attempt=standing.attempt,
                after=timedelta(0),
            )

    def without(self, steps: Iterable[str]) -> dict[str, Any]:
        """What changes when these steps are behind: nobody looks at their items, or waits for their children."""
        if not self.kin and not self.fans:
            return {}
        gone = {*steps}
        fans = tuple(one for one in self.fans if one.step not in gone)
        return {"fans": fans, "kin": forgotten(self.kin, gone)}

    @folds(events.SignalReceived)
    def _hears(self, event: events.SignalReceived) -> Mapping[str, Any]:
        return {"letters": (*self.letters, Letter(key=event.key, name=event.name, data=event.data))}

    @folds(events.SignalTaken)
    def _takes(self, event: events.SignalTaken) -> Mapping[str, Any]:
        return {"letters": took(self.letters, event.step, event.key)}

    @folds(events.StepWaits)
    def _waits(self, event: events.StepWaits) -> Mapping[str, Any]:
        # Nothing is lost by waiting: an attempt that its worker left behind counts no more.
        waiting = {"waiting": Waiting(step=event.step, what=event.what, until=event.until), "interruptions": 0}
        if event.run is None or self.relative(event.run) is not None:
            return waiting
        return {**waiting, "kin": (*self.kin, Kin(run=event.run, process="", step=event.step, own=False))}

    @folds(events.FannedOut)
    def _fans_out(self, event: events.FannedOut) -> Mapping[str, Any]:
        others = tuple(one for one in self.fans if one.step != event.step)
        return {"fans": (*others, Fan(step=event.step, items=event.items))}

    @folds(events.Begun)
    def _begins_others(self, event: events.Begun) -> Mapping[str, Any]:
        places, runs = {(event.step, at) for at, _ in event.runs}, {run for _, run in event.runs}
        others = (one for one in self.kin if one.run not in runs and (one.left or (one.step, one.index) not in places))
        begun = (Kin(run=run, process=event.process, step=event.step, index=at) for at, run in event.runs)
        return {"kin": (*others, *begun)}

    @folds(events.Watched)
    def _is_watched(self, event: events.Watched) -> Mapping[str, Any]:
        return {"watchers": tuple(dict.fromkeys((*self.watchers, event.by)))}

    @folds(events.RunEnded)
    def _hears_of_an_end(self, event: events.RunEnded) -> Mapping[str, Any]:
        own = event.__dict__
        ended = {name: own[name] for name in ("process", "result", "error")}
        return {"kin": told(self.kin, event.run, status=RunStatus(event.status), **ended)}

    @folds(events.LeftBehind)
    def _leaves_behind(self, event: events.LeftBehind) -> Mapping[str, Any]:
        return {"kin": left(self.kin, event.runs)}

    @folds(events.UndoBegan)
    def _turns_back(self, event: events.UndoBegan) -> Mapping[str, Any]:
        own = self.__dict__
        before = Undoing(steps=own["steps"], done=own["done"], step=event.step, reason=event.reason)
        return {
            "undoing": before,
            "steps": event.steps,
            "done": (),
            "step": event.steps[0],
            "message": event.reason,
            "kin": forgotten(self.kin, {one.step for one in self.kin}),
            "waiting": None,
            "attempts": 0,
            "interruptions": 0,
        }


def _renamed(one: M, field: str, names: Mapping[str, str]) -> M:
    now = names.get(getattr(one, field) or "")
    return one if now is None else one.model_copy(update={field: now})


def to_take_back(done: Iterable[str], undoable: Iterable[str], unearned: Iterable[str] = ()) -> tuple[str, ...]:
    """What there is to do to take back what was done: for each step that has succeeded, the last first.

    >>> to_take_back(["book", "look", "pay", "ship"], undoable=["ship", "book", "pay"], unearned=["ship"])
    ('undo:pay', 'undo:book')
    """
    possible, never = set(undoable), set(unearned)
    return tuple(f"{UNDO}{one}" for one in reversed([*done]) if one in possible and one not in never)
