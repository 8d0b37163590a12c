"""From the message to the claim: of each job the attempt that it begins, or nothing when it is none any more."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from eventflow.errors import (
    Erased,
    EventflowError,
    Refused,
    StreamNotFound,
    TransitionRefused,
    Unavailable,
    VersionConflict,
)
from eventflow.model import outcome
from eventflow.model.aggregate import Aggregate
from eventflow.model.masking import Masker
from eventflow.model.reaction import Reaction
from eventflow.model.recorded import Context, Header, Phase
from eventflow.model.telling import told
from eventflow.runtime.attempt import Attempt, Failing, Record
from eventflow.runtime.job import Job
from eventflow.runtime.repository import Repository
from eventflow.store.coalescer import Coalescer

log = logging.getLogger("eventflow.runner")

STUMBLES = 10
"""How often a worker leaves a job to be sent again for what is no failure of its item, before it counts as one."""


class _Wanted(NamedTuple):
    """A job with what it is about."""

    job: Job
    reaction: Reaction[Any, Any]
    document: Aggregate[Any]

    @property
    def is_due(self) -> bool:
        """Whether the stream still stands where the job's header left it."""
        standing = self.document.standing
        return standing.version == self.job.version and standing.phase != Phase.CLAIMED

    @property
    def context(self) -> Context:
        """Why the claim is made."""
        return Context(causation=self.job.position)


class Stumbled(Exception):
    """A claim could not be appended, for nothing that its item, its data or its user's code has to do with."""

    def __init__(self, error: Exception) -> None:
        self.error = error
        super().__init__()


