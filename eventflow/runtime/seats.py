"""Who may run a handler now, and whether it pays to claim before that is known.

A claim is waited for (decision 7), and a thread that waits for it runs no handler. A worker has more threads than
handlers that may run at a time, so that the next attempts are claimed while the present ones run.
"""

from __future__ import annotations

import heapq
import threading
from dataclasses import dataclass, field
from itertools import count

AHEAD = 2
"""Threads for each seat: as many again claim as run."""

QUICK = 0.02
"""Seconds that handlers take, on the average of the last few, while it pays to claim ahead of a seat."""

SOON = 1.0
"""Seconds that what was claimed ahead waits for its seat; then it is given back, somebody else may have one."""


@dataclass(order=True)
class _Waiting:
    priority: int
    number: int
    seated: threading.Event = field(default_factory=threading.Event, compare=False)


class Seats:
    """So many handlers run at a time; of those that wait, the one of the lowest priority number is next."""

    def __init__(self, number: int) -> None:
        self._free, self._mean = number, QUICK
        self._waiting: list[_Waiting] = []
        self._numbers = count()
        self._mutex = threading.Lock()

    @property
    def pays_ahead(self) -> bool:
        """Whether handlers are so quick of late that what is claimed now has its seat in a moment."""
        return self._mean < QUICK

    def take(self, priority: int, closing: threading.Event) -> bool:
        """Wait for a seat; whether there was one before the worker is ``closing``."""
        waiting = self._wait(priority)
        while waiting is not None and not waiting.seated.wait(0.1):
            if closing.is_set():
                return self._is_late(waiting)
        return True

    def take_soon(self, priority: int) -> bool:
        """Wait a moment for a seat; when there is none in that time, handlers count as slow from now on."""
        waiting = self._wait(priority)
        if waiting is None or waiting.seated.wait(SOON) or self._is_late(waiting):
            return True
        self._mean = max(self._mean, SOON)
        return False

    def leave(self, seconds: float | None = None) -> None:
        """Let the next one sit down. ``seconds`` is what the handler took, if one ran."""
        with self._mutex:
            if seconds is not None:
                self._mean += (seconds - self._mean) / 8
            if self._waiting:
                heapq.heappop(self._waiting).seated.set()
            else:
                self._free += 1

    def _wait(self, priority: int) -> _Waiting | None:
        with self._mutex:
            if self._free:
                self._free -= 1
                return None
            waiting = _Waiting(priority, next(self._numbers))
            heapq.heappush(self._waiting, waiting)
            return waiting

    def _is_late(self, waiting: _Waiting) -> bool:
        """Wait no more; whether the seat came at the last moment."""
        with self._mutex:
            if waiting.seated.is_set():
                return True
            self._waiting.remove(waiting)
            heapq.heapify(self._waiting)
            return False
