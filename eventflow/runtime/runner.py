"""One attempt, from the message to the record of what came of it."""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

from eventflow.errors import (
    Conflict,
    Refused,
    StreamNotFound,
    TimedOut,
    TransitionRefused,
    Unavailable,
    Unreadable,
    VersionConflict,
    WrongResult,
)
from eventflow.model import outcome
from eventflow.model.aggregate import Aggregate
from eventflow.model.exchange import Exchange, Request, idempotency_key
from eventflow.model.masking import Masker
from eventflow.model.reaction import Endpoint, Reaction
from eventflow.model.recorded import Context, Header, Phase
from eventflow.model.retry import Again
from eventflow.runtime.interrupts import Guard, Overdue, Stopping, Unguarded
from eventflow.runtime.job import Job
from eventflow.runtime.network import Network
from eventflow.runtime.patience import Patience
from eventflow.runtime.repository import Repository
from eventflow.runtime.scribe import Scribe
from eventflow.store.coalescer import Coalescer

log = logging.getLogger("eventflow.runner")

IDEMPOTENCY_KEY = "Idempotency-Key"


class Fenced(Conflict):
    """The stream has moved on: this attempt is no longer ours, and its outcome is dropped."""

    def __init__(self, job: Job) -> None:
        self.job = job
        super().__init__(f"Attempt {job.attempt} of {job.reaction} on {job.stream} was taken over or overruled.")


Record = Callable[[Aggregate[Any]], object]
"""Writes down on a document what has happened; run again on the newer document when the stream has moved."""


