"""What is written down of an attempt: what it says to others while it goes on, and what came of it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

from eventflow.errors import Erased, TimedOut, Unavailable, VersionConflict
from eventflow.model import outcome
from eventflow.model.aggregate import Aggregate
from eventflow.model.exchange import Request, Response, idempotency_key
from eventflow.model.masking import Masker
from eventflow.model.telling import told
from eventflow.model.tracing import outgoing
from eventflow.model.wait import Wait
from eventflow.runtime.attempt import Attempt, CameTo, Failing, Fenced, Record
from eventflow.runtime.interrupts import Guard, Stopping
from eventflow.runtime.limits import Limits, Postponed
from eventflow.runtime.network import AGENT
from eventflow.runtime.patience import Patience
from eventflow.runtime.repository import Repository
from eventflow.runtime.scribe import Scribe
from eventflow.runtime.telemetry import Asked, Telemetry

log = logging.getLogger("eventflow.runner")

IDEMPOTENCY_KEY = "Idempotency-Key"


class Clerk:
    """Writes for the handlers of one worker, as long as the claim is theirs."""

    def __init__(
        self,
        repository: Repository,
        *,
        owner: UUID,
        clock: Callable[[], datetime],
        masker: Masker,
        failing: Failing,
        guard: Guard,
        patience: Patience,
        record_limit: int,
        telemetry: Telemetry,
        limits: Limits | None = None,
    ) -> None:
        self._repository, self._owner, self._clock = repository, owner, clock
        self._masker, self._failing, self._guard, self._patience = masker, failing, guard, patience
        self._record_limit, self._limits, self._telemetry = record_limit, limits, telemetry
        self._scribe: Scribe[tuple[Attempt, Record]] | None = None

    def begin(self, *, waiting: int) -> None:
        """Record outcomes in the background from now on; up to so many may wait to be recorded."""
        self._scribe = Scribe(
            self._settle_together, lambda one: self.settle(*one), waiting=waiting, masker=self._masker
        )

    def end(self, timeout: float) -> bool:
        """Record what is left, and again in the foreground from now on; whether that was done in time."""
        scribe, self._scribe = self._scribe, None
        return scribe is None or scribe.end(timeout)

    # -- while it goes on ------------------------------------------------------------------------

    def announce(self, attempt: Attempt, request: Request) -> Request:
        """The request with its key, once it is recorded that it will be sent.

        Raises ``Postponed`` when it may not be sent soon, ``Fenced``, ``Stopping``.
        """
        if self._limits is not None:
            self._limits.before(attempt.job, request)
            attempt.asked = request
        reaction = attempt.reaction
        # Where a redirect leads, the same is asked under the same key: whoever counts requests counts this once.
        attempt.ordinal += not request.is_hop
        key = idempotency_key(attempt.called or reaction.name, attempt.job.stream, attempt.origin, attempt.ordinal)
        told = outgoing(attempt.context.correlation, attempt.context.causation)
        asked = request.with_headers({IDEMPOTENCY_KEY: key, "User-Agent": AGENT, **told})
        record = partial(outcome.request, request=asked, **self._said(attempt))
        try:
            # That our own database is away is no failure of the handler.
            self._patience.until_available(lambda: self._append(attempt, record))
        except Unavailable as error:
            raise Stopping from error
        attempt.asking = asked, self._telemetry.now()
        return asked

    def hear(self, attempt: Attempt, response: Response) -> None:
        """The answer, to be recorded with whatever is recorded next."""
        self._tell(attempt, response.status)
        attempt.unsaved.append(partial(outcome.response, response=response, **self._said(attempt)))

    def miss(self, attempt: Attempt) -> None:
        """No answer came; what is made of that is the handler's."""
        self._tell(attempt, None)

    def _tell(self, attempt: Attempt, status: int | None) -> None:
        if attempt.asking is not None:
            request, began = attempt.asking
            self._telemetry.asked(Asked(attempt, request, status), began)

    def check_in(self, attempt: Attempt, record: Record, ready: Aggregate[Any]) -> None:
        """What has been done is in the log when this returns: a checkpoint.

        ``ready`` is the document with that on it already; the ``record`` is for when the stream has moved.

        Raises ``Fenced``, ``Unavailable`` when the worker stops meanwhile, and whatever the record raises.
        """
        self._patience.until_available(lambda: self._guard.shielded(lambda: self._bring(attempt, record, ready)))

    def _bring(self, attempt: Attempt, record: Record, ready: Aggregate[Any]) -> None:
        # When this is repeated, the answer to it was lost: what is in the log already is not recorded again.
        if ready.pending and ready.head == attempt.document.head and not attempt.unsaved:
            try:
                self._repository.save(ready, context=attempt.context)
            except VersionConflict:
                self._follow(attempt)
            else:
                attempt.document = ready
                return
        self._append(attempt, record)

    def count(self, attempt: Attempt, response: Response | None) -> None:
        """What came of a request counts for the limits of its host: an answer, or none."""
        if self._limits is not None and attempt.asked is not None:
            self._limits.heard(attempt.asked, response)

    def leave(self, attempt: Attempt) -> None:
        """The handler has ended: others may take its place."""
        if self._limits is not None:
            self._limits.leave(attempt.job)

    @property
    def is_limited(self) -> bool:
        """Whether ``count`` and ``leave`` have anything to do."""
        return self._limits is not None

    def _said(self, attempt: Attempt) -> dict[str, Any]:
        """How what is said is recorded."""
        return {
            "reaction": (speaks := attempt.speaks or attempt.reaction),
            "masker": self._masker,
            "limit": speaks.record_limit or self._record_limit,
        }

    # -- what came of it -------------------------------------------------------------------------

    def finished(self, attempt: Attempt, result: object) -> Record:
        """It ended well."""
        if isinstance(result, Wait):
            return self._waiting(attempt, result)
        reaction = attempt.reaction
        return lambda document: outcome.finish(document, reaction, result)

    def failed(self, attempt: Attempt, error: BaseException) -> Record:
        """It ended with this error, or in a wait."""
        if isinstance(error, Wait):
            return self._waiting(attempt, error)
        attempt.came_to, attempt.failure = CameTo.FAILED, type(error).__name__
        return self._failing(attempt.reaction, attempt.job.attempt, error)

    def _waiting(self, attempt: Attempt, wait: Wait) -> Record:
        attempt.came_to, now = CameTo.WAITING, self._clock()
        # What was said while the handler ran it has not seen: it is called again at once.
        return lambda document: outcome.wait(
            document, attempt.reaction, now if attempt.overheard else wait.due(now)
        )  # fmt: skip

    def overdue(self, attempt: Attempt) -> Record:
        """It ran longer than it may."""
        record = self.failed(attempt, TimedOut(attempt.reaction.name, attempt.limit))
        attempt.came_to = CameTo.OVERDUE
        return record

    def stopped(self, attempt: Attempt) -> Record:
        """The worker was stopped, and gives it back."""
        attempt.came_to = CameTo.INTERRUPTED
        return lambda document: outcome.interrupt(document, "the worker was stopped", self._clock())

    def unseated(self) -> Record:
        """It was claimed, and slower work than was expected kept it waiting."""
        return lambda document: outcome.interrupt(document, "the worker was busy with slower work", self._clock())

    def postponed(self, attempt: Attempt, held: Postponed) -> Record:
        """It has to wait for another system."""
        attempt.came_to = CameTo.POSTPONED
        return lambda document: outcome.postpone(document, held.what, held.due)

    def put(self, attempt: Attempt, record: Record) -> None:
        """Record what came of it: soon, or at once when nobody does that in the background."""
        if self._scribe is not None:
            self._scribe.put((attempt, record))
        else:
            self.settle(attempt, record)

    def offer(self, attempt: Attempt, record: Record) -> bool:
        """Like ``put``, for those who must not wait; whether that could be done without waiting."""
        return self._scribe is not None and self._scribe.offer((attempt, record))

    def disown(self, attempt: Attempt) -> None:
        """Record a hanging attempt as timed out; whatever it brings home one day is fenced off."""
        mine = replace(attempt, unsaved=[])
        try:
            self._follow(mine)
            self._append(mine, self.overdue(mine))
        except Fenced as fenced:
            log.info("%s", fenced)

    # -- how -------------------------------------------------------------------------------------

    def _settle_together(self, outcomes: list[tuple[Attempt, Record]]) -> bool:
        """Record many outcomes in one append, if they all can be; whether they could."""
        try:
            written = [(self._written(attempt, record), attempt.context) for attempt, record in outcomes]
            self._repository.save_each(written)
        except BaseException:  # noqa: BLE001  # one command of a user may raise, SystemExit too: each for itself then
            return False
        return True

    def settle(self, attempt: Attempt, record: Record) -> None:
        """Record what came of it now, and return when that is done."""
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
            reaction, reason = attempt.reaction, told(error, outcome.masker_of(attempt.reaction, self._masker))
            log.info("What came of %s on %s cannot be recorded: %s", reaction.name, attempt.job.stream, reason)
            self._insist(attempt, self.failed(attempt, error))

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
            except Erased as erased:
                raise Fenced(attempt.job) from erased
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
        try:
            document = self._repository.get(attempt.reaction.aggregate, attempt.job.stream)
        except Erased as erased:
            raise Fenced(attempt.job) from erased
        if document.standing.version != attempt.claim or document.standing.owner != self._owner:
            raise Fenced(attempt.job)
        attempt.document, attempt.overheard = document, True
