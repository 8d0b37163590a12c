"""Archived bodies, one by one or many at once, as if they had never left.

A body is looked for near (what was fetched a moment ago), among the restored copies, and then where the catalogue says:
a run of versions of a stream is one ranged read of one object. What arrives is compared with its digest.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from hashlib import sha256
from typing import NamedTuple
from uuid import UUID

from eventflow.errors import (
    BodyMissing,
    DamagedBody,
    EventflowError,
    Misconfigured,
    NotFound,
    Unavailable,
    Unreadable,
)
from eventflow.model.recorded import Header
from eventflow.store.archive.catalogue import Catalogue, Place
from eventflow.store.archive.flights import Flights
from eventflow.store.archive.frames import Dictionary
from eventflow.store.archive.nearby import Nearby
from eventflow.store.archive.restored import Restored
from eventflow.store.archive.segment import read_member
from eventflow.store.archive.spool import Spool
from eventflow.store.codec import Codec
from eventflow.store.database import Database
from eventflow.store.objects import Objects

NEAR = 64 * 1024 * 1024
"""Bytes of bodies that are kept near."""

GAP = 16 * 1024
"""Bytes between two runs that are rather fetched along than asked around: a request takes longer."""

STRETCH = 8 * 1024 * 1024
"""As much as one request asks for."""

SCATTERED = 8
"""Requests to one segment, above which it is fetched as a whole instead."""

OUT_OF_REACH = (Unavailable, Misconfigured)
"""What keeps every object from being read, and not the one that was asked for."""


class Wanted(NamedTuple):
    """A run, and the events in it that are asked for."""

    place: Place
    headers: list[Header]

    @property
    def end(self) -> int:
        """Where its bytes end."""
        return self.place.start + self.place.length


Brought = bytes | EventflowError
"""A bare body, or why there is none."""


class Reader:
    """Reads what has left the database. Holds what it fetched last; safe in threads.

    ``objects`` are opened when first used. One fetch serves all who want the same at the same moment; one that fails
    is tried once more.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        restored: Restored,
        objects: Callable[[], Objects],
        *,
        near: int = NEAR,
    ) -> None:
        self._catalogue, self._restored, self._objects = catalogue, restored, objects
        self._near, self._spool = Nearby(near), Spool()
        self._flights: Flights[tuple[UUID, int], Mapping[int, bytes]] = Flights()
        self._whole: Flights[UUID, None] = Flights()
        self._dictionaries: dict[bytes, Dictionary] = {}

    def body(self, header: Header) -> bytes:
        """The bare body of an event.

        Raises ``BodyMissing`` when it is nowhere, ``DamagedBody`` when other bytes are in its place, ``Unavailable``.
        """
        near = self._near.get(header.stream, header.version)
        if near is not None:
            return near
        place = self._catalogue.holding(header.stream, header.version)
        if place is None:
            raise BodyMissing(header.position, header.name)
        copy = self._restored.of(header.stream, header.version, header.version).get(header.version)
        found = self._told(header, place, lambda: self._run(place)) if copy is None else copy
        if isinstance(found, EventflowError):
            raise found
        return found

    def bodies(self, headers: Sequence[Header]) -> dict[int, Brought]:
        """The bare bodies of several events by their positions, in as few requests as where they lie allows."""
        found: dict[int, Brought] = {}
        wanted: list[Wanted] = []
        for stream, those in _by_stream(headers).items():
            wanted += self._looked_up(stream, those, found)
        away: EventflowError | None = None
        for runs in _by_segment(wanted):
            if away is None or self._spool.has(runs[0].place.archive):
                away = self._fetch_all(runs, found) or away
            # Whoever is out of reach for one segment is so for the next; nobody waits for that once each.
            left = [one for run in runs for one in run.headers if one.position not in found]
            found.update({one.position: away for one in left if away is not None})
        return found

    def close(self) -> None:
        """Let go of what is near."""
        self._near.clear()
        self._spool.close()

    # -- one run

    def _run(self, place: Place) -> Mapping[int, bytes]:
        def fetch() -> Mapping[int, bytes]:
            # Somebody may have brought it between our look and our turn.
            near = self._near.run(place.stream, place.first)
            return near if near is not None else self._kept(place, self._opened(place, self._part(place)))

        return self._flights.fly((place.archive, place.start), fetch)

    def _part(self, place: Place) -> bytes:
        try:
            return self._checked(place, self._read(place.archive, place.key, place.start, place.length))
        except (Unavailable, ValueError):
            # A connection that broke or an answer cut short: once may be bad luck.
            return self._checked(place, self._objects().get_range(place.key, place.start, place.length))

    def _read(self, archive: UUID, key: str, start: int, length: int) -> bytes:
        spooled = self._spool.part(archive, start, length)
        return self._objects().get_range(key, start, length) if spooled is None else spooled

    def _checked(self, place: Place, part: bytes) -> bytes:
        where = f'{place.length} bytes from {place.start} of the segment "{place.key}"'
        if len(part) < place.length:
            raise ValueError(f"it should be in {where}, which ends after {place.start + len(part)} bytes")
        found = sha256(part).digest()
        if found != place.sha256:
            raise ValueError(f"the {where} have the SHA-256 {found.hex()} and should have {place.sha256.hex()}")
        return part

    def _opened(self, place: Place, part: bytes) -> Mapping[int, bytes]:
        rows = read_member(part, place, self._dictionary(place.dictionary))
        return {row.header.version: row.bare for row in rows}

    def _kept(self, place: Place, bodies: Mapping[int, bytes]) -> Mapping[int, bytes]:
        self._near.put(place.stream, place.first, bodies)
        return bodies

    def _dictionary(self, sha256: bytes | None) -> Dictionary | None:
        if sha256 is None:
            return None
        if sha256 not in self._dictionaries:
            content = self._catalogue.dictionary(sha256)
            if content is None:
                raise ValueError(f"the dictionary {sha256.hex()} that opens it is not in the database")
            self._dictionaries[sha256] = Dictionary(content)
        return self._dictionaries[sha256]

    def _told(self, header: Header, place: Place, fetch: Callable[[], Mapping[int, bytes]]) -> Brought:
        """The body, or what is wrong, told of this event: a run belongs to several."""
        found = self._found(header, place, fetch)
        if isinstance(found, BodyMissing | DamagedBody):
            # Its segment may have been written anew since we looked where it is.
            now = self._catalogue.holding(header.stream, header.version)
            if now is not None and now.archive != place.archive:
                return self._found(header, now, lambda: self._run(now))
        return found

    def _found(self, header: Header, place: Place, fetch: Callable[[], Mapping[int, bytes]]) -> Brought:
        try:
            body = fetch().get(header.version)
        except OUT_OF_REACH as error:
            return error
        except NotFound as error:
            return _caused(BodyMissing(header.position, header.name, place.key), error)
        except (ValueError, Unreadable) as error:
            return _caused(DamagedBody(header.position, header.name, str(error)), error)
        if body is None:
            reason = f'the segment "{place.key}" does not hold it where it should'
            return DamagedBody(header.position, header.name, reason)
        return body

    # -- many runs

    def _looked_up(self, stream: UUID, headers: Sequence[Header], found: dict[int, Brought]) -> Iterator[Wanted]:
        """What of a stream has to be fetched; what is near or nowhere goes into ``found``."""
        far = []
        for header in headers:
            near = self._near.get(stream, header.version)
            if near is None:
                far.append(header)
            else:
                found[header.position] = near
        if not far:
            return
        first, last = min(one.version for one in far), max(one.version for one in far)
        copies, places = self._restored.of(stream, first, last), self._catalogue.places(stream, first, last)
        runs: defaultdict[Place | None, list[Header]] = defaultdict(list)
        for header in far:
            if header.version in copies:
                found[header.position] = copies[header.version]
            else:
                runs[_holding(places, header.version)].append(header)
        for header in runs.pop(None, ()):
            found[header.position] = BodyMissing(header.position, header.name)
        yield from (Wanted(place, those) for place, those in runs.items() if place is not None)

    def _fetch_all(self, runs: list[Wanted], found: dict[int, Brought]) -> EventflowError | None:
        """Bring runs of one segment, in as few requests as they need; says so when the storage cannot be asked."""
        stretches = list(stretched(runs))
        if len(stretches) > SCATTERED:
            self._bring(runs[0].place.archive, runs[0].place.key)
        for stretch in stretches:
            self._fetch(stretch, found)
            for brought in (found[one.position] for run in stretch for one in run.headers):
                if isinstance(brought, OUT_OF_REACH):
                    return brought
        return None

    def _bring(self, archive: UUID, key: str) -> None:
        def bring() -> None:
            if not self._spool.has(archive):
                self._spool.bring(archive, key, self._objects())

        try:
            self._whole.fly(archive, bring)
        except (*OUT_OF_REACH, NotFound, OSError):
            # Whoever asks for a part is told what is wrong; no room for a file is no reason not to read.
            return

    def _fetch(self, stretch: list[Wanted], found: dict[int, Brought]) -> None:
        first, begin, end = stretch[0].place, stretch[0].place.start, stretch[-1].end
        whole = b""
        if len(stretch) > 1:
            try:
                whole = self._read(first.archive, first.key, begin, end - begin)
            except (*OUT_OF_REACH, NotFound) as error:
                # The first run is asked for once more; if that fails as well, so would the others.
                self._ask_once_more(stretch, error, found)
                return
        for place, headers in stretch:
            self._unpack(place, headers, whole[place.start - begin : place.start - begin + place.length], found)

    def _ask_once_more(self, stretch: list[Wanted], error: EventflowError, found: dict[int, Brought]) -> None:
        for at, (place, headers) in enumerate(stretch):
            self._unpack(place, headers, b"", found)
            if isinstance(found[headers[0].position], (*OUT_OF_REACH, BodyMissing)):
                for later, those in stretch[at + 1 :]:
                    found.update({one.position: self._failed(one, later, error) for one in those})
                return

    def _failed(self, header: Header, place: Place, error: EventflowError) -> EventflowError:
        if isinstance(error, NotFound):
            return _caused(BodyMissing(header.position, header.name, place.key), error)
        return error

    def _unpack(self, place: Place, headers: list[Header], part: bytes, found: dict[int, Brought]) -> None:
        failed: Exception | None = None
        bodies: Mapping[int, bytes] | None = None

        def fetch() -> Mapping[int, bytes]:
            nonlocal bodies, failed
            if failed is not None:
                # What failed for one event of the run would fail for each of the others, and take its time.
                raise failed
            if bodies is None:
                is_whole = sha256(part).digest() == place.sha256
                try:
                    bodies = self._kept(place, self._opened(place, part if is_whole else self._part(place)))
                except Exception as error:
                    failed = error
                    raise
            return bodies

        for header in headers:
            found[header.position] = self._told(header, place, fetch)


