"""Copies of archived bodies that are near for a while; the archive has them still."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from eventflow.model.recorded import Header
from eventflow.store.archive.segment import ArchivedRow
from eventflow.store.archive.selection import ALL, Selection
from eventflow.store.codec import COMPRESS_ABOVE, Codec
from eventflow.store.database import Database, Transaction
from eventflow.store.statements import Statements

SOME = 2000
"""As many as one transaction drops without keeping others waiting."""

_AS_IT_IS, _COMPRESSED = b"m", b"z"
"""The first byte of a copy says what follows."""


class Amount(NamedTuple):
    """How many bodies, and how many bytes they are."""

    events: int
    size: int


class Restored:
    """The copies of one log. They are of bare bodies, which is what a header's digest is of."""

    def __init__(self, database: Database, codec: Codec) -> None:
        self._database, self._codec = database, codec
        self._sql = Statements("eventflow.store", database.dialect, "restored.sql")

    def of(self, stream: UUID, first: int, last: int) -> dict[int, bytes]:
        """The copies of a run of versions that are here; one that cannot be read is as good as none."""
        asked = {"stream": stream, "first": first, "last": last}
        found = {version: self._bare(bytes(state)) for version, state in self._database.query(self._sql["of"], asked)}
        return {version: bare for version, bare in found.items() if bare is not None}

    def until(self, stream: UUID, first: int, last: int) -> dict[int, datetime]:
        """Which of a run of versions have a copy here, and until when."""
        asked = {"stream": stream, "first": first, "last": last}
        return dict(self._database.query(self._sql["until"], asked))

    def put(self, transaction: Transaction, bodies: Mapping[int, bytes], until: datetime) -> Amount:
        """Keep copies, by their positions; those that are here stay for the longer time of the two."""
        rows = [(position, self.state(bare), until) for position, bare in sorted(bodies.items())]
        transaction.write(self._sql["put"], rows)
        return Amount(len(rows), sum(len(state) for _, state, _ in rows))

    def drop(self, transaction: Transaction, selection: Selection = ALL, *, now: datetime | None = None) -> Amount:
        """Drop some copies, those alone whose time is over if one says which time it is; nothing when none is left.

        A copy that no segment holds stays.
        """
        asked = {**selection.asked(), "now": now, "limit": SOME}
        gone = [size for (size,) in transaction.execute(self._sql["drop"], asked)]
        return Amount(len(gone), sum(gone))

    def amount(self, selection: Selection = ALL, *, now: datetime | None = None) -> Amount:
        """How much there is; of that whose time is over if one says which time it is."""
        rows = self._database.query(self._sql["count"], {**selection.asked(), "now": now})
        return Amount(*map(int, rows[0]))

    def hot(self, header: Header, state: bytes) -> bytes | None:
        """A copy as the database would keep the body; nothing of one that cannot be read."""
        bare = self._bare(state)
        return None if bare is None else ArchivedRow(header, bare).body

    def state(self, bare: bytes) -> bytes:
        """What is kept of a bare body."""
        if len(bare) > COMPRESS_ABOVE:
            smaller = self._codec.compress(bare)
            if len(smaller) < len(bare):
                return _COMPRESSED + smaller
        return _AS_IT_IS + bare

    def _bare(self, state: bytes) -> bytes | None:
        try:
            return self._codec.decompress(state[1:]) if state[:1] == _COMPRESSED else state[1:]
        except ValueError:
            return None
