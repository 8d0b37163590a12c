"""Reseal: what became erasable after it had been appended is kept enciphered from now on.

::

    claim a segment ▶ read it ▶ write it anew ▶ upload ▶ read it back ▶ swap ▶ the old object goes after a while

Whoever is killed before the swap leaves a spare object and a lease that runs out; the swap is one transaction, and
until the old object goes nothing depends on the new one alone. What stands in the database in plain is overwritten, a
portion in each transaction. Headers stay as they are, and so does what they prove.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

from eventflow.errors import DamagedBody, DamagedSegment, NotFound, Refused, Unreadable
from eventflow.model.archive import Deed, Operation
from eventflow.model.recorded import Context
from eventflow.runtime.archiving import words
from eventflow.runtime.archiving.leavings import LEASE, Leavings, Taken, upload
from eventflow.runtime.archiving.words import SAMPLE, Sample, Words
from eventflow.runtime.repository import Repository
from eventflow.store.archive.catalogue import Archive, Catalogue, Laid, Sealing, key_of
from eventflow.store.archive.hot import Hot
from eventflow.store.archive.restored import Restored
from eventflow.store.archive.segment import ArchivedRow, Sealed, Segment, SegmentWriter, Slice, Text
from eventflow.store.archive.selection import ALL, EVERYWHERE, Selection
from eventflow.store.archive.veiling import Choice, Portion, Veiling
from eventflow.store.codec import Codec, is_secret
from eventflow.store.database import Database
from eventflow.store.log import Log
from eventflow.store.marks import is_veiled
from eventflow.store.objects import Objects
from eventflow.store.veils import Keys, Veils

GRACE = timedelta(days=1)
"""How long the object of a segment that was written anew stays, unless one says otherwise."""

WHERE = ("archived", "hot", "copies", "snapshots")
"""Where something stands: in segments, in the database, there as restored copies, and as snapshots."""

AGAIN = 1000
"""Pieces after which one says again that one is still at it."""


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be enciphered, how long the objects of before stay, and who wants that and why."""

    selection: Selection = ALL
    grace: timedelta = GRACE
    reason: str | None = None
    context: Context = Context()


class Prospect(NamedTuple):
    """What would be done: segments, their bytes and the bodies in them; what stands in the database in plain.

    A segment without such bodies is written anew for its dictionary, which was made of some.
    """

    segments: int
    size: int
    bodies: int
    hot: int
    copies: int
    snapshots: int


class Resealed(NamedTuple):
    """What was enciphered: so many ``bodies`` of a segment, which is at ``key`` now and was at ``replaced``.

    Without a key: so many of ``what`` in the database. ``left`` says why something stayed as it was.
    """

    bodies: int
    what: str = "archived"
    key: str | None = None
    replaced: str | None = None
    size: int = 0
    left: str | None = None


class _Made(NamedTuple):
    sealed: Sealed
    known: Words | None
    bodies: int


