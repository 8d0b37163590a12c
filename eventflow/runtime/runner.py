"""One attempt, from the message to the record of what came of it."""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID

from eventflow.errors import Unavailable, WrongResult
from eventflow.model.content import BODY
from eventflow.model.masking import Masker
from eventflow.model.process.registry import Registry
from eventflow.model.reaction import EndpointReaction, Reaction
from eventflow.model.routine import Routine
from eventflow.runtime.attempt import Attempt, Failing, Fenced, Record, at_work
from eventflow.runtime.claims import Claims
from eventflow.runtime.clerk import Clerk
from eventflow.runtime.conversing import converse
from eventflow.runtime.coroutines import Coroutines
from eventflow.runtime.interrupts import Guard, Overdue, Overruled, Stopping, Unguarded
from eventflow.runtime.job import Job
from eventflow.runtime.limits import Limits, Postponed
from eventflow.runtime.network import Network
from eventflow.runtime.patience import Patience
from eventflow.runtime.processes.approach import Approach
from eventflow.runtime.processes.conductor import Conductor
from eventflow.runtime.processes.notes import Collector
from eventflow.runtime.repository import Repository
from eventflow.runtime.seats import Seats
from eventflow.runtime.telemetry import Telemetry
from eventflow.runtime.tracing import within

log = logging.getLogger("eventflow.runner")


