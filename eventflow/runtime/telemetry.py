"""What others may hear of the work while it is done: how long it takes, and what comes of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext

from eventflow.runtime.attempt import Attempt

_NOTHING = nullcontext()


class Listener:
    """Hears of what is done in this process; whoever listens overrides what it wants to hear.

    Its methods are called where the work is done, be that an event loop: they must not wait for anything.
    """

    def working(self, attempt: Attempt) -> AbstractContextManager[object]:  # noqa: ARG002 - for those who listen
        """Entered when a handler begins (or a run, up to where it has to wait), left when it has ended.

        ``attempt.came_to`` then says what came of it; ``Fenced`` passes through where nobody wants that any more.
        """
        return _NOTHING


class Telemetry:
    """Tells the listeners of an application. Changes: they come and go; without any it costs nothing."""

    def __init__(self) -> None:
        self.listeners: tuple[Listener, ...] = ()

    @contextmanager
    def heard_by(self, listener: Listener) -> Iterator[None]:
        """Let one more listen while the block runs."""
        self.listeners = (*self.listeners, listener)
        try:
            yield
        finally:
            self.listeners = tuple(one for one in self.listeners if one is not listener)

    def working(self, attempt: Attempt) -> AbstractContextManager[object]:
        """For the time in which a handler works."""
        return _together([one.working(attempt) for one in self.listeners]) if self.listeners else _NOTHING


@contextmanager
def _together(contexts: list[AbstractContextManager[object]]) -> Iterator[None]:
    with ExitStack() as stack:
        for one in contexts:
            stack.enter_context(one)
        yield