@dataclass(slots=True)
class Attempt:
    """A claimed piece of work. Changes: ``document`` follows the stream while the attempt goes on.

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
    unsaved: list[Record] = field(default_factory=list)


class Runner:
    """Claims, works, records. No work without a claim, and the claim is an append: of two workers one wins."""

    def __init__(
        self,
        repository: Repository,
        reactions: dict[str, Reaction[Any, Any]],
        *,
        owner: UUID,
        clock: Callable[[], datetime],
        network: Network,
        masker: Masker,
        guard: Guard | None = None,
        patience: Patience | None = None,
        chance: Callable[[], float] = random.random,
        record_limit: int = outcome.BODY,
    ) -> None:
        self._repository = repository
        self._reactions = reactions
        self._owner = owner
        self._clock = clock
        self._network = network
        self._masker = masker
        self._guard = guard or Unguarded()
        self._patience = patience or Patience()
        self._chance, self._record_limit = chance, record_limit
        self.running: dict[int, Attempt] = {}
        """What each thread is at; the worker's watchdog reads it."""
        self._in_doubt: set[Job] = set()
        self._claims: Coalescer[Job, Attempt | None] = Coalescer(self._claim_each, limit=64)
        self._scribe: Scribe[tuple[Attempt, Record]] | None = None

    def begin(self, *, waiting: int) -> None:
        """Record outcomes in the background from now on; up to so many may wait to be recorded."""
        self._scribe = Scribe(self._settle_together, lambda one: self._settle(*one), waiting=waiting)

    def end(self, timeout: float) -> bool:
        """Record what is left, and again in the foreground from now on; whether that was done in time."""
        scribe, self._scribe = self._scribe, None
        return scribe is None or scribe.end(timeout)

    def run(self, job: Job) -> None:
        """Do the job, if it still is one."""
        attempt = self._patience.until_available(lambda: self._claims.submit(job, 1))
        if attempt is None:
            return
        self.running[threading.get_ident()] = attempt
        try:
            record = self._work(attempt)
        except Fenced as fenced:
            log.info("%s", fenced)
            return
        finally:
            del self.running[threading.get_ident()]
        if self._scribe is not None:
            self._scribe.put((attempt, record))
        else:
            self._settle(attempt, record)

    def _claim_each(self, jobs: Sequence[Job]) -> list[Attempt | None]:
        """Claim for all threads that want to at this moment: one read and one append, whatever their number.

        Raises when that cannot be done for one of them; then each is claimed alone.
        """
        if len(jobs) == 1:
            return [self._claim(jobs[0])]
        if not all(self._is_plain(job) for job in jobs):
            raise Refused("Not all of these claims are of the usual kind.")
        reactions = [self._reactions[job.reaction] for job in jobs]
        wanted = [(reaction.aggregate, job.stream) for reaction, job in zip(reactions, jobs, strict=True)]
        documents = self._repository.get_each(wanted)
        claims = list(zip(jobs, reactions, documents, strict=True))
        for job, reaction, document in claims:
            if self._is_due(job, document):
                outcome.claim(document, reaction, job.attempt, self._owner)
        return self._claimed(claims)

    def _claimed(self, claims: list[tuple[Job, Reaction[Any, Any], Aggregate[Any]]]) -> list[Attempt | None]:
        # By place and not by stream: an old message of the same stream may be in the same batch.
        due = [bool(document.pending) for _, _, document in claims]
        claimed = [(document, Context(causation=job.position)) for job, _, document in claims if document.pending]
        try:
            headers = iter(self._repository.save_each(claimed))
        except Unavailable:
            self._in_doubt.update(job for job, _, _ in claims)
            raise
        return [
            self._attempt(reaction, job, document, next(headers)) if is_due else None
            for is_due, (job, reaction, document) in zip(due, claims, strict=True)
        ]

    def _is_plain(self, job: Job) -> bool:
        return job.reaction in self._reactions and job not in self._in_doubt and self._repository.is_short(job.version)

    def _is_due(self, job: Job, document: Aggregate[Any]) -> bool:
        return document.standing.version == job.version and document.standing.phase != Phase.CLAIMED

    def _claim(self, job: Job) -> Attempt | None:
        reaction = self._reactions.get(job.reaction)
        if reaction is None:
            log.warning("No reaction is called %s here; its message is dropped, the log keeps the work.", job.reaction)
            return None
        try:
            return self._claim_for(reaction, job)
        except StreamNotFound as error:
            log.warning("%s", error)
        except Unreadable as error:
            log.error("%s on %s: %s", job.reaction, job.stream, error)
            self._repository.fail_unread(job.stream, job.version, reaction, error, job.attempt, self._masker)
        return None

    def _claim_for(self, reaction: Reaction[Any, Any], job: Job) -> Attempt | None:
        while True:
            document = self._repository.get(reaction.aggregate, job.stream, version=job.version)
            try:
                if job in self._in_doubt:
                    self._resolve(job, document)
                if not self._is_due(job, document):
                    return None
                outcome.claim(document, reaction, job.attempt, self._owner)
                header = self._repository.save(document, context=Context(causation=job.position))[-1]
            except VersionConflict:
                continue
            except Unavailable:
                self._in_doubt.add(job)
                raise
            except TransitionRefused as error:
                log.warning("%s", error)
                return None
            return self._attempt(reaction, job, document, header)

    def _resolve(self, job: Job, document: Aggregate[Any]) -> None:
        """Give back a claim of ours that was recorded although the database's answer was lost.

        Nobody works on it, and nobody would rescue it while our heart beats.
        """
        standing = document.standing
        if (standing.version, standing.phase, standing.owner) == (job.version + 1, Phase.CLAIMED, self._owner):
            outcome.interrupt(document, "the database did not answer the claim", self._clock())
            self._repository.save(document, context=Context(causation=job.position))
        self._in_doubt.discard(job)

    def _attempt(self, reaction: Reaction[Any, Any], job: Job, document: Aggregate[Any], header: Header) -> Attempt:
        context = Context(
            correlation=header.correlation, causation=header.position, tenant=header.tenant, actor=header.actor
        )
        return Attempt(job, reaction, document, header.version, document.standing.origin, context, time.monotonic())

    def overdue(self, grace: float) -> list[tuple[int, Attempt]]:
        """Threads whose handler went on for ``grace`` seconds after its time limit: no interrupt reaches them."""
        now = time.monotonic()
        return [
            (thread, attempt)
            for thread, attempt in list(self.running.items())
            if now > attempt.began + attempt.reaction.time_limit.total_seconds() + grace
        ]

    def disown(self, attempt: Attempt) -> None:
        """Record a hanging attempt as timed out; whatever its thread brings home one day is fenced off."""
        error = TimedOut(attempt.reaction.name, attempt.reaction.time_limit.total_seconds())
        mine = replace(attempt, unsaved=[])
        try:
            self._follow(mine)
            self._append(mine, self._fail(mine, error))
        except Fenced as fenced:
            log.info("%s", fenced)

    # -- work ------------------------------------------------------------------------------------

    def _work(self, attempt: Attempt) -> Record:
        """Run the user's handler; what comes back says how to record its outcome on the document."""
        reaction = attempt.reaction
        try:
            with self._guard.exposed(reaction.time_limit.total_seconds()):
                result = self._handle(attempt)
            return lambda document: outcome.finish(document, reaction, result)
        except Stopping:
            return lambda document: outcome.interrupt(document, "the worker was stopped", self._clock())
        except Overdue:
            return self._fail(attempt, TimedOut(reaction.name, reaction.time_limit.total_seconds()))
        except Fenced:
            raise
        except BaseException as error:  # noqa: BLE001 - user code: whatever it raises, SystemExit too, is recorded
            return self._fail(attempt, error)

    def _handle(self, attempt: Attempt) -> object:
        document = attempt.document.model_copy()  # the handler's own: what it does to it is not recorded
        result = attempt.reaction.function(document)
        if isinstance(attempt.reaction, Endpoint):
            result = self._converse(attempt, result)
        if document.pending:
            raise WrongResult(attempt.reaction.name, "an event that it returns, not one it records itself", document)
        return result

    def _converse(self, attempt: Attempt, exchange: Exchange[Any]) -> object:
        said = self._said(attempt)
        try:
            request = next(exchange)
            while True:
                asked = self._announced(attempt, request)
                try:
                    response = self._network.send(asked)
                except Unavailable as error:
                    request = exchange.throw(error)
                else:
                    attempt.unsaved.append(partial(outcome.response, response=response, **said))
                    request = exchange.send(response)
        except StopIteration as end:
            return end.value
        finally:
            exchange.close()

    def _announced(self, attempt: Attempt, request: Request) -> Request:
        """The request with its key, once it is recorded that it will be sent."""
        reaction = attempt.reaction
        attempt.ordinal += 1
        key = idempotency_key(reaction.name, attempt.job.stream, attempt.origin, attempt.ordinal)
        asked = request.with_headers({IDEMPOTENCY_KEY: key})
        record = partial(outcome.request, request=asked, **self._said(attempt))
        try:
            # That our own database is away is no failure of the handler.
            self._patience.until_available(lambda: self._append(attempt, record))
        except Unavailable as error:
            raise Stopping from error
        return asked

    def _said(self, attempt: Attempt) -> dict[str, Any]:
        """How what is said is recorded."""
        return {"reaction": attempt.reaction, "masker": self._masker, "limit": self._record_limit}

    # -- outcome ---------------------------------------------------------------------------------

    def _fail(self, attempt: Attempt, error: BaseException) -> Record:
        reaction, number, masker = attempt.reaction, attempt.job.attempt, self._masker
        decision = reaction.retry.decide(number, error, self._chance)
        if isinstance(decision, Again):
            due = self._clock() + decision.after
            return lambda document: outcome.defer(document, reaction, number, due, error, masker)
        return lambda document: outcome.fail(document, reaction, error, number, masker)

    def _settle_together(self, outcomes: list[tuple[Attempt, Record]]) -> bool:
        """Record many outcomes in one append, if they all can be; whether they could."""
        try:
            written = [(self._written(attempt, record), attempt.context) for attempt, record in outcomes]
            self._repository.save_each(written)
        except BaseException:  # noqa: BLE001  # one command of a user may raise, SystemExit too: each for itself then
            return False
        return True

    def _settle(self, attempt: Attempt, record: Record) -> None:
        try:
            self._settle_as_it_is(attempt, record)
        except Fenced as fenced:
            log.info("%s", fenced)

    def _settle_as_it_is(self, attempt: Attempt, record: Record) -> None:
        try:
            self._insist(attempt, record)
        except (Fenced, Unavailable):
            raise
        except BaseException as error:  # noqa: BLE001  # what came of it cannot be recorded: that is its failure
            log.info("What came of %s on %s cannot be recorded: %r", attempt.reaction.name, attempt.job.stream, error)
            self._insist(attempt, self._fail(attempt, error))

    def _insist(self, attempt: Attempt, record: Record) -> None:
        self._patience.until_available(lambda: self._guard.shielded(lambda: self._append(attempt, record)))

    def _append(self, attempt: Attempt, record: Record) -> None:
        """Record on the stream as it is now, as long as the claim on it is ours."""
        while True:
            document = self._written(attempt, record)
            try:
                self._repository.save(document, context=attempt.context)
            except VersionConflict:
                self._follow(attempt)
            else:
                attempt.document = document
                attempt.unsaved.clear()
                return

    def _written(self, attempt: Attempt, record: Record) -> Aggregate[Any]:
        """The document with what was heard and what came of it; the attempt's own stays as the log has it."""
        document = attempt.document.model_copy()
        for one in (*attempt.unsaved, record):
            one(document)
        return document

    def _follow(self, attempt: Attempt) -> None:
        document = self._repository.get(attempt.reaction.aggregate, attempt.job.stream)
        if document.standing.version != attempt.claim or document.standing.owner != self._owner:
            raise Fenced(attempt.job)
        attempt.document = document
