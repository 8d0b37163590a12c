"""The bodies that are still in the database: which may leave it, what they are, and how they go."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from eventflow.model.recorded import Header
from eventflow.store.archive.portions import portions
from eventflow.store.asking import row
from eventflow.store.database import Database, Transaction
from eventflow.store.recorder import COLUMNS, Row
from eventflow.store.statements import Statements

SOME = 5000
"""As many as are looked at in one go."""

CHUNK_ROWS = 500
CHUNK_BYTES = 4 * 1024 * 1024
"""As much as is read in one go."""


class Standing(NamedTuple):
    """A body that is still in the database, and how many bytes it has there."""

    position: int
    stream: UUID
    version: int
    category: str
    recorded_at: datetime
    size: int


class Sums(NamedTuple):
    """How many bodies, of how many streams, and their bytes in the database."""

    events: int
    streams: int
    size: int


class Astray(NamedTuple):
    """An event whose body is not where it should be."""

    position: int
    stream: UUID
    version: int
    name: str


class Hot:
    """The hot bodies of one log."""

    def __init__(self, database: Database) -> None:
        self._database = database
        statements = Statements("eventflow.store", database.dialect, "hot.sql")
        self._sql = {name: text.replace("{columns}", COLUMNS) for name, text in statements.items()}

    def before(self, moment: datetime, upto: int) -> int:
        """The last position before a moment, as the log goes: of those up to ``upto`` which nobody can change."""
        low, high = 0, upto
        while low < high:
            middle = (low + high + 1) // 2
            found = self._database.query(self._sql["first_at"], {"position": middle})
            if not found or found[0][0] > high or found[0][1] >= moment:
                high = middle - 1
            else:
                low = int(found[0][0])
        return low

    def identity(self) -> str:
        """A name that is another for any other log; nothing has one before something happened."""
        found = self._database.query(self._sql["identity"])
        return bytes(found[0][0]).hex()[:12] if found else "empty"

    def bodies(
        self, after: int, upto: int, *, category: str | None = None, stream: UUID | None = None
    ) -> Iterator[Standing]:
        """The bodies between two positions that nobody is about, in the order of the log; read some at a time."""
        name, asked = ("bodies", {"category": category}) if stream is None else ("bodies_of", {"stream": stream})
        while found := self._database.query(self._sql[name], {**asked, "after": after, "upto": upto, "limit": SOME}):
            for record in found:
                yield (standing := Standing._make(record))
                after = standing.position

    def sums(
        self,
        after: int,
        upto: int,
        moment: datetime,
        *,
        category: str | None = None,
        without: Sequence[str] = (),
        stream: UUID | None = None,
    ) -> Sums:
        """What the bodies between two positions and from before a moment come to, of one category or all but some.

        The library's own are never counted.
        """
        asked = {"after": after, "upto": upto, "moment": moment, "category": category, "stream": stream}
        found = self._database.query(self._sql["sums"], {**asked, "without": self._list(without)})[0]
        return Sums(*map(int, found))

    def read(self, wanted: Sequence[Standing]) -> Iterator[Row]:
        """These bodies with their headers, by stream and version, as far as they are still here; some at a time."""
        ordered = sorted(wanted, key=lambda one: (one.stream, one.version))
        for chunk in portions(ordered, lambda one: one.size, most=CHUNK_BYTES, many=CHUNK_ROWS):
            asked = self._list([one.position for one in chunk])
            yield from map(row, self._database.query(self._sql["read"], {"positions": asked}))

    def drop(self, transaction: Transaction, positions: Sequence[int]) -> int:
        """Drop bodies, and say how many of them were here."""
        gone = 0
        for start in range(0, len(positions), SOME):
            some = self._list(positions[start : start + SOME])
            gone += len(transaction.execute(self._sql["drop"], {"positions": some}))
        return gone

    def snapshotted(self, streams: Sequence[UUID]) -> dict[UUID, int]:
        """Up to which version streams are snapshotted, where they are."""
        found: dict[UUID, int] = {}
        for start in range(0, len(streams), SOME):
            some = self._list(streams[start : start + SOME])
            found.update(self._database.query(self._sql["snapshotted"], {"streams": some}))
        return found

    def homeless(self, upto: int) -> Iterator[Astray]:
        """Events up to a position whose body is nowhere."""
        return self._astray("homeless", upto)

    def doubled(self, upto: int) -> Iterator[Astray]:
        """Events up to a position whose body is in two places."""
        return self._astray("doubled", upto)

    def headers(self, positions: Sequence[int]) -> dict[int, Header]:
        """The headers at these positions."""
        found = self._database.query(self._sql["headers"], {"positions": self._list(positions)})
        return {header.position: header for header in map(Header._make, found)}

    def count(self) -> int:
        """How many there are."""
        return int(self._database.query(self._sql["count"])[0][0])

    def _astray(self, name: str, upto: int) -> Iterator[Astray]:
        after = 0
        while found := self._database.query(self._sql[name], {"after": after, "upto": upto, "limit": SOME}):
            for record in found:
                yield (astray := Astray._make(record))
                after = astray.position

    def _list(self, values: Sequence[UUID] | Sequence[int] | Sequence[str]) -> object:
        return list(values) if self._database.dialect == "postgresql" else json.dumps(values, default=str)
