"""Handlers that are coroutines: hundreds at a time on one event loop, in one thread.

The loop's thread is Dramatiq's, and begins with the worker. A thread of the worker claims, hands the attempt over to
the loop and is free again; what has to be written meanwhile is written by a few threads beside the loop, which never
waits for the database.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future, ThreadPoolExecutor, wait
from functools import partial
from typing import Any, ParamSpec, Protocol, TypeVar

from eventflow.model.masking import Masker
from eventflow.model.telling import MASKER, traced
from eventflow.runtime.seats import Seats

P = ParamSpec("P")
T = TypeVar("T")

log = logging.getLogger("eventflow.runner")

HANDS = 8
"""Threads that write for the handlers on the loop."""

LAST_STEPS = 5.0
"""Seconds that handlers have to end once they were interrupted."""


class LoopThread(Protocol):
    """A thread that runs an event loop: the part of Dramatiq's that is used."""

    loop: asyncio.AbstractEventLoop

    def stop(self) -> None:
        """Stop the loop and end."""


class Asynchronous:
    """An event loop with so many places. Holds its thread, and what runs on it."""

    def __init__(self, thread: LoopThread, *, places: int, masker: Masker = MASKER) -> None:
        self._masker = masker
        self._thread, self._loop = thread, thread.loop
        self._seats = Seats(places)
        self._closing = threading.Event()
        self._hands = ThreadPoolExecutor(HANDS, "eventflow-hand")
        self._open: set[Future[None]] = set()

    def enter(self, priority: int) -> bool:
        """Wait for a place; whether there is one: when the worker ends there are none any more."""
        if not self._seats.take(priority, self._closing):
            return False
        if self._closing.is_set():
            self.leave()
            return False
        return True

    def leave(self) -> None:
        """Give a place back that was not needed."""
        self._seats.leave()

    def begin(self, work: Coroutine[Any, Any, None]) -> None:
        """Run ``work`` in the place that was entered, which is free again when that ends."""
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        self._open.add(future)
        future.add_done_callback(self._ended)

    def _ended(self, future: Future[None]) -> None:
        self._open.discard(future)
        self.leave()
        if not future.cancelled() and (error := future.exception()) is not None:
            trace = traced(error, self._masker)
            log.error("A handler ended without a record; its claim will be rescued.\n%s", trace)

    async def off(self, act: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """What ``act`` returns, which blocks and therefore is done by another thread; to its end, once begun."""
        doing = self._loop.run_in_executor(self._hands, partial(act, *args, **kwargs))
        try:
            return await asyncio.shield(doing)
        except asyncio.CancelledError:
            await asyncio.wait([doing])
            raise

    def call(self, act: Callable[[], object]) -> None:
        """Have something done on the loop soon."""
        self._loop.call_soon_threadsafe(act)

    def answers(self, within: float) -> bool:
        """Whether the loop still turns: a handler that blocks it stops all the others with it."""
        turned = threading.Event()
        self._loop.call_soon_threadsafe(turned.set)
        return turned.wait(within)

    def close(self) -> None:
        """Let nobody in any more."""
        self._closing.set()

    def end(self, grace: float, interrupt: Callable[[], object], last: Callable[[], Coroutine[Any, Any, None]]) -> bool:
        """Wait for what runs, ``interrupt`` it after ``grace`` seconds, and stop the loop; whether all has ended."""
        self.close()
        wait(list(self._open), max(0.0, grace))
        if self._open:
            self._loop.call_soon_threadsafe(interrupt)
            wait(list(self._open), LAST_STEPS)
        clean = not self._open and (not self._loop.is_running() or self.answers(1.0))
        if clean and self._loop.is_running():
            asyncio.run_coroutine_threadsafe(last(), self._loop).result(LAST_STEPS)
            self._thread.stop()
        if clean:
            self._loop.close()
        self._hands.shutdown(wait=clean)
        return clean
