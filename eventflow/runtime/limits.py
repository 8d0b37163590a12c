"""Who may begin now, and who has to come again later.

Before an attempt begins, a reaction with limits takes what it needs: a place, its turn at a host, a host that is not
down. What it does not get it waits for in the log's own table of work, where the relay finds it when it is time: no
attempt has begun, nothing is recorded, nothing is held in a thread. Requests that were not foreseen (to another host,
or the second of a conversation) are asked about before they are sent.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, TypeVar

from eventflow.errors import Erased, NotFound, Unavailable, Unreadable
from eventflow.model.aggregate import Aggregate
from eventflow.model.exchange import Request, Response
from eventflow.model.limits import EVERY, CircuitBreaker, Limit, RateLimit, host_of
from eventflow.model.outcome import masker_of
from eventflow.model.reaction import Reaction
from eventflow.model.retry import LONGEST
from eventflow.model.routine import Routine
from eventflow.model.telling import told
from eventflow.runtime.doors import Doors
from eventflow.runtime.job import Job
from eventflow.runtime.patience import Patience
from eventflow.runtime.repository import Repository
from eventflow.runtime.throttle import Throttle
from eventflow.runtime.turns import Turns
from eventflow.store.limits import Circuit, Circuits

log = logging.getLogger("eventflow.limits")

L = TypeVar("L", RateLimit, CircuitBreaker)

ODD = timedelta(minutes=1)
"""What cannot be asked for its host or its key comes again after this time."""

FRESH = 1.0
"""Seconds for which it is believed what is known of hosts that failed."""

BRIEF = 5.0
"""Seconds that a conversation under way waits in place; what takes longer is put off."""


class Postponed(BaseException):
    """The attempt cannot go on now. No error: it stands here to get past the handler's own ``except Exception``."""

    def __init__(self, due: datetime, what: str) -> None:
        self.due, self.what = due, what
        super().__init__(f"{what} until {due:%H:%M:%S}")


class Peers:
    """What is known of the hosts: whose turn it is, and who is down."""

    def __init__(
        self, limits: Sequence[Limit], *, throttle: Throttle, circuits: Circuits, clock: Callable[[], datetime]
    ) -> None:
        self._rates = {one.host: one for one in limits if isinstance(one, RateLimit)}
        self._breakers = {one.host: one for one in limits if isinstance(one, CircuitBreaker)}
        self._throttle, self._circuits, self._clock = throttle, circuits, clock
        self._known: Mapping[str, Circuit] | None = None
        self._until = 0.0
        self._reading = threading.Lock()

    def __bool__(self) -> bool:
        """Whether there are limits at all."""
        return bool(self._rates or self._breakers)

    def check(self, host: str) -> None:
        """Take a turn at a host. Raises ``Postponed`` when it is down or it is not our turn, ``Unavailable``."""
        breaker = _of(self._breakers, host)
        circuit = self._circuit(host) if breaker else None
        if circuit is not None and circuit.open_until is not None and self._clock() < circuit.open_until:
            raise Postponed(circuit.open_until, f"circuit {host}")
        rate = _of(self._rates, host)
        if rate is not None and (wait := self._throttle.wait(host, rate)) is not None:
            raise Postponed(self._clock() + wait, f"rate {host}")
        if breaker is not None and circuit is not None and circuit.open_until is not None:
            self._probe(host, breaker)

    def _probe(self, host: str, breaker: CircuitBreaker) -> None:
        """Be the one that asks whether the host is well again."""
        now = self._clock()
        is_ours = self._circuits.probe(host, now, now + breaker.rest)
        self._until = 0.0
        if not is_ours:
            raise Postponed(now + breaker.rest, f"circuit {host}")
        log.info("One request is let through to %s, to see whether it is well.", host)

    def _circuit(self, host: str) -> Circuit | None:
        # One thread reads; the others go on with what is known, if anything is.
        if time.monotonic() >= self._until and self._reading.acquire(blocking=self._known is None):
            try:
                until = time.monotonic() + FRESH
                self._known = self._circuits.all()
                self._until = until
            finally:
                self._reading.release()
        return (self._known or {}).get(host)

    def heard(self, host: str, response: Response | None) -> None:
        """What came of a request: an answer, or none."""
        breaker = _of(self._breakers, host)
        if breaker is None:
            return
        try:
            self._count(host, breaker, response)
        except Unavailable as error:
            log.info("What became of a request to %s is not counted: %s", host, error)

    def _count(self, host: str, breaker: CircuitBreaker, response: Response | None) -> None:
        now = self._clock()
        asked = response.retry_after if response is not None and response.status in (429, 503) else None
        if asked:
            self._circuits.open(host, now, now + min(timedelta(seconds=asked), LONGEST))
        elif response is None or response.status >= 500:
            self._circuits.fail(host, now, most=breaker.failures, within=breaker.within, rest=breaker.rest)
        elif self._known is None or host in self._known:
            self._circuits.close(host)
        else:
            return
        self._until = 0.0


