"""Batches on their way: item after item brought back, or seen to otherwise, as often as they are stepped, once each.

The events of the items and the progress of the batch go into the log in one append. So whoever is killed in between,
comes twice, or finds that somebody else was there, has done nothing at all; the next one goes on where the log stands.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple, Protocol
from uuid import UUID

from eventflow.errors import BadFilter, EventflowError, Refused, Unavailable, VersionConflict
from eventflow.model.aggregate import Aggregate, cause_of
from eventflow.model.batch import Batch, Course
from eventflow.model.process.deed import BRING_BACK, Deed
from eventflow.model.recorded import Context, Header
from eventflow.model.telling import MASKER
from eventflow.runtime.pace import Pace
from eventflow.runtime.relay import Routes
from eventflow.runtime.repository import Repository
from eventflow.store.database import Database
from eventflow.store.log import Log

log = logging.getLogger("eventflow.batches")

CHUNK = 200
"""Items that are brought back with one append."""

BUDGET = 4.0
"""Seconds that one step takes at most, about."""

TRIES = 50
"""How often one step gives way to others who change the same items before the next one tries."""

LEADER = "batches"
RUNNING = "category:eventflow_batch status:running"
EVERYTHING = 2**62


class Place(Protocol):
    """Where the read side has an item."""

    @property
    def id(self) -> UUID:
        """Its stream."""

    @property
    def category(self) -> str:
        """Of which kind it is."""

    @property
    def version(self) -> int:
        """How long its stream is."""

    @property
    def created_position(self) -> int:
        """Where it began, which orders the items."""


class Selection(Protocol):
    """What batches need of the read side."""

    def stretch(
        self, where: str, *, after: int = 0, upto: int = ..., limit: int = ..., moment: datetime | None = None
    ) -> Sequence[Place]:
        """The items that pass and began behind ``after``, the oldest first."""

    def count(self, where: str, *, at_most: int = ...) -> int:
        """How many pass."""


Doing = Callable[[Any], object]
"""Does something to an aggregate; nothing is saved by it. Any: one of whatever kind."""


class Shelf(NamedTuple):
    """A part of the read side: what can be chosen from it, and up to which position of the log it is right.

    ``doing`` makes of a deed and its reason what is done to each; it raises ``Refused`` for deeds that are not for
    these.
    """

    selection: Selection
    seen: Callable[[], int]
    doing: Callable[[Deed, str | None], Doing]


def bringing_back(deed: Deed, why: str | None) -> Doing:
    """What is done to items: they are brought back. Raises ``Refused`` for what can only be done to runs."""
    if deed != BRING_BACK:
        raise Refused(f'Items are brought back; to {deed.verb} means something to runs only. Say of="runs".')
    return lambda item: item.defibrillate(why)


@dataclass
class _Turn:
    """What came of some items; grows with each."""

    cursor: int
    documents: list[Aggregate[Any]] = field(default_factory=list)
    refused: list[tuple[UUID, str]] = field(default_factory=list)

    def refuse(self, id: UUID, error: Exception, *, is_secret: bool) -> None:
        """This one is left as it is; what user code says of one that can be erased is told by its type alone."""
        said = type(error).__name__ if is_secret and not isinstance(error, Refused) else str(error)
        self.refused.append((id, " ".join(MASKER.text(said).split())))


class Batches:
    """The batches of one log: begun, steered and moved on. One process at a time moves them.

    ``seen`` says up to which position the items are right; ``runs`` is where runs of processes are chosen, if there
    are any. Holds how fast each batch has been going.
    """

    def __init__(
        self,
        database: Database,
        log: Log,
        repository: Repository,
        items: Selection,
        routes: Routes,
        *,
        aggregates: dict[str, type[Aggregate[Any]]],
        seen: Callable[[], int],
        clock: Callable[[], datetime],
        ids: Callable[[], UUID],
        runs: Shelf | None = None,
        moments: Callable[[], float] = time.monotonic,
        chunk: int = CHUNK,
    ) -> None:
        self._shelves = {"items": Shelf(items, seen, bringing_back), **({"runs": runs} if runs is not None else {})}
        self._database, self._log, self._repository = database, log, repository
        self._items, self._routes, self._aggregates = items, routes, aggregates
        self._clock, self._ids, self._moments, self._chunk = clock, ids, moments, chunk
        self._paces: dict[UUID, Pace] = {}
        self._stretches: dict[UUID, int] = {}

    # -- what operators do -----------------------------------------------------------------------

    def begin(
        self,
        where: str,
        *,
        why: str | None = None,
        canaries: Sequence[int] = (),
        rate: float | None = None,
        limit: int | None = None,
        of: str = "items",
        deed: Deed = BRING_BACK,
        context: Context = Context(),
    ) -> Batch:
        """A new batch over all items (or ``of="runs"``) that pass now: they are brought back, or what ``deed`` says.

        Raises ``BadFilter``, and ``Refused`` for numbers that are none, for what there is not, and for a deed that is
        not for these.
        """
        if any(one < 1 for one in canaries) or (rate is not None and rate <= 0) or (limit is not None and limit < 1):
            raise Refused("Canaries, rate and limit of a batch are numbers above zero.")
        if not where.strip():
            raise BadFilter(where, 0, "a filter: a batch is never about everything")
        if canaries and deed.verb == "skip":
            raise Refused("Nothing is begun by skipping steps, so no canary could tell how that went. Leave them out.")
        self._shelf(of).doing(deed, why)
        moment = self._clock()
        total = self._shelf(of).selection.count(where, at_most=EVERYTHING)
        batch = Batch.create(
            id=self._ids(),
            where=where,
            moment=moment,
            of=of,
            deed=deed,
            total=total if limit is None else min(total, limit),
            why=why,
            canaries=tuple(canaries),
            rate=rate,
            limit=limit,
        )
        self._repository.save(batch, context=context)
        return batch

    def get(self, id: UUID) -> Batch:
        """A batch as the log has it now. Raises ``StreamNotFound``."""
        return self._repository.get(Batch, id)

    def suspend(self, id: UUID, why: str | None = None, *, context: Context = Context()) -> None:
        """Let it rest. Raises ``TransitionRefused`` unless it is running."""
        self._repository.change(Batch, id, lambda batch: batch.suspend(why), context=context)

    def resume(self, id: UUID, why: str | None = None, *, context: Context = Context()) -> None:
        """Let it go on; canaries that had failed are not waited for. Raises ``TransitionRefused`` unless it rests."""
        self._repository.change(Batch, id, lambda batch: batch.resume(why), context=context)

    def cancel(self, id: UUID, why: str | None = None, *, context: Context = Context()) -> None:
        """End it. Raises ``TransitionRefused`` when it is over."""
        self._repository.change(Batch, id, lambda batch: batch.cancel(why), context=context)

    def _shelf(self, of: str) -> Shelf:
        if of not in self._shelves:
            raise Refused(f"This program has no {of} to choose from.")
        return self._shelves[of]

    # -- moving on -------------------------------------------------------------------------------

    def step(self, budget: float = BUDGET) -> int:
        """Move all running batches on for some seconds; returns how many items had their turn."""
        running = [one.id for one in self._items.stretch(RUNNING)]
        return self.move(running, budget) if running else 0

    def move(self, ids: Sequence[UUID], budget: float = BUDGET) -> int:
        """Move these on, unless another process does; returns how many items had their turn."""
        leadership = self._database.leadership(LEADER)
        if not leadership.acquire():
            return 0
        try:
            return self._move(ids, time.monotonic() + budget)
        finally:
            leadership.release()

    def _move(self, ids: Sequence[UUID], end: float) -> int:
        total = 0
        while True:
            done = sum(self._advance_safely(id) for id in ids)
            total += done
            if not done or time.monotonic() >= end:
                return total

    def _advance_safely(self, id: UUID) -> int:
        try:
            return self.advance(id)
        except (Unavailable, VersionConflict):
            raise
        except EventflowError as error:
            # One batch that cannot go on must not keep the others from it.
            log.error("Batch %s: %s", id, error)
            return 0

    def advance(self, id: UUID) -> int:
        """One append further: some items of one batch have their turn; returns how many.

        0 when it is over, rests, waits for its canaries, or may not go faster.
        """
        for _ in range(TRIES):
            try:
                return self._advance(self.get(id))
            except VersionConflict:
                # Somebody steered it, or an item changed. Of many that workers are at, one always does: take fewer.
                self._stretches[id] = max(1, self._stretch(id) // 4)
        return 0

    def _advance(self, batch: Batch) -> int:
        if batch.status is not Course.RUNNING or self._shelf(batch.of).seen() < _start(batch):
            return 0
        if batch.is_watching and not self._passed(batch):
            return 0
        return self._take_turn(batch)

    def _stretch(self, id: UUID) -> int:
        """How many go into one append, as far as others let them."""
        return self._stretches.get(id, self._chunk)

    def _take_turn(self, batch: Batch) -> int:
        room = self._room(batch)
        if room == 0 and not batch.is_full:
            return 0
        places = [] if batch.is_full else self._places(batch, room)
        if not places:
            batch.finish()
            self._repository.save(batch)
            self._paces.pop(batch.id, None)
            self._stretches.pop(batch.id, None)
            return 0
        turn = self._turn(batch, places)
        batch.progress(turn.cursor, [one.id for one in turn.documents], turn.refused)
        because = Context(causation=_start(batch), actor=self._actor(batch))
        self._repository.save_each([*((one, because) for one in turn.documents), (batch, Context())])
        if batch.id in self._paces:
            self._paces[batch.id].take(len(turn.documents))
        self._stretches[batch.id] = min(self._chunk, self._stretch(batch.id) * 2)
        return len(places)

    def _room(self, batch: Batch) -> int:
        stretch = self._stretch(batch.id)
        room = min(stretch, stretch if batch.room is None else batch.room)
        if batch.rate is None:
            return room
        now = self._moments()
        pace = self._paces.setdefault(batch.id, Pace(batch.rate, now))
        return min(room, pace.room(now))

    def _places(self, batch: Batch, room: int) -> Sequence[Place]:
        selection, upto = self._shelf(batch.of).selection, _start(batch)
        return selection.stretch(batch.where, after=batch.cursor, upto=upto, limit=room, moment=batch.moment)

    def _turn(self, batch: Batch, places: Sequence[Place]) -> _Turn:
        turn = _Turn(places[-1].created_position)
        loaded, do = self._loaded(places), self._shelf(batch.of).doing(batch.deed, batch.why)
        for place in places:
            document = loaded.get(place.id)
            try:
                if document is None:
                    document = self._alone(place)
                _refuse_what_went_on(document, batch)
                do(document)
            except Exception as error:  # noqa: BLE001 - the aggregate is user code: what it says is recorded
                turn.refuse(place.id, error, is_secret=place.category in self._log.keyring.categories)
            else:
                turn.documents.append(document)
        return turn

    def _loaded(self, places: Sequence[Place]) -> dict[UUID, Aggregate[Any]]:
        """Those whose streams are short, in one read; nothing when one of them cannot be read."""
        short = [one for one in places if one.category in self._aggregates and self._repository.is_short(one.version)]
        try:
            found = self._repository.get_each([(self._aggregates[one.category], one.id) for one in short])
        except Unavailable:
            raise
        except Exception:  # noqa: BLE001 - each is read alone then, and says itself what is wrong with it
            return {}
        return {one.id: one for one in found}

    def _alone(self, place: Place) -> Aggregate[Any]:
        if place.category not in self._aggregates:
            raise Refused(f"This program has no {place.category}.")
        return self._repository.get(self._aggregates[place.category], place.id)

    def _actor(self, batch: Batch) -> str | None:
        begun = self._log.at(_start(batch))
        return begun.header.actor if begun else None

    # -- canaries --------------------------------------------------------------------------------

    def _passed(self, batch: Batch) -> bool:
        """Whether the canaries ended well; a batch whose canaries failed again is suspended."""
        ends = [self._end(id) for id in batch.watched]
        failed = [end for end in ends if end is not None and end.error is not None]
        if failed:
            first = failed[0]
            batch.suspend(
                f"{len(failed)} of {len(ends)} canaries failed again, {first.stream} with {first.error}",
                has_failed=True,
            )
            self._repository.save(batch)
            return False
        if None in ends:
            return False
        batch.pass_canaries()
        self._repository.save(batch)
        return True

    def _end(self, stream: UUID) -> Header | None:
        """The header with which the work on a stream ended, or nothing while it goes on."""
        head = self._log.head(stream)
        if head is not None and head.phase is None:
            head = next((one for one in reversed(self._log.headers(stream)) if one.phase), None)
        return head if head is not None and self._routes.standing(head) is None else None


def _start(batch: Batch) -> int:
    """The position at which the batch began: it is about what the log said there."""
    return cause_of(batch).position or 0


def _refuse_what_went_on(document: Aggregate[Any], batch: Batch) -> None:
    """What is brought back has failed before the batch began; whatever else is done to a run, its status decides."""
    if batch.deed.is_about_failures and (cause_of(document).position or 0) > _start(batch):
        raise Refused("Its work has gone on since the batch began.")