class Resealer:
    """Writes anew what stands in plain. Several may be at work at once: each has a segment of its own."""

    def __init__(
        self,
        database: Database,
        log: Log,
        repository: Repository,
        objects: Callable[[], Objects],
        *,
        clock: Callable[[], datetime],
        ids: Callable[[], UUID],
        lease: timedelta = LEASE,
        folder: Path | None = None,
    ) -> None:
        self._database, self._log, self._repository, self._objects = database, log, repository, objects
        self._clock, self._ids, self._lease, self._folder = clock, ids, lease, folder
        self._catalogue, self._hot, self._veils = Catalogue(database), Hot(database), Veils(log.keyring)
        self._leavings = Leavings(self._catalogue, objects)
        self._veiling = Veiling(database, log.keyring, log.snapshots, Restored(database, Codec()))

    def prospect(self, selection: Selection = ALL) -> Prospect:
        """What ``run`` would do; nothing is changed. Raises ``Refused`` for what is not erasable."""
        categories = self._categories(selection)
        bare = list(self._bare(selection, categories))
        bodies = sum(one.bodies for each in bare for one in self._catalogue.bare_streams(each.id, categories))
        standing = self._veiling.count(self._choice(selection, categories))
        return Prospect(len(bare), sum(one.size for one in bare), bodies, *standing)

    def run(self, order: Order = Order()) -> Iterator[Resealed]:
        """Encipher what stands in plain, in segments and in the database; what came of each step.

        What is damaged or missing is told and left, and so is a segment that somebody else is about. Raises
        ``Unavailable``, ``StorageFull``; what was swapped until then is done, and said again, it goes on. Raises
        ``Refused`` for what is not erasable.
        """
        categories = self._categories(order.selection)
        self._leavings.recover()
        for archive in self._bare(order.selection, categories):
            done = self._one(archive, order)
            if done is not None:
                yield done
        yield from self._in_database(order, categories)
        self._settle()

    # -- which

    def _categories(self, selection: Selection) -> list[str]:
        erasable = sorted(self._log.keyring.categories)
        chosen = self._category(selection)
        if chosen is not None and chosen not in erasable:
            raise Refused(
                f'"{chosen}" is not erasable here: its bodies stay in plain. Say erasable=True on the class, or in the'
                " settings, and start the programs again."
            )
        return erasable if chosen is None else [chosen]

    def _category(self, selection: Selection) -> str | None:
        head = self._log.head(selection.stream) if selection.stream is not None else None
        return head.category if head is not None else selection.category

    def _bare(self, selection: Selection, categories: Sequence[str]) -> Iterator[Archive]:
        if categories:
            lo, hi = selection.lo, selection.hi
            yield from self._catalogue.bare(categories, stream=selection.stream, lo=lo, hi=hi)

    def _choice(self, selection: Selection, categories: Sequence[str]) -> Choice:
        upto = min(selection.hi, self._log.last_position())
        return Choice(categories=categories, after=selection.lo - 1, upto=upto, stream=selection.stream)

    # -- one segment

    def _one(self, archive: Archive, order: Order) -> Resealed | None:
        id = self._ids()
        key = key_of(self._hot.identity(), self._clock(), id)
        who, why = order.context.actor, order.reason
        if not self._catalogue.claim_again(id, key, archive.id, lease=self._lease, actor=who, reason=why):
            return self._busy(archive)
        try:
            return self._made(id, key, archive, order)
        except Taken:
            self._leavings.give_up(id, key)
            return self._busy(archive)
        except (NotFound, Unreadable) as error:
            self._leavings.give_up(id, key)
            return Resealed(0, replaced=archive.key, left=f"{archive.key} stays as it is: {error}")
        except BaseException:
            self._leavings.give_up(id, key)
            raise

    def _busy(self, archive: Archive) -> Resealed | None:
        """Somebody else is about it, unless it is done by now."""
        now = self._catalogue.get(archive.id)
        if now is None or now.state != archive.state:
            return None
        return Resealed(0, replaced=archive.key, left=f"{archive.key} stays for now: somebody else is about it.")

    def _made(self, id: UUID, key: str, archive: Archive, order: Order) -> Resealed:
        with tempfile.TemporaryDirectory(prefix="eventflow-", dir=self._folder) as folder:
            old, new = Path(folder, "old.zip"), Path(folder, "new.zip")
            self._fetch(archive, old)
            self._leavings.stay(id, self._lease)
            with Segment(old) as source:
                made = self._write(id, archive, source, new)
            self._leavings.stay(id, self._lease)
            self._upload(key, new, made.sealed)
        self._leavings.stay(id, self._lease)
        self._swap(id, key, archive, order, made)
        return Resealed(made.bodies, key=key, replaced=archive.key, size=made.sealed.bytes)

    def _fetch(self, archive: Archive, path: Path) -> None:
        digest = sha256()
        with path.open("wb") as file:
            for some in self._objects().read(archive.key):
                digest.update(some)
                file.write(some)
        if digest.digest() != archive.sha256:
            raise DamagedSegment(f'The object "{archive.key}"', "its bytes are not the ones that were sealed")

    def _write(self, id: UUID, archive: Archive, source: Segment, path: Path) -> _Made:
        # Of all that is erasable, not only of what was chosen: it is written anew but once.
        erasable = sorted(self._log.keyring.categories)
        streams = {one.stream: one.category for one in self._catalogue.bare_streams(archive.id, erasable)}
        keys, known = self._log.keyring.lasting(streams), self._words(source)
        last, bodies = self._catalogue.last_sealed(), 0
        before = last.manifest if last is not None else None
        with SegmentWriter(path, dictionary=known.dictionary if known is not None else None, before=before) as writer:
            for number, text in enumerate(source.texts(), start=1):
                bodies += self._carry(writer, archive, text, keys)
                if number % AGAIN == 0:
                    self._leavings.stay(id, self._lease)
            sealed = writer.finish()
        if sealed.manifest.events != archive.events:
            raise DamagedSegment(
                f'The object "{archive.key}"', f"it does not hold the {archive.events} events it should"
            )
        return _Made(sealed, known, bodies)

    def _carry(self, writer: SegmentWriter, archive: Archive, text: Text, keys: Keys) -> int:
        """Write a piece as it is, or enciphered; how many bodies were."""
        self._prove(archive, text.rows)
        bare = sum(1 for row in text.rows if self._veils.wants(row.header) and not is_veiled(row.bare))
        if not bare:
            writer.carry(text)
            return 0
        first = text.rows[0].header
        rows = self._veils.over([(row.header, row.body) for row in text.rows], keys)
        writer.write(Slice(first.stream, first.category, rows))
        return bare

    def _prove(self, archive: Archive, rows: Sequence[ArchivedRow]) -> None:
        known = self._hot.headers([row.header.position for row in rows])
        for header in (row.header for row in rows):
            if known.get(header.position) != header:
                raise DamagedBody(header.position, header.name, f"in {archive.key} it is not as the log has it")

    def _words(self, source: Segment) -> Words | None:
        return words.fitting(self._catalogue, self._sample(source), self._log.keyring.categories)

    def _sample(self, source: Segment) -> Iterator[Sample]:
        """Pieces from all over, about as many bytes as a dictionary is made from; nothing of what is enciphered."""
        members = source.members()
        stride = max(1, sum(one.raw_length for one in members) // (2 * SAMPLE))
        for text in map(source.text, members[::stride]):
            if not any(self._is_secret(row) for row in text.rows):
                yield Sample(text.rows[0].header.category, text.lines)

    def _is_secret(self, row: ArchivedRow) -> bool:
        return is_secret(row.header.codec) or self._veils.wants(row.header) or is_veiled(row.bare)

    def _upload(self, key: str, path: Path, sealed: Sealed) -> None:
        upload(self._objects(), key, path, sealed)

    def _swap(self, id: UUID, key: str, archive: Archive, order: Order, made: _Made) -> None:
        sealed, known = made.sealed, made.known
        sealing = Sealing(
            self._clock(), sealed.manifest.events, len(sealed.members), sealed.bytes, archive.freed, sealed.sha256,
            sealed.manifest.sha256, known.dictionary.sha256 if known is not None else None,
        )  # fmt: skip
        told = Operation.of(
            Deed.RESEALED, str(order.selection), id=id, bodies=made.bodies, size=sealed.bytes, lo=archive.lo,
            hi=archive.hi, key=key, reason=order.reason, replaced=archive.key,
        )  # fmt: skip
        with self._database.transaction() as transaction:
            # What is erased meanwhile is erased before this or after it, and never at once with it.
            self._log.keyring.beside(transaction)
            words.keep(self._catalogue, transaction, known)
            # First the places of before, then those of now: a body has one at most.
            if not self._catalogue.replace(transaction, archive.id, order.grace):
                raise Taken("Somebody else has written it anew.")
            if not self._catalogue.seal(transaction, id, sealing, [Laid(*one) for one in sealed.members]):
                raise Taken("It took longer than its lease.")
            self._repository.save_within(transaction, told, context=order.context)
        self._log.bell.ring()

    # -- what is in the database

    def _in_database(self, order: Order, categories: Sequence[str]) -> Iterator[Resealed]:
        if not categories:
            return
        choice = self._choice(order.selection, categories)
        yield from self._each(self._veiling.bodies(choice), "hot", order)
        yield from self._each(self._veiling.copies(choice), "copies", order)
        if choice.after < 0 and order.selection.hi == EVERYWHERE:
            yield from self._each(self._veiling.snapshots(choice), "snapshots", order)

    def _each(self, portions: Iterable[Portion], what: str, order: Order) -> Iterator[Resealed]:
        for portion in portions:
            if portion.amount:
                self._put(portion, what, order)
            yield Resealed(portion.amount, what, left="; ".join(map(str, portion.left)) or None)

    def _put(self, portion: Portion, what: str, order: Order) -> None:
        told = Operation.of(
            Deed.RESEALED, f"{what} of {order.selection}", bodies=portion.amount, lo=portion.lo, hi=portion.hi,
            reason=order.reason,
        )  # fmt: skip
        with self._database.transaction() as transaction:
            # Alone, so that what is erased meanwhile is not put back, and what is overwritten is so on the disk.
            self._log.keyring.alone(transaction)
            portion.put(transaction)
            self._log.keyring.done(transaction)
            self._repository.save_within(transaction, told, context=order.context)
        self._log.bell.ring()

    def _settle(self) -> None:
        """Nothing of what was overwritten is to stay in the files; dictionaries are made of what was said, too."""
        with self._database.transaction() as transaction:
            self._log.keyring.alone(transaction)
            self._catalogue.forget_dictionaries(transaction)
            self._log.keyring.done(transaction)
        self._leavings.recover()
        self._log.keyring.settle()
