"""Compress: the bodies of old events leave the database, a segment at a time.

::

    claim a range ▶ snapshot its streams ▶ write the segment ▶ upload ▶ read it back ▶ swap ▶ done

Whoever is killed before the swap leaves a spare object and a lease that runs out; the swap is one transaction.
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

from eventflow.model.archive import Deed, Operation
from eventflow.model.recorded import Context
from eventflow.runtime.archiving import segments, words
from eventflow.runtime.archiving.ages import USUAL, Ages
from eventflow.runtime.archiving.floor import Floor
from eventflow.runtime.archiving.leavings import LEASE, Leavings, Taken, upload
from eventflow.runtime.archiving.segments import Left, Written
from eventflow.runtime.archiving.snapshotting import Snapshotting
from eventflow.runtime.archiving.words import Words
from eventflow.runtime.repository import Repository
from eventflow.store.archive.catalogue import Catalogue, Laid, Sealing, State, key_of, prefix_of
from eventflow.store.archive.hot import Hot, Standing
from eventflow.store.archive.selection import ALL, Selection
from eventflow.store.database import Database
from eventflow.store.log import Log
from eventflow.store.objects import Objects
from eventflow.store.veils import Veils

log = logging.getLogger("eventflow.archive")

FULL = 24 * 1024 * 1024
"""Bytes of bodies in the database that one segment takes; about 64 MiB of text."""

MANY = 100_000
"""Events that one segment takes."""

PATIENCE = timedelta(days=1)
"""How long bodies that are old enough wait for others, so that there are not many small objects."""


class Compressed(NamedTuple):
    """What has left the database: where it is, how many bodies, their bytes there and here, and what stayed."""

    id: UUID
    key: str
    events: int
    size: int
    freed: int
    left: list[Left]


class Ready(NamedTuple):
    """What would leave the database."""

    events: int
    streams: int
    freed: int


@dataclass(frozen=True, slots=True)
class Errand:
    """What is to leave, and who wants that and why."""

    selection: Selection = ALL
    ages: Ages = USUAL
    reason: str | None = None
    context: Context = Context()


class Compressor:
    """Moves bodies into segments. Several may be at work at once: each has a range of its own."""

    def __init__(
        self,
        database: Database,
        log: Log,
        repository: Repository,
        objects: Callable[[], Objects],
        snapshotting: Snapshotting,
        *,
        clock: Callable[[], datetime],
        ids: Callable[[], UUID],
        lease: timedelta = LEASE,
        full: int = FULL,
        many: int = MANY,
        folder: Path | None = None,
    ) -> None:
        self._database, self._log, self._repository, self._objects = database, log, repository, objects
        self._snapshotting, self._clock, self._ids = snapshotting, clock, ids
        self._lease, self._full, self._many, self._folder = lease, full, many, folder
        self._hot, self._catalogue, self._veils = Hot(database), Catalogue(database), Veils(log.keyring)
        self._leavings = Leavings(self._catalogue, objects)

    def ready(self, errand: Errand) -> Ready:
        """How much would leave now."""
        now, chosen = self._clock(), errand.selection
        after, upto = chosen.lo - 1, self._upto(errand, now)
        sums = [
            self._hot.sums(
                after, upto, now - part.age, category=part.category, without=part.without, stream=chosen.stream
            )
            for part in errand.ages.parts(chosen.category)
        ]
        # A stream is of one category, so that nothing is counted twice.
        return Ready(*map(sum, zip(*sums, strict=True))) if sums else Ready(0, 0, 0)

    def run(self, errand: Errand, *, least: int = 1, floor: Floor | None = None) -> Iterator[Compressed]:
        """Let everything leave that is old enough, and say what each segment came to.

        One that would have less than ``least`` events waits for more, for a day at most. Who comes again and again with
        the same errand remembers with a ``floor`` what stays. Raises ``Unavailable`` when
        the database or the object storage is out of reach, ``StorageFull``; what was swapped until then is done.
        """
        after = 0
        while bodies := self._next(errand, after, floor):
            if len(bodies) < least and not self._is_overdue(errand, bodies[0]):
                return
            done = self._one(errand, bodies)
            if done is not None:
                yield done
            if done is None or done.left:
                # What cannot leave would be found again and again.
                after = bodies[-1].position

    def recover(self) -> int:
        """Remove what others left behind, and what was replaced a while ago; returns how many objects that were."""
        return len(self._leavings.recover())

    # -- which

    def _upto(self, errand: Errand, now: datetime) -> int:
        return min(self._hot.before(errand.ages.latest(now), self._log.horizon()), errand.selection.hi)

    def _old(self, errand: Errand, after: int, floor: Floor) -> Iterator[Standing]:
        now, chosen = self._clock(), errand.selection
        after, upto = max(after, chosen.lo - 1, floor.begin(now)), self._upto(errand, now)
        for one in self._hot.bodies(after, upto, category=chosen.category, stream=chosen.stream):
            if one.recorded_at < errand.ages.before(one.category, now):
                floor.leaves()
                yield one
            else:
                floor.stays(one, errand.ages)

    def _next(self, errand: Errand, after: int, floor: Floor | None = None) -> list[Standing]:
        """What the next segment is made of: as much as it takes, short of what others are about."""
        busy = [one.lo for one in self._catalogue.unfinished() if one.state == State.BUILDING]
        bodies: list[Standing] = []
        size = 0
        for one in self._old(errand, after, floor or Floor()):
            if bodies and any(bodies[0].position < lo < one.position for lo in busy):
                break
            bodies.append(one)
            size += one.size
            if size >= self._full or len(bodies) >= self._many:
                break
        return bodies

    def _is_overdue(self, errand: Errand, oldest: Standing) -> bool:
        return oldest.recorded_at < errand.ages.before(oldest.category, self._clock()) - PATIENCE

    # -- one segment

    def _one(self, errand: Errand, bodies: list[Standing]) -> Compressed | None:
        id, lo, hi = self._ids(), bodies[0].position, bodies[-1].position
        key = key_of(self._hot.identity(), self._clock(), id)
        who, why = errand.context.actor, errand.reason
        if not self._catalogue.claim(id, key, lo, hi, lease=self._lease, actor=who, reason=why):
            return None
        try:
            return self._made(id, key, errand, bodies)
        except Taken as error:
            log.info("Nothing of the segment %s is kept: %s", key, error)
            self._leavings.give_up(id, key)
            return None
        except BaseException:
            self._leavings.give_up(id, key)
            raise

    def prefix(self) -> str:
        """Where the segments of this log lie."""
        return prefix_of(self._hot.identity())

    def _made(self, id: UUID, key: str, errand: Errand, bodies: list[Standing]) -> Compressed:
        unready = self._snapshotting.cover(bodies)
        left = [Left(one.position, one.stream, unready[one.stream]) for one in bodies if one.stream in unready]
        ready = [one for one in bodies if one.stream not in unready]
        self._leavings.stay(id, self._lease)
        known = self._words(ready)
        dictionary = known.dictionary if known is not None else None
        before = self._catalogue.last_sealed()
        with tempfile.TemporaryDirectory(prefix="eventflow-", dir=self._folder) as folder:
            path = Path(folder, "segment.zip")
            written = segments.write(
                path, self._hot, ready, self._veils, dictionary=dictionary, before=before.manifest if before else None
            )
            if not written.positions:
                self._leavings.give_up(id, key)
                return Compressed(id, key, 0, 0, 0, [*left, *written.left])
            self._leavings.stay(id, self._lease)
            self._upload(key, path, written)
        self._leavings.stay(id, self._lease)
        self._swap(id, key, errand, written, known)
        return Compressed(id, key, len(written.positions), written.sealed.bytes, written.freed, [*left, *written.left])

    def _words(self, bodies: Sequence[Standing]) -> Words | None:
        erasable = self._log.keyring.categories
        return words.fitting(self._catalogue, segments.sample(self._hot, bodies, self._veils), erasable)

    def _upload(self, key: str, path: Path, written: Written) -> None:
        upload(self._objects(), key, path, written.sealed)

    def _swap(self, id: UUID, key: str, errand: Errand, written: Written, known: Words | None) -> None:
        sealed, why = written.sealed, errand.reason
        events = len(written.positions)
        sealing = Sealing(
            self._clock(), events, len(sealed.members), sealed.bytes, written.freed, sealed.sha256,
            sealed.manifest.sha256, known.dictionary.sha256 if known is not None else None,
        )  # fmt: skip
        told = Operation.of(
            Deed.COMPRESSED, str(errand.selection), id=id, bodies=events, size=sealed.bytes, freed=written.freed,
            lo=sealed.manifest.lo, hi=sealed.manifest.hi, key=key, reason=why,
        )  # fmt: skip
        with self._database.transaction() as transaction:
            # What is erased meanwhile is dropped before this or after it, and never at once with it.
            self._log.keyring.beside(transaction)
            words.keep(self._catalogue, transaction, known)
            if not self._catalogue.seal(transaction, id, sealing, [Laid(*one) for one in sealed.members]):
                raise Taken("It took longer than its lease.")
            gone = self._hot.drop(transaction, written.positions)
            if gone != events:
                raise Taken(f"{events - gone} of {events} bodies have left already.")
            self._repository.save_within(transaction, told, context=errand.context)
        self._log.bell.ring()
