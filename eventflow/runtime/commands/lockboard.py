"""How locks and commands stand, and whether operators let them be used."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from eventflow.errors import CommandDisabled, StreamNotFound
from eventflow.model.lock import CommandState, Lock, Mishap, lock_id, state_of
from eventflow.model.people import ANYBODY, People
from eventflow.model.switch import Handle, switch_id
from eventflow.runtime.repository import Repository
from eventflow.runtime.switches import Switches
from eventflow.store.locks import STALE, Lease, Leases
from eventflow.store.log import Log

COMMAND, COMMANDS = "command", "commands"
"""The kinds of switches by which one command, and all of them, are disabled."""

ALL = "all"


@dataclass(frozen=True, slots=True)
class Disabled:
    """That a command is disabled: ``everything`` or only this one, by whom, why, since when and until when."""

    everything: bool
    by: str | None
    reason: str | None
    since: datetime
    until: datetime | None


@dataclass(frozen=True, slots=True)
class KeyStatus:
    """How one key stands.

    ``holder``, ``since`` and ``until`` are those of who has the lock, if anybody has. ``mishaps`` are the errors of the
    last run, ``earlier`` those of runs before, of the last 72 hours; ten at most in all.
    """

    key: str
    title: str
    state: CommandState
    token: int
    holder: str | None
    since: datetime | None
    until: datetime | None
    executed_at: datetime | None
    result: str | None
    mishaps: tuple[Mishap, ...]
    earlier: tuple[Mishap, ...]
    disabled: Disabled | None


class Lockboard:
    """The locks of one log as operators see and steer them."""

    def __init__(
        self,
        log: Log,
        repository: Repository,
        leases: Leases,
        switches: Switches,
        *,
        clock: Callable[[], datetime],
        people: People = ANYBODY,
    ) -> None:
        self._log, self._repository, self._leases = log, repository, leases
        self._switches, self._clock, self._people = switches, clock, people

    # -- what operators do -----------------------------------------------------------------------

    def disable(
        self,
        key: str | None = None,
        *,
        reason: str | None = None,
        until: datetime | None = None,
        actor: str | None = None,
    ) -> None:
        """Let nothing be run under this key, or under any; what runs goes on.

        Raises ``Refused`` for an end that is past, ``NotAllowed``.
        """
        self._people.check_manage(f"Disabling {key or 'all commands'}", actor)
        self._switches.pause(*_switch(key), reason=reason, until=until, actor=actor)

    def enable(self, key: str | None = None, *, actor: str | None = None) -> bool:
        """Let it be run again; whether it was disabled. One that was disabled alone stays so when all are enabled.

        Raises ``NotAllowed``.
        """
        self._people.check_manage(f"Enabling {key or 'all commands'}", actor)
        return self._switches.resume(*_switch(key), actor=actor)

    def disabled(self, key: str | None = None) -> Disabled | None:
        """Why nothing is run under this key (or, without one, under any), if so; asks the log and nothing else."""
        switches = [_switch(None), *([] if key is None else [_switch(key)])]
        heads = self._log.heads([switch_id(*one) for one in switches])
        for (kind, name), head in zip(switches, heads, strict=True):
            if head is None or head.status != Handle.PAUSED or (head.due is not None and head.due <= self._clock()):
                continue
            switch = self._switches.get(kind, name)
            reason = switch.reason if switch is not None else None
            return Disabled(kind == COMMANDS, self._people.shown(head.actor), reason, head.recorded_at, head.due)
        return None

    def check_manage(self, what: str, actor: str | None) -> None:
        """Raise ``NotAllowed`` if this one may not do this."""
        self._people.check_manage(what, actor)

    def refuse_disabled(self, key: str) -> None:
        """Raise ``CommandDisabled`` if nothing is to be run under this key."""
        if (found := self.disabled(key)) is not None:
            raise CommandDisabled(key, found.by, found.reason, found.until)

    # -- how things stand ------------------------------------------------------------------------

    def status(self, key: str, title: str | None = None) -> KeyStatus:
        """How a key stands; one that nobody ever used is idle."""
        lock, lease, disabled = self.get(key), self._leases.get(lock_id(key)), self.disabled(key)
        is_held = lease is not None and lease.is_held
        state = state_of(
            held=is_held,
            is_old=lease is not None and not lease.fresh,
            noticed=lease is not None and lease.state == STALE,
            disabled=disabled is not None,
            failed=bool(lock.mishaps),
        )
        return KeyStatus(
            key=key,
            title=title or key,
            state=state,
            token=lock.token,
            holder=lease.holder if lease is not None and is_held else None,
            since=lease.taken_at if lease is not None and is_held else None,
            until=lease.until if lease is not None and is_held else None,
            executed_at=lock.executed_at,
            result=lock.result,
            mishaps=lock.mishaps,
            earlier=lock.recent(self._clock()),
            disabled=disabled,
        )

    def keys(self, *, after: str = "", limit: int = 200) -> list[str]:
        """Every key that was ever taken, in order, a page at a time."""
        return [one.key for one in self._leases.each(after=after, limit=limit)]

    def was_used(self, key: str) -> bool:
        """Whether anything is known of this key."""
        streams = [lock_id(key), switch_id(*_switch(key))]
        return any(head is not None for head in self._log.heads(streams))

    def held(self, *, after: str = "", limit: int = 200) -> list[str]:
        """The keys that somebody has, in order, a page at a time."""
        return [one.key for one in self._leases.held(after=after, limit=limit)]

    def lease(self, key: str) -> Lease | None:
        """Who has a lock, or had it last; nothing of one that was never taken."""
        return self._leases.get(lock_id(key))

    def get(self, key: str) -> Lock:
        """A lock as the log has it now; of one that was never taken, a new one."""
        try:
            return self._repository.get(Lock, lock_id(key))
        except StreamNotFound:
            return Lock.create(id=lock_id(key), key=key)


def _switch(key: str | None) -> tuple[str, str]:
    return (COMMANDS, ALL) if key is None else (COMMAND, key)
