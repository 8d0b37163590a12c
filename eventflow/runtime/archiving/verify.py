"""Verify: every segment against its manifest and against the log, and that every body has one place."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from hashlib import sha256
from itertools import islice
from typing import IO, NamedTuple
from uuid import UUID

from eventflow.errors import DamagedBody, DamagedSegment, NotFound, Unreadable
from eventflow.store.archive.catalogue import Archive, Catalogue
from eventflow.store.archive.hot import Hot
from eventflow.store.archive.segment import ArchivedRow, Segment
from eventflow.store.codec import OWN_KEY
from eventflow.store.log import Log
from eventflow.store.marks import is_veiled
from eventflow.store.objects import Objects

SOME = 500
"""Events that are compared with the log in one go."""


class Fault(NamedTuple):
    """What is wrong: with a segment, or with the body of one event.

    ``position`` is that of the first body that is damaged or missing; without one every body in a segment can be read.
    """

    key: str | None
    position: int | None
    why: str


class Verifier:
    """Reads everything, changes nothing. Holds one segment in a file at a time."""

    def __init__(self, log: Log, catalogue: Catalogue, hot: Hot, objects: Callable[[], Objects]) -> None:
        self._log, self._catalogue, self._hot, self._objects = log, catalogue, hot, objects

    def run(self, seen: Callable[[Archive], None] = lambda _: None) -> Iterator[Fault]:
        """Whatever is wrong, segment by segment, the first fault of each; then bodies that are nowhere, or twice.

        ``seen`` is called after each segment. Raises ``Unavailable`` when the object storage is out of reach.
        """
        manifests: set[bytes | None] = {None, *self._catalogue.manifests()}
        for archive in self._catalogue.sealed():
            manifests.add(archive.manifest)
            fault = self._fault(archive, manifests)
            if fault is not None and self._is_there_still(archive):
                yield fault
            seen(archive)
        yield from self._places()

    def _fault(self, archive: Archive, manifests: set[bytes | None]) -> Fault | None:
        with tempfile.TemporaryFile() as file:
            try:
                found = self._fetched(archive, file)
                # What is inside names the first event that is damaged; the digest of the whole says that something is.
                self._look_into(archive, file, manifests)
                self._same(archive, "object", found, archive.sha256)
            except (NotFound, Unreadable) as error:
                position = getattr(error, "position", None) or self._first_lost(archive, file)
                return Fault(archive.key, position, str(error))
        return None

    def _is_there_still(self, archive: Archive) -> bool:
        """Whether it was not written anew, and removed, while we looked into it."""
        now = self._catalogue.get(archive.id)
        return now is not None and now.state == archive.state

    def _fetched(self, archive: Archive, file: IO[bytes]) -> bytes:
        digest = sha256()
        for some in self._objects().read(archive.key):
            digest.update(some)
            file.write(some)
        return digest.digest()

    def _first_lost(self, archive: Archive, file: IO[bytes]) -> int | None:
        """Where the first body was that cannot be read any more, if it is the bodies that are damaged."""
        for place in self._catalogue.places_of(archive.id):
            file.seek(place.start)
            if sha256(file.read(place.length)).digest() != place.sha256:
                return next(
                    (one.header.position for one in self._log.read(place.stream, place.first - 1, place.first)), None
                )
        return None

    def _look_into(self, archive: Archive, file: IO[bytes], manifests: set[bytes | None]) -> None:
        with Segment(file) as segment:
            manifest = segment.manifest
            self._same(archive, "manifest", manifest.sha256, archive.manifest)
            before = bytes.fromhex(manifest.before) if manifest.before is not None else None
            if before not in manifests:
                raise DamagedSegment(
                    archive.key, "the segment that its manifest names before it is not in the catalogue"
                )
            listed = [(one.stream, one.first, one.last, one.offset, one.length) for one in segment.members()]
            places = list(self._catalogue.places_of(archive.id))
            self._same(archive, "index", sorted(listed), sorted(one[3:8] for one in places))
            secret = {(one.stream, one.first) for one in places if one.secret}
            self._match(archive, self._rows(archive, segment, secret))

    def _rows(self, archive: Archive, segment: Segment, secret: set[tuple[UUID, int]]) -> Iterator[ArchivedRow]:
        """What is in a segment; what the catalogue calls secret is."""
        for text in segment.texts():
            first = text.rows[0].header
            if (first.stream, first.version) in secret:
                self._look_for_plain(archive, text.rows)
            yield from text.rows

    def _look_for_plain(self, archive: Archive, rows: Sequence[ArchivedRow]) -> None:
        for header, bare in ((row.header, row.bare) for row in rows):
            if not (header.codec.endswith(OWN_KEY) or is_veiled(bare)):
                raise DamagedBody(header.position, header.name, f"in {archive.key} it stands in plain")

    def _match(self, archive: Archive, rows: Iterator[ArchivedRow]) -> None:
        count = 0
        while some := list(islice(rows, SOME)):
            known = self._hot.headers([row.header.position for row in some])
            for row in some:
                if known.get(row.header.position) != row.header:
                    header = row.header
                    raise DamagedBody(header.position, header.name, f"in {archive.key} it is not as the log has it")
            count += len(some)
        self._same(archive, "number of events", count, archive.events)

    def _same(self, archive: Archive, what: str, found: object, wanted: object) -> None:
        if found != wanted:
            raise DamagedSegment(archive.key, f"its {what} is not the one that the catalogue has")

    def _places(self) -> Iterator[Fault]:
        upto = self._log.horizon()
        for one in self._hot.homeless(upto):
            where = "is neither in the database nor in a segment"
            yield Fault(None, one.position, f"The body of {one.name} at position {one.position} {where}")
        for one in self._hot.doubled(upto):
            where = "is in the database although a segment holds it"
            yield Fault(None, one.position, f"The body of {one.name} at position {one.position} {where}")
