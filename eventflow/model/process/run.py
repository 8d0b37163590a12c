"""A run: one execution of a process, as a stream of its own.

It knows which steps there are and which are done, and nothing of what they do: that is the definition's. Its fields
change by its events only, whoever records them: the worker that has claimed it, or a person.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Any, NamedTuple, Self
from uuid import UUID, uuid5

from eventflow.errors import Refused, TransitionRefused, did_you_mean
from eventflow.model.aggregate import folds
from eventflow.model.event import Event
from eventflow.model.library import Claimed, Created, Interrupted, RetryStarted, TakenUp
from eventflow.model.process import events
from eventflow.model.process.long_events import UndoBegan
from eventflow.model.process.memory import Memory, to_take_back
from eventflow.model.process.status import RESTARTABLE, RunStatus
from eventflow.model.recorded import NOWHERE, Kind, Phase
from eventflow.model.standing import Standing
from eventflow.model.telling import label

CATEGORY = "eventflow_run"

KEYS = UUID("0c9f5f6e-1d0f-4f0b-8f0e-6b6d5d0a7c55")
"""The space of names in which runs that were started under a key have their ids."""


def run_id(process: str, key: str) -> UUID:
    """The stream of the run of a process that is started under this key: the same, however often that is tried."""
    return uuid5(KEYS, f"{len(process)}:{process}{key}")


def route_of(process: str, definition: int, channel: str) -> str:
    """What the work on a run is called: who does not know this version of the process lets it lie.

    >>> route_of("release", 2, "imports")
    'release/2@imports'
    """
    return f"{process}/{definition}@{channel}"


class Route(NamedTuple):
    """What the header of every event of a run says of it."""

    process: str
    definition: int
    channel: str

    @classmethod
    def of(cls, text: str | None) -> Route:
        """The parts of what the work on a run is called.

        >>> Route.of("release/2@imports")
        Route(process='release', definition=2, channel='imports')
        """
        rest, _, channel = (text or "").rpartition("@")
        process, _, definition = rest.rpartition("/")
        return cls(process, int(definition) if definition.isdecimal() else 0, channel)


class Run(
    Memory,
    category=CATEGORY,
    initial=RunStatus.PENDING,
    defibrillate={RunStatus.ERROR: RunStatus.RETRY, RunStatus.EXCEPTION: RunStatus.RETRY},
    cancelled={one: RunStatus.ABORTED for one in RunStatus if not one.is_over},
    events=events.RUN_EVENTS,
):
    """One execution of a ``process``, in the version ``definition`` with these ``steps``.

    ``state`` is what the process knows, as plain data. ``step`` is the one that is next or under way, nothing when all
    are ``done``; ``attempts`` is how often it has failed since the budget was fresh, ``interruptions`` how often it
    ended with its worker. Steps in ``skips`` are passed over when their turn comes. ``subject`` is the category and the
    id of what the run is about, ``why`` the reason for which somebody started it.
    """

    process: str
    definition: int
    fingerprint: str
    steps: tuple[str, ...]
    state: dict[str, Any]
    channel: str
    subject: tuple[str, str] | None = None
    why: str | None = None
    key: str | None = None
    deadline: datetime | None = None
    parent: UUID | None = None
    done: tuple[str, ...] = ()
    step: str | None = None
    attempts: int = 0
    interruptions: int = 0
    skips: tuple[str, ...] = ()
    message: str | None = None

    # -- what there is to know -------------------------------------------------------------------

    @property
    def route(self) -> str:
        """What the work on it is called."""
        return route_of(self.process, self.definition, self.channel)

    @property
    def has_finished(self) -> bool:
        """Whether it is over: SUCCESS, SKIPPED or ABORTED."""
        return self.status.is_over

    @property
    def attempt(self) -> int:
        """Which attempt of its step is under way, or comes next; the first one is 1."""
        return self.attempts + 1

    def after(self, step: str, done: Iterable[str] = ()) -> str | None:
        """The step that follows this one, of those that are not done."""
        over = {*self.done, *done}
        return next((one for one in self.steps[self.steps.index(step) + 1 :] if one not in over), None)

    # -- how it begins ---------------------------------------------------------------------------

    @classmethod
    def begin(cls, *, id: UUID, due: datetime | None = None, **fields: Any) -> Self:
        """A new run, pending, that a worker may begin when it is ``due``."""
        run = cls.model_validate({**fields, "step": fields["steps"][0]}, by_name=True)
        run.__pydantic_fields_set__.update(cls.__pydantic_fields__)
        run._become(id, RunStatus.PENDING, 0, NOWHERE, Standing())
        event = Created.model_construct(fields=run.model_dump(round_trip=True, exclude_defaults=True), body=None)
        run._append(event, RunStatus.PENDING, None, Phase.ANNOUNCED, reaction=run.route, due=due)
        return run

    # -- what its worker records -----------------------------------------------------------------

    def claim(self, owner: UUID) -> None:
        """A worker begins, or goes on. Raises ``TransitionRefused`` when nothing is to be done."""
        standing = self.standing
        if standing.phase not in (Phase.ANNOUNCED, Phase.DEFERRED) or not self.status.is_due:
            waits = f"{self.status} ({standing.phase or 'nothing'})"
            raise TransitionRefused(f"The claim of {self.route}", waits, ["pending", "retry", "waiting"])
        again: Event = TakenUp() if standing.waits else RetryStarted()
        event = Claimed() if self.status is RunStatus.PENDING else again
        self._work(event, status=RunStatus.IN_PROGRESS, phase=Phase.CLAIMED, owner=owner)

    def succeed(
        self,
        step: str,
        *,
        learned: Mapping[str, Any] | None = None,
        message: str | None = None,
        details: Mapping[str, Any] | None = None,
        notes: Sequence[events.Note] = (),
        seconds: float = 0.0,
    ) -> None:
        """The step is done: the next one has begun, or the run is over. Nothing is recorded of a step twice."""
        if step != self.step:
            return
        event = events.StepSucceeded(
            step=step,
            learned=dict(learned or {}),
            message=message,
            details=dict(details or {}),
            notes=tuple(notes),
            seconds=round(seconds, 6),
        )
        self._pass(event, step)

    def skip_step(self, step: str, message: str | None = None) -> None:
        """The step is passed over: the next one has begun, or the run is over."""
        if step == self.step:
            self._pass(events.StepSkipped(step=step, message=message), step)

    def fail(
        self,
        facts: Mapping[str, Any],
        *,
        due: datetime | None,
        details: Mapping[str, Any] | None = None,
        notes: Sequence[events.Note] = (),
    ) -> None:
        """An attempt of the step failed, as ``facts_of`` tells: the next one is ``due`` then, or there is none."""
        attempt = self.attempt
        event = events.StepFailed(
            step=self._current(),
            type=facts["type"],
            message=facts["message"],
            traceback=facts["traceback"],
            attempt=attempt,
            details=dict(details or {}),
            notes=tuple(notes),
        )
        told = label(dict(facts))
        if due is None:
            self._stop(event, RunStatus.ERROR, kind=Kind.EXCEPTION, attempt=attempt, error=told)
        else:
            self._defer(event, RunStatus.RETRY, due, kind=Kind.EXCEPTION, attempt=attempt + 1, error=told)

    def put_off(
        self, due: datetime, message: str | None, details: Mapping[str, Any], notes: Sequence[events.Note]
    ) -> None:
        """The step cannot be done yet: it is called again then, and no attempt is counted."""
        event = events.StepPutOff(
            step=self._current(), message=message, details=dict(details), notes=tuple(notes), until=due
        )
        self._defer(event, RunStatus.RETRY, due)

    def give_up(
        self, status: RunStatus, message: str | None, details: Mapping[str, Any], notes: Sequence[events.Note]
    ) -> None:
        """A step has found that there is no going on."""
        event = events.GivenUp(step=self._current(), message=message, details=dict(details), notes=tuple(notes))
        self._stop(event, status, error=message, attempt=self.attempt)

    def skip_run(self, message: str | None, details: Mapping[str, Any], notes: Sequence[events.Note]) -> None:
        """A step has found the whole run needless."""
        event = events.RunSkipped(step=self._current(), message=message, details=dict(details), notes=tuple(notes))
        self._stop(event, RunStatus.SKIPPED)

    def halt(self, reason: str) -> None:
        """It does not go on with the definition there is: for a person to see to, and no attempt is counted."""
        self._stop(events.Halted(reason=reason), RunStatus.ERROR, error=reason)

    def break_down(self, facts: Mapping[str, Any], cause: str | None = None) -> None:
        """A failure could not be dealt with."""
        event = events.HandlingFailed(**facts, step=self.step, cause=cause)
        self._stop(event, RunStatus.EXCEPTION, kind=Kind.EXCEPTION, error=label(dict(facts)))

    def interrupt(self, reason: str, due: datetime) -> None:
        """The worker is gone or was stopped: another one goes on with the step when it is due, and nothing failed."""
        if self.standing.phase != Phase.CLAIMED:
            raise TransitionRefused("An interruption", f"{self.status}", ["in_progress"])
        self._defer(Interrupted(reason=reason), RunStatus.RETRY, due, error=reason)

    def set_aside(self, event: Event, status: RunStatus, due: datetime) -> None:
        """The step can do nothing now, as the event says: it is called again when it is due, or was called.

        A run that waits is looked at once more at its deadline, and ends then.
        """
        waits = status is RunStatus.WAITING and self.deadline is not None
        self._defer(event, status, min(due, self.deadline) if waits and self.deadline else due)

    # -- what people do --------------------------------------------------------------------------

    def restart(self, step: str | None = None, *, reason: str | None = None, force: bool = False) -> None:
        """Go on at the step that failed, or begin again at another one, with a fresh budget of attempts.

        What has succeeded before that step stays done; from it on all is done again. Allowed in ERROR, RETRY and
        EXCEPTION, with ``force`` in every status: a worker that is at it is cut off. Raises ``TransitionRefused``, and
        ``Refused`` for a step that there is not.
        """
        if self.status not in RESTARTABLE and not force:
            raise TransitionRefused("To restart a run", str(self.status), [str(one) for one in RESTARTABLE])
        at = self.step if step is None else self._known_step(step)
        if at is None:
            raise Refused(
                f"All steps of this run are done. Say from which one it is restarted: {', '.join(self.steps)}."
            )
        self._announce(events.Restarted(step=at, reason=reason, forced=force))

    def goto(self, step: str, *, reason: str | None = None, force: bool = False) -> None:
        """Go on at a later step; those before it that are not done are passed over, and the history says so.

        Raises ``Refused`` for a step that is behind: ``restart`` it. Raises ``TransitionRefused`` when the run is over
        or, without ``force``, in progress.
        """
        self._refuse_when_busy("To go to another step", force=force)
        target, here = self.steps.index(self._known_step(step)), self.steps.index(self._current())
        if target < here:
            raise Refused(f'"{step}" lies before "{self.step}". Restart the run from it: restart(step="{step}").')
        passed = tuple(one for one in self.steps[here:target] if one not in self.done)
        self._announce(events.WentTo(step=step, skipped=passed, reason=reason))

    def skip_steps(self, *steps: str, reason: str | None = None) -> None:
        """Let these steps be passed over when their turn comes; a step that is under way goes on.

        Raises ``Refused`` for steps that there are not or that are done, ``TransitionRefused`` when the run is over.
        """
        self._refuse_when_over("To skip steps")
        for one in steps:
            if self._known_step(one) in self.done:
                raise Refused(f'"{one}" is done already; it cannot be skipped.')
        new = tuple(dict.fromkeys(one for one in steps if one not in self.skips))
        if new:
            self.record(events.SkipAsked(steps=new, reason=reason))
            if self.step in new:
                self.wake()

    def abandon(self, reason: str | None = None) -> None:
        """Give it up for good, also before it has begun and while a worker is at it. Raises ``TransitionRefused``."""
        self._refuse_when_over("To abandon a run")
        self._stop(events.Abandoned(reason=reason, step=self.step), RunStatus.ABORTED)

    def refuse_to_move(self) -> None:
        """Raises ``TransitionRefused`` when the run is over or a worker is at it: it is not to be moved then."""
        self._refuse_when_busy("To migrate a run", force=False)

    def migrate(
        self,
        *,
        definition: int,
        fingerprint: str,
        steps: tuple[str, ...],
        done: tuple[str, ...],
        step: str,
        state: Mapping[str, Any],
        names: Mapping[str, str] = MappingProxyType({}),
        undoable: tuple[str, ...] = (),
        reason: str | None = None,
    ) -> None:
        """Go on with another version of the process; a run that was halted for its version, or waits, does so at once.

        What a step waits for may be something else now: it is looked at again.
        """
        event = events.Migrated(
            definition=definition,
            fingerprint=fingerprint,
            steps=steps,
            done=done,
            step=step,
            state=dict(state),
            was=self.definition,
            names=dict(names),
            undoable=undoable,
            reason=reason,
        )
        if self.standing.phase == Phase.CLAIMED:
            self.record(event)
        elif self.status is RunStatus.PENDING:
            self._announce(event, RunStatus.PENDING, due=self.standing.due)
        else:
            self._announce(event, due=None if self.standing.waits else self.standing.due)

    def defibrillate(self, reason: str | None = None) -> None:
        """Restart what failed, as for every item."""
        self.restart(reason=reason)

    def cancel(self, reason: str | None = None, *, status: RunStatus | None = None) -> None:  # noqa: ARG002  # it has one
        """Abandon it, as every item is cancelled."""
        self.abandon(reason)

    # -- what changes ----------------------------------------------------------------------------

    @folds(events.StepSucceeded)
    def _knows(self, event: events.StepSucceeded) -> Mapping[str, Any]:
        state = {**self.state, **event.learned} if event.learned else self.state
        return {**self._passed(event.step), "state": state, "message": event.message}

    @folds(events.StepSkipped)
    def _goes_past(self, event: events.StepSkipped) -> Mapping[str, Any]:
        unearned = (*self.unearned, event.step)
        return {**self._passed(event.step), "message": event.message, "unearned": unearned}

    @folds(events.StepFailed)
    def _fails(self, event: events.StepFailed) -> Mapping[str, Any]:
        return {"attempts": event.attempt, "message": event.message}

    @folds(events.StepPutOff)
    def _is_put_off(self, event: events.StepPutOff) -> Mapping[str, Any]:
        return {"interruptions": 0, "message": event.message}

    @folds(events.RunSkipped)
    def _is_needless(self, event: events.RunSkipped) -> Mapping[str, Any]:
        return {"message": event.message}

    @folds(events.GivenUp)
    def _gives_up(self, event: events.GivenUp) -> Mapping[str, Any]:
        return {"message": event.message}

    @folds(Interrupted)
    def _is_interrupted(self, _: Interrupted) -> Mapping[str, Any]:
        return {"interruptions": self.interruptions + 1}

    @folds(events.Abandoned)
    def _is_abandoned(self, event: events.Abandoned) -> Mapping[str, Any]:
        return {"message": event.reason}

    @folds(events.Restarted)
    def _begins_again(self, event: events.Restarted) -> Mapping[str, Any]:
        again = self.steps[self.steps.index(event.step) :]
        done = tuple(one for one in self.done if one not in again)
        failed = event.step if event.step == self.step else None
        return {"step": event.step, "done": done, "message": event.reason, **self.anew(again, failed), **FRESH}

    @folds(events.WentTo)
    def _goes_on_at(self, event: events.WentTo) -> Mapping[str, Any]:
        on = {"step": event.step, "done": (*self.done, *event.skipped), "unearned": (*self.unearned, *event.skipped)}
        return {**on, "message": event.reason, **self.without(event.skipped), **FRESH}

    @folds(events.SkipAsked)
    def _will_skip(self, event: events.SkipAsked) -> Mapping[str, Any]:
        return {"skips": (*self.skips, *event.steps)}

    @folds(events.Halted)
    def _is_halted(self, event: events.Halted) -> Mapping[str, Any]:
        return {"message": event.reason}

    @folds(events.HandlingFailed)
    def _breaks_down(self, event: events.HandlingFailed) -> Mapping[str, Any]:
        return {"message": event.message}

    @folds(events.Migrated)
    def _is_another(self, event: events.Migrated) -> Mapping[str, Any]:
        own = event.__dict__
        changed = {name: own[name] for name in ("definition", "fingerprint", "steps", "done", "step", "state")}
        return {**changed, **self.renamed(event.names), "undoable": event.undoable}

    def _passed(self, step: str) -> dict[str, Any]:
        return {"done": (*self.done, step), "step": self.after(step, (step,)), **self.without((step,)), **FRESH}

    # -- how it is recorded ----------------------------------------------------------------------

    def _pass(self, event: Event, step: str) -> None:
        if self.after(step, (step,)) is None:
            self._stop(event, RunStatus.SUCCESS if self.undoing is None else RunStatus.ABORTED)
        else:
            self.record(event, reaction=self.route)

    def _announce(self, event: Event, status: RunStatus = RunStatus.RETRY, due: datetime | None = None) -> None:
        # With the route of its own: a migration has another one behind it.
        route = route_of(self.process, getattr(event, "definition", self.definition), self.channel)
        self.record(event, status=status, phase=Phase.ANNOUNCED, reaction=route, due=due)

    def _stop(
        self,
        event: Event,
        status: RunStatus,
        *,
        kind: Kind | None = None,
        error: str | None = None,
        attempt: int | None = None,
    ) -> None:
        if back := self._to_take_back(event, status):
            self.record(event, kind=kind, reaction=self.route, attempt=attempt, error=error)
            self._announce(UndoBegan(steps=back, reason=error or self.message, step=self.step))
            return
        self.record(
            event, status=status, phase=Phase.ANNOUNCED, kind=kind, reaction=self.route, attempt=attempt, error=error
        )

    def _to_take_back(self, event: Event, status: RunStatus) -> tuple[str, ...]:
        """What there is to take back before it ends so; whoever gives up while that goes on leaves the rest."""
        is_given_up = status is RunStatus.ABORTED and isinstance(event, (events.Abandoned, events.GivenUp))
        has_failed = status is RunStatus.ERROR and isinstance(event, (events.StepFailed, events.GivenUp))
        if self.undoing is not None or not (is_given_up or (has_failed and self.undoes_failures)):
            return ()
        return to_take_back(self.done, self.undoable, self.unearned)

    def _defer(
        self,
        event: Event,
        status: RunStatus,
        due: datetime,
        *,
        kind: Kind | None = None,
        attempt: int | None = None,
        error: str | None = None,
    ) -> None:
        self._work(
            event, status=status, phase=Phase.DEFERRED, due=due, kind=kind, attempt=attempt or self.attempt, error=error
        )

    def _work(self, event: Event, *, attempt: int | None = None, **said: Any) -> None:
        self.record(event, reaction=self.route, attempt=attempt or self.attempt, **said)

    def _current(self) -> str:
        if self.step is None:
            raise Refused("All steps of this run are done.")
        return self.step

    def _known_step(self, step: str) -> str:
        if step not in self.steps:
            near = did_you_mean(step, self.steps)
            raise Refused(f'{self.process} has no step "{step}"; it has {", ".join(self.steps)}.{near}')
        return step

    def _refuse_when_over(self, what: str) -> None:
        if self.status.is_over:
            raise TransitionRefused(what, str(self.status), [str(one) for one in RunStatus if not one.is_over])

    def _refuse_when_busy(self, what: str, *, force: bool) -> None:
        self._refuse_when_over(what)
        if self.status is RunStatus.IN_PROGRESS and not force:
            allowed = [str(one) for one in RunStatus if not one.is_over and one is not RunStatus.IN_PROGRESS]
            raise TransitionRefused(what, str(self.status), allowed)


FRESH: Mapping[str, Any] = {"attempts": 0, "interruptions": 0, "waiting": None}
"""The budget of a step that nobody has tried yet, and that has not waited."""

Decide = Callable[[Run], object]
"""What somebody does to a run."""