def open_archive(database: Database, objects: Callable[[], Objects], codec: Codec) -> Reader:
    """What reads the bodies that have left this database; ``objects`` are opened when first used."""
    return Reader(Catalogue(database), Restored(database, codec), cache(objects))


def _by_segment(wanted: Iterable[Wanted]) -> list[list[Wanted]]:
    """The runs of each segment, in the order of its bytes."""
    segments: defaultdict[UUID, list[Wanted]] = defaultdict(list)
    for one in wanted:
        segments[one.place.archive].append(one)
    return [sorted(runs, key=lambda one: one.place.start) for runs in segments.values()]


def stretched(runs: Iterable[Wanted]) -> Iterator[list[Wanted]]:
    """Runs of one segment in the order of its bytes, together as far as little lies between them."""
    stretch: list[Wanted] = []
    for run in runs:
        if stretch and not _is_near(run, stretch):
            yield stretch
            stretch = []
        stretch.append(run)
    if stretch:
        yield stretch


def _is_near(run: Wanted, stretch: Sequence[Wanted]) -> bool:
    return run.place.start - stretch[-1].end <= GAP and run.end - stretch[0].place.start <= STRETCH


def _holding(places: Sequence[Place], version: int) -> Place | None:
    return next((one for one in places if one.first <= version <= one.last), None)


def _by_stream(headers: Iterable[Header]) -> dict[UUID, list[Header]]:
    streams: defaultdict[UUID, list[Header]] = defaultdict(list)
    for header in headers:
        streams[header.stream].append(header)
    return streams


def _caused(error: EventflowError, cause: BaseException) -> EventflowError:
    error.__cause__ = cause
    return error
