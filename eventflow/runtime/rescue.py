"""Work whose worker is gone comes back: claims of stale owners are interrupted and due again."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from uuid import UUID

from eventflow.errors import BodyMissing, Erased, Interrupted, StreamNotFound, Unreadable, VersionConflict
from eventflow.model import outcome
from eventflow.model.masking import Masker
from eventflow.model.recorded import Context, Phase
from eventflow.model.retry import Again
from eventflow.model.telling import told
from eventflow.runtime.relay import Routes
from eventflow.runtime.repository import Repository
from eventflow.store.work import Claimed, Work

log = logging.getLogger("eventflow.rescue")


class Rescue:
    """Finds claims whose owner let its lease run out, and gives the work back.

    ``own`` is the owner in whose process this runs: it is alive. With ``alone`` it is the only one that can be:
    embedded, where whoever leads is the only worker there is, everybody else's claims are rescued at once.
    ``patience`` is how long the others have to be heard of after this one has begun to lead.
    """

    def __init__(
        self,
        work: Work,
        repository: Repository,
        routes: Routes,
        *,
        clock: Callable[[], datetime],
        masker: Masker,
        own: UUID,
        alone: bool,
        patience: timedelta,
    ) -> None:
        self._work, self._repository, self._routes = work, repository, routes
        self._clock, self._masker, self._own, self._alone = clock, masker, own, alone
        self._patience = 0.0 if alone else patience.total_seconds()
        self._not_before = 0.0

    def start(self) -> None:
        """Give those who are alive the time to say so: when the database was away, nobody could."""
        self._not_before = time.monotonic() + self._patience

    def step(self, limit: int = 100) -> int:
        """Rescue up to ``limit`` claims; returns how many."""
        if time.monotonic() < self._not_before:
            return 0
        orphans = self._work.orphans(limit, sole=self._own if self._alone else None)
        return sum(self._rescue(one) for one in orphans if one.owner != self._own)

    def _rescue(self, orphan: Claimed) -> bool:
        reaction = self._routes.reactions.get(orphan.reaction)
        if reaction is None:
            return False
        try:
            document = self._repository.get(reaction.aggregate, orphan.stream)
        except (StreamNotFound, Erased) as error:
            log.warning("%s", error)
            return False
        except (Unreadable, BodyMissing) as error:
            # One stream that cannot be read must not keep the others from being rescued.
            reason = told(error, outcome.masker_of(reaction, self._masker))
            log.error("%s on %s: %s", orphan.reaction, orphan.stream, reason)
            return self._repository.fail_unread(
                orphan.stream, orphan.version, reaction, error, orphan.attempt, self._masker
            )
        standing = document.standing
        if (standing.version, standing.phase, standing.owner) != (orphan.version, Phase.CLAIMED, orphan.owner):
            return False
        times = outcome.interruptions(document) + 1
        decision = reaction.retry.after_interruption(times)
        if isinstance(decision, Again):
            outcome.interrupt(document, f"worker {orphan.owner} is gone", self._clock() + decision.after)
        else:
            outcome.fail(document, reaction, Interrupted(reaction.name, times), orphan.attempt, self._masker)
        try:
            self._repository.save(document, context=Context(causation=orphan.position))
        except (VersionConflict, Erased):
            return False  # its owner woke up and was faster, or another leader was
        log.warning("Rescued %s on %s from worker %s.", orphan.reaction, orphan.stream, orphan.owner)
        return True
