"""Who stands before the workers' threads: what comes for a paused queue is sent back before it is claimed."""

from __future__ import annotations

import logging
from collections.abc import Callable

from eventflow.errors import Unavailable
from eventflow.runtime.job import Job
from eventflow.runtime.relay import Routes
from eventflow.runtime.switches import QUEUE, Switches
from eventflow.store.work import Work

log = logging.getLogger("eventflow.gate")


class Gate:
    """Lets a job pass, or gives it back: no attempt has begun then, and nothing of it is recorded.

    What is given back is due as before; the relay sends it again when the queue goes on.
    """

    def __init__(self, routes: Routes, switches: Switches, work: Work) -> None:
        self._routes, self._switches, self._work = routes, switches, work

    def before(self, run: Callable[[Job], None]) -> Callable[[Job], None]:
        """Like ``run``, for those that pass."""

        def guarded(job: Job) -> None:
            if not self._stops(job):
                run(job)

        return guarded

    def _stops(self, job: Job) -> bool:
        queue = self._routes.queue(job.reaction)
        if queue is None or not self._is_paused(queue):
            return False
        # Only what was read just now sends anything back: it might have gone on a moment ago.
        self._switches.forget()
        if not self._is_paused(queue):
            return False
        try:
            self._work.release(job.stream, job.version)
        except Unavailable as error:
            log.info("A message for the paused queue %s is dropped, it is sent again later: %s", queue, error)
        return True

    def _is_paused(self, queue: str) -> bool:
        try:
            return self._switches.is_paused(QUEUE, queue)
        except Unavailable:
            return False  # nothing is known yet: the claim will wait for the database