class Limits:
    """What the reactions of a worker have to ask before they begin. Changes with what they have taken."""

    def __init__(
        self,
        reactions: Mapping[str, Reaction[Any, Any]],
        *,
        peers: Peers,
        turns: Turns,
        doors: Doors,
        repository: Repository,
        clock: Callable[[], datetime],
        patience: Patience,
    ) -> None:
        self._limited = {name: one for name, one in reactions.items() if _is_limited(one, peers, doors)}
        self._doors, self._peers, self._turns, self._repository = doors, peers, turns, repository
        self._clock, self._patience = clock, patience
        self._admitted: dict[Job, str] = {}

    def admit(self, job: Job) -> bool:
        """Whether the job may begin now; what it takes for that is given back by ``leave``."""
        if job.reaction not in self._limited:
            return True
        if self.holds(job):
            return False  # the same message twice, at the same time
        return self._patience.until_available(lambda: self._admit(job))

    def holds(self, job: Job) -> bool:
        """Whether there is anything to give back."""
        return job in self._turns or job in self._admitted

    def leave(self, job: Job) -> None:
        """The attempt is over, or never began."""
        self._admitted.pop(job, None)
        self._turns.leave(job)

    def before(self, job: Job, request: Request) -> None:
        """Wait for our turn to send a request; not long. Raises ``Postponed`` when it is not soon."""
        if not self._peers:
            return
        host = host_of(request.url)
        if self._admitted.pop(job, None) == host:
            return
        end = time.monotonic() + BRIEF
        while True:
            try:
                self._patience.until_available(lambda: self._peers.check(host))
                return
            except Postponed as held:
                wait = (held.due - self._clock()).total_seconds()
                if held.what.startswith("circuit") or time.monotonic() + wait > end:
                    raise
            # In small pieces: what interrupts the handler strikes between them.
            time.sleep(min(max(wait, 0.001), 0.1))

    def heard(self, request: Request, response: Response | None) -> None:
        """What came of a request: an answer, or none."""
        if self._peers:
            self._peers.heard(host_of(request.url), response)

    def _admit(self, job: Job) -> bool:
        reaction = self._limited[job.reaction]
        if isinstance(reaction, Routine):
            return self._enter(job, reaction)
        try:
            document = self._repository.get(reaction.aggregate, job.stream, version=job.version)
        except (NotFound, Unreadable, Erased):
            return True  # the claim will tell
        if document.standing.version != job.version:
            return True  # neither of us: the claim will see that nothing is to be done
        try:
            host, place = _host(reaction, document), _place(reaction, document)
        except Exception as error:  # noqa: BLE001 - user code
            reason = told(error, masker_of(reaction))
            log.error("%s on %s cannot be asked what limits it: %s", job.reaction, job.stream, reason)
            return self._hold(job, self._clock() + ODD, f"a limit that fails: {reason}")
        return (place is None or self._take(job, reaction, place)) and (host is None or self._ask(job, host))

    def _enter(self, job: Job, routine: Routine) -> bool:
        """A run wants to begin in its channel."""
        most = self._doors.places(job, routine)
        if most is not None and not self._turns.take(job, f"channel {routine.channel}", most):
            return False
        # Behind the place: who had it until now may have left an error.
        try:
            held = self._doors.shut(job, routine)
        except Unavailable:
            self.leave(job)
            raise
        if held is None:
            return True
        self.leave(job)
        self._turns.hold(job, *held)
        if self._doors.shut(job, routine) is None:
            self._doors.open(routine.channel)  # somebody has seen to it before we stood there to wait
        return False

    def _take(self, job: Job, reaction: Reaction[Any, Any], place: str) -> bool:
        return self._turns.take(job, place, reaction.concurrency.limit if reaction.concurrency else 0)

    def _ask(self, job: Job, host: str) -> bool:
        try:
            self._peers.check(host)
        except Postponed as held:
            self.leave(job)
            return self._hold(job, held.due, held.what)
        except Unavailable:
            self.leave(job)
            raise
        self._admitted[job] = host
        return True

    def _hold(self, job: Job, due: datetime, what: str) -> bool:
        """Put the work off; never true, as it does not begin."""
        self._turns.hold(job, due, what)
        return False


def _is_limited(reaction: Reaction[Any, Any], peers: Peers, doors: Doors) -> bool:
    if isinstance(reaction, Routine):
        return doors.guards(reaction)
    return bool(reaction.concurrency or (reaction.host and peers))


def _of(limits: Mapping[str, L], host: str) -> L | None:
    return limits.get(host) or limits.get(EVERY)


def _host(reaction: Reaction[Any, Any], document: Aggregate[Any]) -> str | None:
    host = reaction.host(document) if callable(reaction.host) else reaction.host
    return host_of(host if "//" in host else f"//{host}") if host else None


def _place(reaction: Reaction[Any, Any], document: Aggregate[Any]) -> str | None:
    return reaction.concurrency.place(reaction.name, document) if reaction.concurrency else None
