"""A worker: threads that run jobs, the followers that feed them, and a heart that keeps what they have claimed."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta
from uuid import UUID

from eventflow.errors import Unavailable
from eventflow.runtime.broker import Broker
from eventflow.runtime.follower import Follower
from eventflow.runtime.gate import Gate
from eventflow.runtime.heart import Heart
from eventflow.runtime.lookout import Lookout
from eventflow.runtime.runner import Runner
from eventflow.store.workers import Workers

log = logging.getLogger("eventflow.worker")

WAITING = 8
"""Outcomes per thread that may wait to be recorded."""

LAST_WORDS = 5.0
"""Seconds beyond its grace that a worker takes to record the outcomes it has when it stops."""

HANGING_GRACE = 5.0
"""Seconds that a handler may go on after its time limit before it is disowned."""


class Worker:
    """Runs until it is stopped; as many as wanted may run at once, in as many processes.

    ``threads`` handlers run at a time. The followers (relay, projections) run in one worker of all; the others
    stand by. A worker whose threads all hang ends by itself: ``hung`` says so.
    """

    def __init__(
        self,
        id: UUID,
        name: str,
        *,
        broker: Broker,
        runner: Runner,
        gate: Gate,
        workers: Workers,
        lookout: Lookout,
        followers: Sequence[Follower],
        lease: timedelta,
        threads: int,
        queues: Iterable[str] | None = None,
        stopping: threading.Event | None = None,
    ) -> None:
        self.id, self.name, self.threads = id, name, threads
        self._broker, self._runner, self._workers, self._followers = broker, runner, workers, followers
        self._gate = gate
        self._queues = list(queues) if queues is not None else None
        self._lease, self._lookout = lease, lookout
        self._heart = Heart(lease, self._beat, self._watch)
        self._disowned: set[int] = set()
        self._stopping = stopping or threading.Event()
        self.hung = threading.Event()

    def start(self) -> None:
        """Begin to beat, to follow and to consume. Raises ``Unavailable`` when the database is out of reach."""
        self._heart.begin()
        for follower in self._followers:
            follower.begin()
        self._lookout.begin()
        self._runner.begin(waiting=WAITING * self.threads)
        self._broker.start(self._gate.before(self._runner.run), threads=self.threads, queues=self._queues)
        log.info("Worker %s began with %d threads.", self.name, self.threads)

    def stop(self, grace: timedelta = timedelta(seconds=30)) -> bool:
        """End gracefully: what runs may finish within ``grace``, what then still runs is given back.

        Returns whether everything has ended; a handler that no interrupt reaches is left to the rescue.
        """
        # The followers end last: embedded, leading is what makes our claims ours.
        seconds = grace.total_seconds()
        end = time.monotonic() + seconds
        last_try = _later(seconds, self._stopping.set)  # of what waits for the database then, each has one try more
        self._runner.close()
        clean = self._broker.stop(seconds)
        left = end - time.monotonic()
        clean = self._runner.end(max(left, 0.0) + LAST_WORDS, left) and clean
        last_try.cancel()
        self._stopping.set()
        self._lookout.end()
        for follower in self._followers:
            follower.close()
        for follower in self._followers:
            follower.end()
        self._heart.end()
        try:
            if clean:
                self._workers.retire(self.id)
        except Unavailable as error:
            log.warning("The worker could not sign off, its lease will run out instead: %s", error)
        return clean

    def _beat(self) -> None:
        self._workers.beat(self.id, self.name, self._lease)

    def _watch(self) -> None:
        for thread, attempt in self._runner.overdue(HANGING_GRACE):
            if thread not in self._disowned:
                log.error(
                    "%s hangs in a call that cannot be interrupted; its claim is given up.", attempt.reaction.name
                )
                self._runner.disown(attempt)
                self._disowned.add(thread)
        self._disowned &= self._runner.running.keys()
        if len(self._disowned) >= self.threads or (self._disowned and self._runner.is_stuck()):
            self.hung.set()


def _later(seconds: float, act: Callable[[], None]) -> threading.Timer:
    timer = threading.Timer(seconds, act)
    timer.daemon = True
    timer.start()
    return timer
