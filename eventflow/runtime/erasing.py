"""Erase: what a stream holds becomes unreadable everywhere, because its key is destroyed.

One transaction: the last event of the stream says so, the key goes, and with it whatever the database has of the
bodies. Whoever is killed before its commit has erased nothing; said again, what is done is found done.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple
from uuid import UUID

from eventflow.errors import Refused, StreamNotFound, VersionConflict
from eventflow.model.library import Erasure
from eventflow.model.recorded import Context, Draft, Head, Header, Phase
from eventflow.runtime.archiving.leavings import Leavings
from eventflow.store.archive.catalogue import Catalogue
from eventflow.store.database import Database
from eventflow.store.erasing import erase
from eventflow.store.keyring import Amount
from eventflow.store.log import Append, Log
from eventflow.store.objects import Objects


class Erasing(NamedTuple):
    """What came of it: how many bodies a stream had, and the header that says so; perhaps it was erased ``before``."""

    stream: UUID
    bodies: int
    header: Header
    before: bool = False


class Prospect(NamedTuple):
    """What would be erased: so many bodies of a stream, and where they are."""

    stream: UUID
    bodies: int
    amount: Amount
    before: bool = False


class Eraser:
    """Erases what streams hold."""

    def __init__(self, database: Database, log: Log, objects: Callable[[], Objects]) -> None:
        self._database, self._log, self._keyring = database, log, log.keyring
        self._leavings = Leavings(Catalogue(database), objects)

    def erase(self, stream: UUID, *, reason: str | None = None, context: Context = Context()) -> Erasing:
        """Erase what a stream holds, for good.

        The objects that segments had in which it stood in plain go at once, however long they were to stay. Raises
        ``StreamNotFound``, ``Refused`` for what is not erasable, and ``Unavailable`` when there are such objects and
        they are out of reach; nothing is erased then.
        """
        while True:
            head = self._head(stream)
            if head.phase == Phase.ERASED:
                return Erasing(stream, head.version - 1, head, before=True)
            self._leavings.let_go(stream)
            try:
                header = erase(self._database, self._log, _append(head, reason, context))
            except VersionConflict:
                continue
            return Erasing(stream, head.version, header)

    def settle(self) -> None:
        """Have what was overwritten leave the files of the database, too, as far as that can be said to it."""
        self._keyring.settle()

    def prospect(self, stream: UUID) -> Prospect:
        """What ``erase`` would do. Raises what it raises."""
        head = self._head(stream)
        before = head.phase == Phase.ERASED
        if not before:
            self._keyring.refuse_bare(head)
        return Prospect(stream, head.version - before, self._keyring.amount(stream), before)

    def _head(self, stream: UUID) -> Header:
        head = self._log.head(stream)
        if head is None:
            raise StreamNotFound(stream)
        if head.category not in self._keyring.categories and not self._keyring.has(stream):
            raise Refused(
                f"{head.category} {stream} cannot be erased: its bodies are not enciphered. Say erasable=True on the"
                " class, or in the settings, before the first of them is written."
            )
        return head


def _append(head: Header, reason: str | None, context: Context) -> Append:
    event = Erasure(bodies=head.version, reason=reason)
    draft = Draft(event, head.status, head.status, Phase.ERASED, flow=head.flow)
    told = Context(
        correlation=context.correlation or head.correlation or head.stream,
        causation=context.causation or head.position,
        actor=context.actor,
        tenant=context.tenant or head.tenant,
    )
    return Append(head.stream, head.category, Head(head.version, head.hash), (draft,), told)
