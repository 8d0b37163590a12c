"""Locks: of many who want to do something at the same time, one does it. One stream for each key, which explains it.

A lock is held for a lease, which its holder prolongs for as long as it lives. Each taking has a **token**, higher than
all before it: whoever was paused and wakes too late is known by its token, and refused.

What disables commands is a ``Switch``; how a key stands is told by ``state_of`` from both.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, NamedTuple
from uuid import UUID, uuid5

from pydantic import BaseModel

from eventflow.model.aggregate import Aggregate, folds
from eventflow.model.event import Event
from eventflow.model.status import Look, StatusEnum

NAMES = UUID("9d0f7c0e-2a44-4b6b-9f0e-4a55d1b8c6f3")
"""The space of names in which locks have their ids."""

KEPT = 10
"""So many errors of a key are kept."""

KEPT_FOR = timedelta(hours=72)
"""Errors of runs before the last are kept for so long."""


class Hold(StrEnum):
    """Whether somebody has it."""

    FREE = "free"
    HELD = "held"


class CommandState(StatusEnum):
    """How a command stands, as operators see it."""

    IDLE = "idle", Look(label="Idle", colour="grey", icon="moon")
    WORKING = "working", Look(label="Working", colour="blue", icon="gear", group="loading")
    DISABLED = "disabled", Look(label="DISABLED", colour="orange", icon="pause")
    LOCKED = "locked", Look(label="LOCKED", colour="red", icon="lock", group="failed")
    ERROR = "error", Look(label="ERROR", colour="red", icon="cross", group="failed")


def state_of(*, held: bool, is_old: bool, noticed: bool, disabled: bool, failed: bool) -> CommandState:
    """How a command stands.

    ``is_old``: nothing was heard of the holder for longer than its lease. ``noticed``: that was found out and told of.
    ``failed``: the last run has left errors.

    >>> state_of(held=True, is_old=True, noticed=True, disabled=True, failed=False).label
    'LOCKED'
    """
    if held:
        return CommandState.LOCKED if is_old and noticed else CommandState.WORKING
    if disabled:
        return CommandState.DISABLED
    return CommandState.ERROR if failed else CommandState.IDLE


class Fence(NamedTuple):
    """What an append may be tied to: it is recorded only while the lock of this key is held under this token."""

    key: str
    token: int


class Mishap(BaseModel, frozen=True):
    """An error of a run, as it may be shown anywhere: one line, without markup."""

    at: datetime
    text: str


class Line(BaseModel, frozen=True):
    """What a run has said, and when."""

    at: datetime
    level: str
    text: str


class Taken(Event):
    """Somebody has it from now on, under this token, for as long as its holder beats at least once a ``lease``."""

    token: int
    holder: str
    at: datetime
    lease: float
    """In seconds."""


class Released(Event):
    """Its holder gave it back."""

    token: int


class FoundStale(Event):
    """Nothing was heard of its holder since ``silent_since``, which is longer than its lease."""

    token: int
    holder: str
    silent_since: datetime | None = None


class Broken(Event):
    """Somebody cleared it, whoever held it."""

    token: int
    holder: str
    reason: str | None = None


class Began(Event):
    """A run began without the lock, because somebody wanted that."""

    holder: str
    at: datetime


class Finished(Event):
    """A run ended well, and has said this."""

    result: str | None = None
    lines: tuple[Line, ...] = ()
    dropped: int = 0
    """Lines that were said and are not kept."""


class WentWrong(Event):
    """An error of a run, with what it has said until then; its text is masked and plain."""

    token: int
    at: datetime
    text: str
    type: str = ""
    traceback: str | None = None
    lines: tuple[Line, ...] = ()
    dropped: int = 0


class Lock(
    Aggregate[Hold],
    category="eventflow_lock",
    initial=Hold.FREE,
    events=(Taken, Released, FoundStale, Broken, Began, Finished, WentWrong),
):
    """The lock of one key, and what came of the last runs under it.

    ``mishaps`` are the errors of the last run, ``earlier`` those of runs before it; ``runs`` counts them, with the lock
    and without. ``failing_since`` is the number of the first one that failed after one that went well.
    """

    key: str
    token: int = 0
    holder: str | None = None
    noticed: bool = False
    executed_at: datetime | None = None
    result: str | None = None
    mishaps: tuple[Mishap, ...] = ()
    earlier: tuple[Mishap, ...] = ()
    runs: int = 0
    failing_since: int | None = None

    @property
    def is_held(self) -> bool:
        """Whether somebody has it, alive or not."""
        return self.status is Hold.HELD

    def recent(self, now: datetime) -> tuple[Mishap, ...]:
        """The errors of runs before the last that are not too old to be shown."""
        return tuple(one for one in self.earlier if one.at >= now - KEPT_FOR)

    def take(self, holder: str, at: datetime, lease: timedelta) -> int:
        """Give it to somebody; returns the token. Whoever held it before has it no more."""
        event = Taken(token=self.token + 1, holder=holder, at=at, lease=lease.total_seconds())
        self.record(event, status=Hold.HELD, phase=None)
        return self.token

    def find_stale(self, silent_since: datetime | None = None) -> None:
        """Say that nothing is heard of its holder."""
        found = FoundStale(token=self.token, holder=self.holder or "", silent_since=silent_since)
        self.record(found, status=self.status, phase=None)

    def release(self) -> None:
        """Give it back."""
        self.record(Released(token=self.token), status=Hold.FREE, phase=None)

    def clear(self, reason: str | None = None) -> None:
        """Take it from whoever holds it."""
        self.record(Broken(token=self.token, holder=self.holder or "", reason=reason), status=Hold.FREE, phase=None)

    @folds(Taken)
    def _taken(self, event: Taken) -> Mapping[str, Any]:
        return {"token": event.token, "holder": event.holder, "noticed": False, **self._ran(event.at)}

    @folds(Began)
    def _began(self, event: Began) -> Mapping[str, Any]:
        return self._ran(event.at)

    @folds(Released)
    def _released(self, _: Released) -> Mapping[str, Any]:
        return {"holder": None, "noticed": False, **({} if self.mishaps else {"failing_since": None})}

    @folds(Broken)
    def _broken(self, _: Broken) -> Mapping[str, Any]:
        return {"holder": None, "noticed": False}

    @folds(FoundStale)
    def _found_stale(self, _: FoundStale) -> Mapping[str, Any]:
        return {"noticed": True}

    @folds(Finished)
    def _finished(self, event: Finished) -> Mapping[str, Any]:
        return {"result": event.result, **({} if self.mishaps else {"failing_since": None})}

    @folds(WentWrong)
    def _went_wrong(self, event: WentWrong) -> Mapping[str, Any]:
        mishap = Mishap(at=event.at, text=event.text)
        if event.token < self.token:
            # Of one who had lost the lock already: the present run has not failed.
            return {"earlier": (*self.earlier, mishap)[-KEPT:]}
        mishaps = (*self.mishaps, mishap)[-KEPT:]
        since = self.runs if self.failing_since is None else self.failing_since
        return {"mishaps": mishaps, "earlier": _last(self.earlier, KEPT - len(mishaps)), "failing_since": since}

    def _ran(self, at: datetime) -> Mapping[str, Any]:
        """What a run that begins changes: the errors of the one before it are earlier ones now, its result is over."""
        kept = [one for one in (*self.earlier, *self.mishaps) if one.at >= at - KEPT_FOR]
        return {
            "executed_at": at,
            "runs": self.runs + 1,
            "result": None,
            "mishaps": (),
            "earlier": tuple(kept[-KEPT:]),
        }


def _last(some: tuple[Mishap, ...], number: int) -> tuple[Mishap, ...]:
    return some[-number:] if number > 0 else ()


def lock_id(key: str) -> UUID:
    """The stream of a lock: the same for the same key, wherever it is asked for."""
    return uuid5(NAMES, key)


def key_of(name: str, param: str | None = None) -> str:
    """The key under which a command runs, alone or with one of its parameters.

    >>> key_of("import-invoices"), key_of("import-invoices", "north")
    ('import-invoices', 'import-invoices-north')
    """
    return name if param is None else f"{name}-{param}"
