"""What is paused at the moment, asked often and read seldom."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple

from eventflow.errors import Refused, StreamNotFound, Unavailable, VersionConflict
from eventflow.model.recorded import Context, Header
from eventflow.model.switch import Handle, Switch, Triggered, switch_id
from eventflow.runtime.repository import Repository
from eventflow.store.log import Log

log = logging.getLogger("eventflow.switches")

QUEUE, TICK = "queue", "tick"
"""The kinds of what can be paused."""

FRESH = 2.0
"""Seconds for which an answer holds that nobody has called stale."""


class Thing(NamedTuple):
    """What a switch is for."""

    kind: str
    name: str


class Switches:
    """The switches of one log. The heads of their streams say everything; no body is read to ask.

    What was read holds for ``fresh`` seconds, or until ``forget`` says that the log has something newer: the relay
    does so the moment it sees it. While the database is away, the last answer stands. Changes with what it reads.
    """

    def __init__(
        self, log: Log, repository: Repository, *, clock: Callable[[], datetime], fresh: float = FRESH
    ) -> None:
        self._log, self._repository, self._clock, self._fresh = log, repository, clock, fresh
        self._heads: dict[Thing, Header | None] = {}
        self._until = 0.0
        self._reading = threading.Lock()

    def is_paused(self, kind: str, name: str) -> bool:
        """Whether it rests now. Raises ``Unavailable`` only while nothing is known of it."""
        head = self.head(kind, name)
        return head is not None and self._rests(head)

    def ends_at(self, kind: str, name: str) -> datetime | None:
        """When a pause ends by itself, if it does."""
        head = self.head(kind, name)
        return head.due if head is not None and self._rests(head) else None

    def wanted(self, kind: str, name: str) -> int:
        """The version of its stream, when the last thing said there is that it is wanted now; else 0."""
        head = self.head(kind, name)
        triggered = head is not None and head.name.endswith(f":{Triggered.event_name}")
        return head.version if head is not None and triggered else 0

    def head(self, kind: str, name: str) -> Header | None:
        """The last header of a switch, or nothing when it was never touched."""
        thing = Thing(kind, name)
        if thing not in self._heads:
            self._read([thing])
        elif time.monotonic() >= self._until:
            self._read_again()
        return self._heads[thing]

    def forget(self) -> None:
        """Read again before the next answer."""
        self._until = 0.0

    def get(self, kind: str, name: str) -> Switch | None:
        """The switch itself, with the reason for which it rests, as the log has it now."""
        try:
            return self._repository.get(Switch, switch_id(kind, name))
        except StreamNotFound:
            return None

    # -- what operators do -----------------------------------------------------------------------

    def pause(
        self,
        kind: str,
        name: str,
        *,
        reason: str | None = None,
        until: datetime | None = None,
        actor: str | None = None,
    ) -> None:
        """Let it rest. Raises ``Refused`` for an end that is not ahead, ``Unavailable``."""
        if until is not None and until <= self._clock():
            raise Refused(f"A pause until {until:%Y-%m-%d %H:%M:%S %Z} would be over already; it is later than that.")
        self._change(kind, name, lambda one: one.pause(reason, until), actor)

    def resume(self, kind: str, name: str, *, actor: str | None = None) -> bool:
        """Let it go on; whether it rested."""
        head = self._log.head(switch_id(kind, name))
        if head is None or head.status != Handle.PAUSED:
            return False
        self._change(kind, name, Switch.resume, actor)
        return True

    def trigger(self, kind: str, name: str, *, reason: str | None = None, actor: str | None = None) -> int:
        """Ask for it once, now; returns the version that says so."""
        return self._change(kind, name, lambda one: one.trigger(reason), actor)

    def _change(self, kind: str, name: str, act: Callable[[Switch], None], actor: str | None) -> int:
        while True:
            switch = self.get(kind, name) or Switch.create(id=switch_id(kind, name), kind=kind, name=name)
            act(switch)
            try:
                headers = self._repository.save(switch, context=Context(actor=actor))
            except VersionConflict:
                continue
            self.forget()
            return headers[-1].version

    # -- reading ---------------------------------------------------------------------------------

    def _rests(self, head: Header) -> bool:
        return head.status == Handle.PAUSED and (head.due is None or self._clock() < head.due)

    def _read_again(self) -> None:
        # One thread reads; the others go on with what is known.
        if not self._reading.acquire(blocking=False):
            return
        try:
            self._until = time.monotonic() + self._fresh
            self._read(list(self._heads))
        except Unavailable as error:
            log.debug("What is paused cannot be read, the last answer stands: %s", error)
        finally:
            self._reading.release()

    def _read(self, things: list[Thing]) -> None:
        heads = self._log.heads([switch_id(*one) for one in things])
        self._heads.update(zip(things, heads, strict=True))