class Claims:
    """Begins attempts by appending. Threads that want to at the same moment share one read and one append."""

    def __init__(
        self,
        repository: Repository,
        reactions: Mapping[str, Reaction[Any, Any]],
        *,
        owner: UUID,
        clock: Callable[[], datetime],
        masker: Masker,
        failing: Failing,
    ) -> None:
        self._repository, self._reactions, self._owner = repository, reactions, owner
        self._clock, self._masker, self._failing = clock, masker, failing
        self._in_doubt: set[Job] = set()
        self._stumbles: Counter[Job] = Counter()
        self._together: Coalescer[Job, Attempt | None] = Coalescer(self.claim_each, limit=64)

    def claim(self, job: Job) -> Attempt | None:
        """The attempt that the job begins; nothing when there is nothing to do (any more). Raises ``Unavailable``."""
        return self._together.submit(job, 1)

    def claim_each(self, jobs: Sequence[Job]) -> list[Attempt | None]:
        """Claim for all threads that want to at this moment: one read and one append, whatever their number.

        Raises when that cannot be done for one of them; then each is claimed alone.
        """
        if len(jobs) == 1:
            return [self._claim_alone(jobs[0])]
        if not all(self._is_plain(job) for job in jobs):
            raise Refused("Not all of these claims are of the usual kind.")
        reactions = [self._reactions[job.reaction] for job in jobs]
        kinds = [(reaction.aggregate, job.stream) for reaction, job in zip(reactions, jobs, strict=True)]
        documents = self._repository.get_each(kinds)
        return self._begin([_Wanted(*one) for one in zip(jobs, reactions, documents, strict=True)])

    def _is_plain(self, job: Job) -> bool:
        return job.reaction in self._reactions and job not in self._in_doubt and self._repository.is_short(job.version)

    def _begin(self, wanted: Sequence[_Wanted]) -> list[Attempt | None]:
        """One append that claims what is due of these."""
        # By place and not by stream: an old message of the same stream may be in the same batch.
        due = [one for one in wanted if one.is_due]
        for one in due:
            outcome.claim(one.document, one.reaction, one.job.attempt, self._owner)
        try:
            headers = self._repository.save_each([(one.document, one.context) for one in due])
        except Unavailable:
            self._in_doubt.update(one.job for one in due)
            raise
        except EventflowError:
            raise
        except Exception as error:
            # What user code decides was decided before. Is the log read-only just now, a table being changed?
            self._in_doubt.update(one.job for one in due)
            raise Stumbled(error) from error
        begun = {id(one): _attempt(one, header) for one, header in zip(due, headers, strict=True)}
        return [begun.get(id(one)) for one in wanted]

    def _claim_alone(self, job: Job) -> Attempt | None:
        reaction = self._reactions.get(job.reaction)
        if reaction is None:
            log.warning("No reaction is called %s here; its message is dropped, the log keeps the work.", job.reaction)
            return None
        try:
            attempt = self._until_settled(job, reaction)
        except Unavailable:
            raise
        except Stumbled as stumbled:
            self._stumble(job, reaction, stumbled.error)
        except (StreamNotFound, TransitionRefused, Erased) as error:
            log.warning("%s", error)
        except Exception as error:  # noqa: BLE001 - a body, a validator, the user's command: it goes on record
            reason = told(error, outcome.masker_of(reaction, self._masker))
            log.error("%s on %s cannot be claimed: %s", job.reaction, job.stream, reason)
            self._give_up(job, reaction, error)
        else:
            self._stumbles.pop(job, None)
            return attempt
        return None

    def _stumble(self, job: Job, reaction: Reaction[Any, Any], error: Exception) -> None:
        """The message is dropped, and sent again after a while; no attempt is spent, unless that goes on and on."""
        self._stumbles[job] += 1
        reason = told(error, outcome.masker_of(reaction, self._masker))
        if self._stumbles[job] >= STUMBLES:
            del self._stumbles[job]
            log.error("%s on %s cannot be claimed, again and again: %s", job.reaction, job.stream, reason)
            self._give_up(job, reaction, error)
            return
        log.error("%s on %s was not begun, it is sent again: %s", job.reaction, job.stream, reason)
        try:
            # What has failed may have failed behind the append.
            self._resolve(job, self._repository.get(reaction.aggregate, job.stream))
        except Unavailable:
            raise
        except Exception as worse:  # noqa: BLE001 - the same again, most likely; the job stays in doubt
            log.info("Whether %s was claimed is not known: %s", job.stream, type(worse).__name__)

    def _until_settled(self, job: Job, reaction: Reaction[Any, Any]) -> Attempt | None:
        while True:
            document = self._repository.get(reaction.aggregate, job.stream, version=job.version)
            try:
                if job in self._in_doubt:
                    self._resolve(job, document)
                return self._begin([_Wanted(job, reaction, document)])[0]
            except VersionConflict:
                continue

    def _resolve(self, job: Job, document: Aggregate[Any]) -> None:
        """Give back a claim of ours that was recorded although the database's answer was lost.

        Nobody works on it, and nobody would rescue it while our heart beats.
        """
        standing = document.standing
        if (standing.version, standing.phase, standing.owner) == (job.version + 1, Phase.CLAIMED, self._owner):
            outcome.interrupt(document, "the database did not answer the claim", self._clock())
            self._repository.save(document, context=Context(causation=job.position))
        self._in_doubt.discard(job)

    def _give_up(self, job: Job, reaction: Reaction[Any, Any], error: Exception) -> None:
        """A claim that raises is an attempt that failed: it counts, and has the retries of its reaction."""
        try:
            record = self._failing(reaction, job.attempt, error)
            while not self._recorded(job, reaction, record):
                pass
        except Unavailable:
            raise
        except Erased as erased:
            log.warning("%s", erased)
        except Exception as worse:  # noqa: BLE001 - it cannot even be loaded: but its headers can
            reason = told(worse, outcome.masker_of(reaction, self._masker))
            log.info("What is wrong with %s is recorded behind its headers: %s", job.stream, reason)
            self._repository.fail_unread(job.stream, job.version, reaction, error, job.attempt, self._masker)

    def _recorded(self, job: Job, reaction: Reaction[Any, Any], record: Record) -> bool:
        wanted = _Wanted(job, reaction, self._repository.get(reaction.aggregate, job.stream))
        if wanted.is_due:
            record(wanted.document)
        try:
            self._repository.save(wanted.document, context=wanted.context)
        except VersionConflict:
            return False
        return True


def _attempt(wanted: _Wanted, header: Header) -> Attempt:
    context = Context(
        correlation=header.correlation, causation=header.position, tenant=header.tenant, actor=header.actor
    )
    job, reaction, document = wanted
    return Attempt(job, reaction, document, header.version, document.standing.origin, context, time.monotonic())
