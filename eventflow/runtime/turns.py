"""Whose turn it is: places that are taken and given back, and work that is put off until it is its time.

What has to wait does so in the log's own table of work, where the relay finds it: no attempt has begun, nothing is
recorded, nothing is held in a thread.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from uuid import UUID

from eventflow.errors import Unavailable
from eventflow.runtime.job import Job
from eventflow.runtime.patience import Patience
from eventflow.runtime.relay import CHECKPOINT
from eventflow.store.limits import Places
from eventflow.store.work import Work

log = logging.getLogger("eventflow.turns")

AT_LAST = timedelta(minutes=1)
"""What waits for a place looks again after this time, should nobody have called it."""

UNRELAYED = 0.01
"""Seconds between two looks for work that the relay has sent, and has not written down yet."""


class Turns:
    """The places that a worker has taken for its jobs. Changes with each."""

    def __init__(
        self, places: Places, work: Work, *, clock: Callable[[], datetime], owner: UUID, patience: Patience
    ) -> None:
        self._places, self._work, self._clock, self._owner, self._patience = places, work, clock, owner, patience
        self._taken: dict[Job, str] = {}

    def __contains__(self, job: Job) -> bool:
        """Whether the job has a place."""
        return job in self._taken

    def take(self, job: Job, place: str, most: int) -> bool:
        """Take one of so many places for the job; if none is free, it comes again as soon as one is."""
        due = self._clock() + AT_LAST
        while True:
            is_relayed = self._is_relayed(job)
            free = self._places.take(place, job.stream, job.version, self._owner, most=most, due=due)
            if free:
                self._taken[job] = place
                return True
            if free is False:
                log.debug("%s on %s waits for a place of %s.", job.reaction, job.stream, place)
                return False
            if is_relayed:
                return False  # the work has moved on
            time.sleep(UNRELAYED)

    def leave(self, job: Job) -> None:
        """Give back the place of a job, if it has one: the attempt is over, or never began."""
        place = self._taken.pop(job, None)
        if place is None:
            return
        try:
            self._patience.until_available(lambda: self._places.leave(place, job.stream, self._owner, self._clock()))
        except Unavailable as error:
            log.info("The place %s is free when our lease has run out: %s", place, error)

    def hold(self, job: Job, due: datetime, what: str) -> None:
        """Put the work off, and say what for."""
        log.debug("%s on %s is put off until %s: %s", job.reaction, job.stream, due, what)
        while True:
            is_relayed = self._is_relayed(job)
            if self._work.postpone(job.stream, job.version, due, what) or is_relayed:
                return
            time.sleep(UNRELAYED)

    def _is_relayed(self, job: Job) -> bool:
        """Whether the relay has written down what it sent. To be asked first: what is not there then has moved on."""
        return self._work.position(CHECKPOINT) >= job.position
