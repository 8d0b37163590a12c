"""Restore and purge: copies of archived bodies come near for a while, and go when their time is over.

The archive keeps what it has, so that nothing is lost whoever is killed. Copies and the event that tells of them are
written in one transaction; whoever is killed between two of them begins again, and what is here stays.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from eventflow.errors import BodyMissing, DamagedBody, Erased, EventflowError, Unavailable
from eventflow.model.archive import Deed, Operation
from eventflow.model.recorded import Context, Header
from eventflow.runtime.repository import Repository
from eventflow.runtime.ticks import SCHEDULER
from eventflow.store.archive.catalogue import Catalogue, Place
from eventflow.store.archive.portions import portions
from eventflow.store.archive.reader import Reader
from eventflow.store.archive.restored import Amount, Restored
from eventflow.store.archive.segment import ArchivedRow
from eventflow.store.archive.selection import ALL, EVERYWHERE, Selection
from eventflow.store.database import Database
from eventflow.store.log import Log
from eventflow.store.marks import is_veiled
from eventflow.store.veils import Keys, Veils

PORTION = 4 * 1024 * 1024
"""Bytes of bodies that are restored in one transaction."""

WHILE = timedelta(minutes=2880)
"""Two days: how long copies stay unless one says otherwise."""


@dataclass(frozen=True, slots=True)
class Wish:
    """Which bodies, and who wants that and why."""

    selection: Selection = ALL
    reason: str | None = None
    context: Context = Context()


class Brought(NamedTuple):
    """What was restored: how much, and what could not be, each with why."""

    amount: Amount
    left: list[EventflowError]


def total(portions: Iterable[Brought]) -> Brought:
    """What portions come to."""
    events = size = 0
    left: list[EventflowError] = []
    for amount, those in portions:
        events, size = events + amount.events, size + amount.size
        left += those
    return Brought(Amount(events, size), left)


class Restorer:
    """Brings copies of archived bodies near, and lets go of them."""

    def __init__(
        self,
        database: Database,
        log: Log,
        repository: Repository,
        reader: Reader,
        restored: Restored,
        *,
        clock: Callable[[], datetime],
    ) -> None:
        self._database, self._log, self._repository = database, log, repository
        self._reader, self._restored, self._clock = reader, restored, clock
        self._catalogue, self._veils = Catalogue(database), Veils(log.keyring)

    def restore(self, wish: Wish, *, lasts: timedelta = WHILE) -> Iterator[Brought]:
        """Bring near what is meant, for so long; what each portion came to.

        A body that is damaged or missing is told and left. Raises ``Unavailable`` when the object storage is out of
        reach; what was restored until then is, and stays for its time.
        """
        until = self._clock() + lasts
        for places in portions(self._places(wish.selection), lambda one: one.raw_length, most=PORTION):
            headers = [header for place in places for header in self._headers(place, wish.selection)]
            if headers:
                yield self._portion(headers, until, wish)

    def purge(self, wish: Wish = Wish()) -> Iterator[Amount]:
        """Let go of the copies that are meant, whatever their time; what each transaction came to."""
        return self._drop(wish, None)

    def expire(self) -> int:
        """Let go of the copies whose time is over, and say how many. For ticks."""
        gone = self._drop(Wish(reason="their time is over", context=SCHEDULER), self._clock())
        return sum(amount.events for amount in gone)

    def archived(self, selection: Selection = ALL) -> int:
        """How many archived bodies are meant; only the database is asked."""
        return sum(1 for place in self._places(selection) for _ in self._headers(place, selection))

    def amount(self, selection: Selection = ALL) -> Amount:
        """How many copies there are."""
        return self._restored.amount(selection)

    def copies(self, stream: UUID, first: int = 1, last: int = EVERYWHERE) -> dict[int, datetime]:
        """Which versions of a stream have a copy, and until when."""
        return self._restored.until(stream, first, last)

    # -- which

    def _places(self, selection: Selection) -> Iterator[Place]:
        if selection.lo == selection.hi:
            yield from self._place_at(selection.lo)
        elif selection.stream is not None:
            yield from self._catalogue.places(selection.stream, 1, EVERYWHERE)
        else:
            for archive in self._catalogue.sealed_within(selection.lo, selection.hi):
                yield from (
                    place for place in self._catalogue.places_of(archive.id) if self._may_have(place, selection)
                )

    def _place_at(self, position: int) -> Iterator[Place]:
        found = self._log.at(position)
        place = self._catalogue.holding(found.header.stream, found.header.version) if found is not None else None
        if place is not None:
            yield place

    def _may_have(self, place: Place, selection: Selection) -> bool:
        if selection.category is None:
            return True
        head = self._log.head(place.stream)
        return head is not None and head.category == selection.category

    def _headers(self, place: Place, selection: Selection) -> Iterator[Header]:
        events = self._log.read(place.stream, place.first - 1, place.last)
        return (one.header for one in events if one.erased is None and selection.has(one.header))

    # -- some at a time

    def _portion(self, headers: Sequence[Header], until: datetime, wish: Wish) -> Brought:
        good, left = self._parted(headers, self._reader.bodies(headers))
        amount = Amount(0, 0)
        if good:
            with self._database.transaction() as transaction:
                erased = self._log.keyring.beside(transaction, sorted({one.stream for one in headers}))
                good = {one.position: good[one.position] for one in headers if _is_wanted(one, good, erased)}
                if not good:
                    return Brought(amount, left)
                amount = self._restored.put(transaction, good, until)
                told = self._told(Deed.RESTORED, wish, amount, lo=min(good), hi=max(good))
                self._repository.save_within(transaction, told, context=wish.context)
            self._log.bell.ring()
        return Brought(amount, left)

    def _parted(
        self, headers: Sequence[Header], brought: Mapping[int, bytes | EventflowError]
    ) -> tuple[dict[int, bytes], list[EventflowError]]:
        """The bodies that are as they were appended, and what is wrong with the others. Raises ``Unavailable``."""
        good: dict[int, bytes] = {}
        left: list[EventflowError] = []
        keys = self._veils.keys([(one, b"") for one in headers])
        for header in headers:
            found = brought[header.position]
            if isinstance(found, Unavailable):
                raise found
            try:
                if isinstance(found, EventflowError):
                    raise found
                good[header.position] = self._proven(header, found, keys)
            except Erased:
                # Since we looked which ones there are.
                continue
            except (BodyMissing, DamagedBody) as error:
                left.append(error)
        return good, left

    def _proven(self, header: Header, found: bytes, keys: Keys) -> bytes:
        """A body that is as it was appended; one that may not stand in plain does not."""
        self._log.prove(header, found)
        if is_veiled(found) or not self._veils.wants(header):
            return found
        [(_, veiled)] = self._veils.over([(header, ArchivedRow(header, found).body)], keys)
        return veiled

    def _drop(self, wish: Wish, now: datetime | None) -> Iterator[Amount]:
        while True:
            with self._database.transaction() as transaction:
                amount = self._restored.drop(transaction, wish.selection, now=now)
                if amount.events:
                    told = self._told(Deed.PURGED, wish, amount)
                    self._repository.save_within(transaction, told, context=wish.context)
            if not amount.events:
                return
            self._log.bell.ring()
            yield amount

    def _told(
        self, deed: Deed, wish: Wish, amount: Amount, *, lo: int | None = None, hi: int | None = None
    ) -> Operation:
        chosen = str(wish.selection)
        return Operation.of(deed, chosen, bodies=amount.events, freed=amount.size, lo=lo, hi=hi, reason=wish.reason)


def _is_wanted(header: Header, good: Mapping[int, bytes], erased: set[UUID]) -> bool:
    return header.position in good and header.stream not in erased
