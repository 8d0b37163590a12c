"""What the database itself has of erasable categories in plain: hot bodies, restored copies, snapshots."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

from eventflow.errors import DamagedBody
from eventflow.store.archive.hot import CHUNK_BYTES, CHUNK_ROWS, Hot, Standing
from eventflow.store.archive.portions import portions
from eventflow.store.archive.restored import Restored
from eventflow.store.asking import row
from eventflow.store.database import Database, Transaction
from eventflow.store.keyring import Keyring
from eventflow.store.marks import MARK
from eventflow.store.recorder import COLUMNS, Row
from eventflow.store.snapshots import Snapshots
from eventflow.store.statements import Statements
from eventflow.store.veils import Veils

FIRST = UUID(int=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Events of some categories at positions above ``after`` and up to ``upto``, of one ``stream`` if one is named."""

    categories: Sequence[str]
    after: int
    upto: int
    stream: UUID | None = None


class Kept(NamedTuple):
    """A snapshot as it is kept."""

    stream: UUID
    version: int
    category: str
    state: bytes


Put = Callable[[Transaction], None]
"""What writes a portion, in a transaction in which nothing is erased."""


class Portion(NamedTuple):
    """So many bodies, copies or snapshots at positions ``lo`` to ``hi`` (of snapshots: none), and what writes them.

    What is ``left`` is not as it was appended.
    """

    amount: int
    lo: int | None
    hi: int | None
    put: Put
    left: Sequence[DamagedBody] = ()


class Veiling:
    """Finds what stands in plain, a portion at a time, and makes ciphertexts of it."""

    def __init__(self, database: Database, keyring: Keyring, snapshots: Snapshots, restored: Restored) -> None:
        self._database, self._snapshots, self._restored = database, snapshots, restored
        self._hot, self._veils = Hot(database), Veils(keyring)
        statements = Statements("eventflow.store", database.dialect, "veils.sql")
        self._sql = {name: text.replace("{columns}", COLUMNS) for name, text in statements.items()}

    def count(self, choice: Choice) -> tuple[int, int, int]:
        """How many bodies, copies and snapshots stand in plain."""
        bodies, copies = (sum(1 for _ in self._standing(name, choice)) for name in ("bodies", "copies"))
        return bodies, copies, sum(1 for _ in self._plain(choice))

    def bodies(self, choice: Choice) -> Iterator[Portion]:
        """The hot bodies."""
        for some in self._portions("bodies", choice):
            rows, left = self._veiled(list(self._hot.read(some)))
            yield self._portion("veil_bodies", rows, left)

    def copies(self, choice: Choice) -> Iterator[Portion]:
        """The restored copies; one that cannot be read is as good as none, and stays."""
        for some in self._portions("copies", choice):
            found = [(header, self._restored.hot(header, state)) for header, state in self._read_copies(some)]
            rows, left = self._veiled([(header, state) for header, state in found if state is not None])
            kept = [(header, self._restored.state(veiled)) for header, veiled in rows]
            yield self._portion("veil_copies", kept, left)

    def snapshots(self, choice: Choice) -> Iterator[Portion]:
        """The snapshots."""
        for some in portions(self._plain(choice), lambda one: len(one.state), most=CHUNK_BYTES, many=CHUNK_ROWS):
            secret = [(one, self._snapshots.enciphered(*one)) for one in some]
            yield self._snapshot_portion([one._replace(state=state) for one, state in secret if state is not None])

    def _veiled(self, rows: Sequence[Row]) -> tuple[list[Row], list[DamagedBody]]:
        keys, done, left = self._veils.keys(rows), list[Row](), list[DamagedBody]()
        for one in rows:
            try:
                done += self._veils.over([one], keys)
            except DamagedBody as error:
                left.append(error)
        return done, left

    def _portion(self, statement: str, rows: Sequence[Row], left: Sequence[DamagedBody]) -> Portion:
        changed = [(header.position, state) for header, state in rows]
        positions = [position for position, _ in changed]

        def put(transaction: Transaction) -> None:
            transaction.write(self._sql[statement], changed)

        return Portion(len(rows), min(positions, default=None), max(positions, default=None), put, left)

    def _snapshot_portion(self, portion: Sequence[Kept]) -> Portion:
        def put(transaction: Transaction) -> None:
            for one in portion:
                transaction.execute(self._sql["veil_snapshot"], one._asdict())

        return Portion(len(portion), None, None, put)

    def _portions(self, name: str, choice: Choice) -> Iterator[list[Standing]]:
        return portions(self._standing(name, choice), lambda one: one.size, most=CHUNK_BYTES, many=CHUNK_ROWS)

    def _standing(self, name: str, choice: Choice) -> Iterator[Standing]:
        after = choice.after
        asked = {"stream": choice.stream, "upto": choice.upto, "mark": MARK, "limit": CHUNK_ROWS}
        those = self._list(choice.categories)
        while found := self._database.query(self._sql[name], {**asked, "categories": those, "after": after}):
            for record in found:
                yield (standing := Standing._make(record))
                after = standing.position

    def _read_copies(self, some: Sequence[Standing]) -> Iterator[Row]:
        asked = self._list([one.position for one in some])
        yield from map(row, self._database.query(self._sql["read_copies"], {"positions": asked}))

    def _plain(self, choice: Choice) -> Iterator[Kept]:
        after, asked = FIRST, {"categories": self._list(choice.categories), "stream": choice.stream}
        while found := self._database.query(self._sql["snapshots"], {**asked, "after": after, "limit": CHUNK_ROWS}):
            for stream, version, category, state in found:
                after = stream
                if not self._snapshots.is_secret(bytes(state)):
                    yield Kept(stream, int(version), str(category), bytes(state))

    def _list(self, values: Sequence[int] | Sequence[str]) -> object:
        return list(values) if self._database.dialect == "postgresql" else json.dumps(list(values))
