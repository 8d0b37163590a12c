"""Bodies that left the database, by hand: what the archiver does, without its leases and its clock."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import NamedTuple
from uuid import UUID, uuid4

from eventflow.store.archive.catalogue import Catalogue, Laid, Sealing
from eventflow.store.archive.frames import Dictionary, trained
from eventflow.store.archive.segment import SPLIT, SegmentWriter, Slice
from eventflow.store.database import Database
from eventflow.store.objects import Objects


class Segment(NamedTuple):
    """A segment that was made."""

    id: UUID
    key: str
    size: int


class Counted:
    """Objects that count what is asked of them. Changes with every question."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects
        self.asked: Counter[str] = Counter()

    def put(self, key: str, content: bytes) -> None:
        self._objects.put(key, content)

    def send(self, key: str, file: Path) -> None:
        self._objects.send(key, file)

    def read(self, key: str) -> Iterator[bytes]:
        self.asked["read"] += 1
        return self._objects.read(key)

    def get(self, key: str) -> bytes:
        self.asked["get"] += 1
        return self._objects.get(key)

    def get_range(self, key: str, start: int, length: int) -> bytes:
        self.asked["get_range"] += 1
        return self._objects.get_range(key, start, length)

    def exists(self, key: str) -> bool:
        return self._objects.exists(key)

    def delete(self, key: str) -> None:
        self._objects.delete(key)

    def list(self, prefix: str = "") -> Iterator[str]:
        return self._objects.list(prefix)


def archive(
    database: Database,
    objects: Objects,
    streams: Sequence[UUID],
    *,
    dictionary: Dictionary | None = None,
    split: int = SPLIT,
) -> Segment:
    """Move every body of these streams into one segment."""
    id, file = uuid4(), BytesIO()
    rows = [row for stream in sorted(streams) for row in database.recorder().read(stream)]
    with SegmentWriter(file, dictionary=dictionary, split=split) as writer:
        for stream in sorted(streams):
            those = [row for row in rows if row[0].stream == stream]
            writer.write(Slice(stream, those[0][0].category, those))
        sealed = writer.finish()
    key = f"2026/01/02/{id}.zip"
    objects.put(key, file.getvalue())
    catalogue, positions = Catalogue(database), [header.position for header, _ in rows]
    lasts = timedelta(minutes=10)
    assert catalogue.claim(id, key, min(positions), max(positions), lease=lasts, actor=None, reason=None)
    sealing = Sealing(
        datetime.now(UTC), len(rows), len(sealed.members), sealed.bytes, 0, sealed.sha256, sealed.manifest.sha256,
        dictionary.sha256 if dictionary else None,
    )  # fmt: skip
    with database.transaction() as transaction:
        if dictionary is not None:
            catalogue.keep_dictionary(transaction, dictionary)
        assert catalogue.seal(transaction, id, sealing, [Laid(*one) for one in sealed.members])
        for position in positions:
            transaction.execute(f"DELETE FROM bodies WHERE position = {position}")
    return Segment(id, key, sealed.bytes)


def a_dictionary(samples: Sequence[bytes]) -> Dictionary:
    """A dictionary of these."""
    found = trained(samples)
    assert found is not None
    return found