class Runner:
    """Claims, works, records. No work without a claim, and the claim is an append: of two workers one wins.

    A handler runs in the thread that claimed for it; one that is a coroutine on the event loop that ``opens`` opens.
    What finds no place there before the worker ends is given back unclaimed.
    """

    def __init__(
        self,
        repository: Repository,
        reactions: dict[str, Reaction[Any, Any]],
        *,
        owner: UUID,
        clock: Callable[[], datetime],
        network: Network,
        masker: Masker,
        telemetry: Telemetry,
        guard: Guard | None = None,
        patience: Patience | None = None,
        chance: Callable[[], float] = random.random,
        limits: Limits | None = None,
        record_limit: int = BODY,
        opens: Callable[[Clerk, dict[int, Attempt]], Coroutines] | None = None,
        give_back: Callable[[Job], object] = lambda job: None,
        quiet: Callable[[str], datetime | None] = lambda channel: None,
        registry: Registry | None = None,
        seats: Seats | None = None,
    ) -> None:
        self._priorities = {one.name: one.priority for one in reactions.values()}
        self._queues = {one.name: one.queue for one in reactions.values()}
        self._routines = {one.name for one in reactions.values() if isinstance(one, Routine)}
        self._seats, self._telemetry = seats, telemetry
        self._network, self._opens, self._limits = network, opens, limits
        self._give_back = give_back
        self._guard = guard or Unguarded()
        self._patience = patience or Patience()
        self._closing = threading.Event()
        self._waits = Patience(self._closing)
        self._asynchronous = {one.name for one in reactions.values() if one.is_async}
        self.running: dict[int, Attempt] = {}
        """What each thread (and each coroutine) is at; the worker's watchdog reads it."""
        failing = Failing(clock, chance, masker)
        self._claims = Claims(repository, reactions, owner=owner, clock=clock, masker=masker, failing=failing)
        self._clerk = Clerk(
            repository, owner=owner, clock=clock, masker=masker, failing=failing, guard=self._guard,
            patience=self._patience, record_limit=record_limit, telemetry=telemetry, limits=limits,
        )  # fmt: skip
        self._coroutines: Coroutines | None = None
        self._conductor = Conductor(
            self._clerk, guard=self._guard, clock=clock, masker=masker, failing=failing, closing=self._closing,
            quiet=quiet,
            approach=Approach(repository, registry or Registry()), network=network, telemetry=telemetry,
        )  # fmt: skip
        self._collector = Collector()

    def begin(self, *, waiting: int) -> None:
        """Record outcomes in the background from now on; up to so many may wait to be recorded."""
        self._clerk.begin(waiting=waiting)
        if self._routines:
            logging.getLogger().addHandler(self._collector)
        if self._asynchronous and self._opens is not None:
            self._coroutines = self._opens(self._clerk, self.running)

    def close(self) -> None:
        """Begin nothing any more that would have to wait for a place, or for the database."""
        self._closing.set()
        if self._coroutines is not None:
            self._coroutines.close()

    def end(self, timeout: float, grace: float = 0.0) -> bool:
        """Let what runs end within ``grace`` seconds and record what is left, all in ``timeout``; whether it was."""
        end = time.monotonic() + timeout
        coroutines, self._coroutines = self._coroutines, None
        clean = coroutines is None or coroutines.end(grace)
        logging.getLogger().removeHandler(self._collector)
        return self._clerk.end(max(end - time.monotonic(), 0.0)) and clean

    def run(self, job: Job) -> None:
        """Do the job, if it still is one. A worker that ends begins nothing: what it gave back would come again."""
        with self._telemetry.processing(job, self._queues.get(job.reaction, "")):
            self._do(job)

    def _do(self, job: Job) -> None:
        if self._closing.is_set():
            self._return(job)
        elif job.reaction in self._asynchronous and self._coroutines is not None:
            if not self._coroutines.run(lambda: self._claim(job), self._priority(job)):
                self._return(job)
        elif self._seats is not None:
            self._sit(self._seats, job)
        elif (attempt := self._claim(job)) is not None:
            self._run(attempt)

    def _priority(self, job: Job) -> int:
        return self._priorities.get(job.reaction, 0)

    def _sit(self, seats: Seats, job: Job) -> None:
        """Run it on a seat, taken before the claim; or after it, while that pays."""
        priority, took = self._priority(job), None
        # A run is given back between its steps, not before the first.
        seated = job.reaction in self._routines or not seats.pays_ahead
        if seated and not seats.take(priority, self._closing):
            self._return(job)
            return
        try:
            attempt = self._claim(job)
            seated = seated or (attempt is not None and seats.take_soon(priority))
            if attempt is not None and seated:
                took = self._timed(attempt)
            elif attempt is not None:
                self._give_up(attempt)
        finally:
            if seated:
                seats.leave(took)

    def _timed(self, attempt: Attempt) -> float:
        attempt.began = time.monotonic()
        self._run(attempt)
        return time.monotonic() - attempt.began

    def _give_up(self, attempt: Attempt) -> None:
        self._clerk.leave(attempt)
        self._clerk.put(attempt, self._clerk.unseated())

    def _return(self, job: Job) -> None:
        try:
            self._give_back(job)
        except Unavailable as error:
            log.info("A message is dropped unclaimed, it is sent again later: %s", error)

    def _claim(self, job: Job) -> Attempt | None:
        try:
            return self._begun(job) if self._limits is None else self._admitted(self._limits, job)
        except Unavailable as error:
            log.info("%s on %s was not begun, as the worker stops: %s", job.reaction, job.stream, error)
            self._return(job)
            return None

    def _begun(self, job: Job) -> Attempt | None:
        return self._waits.until_available(lambda: self._claims.claim(job))

    def _admitted(self, limits: Limits, job: Job) -> Attempt | None:
        """What may begin now is claimed; the rest comes again."""
        if not limits.admit(job):
            return None
        attempt = None
        try:
            attempt = self._begun(job)
        finally:
            if attempt is None:
                limits.leave(job)
        return attempt

    def _run(self, attempt: Attempt) -> None:
        self.running[threading.get_ident()] = attempt
        try:
            is_run = isinstance(attempt.reaction, Routine)
            with self._telemetry.working(attempt):
                record = self._conductor.work(attempt) if is_run else self._work(attempt)
            if is_run and self._limits is not None and self._limits.holds(attempt.job):
                # Who takes its place in the channel has to find what came of it.
                self._clerk.settle(attempt, record)
                return
        except Fenced as fenced:
            log.info("%s", fenced)
            return
        finally:
            del self.running[threading.get_ident()]
            self._clerk.leave(attempt)
        self._clerk.put(attempt, record)

    def overdue(self, grace: float) -> list[tuple[int, Attempt]]:
        """Handlers that went on for ``grace`` seconds after their time limit: no interrupt reaches them."""
        now = time.monotonic()
        return [
            (thread, attempt)
            for thread, attempt in list(self.running.items())
            if now > attempt.began + attempt.limit + grace
        ]

    def disown(self, attempt: Attempt) -> None:
        """Record a hanging attempt as timed out; whatever it brings home one day is fenced off."""
        self._clerk.disown(attempt)

    def strike(self, key: int, attempt: Attempt) -> None:
        """Interrupt the handler of an attempt that was overruled, if it still runs."""
        if self._coroutines is not None and attempt.reaction.is_async:
            self._coroutines.strike(attempt)
        else:
            self._guard.strike(key, lambda: self.running.get(key) is attempt)

    def is_stuck(self) -> bool:
        """Whether the event loop turns no more, blocked by a handler."""
        return self._coroutines is not None and self._coroutines.is_stuck()

    # -- work ------------------------------------------------------------------------------------

    def _work(self, attempt: Attempt) -> Record:
        """Run the user's handler; what comes back says how to record its outcome on the document."""
        try:
            with (
                within(attempt.context),
                at_work(attempt),
                self._guard.exposed(attempt.reaction.time_limit.total_seconds()),
            ):
                return self._clerk.finished(attempt, self._handle(attempt))
        except Stopping:
            return self._clerk.stopped(attempt)
        except Overdue:
            return self._clerk.overdue(attempt)
        except Overruled:
            raise Fenced(attempt.job) from None
        except Postponed as held:
            return self._clerk.postponed(attempt, held)
        except Fenced:
            raise
        except BaseException as error:  # noqa: BLE001 - user code: whatever it raises, SystemExit too, is recorded
            return self._clerk.failed(attempt, error)

    def _handle(self, attempt: Attempt) -> object:
        document = attempt.document.model_copy()  # the handler's own: what it does to it is not recorded
        result = attempt.reaction.function(document)
        if isinstance(attempt.reaction, EndpointReaction):
            result = converse(self._clerk, self._network, attempt, result)
        if document.pending:
            raise WrongResult(attempt.reaction.name, "an event that it returns, not one it records itself", document)
        return result
