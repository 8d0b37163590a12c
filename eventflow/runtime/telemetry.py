"""What others may hear of the work while it is done: how long it takes, what comes of it, what led to it."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from types import TracebackType
from typing import NamedTuple

from eventflow.model.exchange import Request
from eventflow.model.recorded import Header
from eventflow.runtime.attempt import Attempt
from eventflow.runtime.job import Job

log = logging.getLogger("eventflow.telemetry")

Block = AbstractContextManager[object]

_NOTHING: Block = nullcontext()


class Asked(NamedTuple):
    """A request that an endpoint or a step made, and the status of the answer; none if there was no answer."""

    attempt: Attempt
    request: Request
    status: int | None


class Listener:
    """Hears of what is done in this process; whoever listens overrides what it wants to hear.

    Its methods are called where the work is done, be that an event loop: they must not wait. Moments are
    nanoseconds, as ``time.time_ns`` counts them.
    """

    def sent(self, queue: str, jobs: Sequence[Job], began: int) -> None:
        """The broker has these since now; that was ``began`` then."""

    def processing(self, job: Job, queue: str) -> Block:  # noqa: ARG002 - for those who listen
        """Entered when a message came, left when this thread is done with it: a coroutine goes on then."""
        return _NOTHING

    def working(self, attempt: Attempt) -> Block:  # noqa: ARG002
        """Entered when a handler begins (or a run, up to where it has to wait), left when it has ended.

        ``attempt.came_to`` then says what came of it; ``Fenced`` passes through where nobody wants that any more.
        """
        return _NOTHING

    def stepping(self, attempt: Attempt, step: str) -> Block:  # noqa: ARG002
        """Entered when a step of a run begins, left when it has ended; by whatever it raises, if it failed."""
        return _NOTHING

    def asked(self, asked: Asked, began: int) -> None:
        """Another system has answered, or has not, to what was asked at that moment."""

    def appended(self, headers: Sequence[Header], began: int) -> None:
        """These are in the log; that was ``began`` then. Told in the thread that appended."""


class Telemetry:
    """Tells the listeners of an application. Changes: they come and go; without any it costs nothing.

    A listener that raises is told of to the log: the work goes on as if nobody listened.
    """

    def __init__(self, listeners: Sequence[Listener] = ()) -> None:
        self.listeners = tuple(listeners)

    @contextmanager
    def heard_by(self, listener: Listener) -> Iterator[None]:
        """Let one more listen while the block runs."""
        self.listeners = (*self.listeners, listener)
        try:
            yield
        finally:
            self.listeners = tuple(one for one in self.listeners if one is not listener)

    def now(self) -> int:
        """The moment at which something begins, if anybody wants to know."""
        return time.time_ns() if self.listeners else 0

    def sent(self, queue: str, jobs: Sequence[Job], began: int) -> None:
        """What the broker has now."""
        self._tell(lambda one: one.sent(queue, jobs, began))

    def processing(self, job: Job, queue: str) -> Block:
        """For the time in which a thread does what a message says."""
        return self._around(lambda one: one.processing(job, queue)) if self.listeners else _NOTHING

    def working(self, attempt: Attempt) -> Block:
        """For the time in which a handler works."""
        return self._around(lambda one: one.working(attempt)) if self.listeners else _NOTHING

    def stepping(self, attempt: Attempt, step: str) -> Block:
        """For the time in which a step is done."""
        return self._around(lambda one: one.stepping(attempt, step)) if self.listeners else _NOTHING

    def asked(self, asked: Asked, began: int) -> None:
        """What another system was asked."""
        self._tell(lambda one: one.asked(asked, began))

    def appended(self, headers: Sequence[Header], began: int) -> None:
        """What is in the log now."""
        self._tell(lambda one: one.appended(headers, began))

    def _tell(self, say: Callable[[Listener], object]) -> None:
        for one in self.listeners:
            with _unharmed():
                say(one)

    @contextmanager
    def _around(self, begin: Callable[[Listener], Block]) -> Iterator[None]:
        with ExitStack() as stack:
            for one in self.listeners:
                with _unharmed():
                    stack.enter_context(_Unharmed(begin(one)))
            yield


class _Unharmed:
    """A block of a listener: what it raises is not raised, and what is raised in it is."""

    def __init__(self, block: Block) -> None:
        self._block = block

    def __enter__(self) -> None:
        self._block.__enter__()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with _unharmed():
            self._block.__exit__(kind, error, trace)


@contextmanager
def _unharmed() -> Iterator[None]:
    try:
        yield
    except Exception:
        log.exception("A listener failed; what it listened to goes on.")
