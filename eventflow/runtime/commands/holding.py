"""A lock in the hands of whoever holds it."""

from __future__ import annotations

import logging
from collections.abc import Callable

from eventflow.errors import LockLost
from eventflow.model.event import Event
from eventflow.model.lock import Fence
from eventflow.runtime.commands.ears import Lines
from eventflow.store.fences import GONE

log = logging.getLogger("eventflow.locks")


class Held:
    """A lock that is held until its block ends. Changes when it is lost, and with what is said under it."""

    def __init__(
        self,
        key: str,
        token: int,
        *,
        beat: Callable[[], bool],
        err: Callable[[str], object],
        lines: Lines,
    ) -> None:
        self.key, self.token, self.lines = key, token, lines
        self._beat, self._err = beat, err
        self._lost: str | None = None
        self.last_words: tuple[Event, ...] = ()
        """What is recorded when it is given back and all went well."""

    @property
    def fence(self) -> Fence | None:
        """What an append is tied to with ``app.save(..., fence=lock)``."""
        return Fence(self.key, self.token)

    @property
    def is_lost(self) -> bool:
        """Whether it is known to be lost; asks nobody."""
        return self._lost is not None

    def check(self) -> None:
        """Return if it is still held, prolonged by another lease; raise ``LockLost`` if it is not.

        Also raises ``LockLost`` when the worker that runs this shall stop. Call it between the pieces of long work.
        What must not happen after the lock is lost is tied to it: ``app.save(..., fence=lock)``. ``Unavailable`` says
        that it could not be found out.
        """
        self.beat()
        if self._lost is not None:
            raise LockLost(self.key, self.token, self._lost)

    def beat(self) -> None:
        """Give a sign of life."""
        if self._lost is None and not self._beat():
            self.revoke(GONE)

    def revoke(self, reason: str) -> None:
        """Let ``check`` raise from now on."""
        if self._lost is None:
            self._lost = reason
            log.warning("[%s] The lock with the token %d is lost: %s.", self.key, self.token, reason)

    def note(self, text: str) -> None:
        """Say something that is kept with this run."""
        self.lines.add("info", text)

    def error(self, text: str) -> None:
        """Record an error and go on. Raises ``Unavailable``."""
        self._err(text)


class Unlocked(Held):
    """In place of a lock that somebody wanted to be passed over: nothing is held, and nothing can be lost."""

    @property
    def fence(self) -> Fence | None:
        """Nothing: what is appended is tied to no lock."""
        return None

    def beat(self) -> None:
        """Nobody looks for a sign of life."""
