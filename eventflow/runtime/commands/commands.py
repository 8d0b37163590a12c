"""Commands at work: run under their locks, by people and by the scheduler, each run told by the log."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any

from eventflow.errors import CommandDisabled, LockHeld, NotFound, did_you_mean
from eventflow.model.command import Command, Listed, groups
from eventflow.model.lock import Finished
from eventflow.model.masking import Masker
from eventflow.model.plain import plain_error
from eventflow.model.recorded import Context
from eventflow.runtime.commands.ears import listening
from eventflow.runtime.commands.holding import Held
from eventflow.runtime.commands.lockboard import KeyStatus
from eventflow.runtime.commands.locks import Locks
from eventflow.runtime.ticks import SCHEDULER, Tick

log = logging.getLogger("eventflow.commands")

TICK = "command-"
"""How the ticks of commands are called, before the key."""

LOOK = 0.5
"""Seconds between two looks at whether a holder is heard of."""

STOPPING = "the worker that runs this is asked to stop"


@dataclass(frozen=True, slots=True)
class Ran:
    """What came of a run that ended well."""

    key: str
    token: int | None
    result: str | None
    took: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Passing:
    """What a run passes over because somebody wants that: what disables it, its lock, or who has the lock until now."""

    disabled: bool = False
    lock: bool = False
    holder: bool = False


NOTHING = Passing()


class Commands:
    """The commands of an application. ``app`` is what their functions are given under that name."""

    def __init__(self, listed: Sequence[Listed], locks: Locks, *, app: object, masker: Masker) -> None:
        self._groups = groups(listed)
        self._commands = {one.name: one for group in self._groups for one in group}
        self._locks, self._app, self._masker = locks, app, masker
        self._now: set[Held] = set()

    def all(self) -> list[Command[Any, Any]]:
        """The commands, in the order in which they were given."""
        return list(self._commands.values())

    def groups(self) -> list[list[Command[Any, Any]]]:
        """The same, parted where a spacer stands between them."""
        return self._groups

    def get(self, name: str) -> Command[Any, Any]:
        """One of them. Raises ``NotFound``."""
        if name not in self._commands:
            known = list(self._commands)
            there = f" There is {', '.join(known)}." if known else " This application has none."
            raise NotFound(f'There is no command "{name}".{did_you_mean(name, known)}{there}')
        return self._commands[name]

    def run(
        self, name: str, param: str | None = None, *, passing: Passing = NOTHING, context: Context = Context()
    ) -> Ran:
        """Run a command now, in this thread.

        Raises ``NotFound``, ``CommandDisabled``, ``LockHeld``, ``LockLost``, ``Unavailable``; and whatever its function
        raises, once that is recorded.
        """
        command = self.get(name)
        key, began = command.key(param), time.monotonic()
        if passing.holder:
            self._locks.clear(key, reason="a run was told to remove it", force=True, context=context)
        with self._hold(command, key, passing, context) as held, listening(held.lines), self._running(held):
            result = _spoken(command.call(app=self._app, lock=held, param=param), self._masker)
            held.last_words = (Finished(result=result, lines=held.lines.all(), dropped=held.lines.dropped),)
        fence = held.fence
        return Ran(key, fence.token if fence else None, result, timedelta(seconds=time.monotonic() - began))

    def stop(self) -> None:
        """Let every run that goes on in this process end at its next ``check()``."""
        for held in list(self._now):
            held.revoke(STOPPING)

    def was_left(self, tick: str, pause: Callable[[float], bool]) -> bool:
        """Whether the lock of a tick's command is held by somebody who gives no sign of life until its lease is over.

        Waits for that; for nothing when it is free, or its holder is heard of.
        """
        key = tick.removeprefix(TICK)
        first = lease = self._locks.board.lease(key)
        while lease is not None and first is not None and lease.is_held and lease[:7] == first[:7]:
            if not lease.fresh:
                return True
            if pause(LOOK):
                return False
            lease = self._locks.board.lease(key)
        return False

    def statuses(self) -> list[KeyStatus]:
        """How every command stands, with each of its params, in the order in which they were given."""
        return [self._locks.board.status(key, title) for one in self.all() for _, key, title in one.lines()]

    def ticks(self) -> list[Tick]:
        """Those that the scheduler runs, in their rhythms."""
        return [
            Tick(
                name=f"{TICK}{key}",
                every=one.every,
                run=partial(self._run_scheduled, one.name, param),
                purpose=f"runs {title}",
            )
            for one in self.all()
            if one.every is not None
            for param, key, title in one.lines()
        ]

    def _run_scheduled(self, name: str, param: str | None) -> int:
        try:
            self.run(name, param, context=SCHEDULER)
        except CommandDisabled as error:
            log.info("[%s] Not run: %s", error.key, error)
            return 0
        except LockHeld as error:
            log.warning("[%s] Not run: %s", error.key, error)
            return 0
        return 1

    @contextmanager
    def _running(self, held: Held) -> Iterator[None]:
        self._now.add(held)
        try:
            yield
        finally:
            self._now.discard(held)

    def _hold(
        self, command: Command[Any, Any], key: str, passing: Passing, context: Context
    ) -> AbstractContextManager[Held]:
        if passing.lock:
            return self._locks.pass_over(key, heed=not passing.disabled, context=context)
        return self._locks.hold(key, lease=command.lease, heed=not passing.disabled, context=context)


def _spoken(result: object, masker: Masker) -> str | None:
    return None if result is None else plain_error(masker.text(str(result)))
