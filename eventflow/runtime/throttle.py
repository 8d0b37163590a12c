"""So many of something in each period, counted by Dramatiq's rate limiter: in Redis, or in the log's database."""

from __future__ import annotations

import math
import threading
import time
from datetime import timedelta

from dramatiq.rate_limits import BucketRateLimiter, RateLimiterBackend

from eventflow.model.limits import RateLimit
from eventflow.runtime.broker import Broker
from eventflow.store.limits import Tallies

MANY = 10_000
"""So many hosts are remembered; those whose turn is over are forgotten then."""

FAR = timedelta(minutes=10)
"""Nobody is sent away for longer, unless the period itself ends later: a limit may be raised meanwhile."""


class DatabaseBackend(RateLimiterBackend):
    """As much of a backend as counting in periods needs, on the log's database."""

    def __init__(self, tallies: Tallies) -> None:
        self._tallies = tallies

    def add(self, key: str, value: int, ttl: int) -> bool:
        """Begin to count; whether nobody had begun."""
        return self._tallies.add(key, value, timedelta(milliseconds=ttl))

    def incr(self, key: str, amount: int, maximum: int, ttl: int) -> bool:
        """Count on, unless that is more than the maximum; whether it was counted."""
        return self._tallies.increase(key, amount, maximum, timedelta(milliseconds=ttl))


class Throttle:
    """Gives out turns. Who gets none is told when to come again: each at a time of its own, not all at once.

    Remembers until when it has sent others away; that is a guess of this process alone, which spreads those who wait.
    """

    def __init__(self, broker: Broker, tallies: Tallies) -> None:
        self._broker, self._backend = broker, broker.counter() or DatabaseBackend(tallies)
        self._turns: dict[str, float] = {}
        self._mutex = threading.Lock()

    def wait(self, name: str, rate: RateLimit) -> timedelta | None:
        """Nothing when it is our turn, and taken; else how long to stay away. Raises ``Unavailable``."""
        period = max(1, round(rate.per.total_seconds() * 1000))
        key = f"{self._broker.namespace}:rate:{name}"
        limiter = BucketRateLimiter(self._backend, key, limit=rate.requests, bucket=period)
        with self._broker.reached(), limiter.acquire(raise_on_failure=False) as is_ours:
            return None if is_ours else self._later(name, rate, period)

    def _later(self, name: str, rate: RateLimit, period: int) -> timedelta:
        now = time.time()
        begins = (math.floor(now * 1000 / period) + 1) * period / 1000
        with self._mutex:
            turn = max(begins, self._turns.get(name, 0.0) + period / 1000 / rate.requests)
            turn = min(turn, max(begins, now + FAR.total_seconds()))
            self._turns[name] = turn
            if len(self._turns) > MANY:
                self._turns = {one: then for one, then in self._turns.items() if then > now}
        return timedelta(seconds=turn - now)
