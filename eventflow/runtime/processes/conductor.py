"""From step to step: what a worker does with a run that it has claimed.

Each success is in the log before the next step begins, and its append is refused when the claim is no longer ours: of
two workers, be one of them asleep for an hour, one goes on. Steps that are ``light`` go on without waiting, and share
the append of the next one.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Generator
from datetime import datetime
from typing import Any, NamedTuple, cast

from eventflow.errors import DeadlinePassed, TimedOut, Unavailable, WrongResult
from eventflow.model import outcome
from eventflow.model.masking import Masker
from eventflow.model.process.definition import Definition
from eventflow.model.process.endings import RetryLater, Skip
from eventflow.model.process.events import Note
from eventflow.model.process.moving import Misfit, fitting
from eventflow.model.process.process import Process
from eventflow.model.process.run import Run
from eventflow.model.process.step import FINISH, START, Done, Step
from eventflow.model.process.verdict import Verdict, broken, masked
from eventflow.model.process.verdict import told as said
from eventflow.model.routine import Routine
from eventflow.model.telling import told
from eventflow.model.wait import Wait
from eventflow.runtime.attempt import Attempt, CameTo, Failing, Fenced, Record, at_work
from eventflow.runtime.clerk import Clerk
from eventflow.runtime.conversing import converse
from eventflow.runtime.interrupts import Guard, Overdue, Overruled, Stopping
from eventflow.runtime.limits import Postponed
from eventflow.runtime.network import Network
from eventflow.runtime.processes.approach import Approach, Aside, Ready, Turn
from eventflow.runtime.processes.current import at_step
from eventflow.runtime.processes.notes import Notes, noting
from eventflow.runtime.telemetry import Telemetry
from eventflow.runtime.tracing import within

log = logging.getLogger("eventflow.processes")

TOGETHER = 32
"""Light steps that share an append at most."""

STALE = 0.1
"""Seconds after which light steps share no further."""


class Passed(NamedTuple):
    """A step is done: what to record of it, and the process that knows the more for it."""

    verdict: Verdict
    process: Process


class Over(Exception):
    """This claim of a run ends here, with this to be recorded."""

    def __init__(self, record: Record) -> None:
        self.record = record
        super().__init__()


class Conductor:
    """Takes runs from step to step; one for all threads of a worker."""

    def __init__(
        self,
        clerk: Clerk,
        *,
        guard: Guard,
        clock: Callable[[], datetime],
        masker: Masker,
        failing: Failing,
        closing: threading.Event,
        quiet: Callable[[str], datetime | None] = lambda channel: None,
        approach: Approach,
        network: Network,
        telemetry: Telemetry,
    ) -> None:
        self._quiet = quiet
        self._clerk, self._guard, self._clock = clerk, guard, clock
        self._masker, self._failing, self._closing = masker, failing, closing
        self._approach, self._network, self._telemetry = approach, network, telemetry

    def work(self, attempt: Attempt) -> Record:
        """Do the steps that are left; what is given back ends the claim, all before it is recorded.

        Raises ``Fenced`` when the claim is no longer ours.
        """
        journey = Journey(attempt, self._masker)
        try:
            self._prepare(journey)
            while True:
                self._go_on(journey)
        except Over as over:
            return over.record

    def _prepare(self, journey: Journey) -> None:
        """The process as the run knows it, of the present version. Raises ``Over`` when it cannot be had."""
        move = fitting(journey.definition, journey.run, journey.masker)
        if isinstance(move, Misfit):
            raise Over(_on_run(lambda run: run.halt(move.reason)))
        if move is not None:
            journey.note(move.record)
        try:
            journey.process = journey.definition.revived(journey.run.state)
        except Exception as error:  # validators are user code
            reason = f"What this run knows does not fit {journey.run.process}: {told(error, journey.masker)}"
            raise Over(_on_run(lambda run: run.halt(reason))) from error

    def _go_on(self, journey: Journey) -> None:
        """Do one step. Raises ``Over`` behind the last one, and when it has to wait for the end of quiet hours."""
        run = journey.run
        self._refuse_when_quiet(journey)
        step = journey.definition.by_key[cast(str, run.step)]
        if step.key in run.skips and step.key not in (START, FINISH):
            self._pass(journey, lambda one: one.skip_step(step.key), light=True)
            return
        if not step.light or journey.is_full:
            self._check_in(journey)
        passed = self._done(journey, step)
        journey.process = passed.process
        self._pass(journey, passed.verdict, light=step.light)

    def _pass(self, journey: Journey, verdict: Verdict, *, light: bool) -> None:
        """The step is behind us; its record is in the log before anything else is done, unless it is light."""
        journey.note(verdict)
        if journey.run.step is None:
            raise Over(journey.last())
        if not light:
            self._check_in(journey)

    def _check_in(self, journey: Journey) -> None:
        """Bring what was done into the log. Raises ``Over`` when the worker stops meanwhile, ``Fenced``."""
        if not journey.unsaved:
            return
        try:
            self._clerk.check_in(journey.attempt, journey.last(), journey.run)
        except Unavailable:
            raise Over(self._stopped(journey)) from None
        except Fenced:
            raise
        except Exception as error:  # what a step has learned may be what no log can keep
            raise Over(self._unwritable(journey, error)) from error
        journey.follow()
        if self._closing.is_set():
            raise Over(self._stopped(journey))

    def _refuse_when_quiet(self, journey: Journey) -> None:
        end, said = self._quiet(journey.run.channel), f"Quiet hours of the channel {journey.run.channel}."
        if end is not None:
            journey.attempt.came_to = CameTo.POSTPONED
            raise Over(journey.then(_on_run(lambda run: run.put_off(end, said, {}, ()))))

    def _stopped(self, journey: Journey) -> Record:
        return journey.then(self._clerk.stopped(journey.attempt))

    def _unwritable(self, journey: Journey, error: Exception) -> Record:
        log.info("What came of a step of %s cannot be recorded: %s", journey.run.id, told(error, journey.masker))
        return self._failing.verdict(journey.routine, error)

    # -- one step --------------------------------------------------------------------------------

    def _done(self, journey: Journey, step: Step) -> Passed:
        """Call a step. Raises ``Over`` when it does not end well, ``Fenced`` when nobody wants it any more."""
        attempt, run = journey.attempt, journey.run
        attempt.began, attempt.limit = time.monotonic(), self._limit(run, step)
        with within(attempt.context), at_work(attempt), at_step(run, step.key), noting(journey.masker) as notes:
            try:
                self._refuse_when_late(run, attempt.limit)
                ready = self._approach.ready(Turn(run, journey.process, step, self._clock()))
                for one in ready.also:
                    journey.note(one)
                with self._telemetry.stepping(attempt, step.key), self._guard.exposed(attempt.limit):
                    result, beside = ready.conclude(self._called(journey, step, ready))
                return journey.passed(step, result, notes(), time.monotonic() - attempt.began, beside)
            except Aside as aside:
                attempt.came_to = CameTo.WAITING
                raise Over(journey.then(_on_run(aside.verdict))) from None
            except Postponed as held:
                raise Over(journey.then(self._clerk.postponed(attempt, held))) from None
            except Stopping:
                raise Over(self._stopped(journey)) from None
            except Overruled:
                raise Fenced(attempt.job) from None
            except Overdue:
                record = self._failed(journey, step, self._too_late(run, step, attempt.limit), notes)
                attempt.came_to = CameTo.OVERDUE
                raise Over(journey.then(record)) from None
            except Fenced:
                raise
            except BaseException as error:  # user code: whatever it raises is recorded
                raise Over(journey.then(self._failed(journey, step, error, notes))) from error

    def _called(self, journey: Journey, step: Step, ready: Ready) -> object:
        """What the step gives back; one that yields requests is played as a conversation."""
        attempt = journey.attempt
        attempt.called, attempt.ordinal, attempt.speaks = f"{journey.run.process}/{step.key}", 0, ready.speaks
        result = journey.call(step, ready.function)
        if isinstance(result, Generator):
            return converse(self._clerk, self._network, attempt, result)
        return result

    def _limit(self, run: Run, step: Step) -> float:
        limit = step.time_limit.total_seconds()
        return limit if run.deadline is None else min(limit, (run.deadline - self._clock()).total_seconds())

    def _too_late(self, run: Run, step: Step, limit: float) -> Exception:
        """What has interrupted a step: its own time was over, or that of the whole run."""
        if run.deadline is not None and limit < step.time_limit.total_seconds():
            return DeadlinePassed(run.process, run.deadline)
        return TimedOut(f"{run.process}, {step.key},", limit)

    def _refuse_when_late(self, run: Run, limit: float) -> None:
        if run.deadline is not None and limit <= 0:
            raise DeadlinePassed(run.process, run.deadline)

    def _failed(self, journey: Journey, step: Step, error: BaseException, notes: Notes) -> Record:
        if isinstance(error, Wait):
            return self._clerk.failed(journey.attempt, error)
        journey.attempt.came_to, journey.attempt.failure = CameTo.FAILED, type(error).__name__
        if not isinstance(error, (RetryLater, Skip)):
            try:
                self._tell(journey, step, error)
            except BaseException as worse:  # noqa: BLE001  # user code that was called for a failure fails itself
                return _on_run(broken(self._failing.bench(journey.routine), worse, error))
        return self._failing.verdict(journey.routine, error, notes())

    def _tell(self, journey: Journey, step: Step, error: BaseException) -> None:
        if type(journey.process).on_failure is Process.on_failure:
            return
        with self._guard.exposed(step.time_limit.total_seconds()):
            journey.process.on_failure(step.key, error)


class Journey:
    """One claim of a run, for as long as it goes on. Changes with every step.

    ``run`` is as it will be when everything that is ``unsaved`` is in the log.
    """

    def __init__(self, attempt: Attempt, masker: Masker) -> None:
        self.attempt, self.routine = attempt, cast(Routine, attempt.reaction)
        self.definition: Definition = self.routine.definition
        self.masker = outcome.masker_of(attempt.reaction, masker)
        self.unsaved: list[Verdict] = []
        self._since = time.monotonic()
        self._booted = False
        self.process: Process
        self.run = cast(Run, attempt.document)

    @property
    def is_full(self) -> bool:
        """Whether what is unsaved has waited long enough for company."""
        return len(self.unsaved) >= TOGETHER or (bool(self.unsaved) and time.monotonic() > self._since + STALE)

    def note(self, verdict: Verdict) -> None:
        """Something is to be recorded: now the run stands behind it."""
        if not self.unsaved:
            self._since = time.monotonic()
            self.run = self.run.model_copy()
        self.unsaved.append(verdict)
        verdict(self.run)

    def last(self) -> Record:
        """How to record all that is unsaved."""
        return self.then()

    def then(self, *records: Record) -> Record:
        """How to record all that is unsaved, and these behind it."""
        verdicts = (*self.unsaved, *records)

        def record(run: Any) -> None:
            for one in verdicts:
                one(run)

        return record

    def follow(self) -> None:
        """All of it is in the log: the run is as that has it, with what others have said to it meanwhile."""
        self.unsaved.clear()
        self.run = cast(Run, self.attempt.document)

    def call(self, step: Step, function: Callable[[Any], object]) -> object:
        """What the step gives back, behind the hooks of its process."""
        if not self._booted:
            self.process.boot()
            self._booted = True
        self.process.before_step(step.key)
        return function(self.process)

    def passed(
        self, step: Step, result: object, notes: tuple[Note, ...], seconds: float, beside: Verdict | None = None
    ) -> Passed:
        """What is to be recorded of a step that gave this back. Raises ``WrongResult`` for what no step may."""
        done = result if isinstance(result, Done) else Done(process=result)
        process = self.process if done.process is None else done.process
        if type(process) is not type(self.process):
            raise WrongResult(f"{self.run.process}, {step.key},", "the process, Done or nothing", process)
        learned = {} if process is self.process else self.definition.learned(self.process, process)
        message, details = said(done.message, self.masker), masked(done.details, self.masker)

        def verdict(run: Run) -> None:
            if beside is not None:
                beside(run)
            run.succeed(
                step.key, learned=learned, message=message, details=details, notes=notes, seconds=seconds
            )  # fmt: skip

        return Passed(verdict, process)


def _on_run(verdict: Verdict) -> Record:
    return cast(Record, verdict)
