"""The archive of one log as operators see it: what leaves, whether it is whole, what it comes to."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from eventflow.model.archive import Deed, Operation
from eventflow.model.recorded import Context
from eventflow.model.vocabulary import Vocabulary
from eventflow.runtime.archiving.collect import Collector
from eventflow.runtime.archiving.compress import Compressed, Compressor, Errand, Ready
from eventflow.runtime.archiving.floor import Floor
from eventflow.runtime.archiving.leavings import Leavings
from eventflow.runtime.archiving.snapshotting import Snapshotting
from eventflow.runtime.archiving.verify import Fault, Verifier
from eventflow.runtime.repository import Repository
from eventflow.store.archive import space
from eventflow.store.archive.catalogue import Archive, Catalogue, Totals
from eventflow.store.archive.hot import Hot
from eventflow.store.archive.space import Given
from eventflow.store.database import Database
from eventflow.store.log import Log
from eventflow.store.objects import Objects

ENOUGH = 10_000
"""Events below which a segment waits for more, for a day at most."""


class Standing(NamedTuple):
    """How it stands: what is archived, what is hot, how many bytes the hot takes on the disk, who is at work.

    The objects of what was ``replaced`` are there still.
    """

    archived: Totals
    hot: int
    disk: int
    unfinished: list[Archive]
    replaced: list[Archive]
    last: Archive | None


class Archives:
    """Compresses, verifies, collects, gives room back.

    Holds how much was archived when it last gave room back, and what ticks need not look at again.
    """

    def __init__(
        self,
        database: Database,
        log: Log,
        repository: Repository,
        objects: Callable[[], Objects],
        compressor: Compressor,
        *,
        clock: Callable[[], datetime],
    ) -> None:
        self._database, self._log, self._repository, self._objects = database, log, repository, objects
        self._compressor, self._clock = compressor, clock
        self.catalogue, self._hot = Catalogue(database), Hot(database)
        self._leavings = Leavings(self.catalogue, objects)
        self._given, self._floor = -1, Floor()

    def compress(self, errand: Errand) -> Iterator[Compressed]:
        """Let leave what is old enough; what each segment came to. What others left behind is removed first."""
        self._compressor.recover()
        yield from self._compressor.run(errand)

    def ready(self, errand: Errand) -> Ready:
        """How much would leave now."""
        return self._compressor.ready(errand)

    def verify(self, seen: Callable[[Archive], None] = lambda _: None) -> Iterator[Fault]:
        """Whatever is wrong with the archive; nothing is changed."""
        yield from Verifier(self._log, self.catalogue, self._hot, self._objects).run(seen)

    def orphans(self) -> list[str]:
        """The objects that ``collect`` would remove."""
        return [*self._leavings.due(), *self._collector().orphans(self._compressor.prefix())]

    def collect(self, *, reason: str | None = None, context: Context = Context()) -> list[str]:
        """Remove what no segment needs.

        That is what others left who were killed, what was replaced a while ago, and objects that nobody knows.
        """
        gone = [*self._leavings.recover(), *self._collector().collect(self._compressor.prefix())]
        if gone:
            told = Operation.of(Deed.COLLECTED, f"{len(gone)} objects", bodies=0, reason=reason)
            self._repository.save(told, context=context)
        return gone

    def give_back(self) -> Given:
        """Give the room that was left behind back to the disk."""
        return space.give_back(self._database)

    def standing(self) -> Standing:
        """How it stands."""
        return Standing(
            archived=self.catalogue.totals(),
            hot=self._hot.count(),
            disk=space.used(self._database),
            unfinished=self.catalogue.unfinished(),
            replaced=self.catalogue.replaced(),
            last=self.catalogue.last_sealed(),
        )

    def step(self, errand: Errand) -> int:
        """One segment, if there is enough for one; how many bodies went into it. For ticks."""
        self._compressor.recover()
        for done in self._compressor.run(errand, least=ENOUGH, floor=self._floor):
            return done.events
        return 0

    def tidy(self) -> int:
        """Give room back unless nothing has left since all of it was given back; returns how many bytes. For ticks."""
        freed = self.catalogue.totals().freed
        if freed == self._given:
            return 0
        before, after = self.give_back()
        if space.is_tight(self._database):
            self._given = freed
        return max(0, before - after)

    def _collector(self) -> Collector:
        return Collector(self.catalogue, self._objects, self._clock)


def archives(
    database: Database,
    log: Log,
    repository: Repository,
    objects: Callable[[], Objects],
    vocabulary: Vocabulary,
    *,
    clock: Callable[[], datetime],
    ids: Callable[[], UUID],
) -> Archives:
    """The archive of a log."""
    snapshotting = Snapshotting(log, Hot(database), repository, vocabulary)
    compressor = Compressor(database, log, repository, objects, snapshotting, clock=clock, ids=ids)
    return Archives(database, log, repository, objects, compressor, clock=clock)
