"""What is said to an item from outside, and who waits for what becomes of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from datetime import datetime, timedelta
from enum import Enum
from typing import Any
from uuid import UUID

from eventflow.errors import KeyTaken, NotReached, Refused, StreamNotFound, TransitionRefused, did_you_mean
from eventflow.model import outcome
from eventflow.model.aggregate import Aggregate, commands, spell
from eventflow.model.key import Key
from eventflow.model.recorded import Context, Header, Phase
from eventflow.runtime.repository import Repository
from eventflow.store.log import Log

SILENCE = 0.5
"""Seconds after which one looks although the bell did not ring: it is only a hint."""

BREATH = 0.01
"""Seconds between two looks at the least, however often the bell rings."""

Said = str | Callable[..., object]


class Signals:
    """Sends commands, wakes those who wait, and waits for statuses."""

    def __init__(self, log: Log, repository: Repository, *, clock: Callable[[], datetime]) -> None:
        self._log, self._repository, self._clock = log, repository, clock

    def send(
        self,
        kind: type[Aggregate[Any]],
        id: UUID,
        command: Callable[[Aggregate[Any]], object],
        *,
        context: Context,
        retries: bool = False,
        key: Key | None = None,
    ) -> Header:
        """The last event of what ``command`` recorded, and of the waking; of the stream, when that was nothing."""
        if key is not None and (taken := self._log.taken(key)) is not None:
            return taken

        def act(document: Aggregate[Any]) -> None:
            before = document.standing.version
            command(document)
            if document.standing.version == before and self._is_put_aside(document, retries=retries):
                outcome.wake(document, self._clock())

        try:
            headers = self._repository.change(kind, id, act, context=context, key=key)
        except (KeyTaken, Refused):
            # Somebody with the same key was faster: the item stands behind what we have just decided on.
            if key is None or (taken := self._log.taken(key)) is None:
                raise
            return taken
        return headers[-1] if headers else self._head(id)

    def wake(self, kind: type[Aggregate[Any]], id: UUID, *, context: Context) -> Header:
        """What was put aside (a wait, a retry) is due now. Raises ``TransitionRefused`` when nothing was."""

        def act(document: Aggregate[Any]) -> None:
            if not self._is_put_aside(document, retries=True):
                raise TransitionRefused("To wake", document.standing.phase or "nothing to be done", ["deferred"])
            outcome.wake(document, self._clock())

        return self._repository.change(kind, id, act, context=context)[-1]

    def _is_put_aside(self, document: Aggregate[Any], *, retries: bool) -> bool:
        standing = document.standing
        return standing.phase == Phase.DEFERRED and (standing.waits or retries)

    def await_status(self, id: UUID, wanted: Collection[str], timeout: timedelta) -> Header:
        """The event that brought the item to one of these statuses, be it the present one or passed by meanwhile.

        Only headers are read, and only when something was appended. Raises ``NotReached``, ``StreamNotFound``.
        """
        end = time.monotonic() + timeout.total_seconds()
        seen, head = self._log.bell.count, self._head(id)
        while head.status not in wanted:
            left = end - time.monotonic()
            if left <= 0:
                raise NotReached(id, head.status, sorted(wanted), timeout.total_seconds())
            time.sleep(min(left, BREATH))
            self._log.bell.wait(seen, min(left, SILENCE))
            seen, head = self._log.bell.count, self._next(head, wanted)
        return head

    def _next(self, last: Header, wanted: Collection[str]) -> Header:
        """The first header since the last one that is wanted, or the last one of all."""
        head = self._head(last.stream)
        if head.version <= last.version + 1:
            return head
        since = [one for one in self._log.headers(last.stream) if one.version > last.version]
        return next((one for one in since if one.status in wanted), since[-1])

    def _head(self, id: UUID) -> Header:
        head = self._log.head(id)
        if head is None:
            raise StreamNotFound(id)
        return head


def said(kind: type[Aggregate[Any]], command: Said) -> Callable[..., object]:
    """A command by its name or as it is. Raises ``Refused`` for a name that no command has."""
    if not isinstance(command, str):
        return command
    known = commands(kind)
    if command not in known:
        raise Refused(f'{kind.__name__} has no command "{command}".{did_you_mean(command, list(known))}')
    return known[command]


def statuses(kind: type[Aggregate[Any]], wanted: Collection[Enum | str]) -> set[str]:
    """Statuses as the log spells them. Raises ``Refused`` for one that the aggregate does not have."""
    names = {spell(one) if isinstance(one, Enum) else one for one in wanted}
    for strange in sorted(names - kind.statuses.keys()):
        near = did_you_mean(strange, list(kind.statuses))
        raise Refused(f'"{strange}" is no status of {kind.__name__}; it has {", ".join(kind.statuses)}.{near}')
    return names
