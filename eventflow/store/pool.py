"""Connections that are kept for the next one who needs them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar


class Closable(Protocol):
    """All that a pool has to know of a connection."""

    def close(self) -> None: ...


C = TypeVar("C", bound=Closable)


class Pool(Generic[C]):
    """Hands out idle connections, or new ones when none is idle. Holds what was given back.

    A connection belongs to one thread at a time; as many are open as threads work at once.
    """

    def __init__(self, connect: Callable[[], C], keep: int = 16) -> None:
        self._connect, self._keep = connect, keep
        # The methods of a deque are atomic; no lock has to be held when an exception is thrown into a thread.
        self._idle: deque[C] = deque()
        self._closed = False

    def take(self) -> C:
        """A connection, an idle one if there is one."""
        try:
            return self._idle.pop()
        except IndexError:
            return self._connect()

    def fresh(self) -> C:
        """A new connection; the idle ones are dropped, because one of them turned out to be dead."""
        self.drop()
        return self._connect()

    def give(self, connection: C) -> None:
        """Give back a connection that works."""
        if self._closed or len(self._idle) >= self._keep:
            connection.close()
        else:
            self._idle.append(connection)

    def drop(self) -> None:
        """Close everything that is idle."""
        while self._idle:
            self._idle.pop().close()

    def close(self) -> None:
        """Close everything that is idle, and whatever comes back later."""
        self._closed = True
        self.drop()
