"""What stops a handler from outside: neither is an ``Exception``, so that handlers do not swallow it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Protocol, TypeVar

T = TypeVar("T")


class Interrupt(BaseException):
    """A handler was stopped by the worker around it."""


class Overdue(Interrupt):
    """The handler ran longer than its time limit."""


class Stopping(Interrupt):
    """The worker is asked to stop and gives back what it holds."""


class Overruled(Interrupt):
    """Somebody moved the item on: nobody waits for what the handler is doing."""


class Guard(Protocol):
    """Keeps interrupts where they belong: in the user's handler."""

    def exposed(self, seconds: float) -> AbstractContextManager[None]:
        """A context in which ``Overdue`` (after ``seconds``), ``Stopping`` and ``Overruled`` may strike."""

    def strike(self, thread: int, still: Callable[[], bool]) -> None:
        """Let ``Overruled`` strike the handler in a thread, if it is exposed and it is ``still`` so."""

    def shielded(self, act: Callable[[], T]) -> T:
        """What ``act`` returns; an interrupt that comes late, meant for the handler before, is waved off.

        ``act`` may be begun again then, so it must be safe to repeat.
        """


class Unguarded:
    """A guard that never strikes: for handlers that run in the caller's own thread."""

    def exposed(self, seconds: float) -> AbstractContextManager[None]:  # noqa: ARG002 - the time limit is not kept
        """A context in which nothing strikes."""
        return nullcontext()

    def strike(self, thread: int, still: Callable[[], bool]) -> None:
        """Nobody is struck."""

    def shielded(self, act: Callable[[], T]) -> T:
        """What ``act`` returns."""
        return act()
