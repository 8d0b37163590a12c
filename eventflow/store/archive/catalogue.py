"""Where archived bodies are: the segments, what lies in each, and the dictionaries that open them.

A body is in one place: in ``bodies`` while it is hot, behind a row of ``archive_members`` once its segment is sealed.
Copies in ``restored`` may be lost at any time.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

from eventflow.store.archive.frames import Dictionary
from eventflow.store.database import Database, Transaction
from eventflow.store.statements import Statements

SOME = 500
"""As many as are read in one go."""

BEGINNING = UUID(int=0)


class State(StrEnum):
    """How a segment stands.

    Somebody is building it, or rewriting another one as it; it is sealed: whole; it was given up and is on its way out;
    another one has replaced it, and its object stays for a while; it was withdrawn: that object is gone as well.
    """

    BUILDING = "building"
    REWRITING = "rewriting"
    SEALED = "sealed"
    RETIRED = "retired"
    REPLACED = "replaced"
    WITHDRAWN = "withdrawn"


class Archive(NamedTuple):
    """A segment: the object under ``key``, made of events at positions ``lo`` to ``hi`` (not of all of them).

    ``size`` is how long the object is, ``freed`` how long the bodies were in the database, ``sha256`` the digest of
    the object, ``manifest`` that of its manifest, ``dictionary`` that of what it was compressed with, if anything.
    ``lease_until`` says how long its owner has, and of one that was replaced how long its object stays. It ``replaces``
    another one, or none.
    """

    id: UUID
    key: str
    state: str
    lo: int
    hi: int
    began_at: datetime
    lease_until: datetime
    sealed_at: datetime | None
    actor: str | None
    reason: str | None
    replaces: UUID | None
    events: int
    members: int
    size: int
    freed: int
    sha256: bytes | None
    manifest: bytes | None
    dictionary: bytes | None


class Place(NamedTuple):
    """Where the bodies of the versions ``first`` to ``last`` of a stream lie: ``length`` bytes of an object.

    ``secret`` if each of them is enciphered with the key of the stream.
    """

    archive: UUID
    key: str
    dictionary: bytes | None
    stream: UUID
    first: int
    last: int
    start: int
    length: int
    raw_length: int
    sha256: bytes
    secret: bool


class Bare(NamedTuple):
    """A stream of which a segment holds so many bodies in plain."""

    stream: UUID
    category: str
    bodies: int


class Laid(NamedTuple):
    """A run of versions as it was written into a segment."""

    stream: UUID
    first: int
    last: int
    start: int
    length: int
    raw_length: int
    sha256: bytes
    secret: bool = False


class Sealing(NamedTuple):
    """What is known of a segment once its object is whole."""

    sealed_at: datetime
    events: int
    members: int
    size: int
    freed: int
    sha256: bytes
    manifest: bytes
    dictionary: bytes | None


class Totals(NamedTuple):
    """Sums over the sealed segments."""

    archives: int
    events: int
    members: int
    size: int
    freed: int


class Catalogue:
    """The segments of one log. Bodies are not touched here; who seals a segment drops them in the same transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database
        statements = Statements("eventflow.store", database.dialect, "archive.sql")
        self._sql = {name: _filled(text) for name, text in statements.items()}

    # -- making a segment

    def claim(
        self, id: UUID, key: str, lo: int, hi: int, *, lease: timedelta, actor: str | None, reason: str | None
    ) -> bool:
        """Whether this range is one's own now: nobody else is about a part of it."""
        row = {"id": id, "key": key, "lo": lo, "hi": hi, "actor": actor, "reason": reason}
        with self._database.transaction() as transaction:
            transaction.execute(self._sql["alone"])
            return bool(transaction.execute(self._sql["claim"], {**row, "lease": lease.total_seconds()}))

    def claim_again(
        self, id: UUID, key: str, replaces: UUID, *, lease: timedelta, actor: str | None, reason: str | None
    ) -> bool:
        """Whether a segment is one's own to be written anew: it is sealed, and nobody else is at that."""
        row = {"id": id, "key": key, "replaces": replaces, "actor": actor, "reason": reason}
        with self._database.transaction() as transaction:
            transaction.execute(self._sql["alone"])
            return bool(transaction.execute(self._sql["claim_again"], {**row, "lease": lease.total_seconds()}))

    def extend(self, id: UUID, lease: timedelta) -> bool:
        """Whether a segment is still one's own; it is for another lease, then."""
        with self._database.transaction() as transaction:
            return bool(transaction.execute(self._sql["extend"], {"id": id, "lease": lease.total_seconds()}))

    def seal(self, transaction: Transaction, id: UUID, sealing: Sealing, laid: Sequence[Laid]) -> bool:
        """Whether the segment is whole now and its bodies have their places; false when it was taken away."""
        if not transaction.execute(self._sql["seal"], {"id": id, **sealing._asdict()}):
            return False
        transaction.write(self._sql["place"], [(*one[:3], id, *one[3:]) for one in laid])
        return True

    def replace(self, transaction: Transaction, id: UUID, grace: timedelta) -> bool:
        """Whether a segment lets go of its bodies now, for another one; its object stays for so long."""
        if not transaction.execute(self._sql["replace"], {"id": id, "grace": grace.total_seconds()}):
            return False
        transaction.execute(self._sql["displace"], {"id": id})
        return True

    def withdraw(self, id: UUID) -> bool:
        """Note that the object of a segment that was replaced is gone."""
        with self._database.transaction() as transaction:
            return bool(transaction.execute(self._sql["withdraw"], {"id": id}))

    def retire(self, id: UUID) -> bool:
        """Give up a segment that is not sealed."""
        with self._database.transaction() as transaction:
            return bool(transaction.execute(self._sql["retire"], {"id": id}))

    def retire_lost(self) -> int:
        """Take away the segments whose leases ran out: they can no longer be sealed."""
        with self._database.transaction() as transaction:
            return len(transaction.execute(self._sql["retire_lost"]))

    def forget(self, id: UUID) -> bool:
        """Forget a retired segment, whose object is gone."""
        with self._database.transaction() as transaction:
            return bool(transaction.execute(self._sql["forget"], {"id": id}))

    # -- looking

    def get(self, id: UUID) -> Archive | None:
        """One segment."""
        found = self._database.query(self._sql["get"], {"id": id})
        return _archive(found[0]) if found else None

    def unfinished(self) -> list[Archive]:
        """The segments that somebody is at, and those on their way out."""
        return [_archive(row) for row in self._database.query(self._sql["unfinished"])]

    def sealed(self) -> Iterator[Archive]:
        """Every segment that is whole, by what is in it; read some at a time."""
        lo, id = -1, BEGINNING
        while found := self._database.query(self._sql["sealed"], {"lo": lo, "id": id, "limit": SOME}):
            for row in found:
                yield (archive := _archive(row))
                lo, id = archive.lo, archive.id

    def sealed_within(self, lo: int, hi: int) -> list[Archive]:
        """The segments that may hold something between two positions."""
        return [_archive(row) for row in self._database.query(self._sql["sealed_within"], {"lo": lo, "hi": hi})]

    def last_sealed(self) -> Archive | None:
        """The segment that was sealed last: the next one names its manifest."""
        found = self._database.query(self._sql["last_sealed"])
        return _archive(found[0]) if found else None

    def replaced(self, *, over: bool = False) -> list[Archive]:
        """The segments whose bodies others have, and whose objects are still there; those whose time is ``over``."""
        return [_archive(row) for row in self._database.query(self._sql["replaced"], {"over": int(over)})]

    def replaced_of(self, stream: UUID) -> list[Archive]:
        """Those among them in which something of a stream may stand in plain."""
        return [_archive(row) for row in self._database.query(self._sql["replaced_of"], {"stream": stream})]

    def bare(
        self, categories: Sequence[str], *, stream: UUID | None = None, lo: int = 0, hi: int = 2**62
    ) -> Iterator[Archive]:
        """The segments between two positions in which something of these categories stands in plain.

        As a body (of one ``stream``, if one is said) or in their dictionary.
        """
        asked = {"categories": self._texts(categories), "stream": stream, "lo": lo, "hi": hi, "limit": SOME}
        after, id = -1, BEGINNING
        while found := self._database.query(self._sql["bare"], {**asked, "after": after, "id": id}):
            for row in found:
                yield (archive := _archive(row))
                after, id = archive.lo, archive.id

    def bare_streams(self, archive: UUID, categories: Sequence[str]) -> list[Bare]:
        """The streams of these categories of which a segment holds bodies in plain."""
        asked = {"archive": archive, "categories": self._texts(categories)}
        return [Bare(*row) for row in self._database.query(self._sql["bare_streams"], asked)]

    def manifests(self) -> set[bytes]:
        """What any segment that there is or was is known by."""
        return {bytes(manifest) for (manifest,) in self._database.query(self._sql["manifests"])}

    def is_known(self, key: str) -> bool:
        """Whether an object belongs to a segment, in whatever state, but for those whose object is gone."""
        return bool(self._database.query(self._sql["is_known"], {"key": key}))

    def totals(self) -> Totals:
        """What the archive comes to."""
        return Totals(*map(int, self._database.query(self._sql["totals"])[0]))

    def holding(self, stream: UUID, version: int) -> Place | None:
        """Where the body of one event lies, or nothing if it is in no segment."""
        found = self._database.query(self._sql["holding"], {"stream": stream, "version": version})
        place = _place(found[0]) if found else None
        return place if place is not None and place.last >= version else None

    def places(self, stream: UUID, first: int, last: int) -> list[Place]:
        """Where the bodies of these versions of a stream lie, in order; what is in no segment is left out."""
        asked = {"stream": stream, "first": first, "last": last}
        return [_place(row) for row in self._database.query(self._sql["places"], asked)]

    def places_of(self, archive: UUID) -> Iterator[Place]:
        """What lies in a segment, in the order of its bytes; read some at a time."""
        after = -1
        while found := self._database.query(
            self._sql["places_of"], {"archive": archive, "after": after, "limit": SOME}
        ):
            for row in found:
                yield (place := _place(row))
                after = place.start

    # -- dictionaries

    def keep_dictionary(self, transaction: Transaction, words: Dictionary, sources: Iterable[str] = ()) -> None:
        """Keep a dictionary for whoever opens a member, and of which categories' bodies it was made."""
        transaction.execute(self._sql["keep_dictionary"], {"sha256": words.sha256, "content": words.content})
        for category in sorted(sources):
            transaction.execute(self._sql["keep_source"], {"sha256": words.sha256, "category": category})

    def sources(self, sha256: bytes) -> frozenset[str]:
        """The categories whose bodies a dictionary was made of."""
        return frozenset(str(row[0]) for row in self._database.query(self._sql["sources"], {"sha256": sha256}))

    def forget_dictionaries(self, transaction: Transaction) -> int:
        """Forget those that open nothing any more; returns how many. Nobody may be about to seal a segment."""
        gone = len(transaction.execute(self._sql["forget_dictionaries"]))
        transaction.execute(self._sql["forget_sources"])
        return gone

    def dictionary(self, sha256: bytes) -> bytes | None:
        """A dictionary by its digest."""
        found = self._database.query(self._sql["dictionary"], {"sha256": sha256})
        return bytes(found[0][0]) if found else None

    def _texts(self, values: Sequence[str]) -> object:
        return list(values) if self._database.dialect == "postgresql" else json.dumps(list(values))


def key_of(log: str, moment: datetime, id: UUID) -> str:
    """Where a segment of a log lies that is made at a moment: two logs may share a bucket."""
    return f"{prefix_of(log)}/{moment:%Y/%m/%d}/{id}.zip"


def prefix_of(log: str) -> str:
    """Where the segments of a log lie."""
    return f"archive/{log}"


def _filled(text: str) -> str:
    return text.replace("{archive}", ", ".join(Archive._fields)).replace("{place}", _PLACE)


_PLACE = """m.archive, a.key, a.dictionary, m.stream, m.first_version, m.last_version, m.start, m.length, m.raw_length,
       m.sha256, m.secret"""


# A row has columns of several types; digests come as bytes or as views of them.
def _archive(row: tuple[object, ...]) -> Archive:
    return Archive._make((*row[:-3], *map(_digest, row[-3:])))


def _place(row: tuple[object, ...]) -> Place:
    return Place._make((*row[:2], _digest(row[2]), *row[3:-2], _digest(row[-2]), bool(row[-1])))


def _digest(value: object) -> bytes | None:
    return bytes(value) if isinstance(value, bytes | memoryview) else None
