"""A segment in the making: streams in order, snapshotted, written into a file that holds at most a piece in memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

from eventflow.errors import DamagedBody
from eventflow.model.recorded import Header
from eventflow.store.archive import lines
from eventflow.store.archive.frames import Dictionary, saving, trained
from eventflow.store.archive.hot import Hot, Standing
from eventflow.store.archive.segment import Sealed, SegmentWriter, Slice
from eventflow.store.codec import is_secret
from eventflow.store.recorder import Row

SAMPLE = 5 * 1024 * 1024
"""Bytes of bodies, as they are in the database, that a dictionary is made from."""

HELPS = 0.25
"""The share of the bytes that a dictionary saves which is used again."""

PIECE = 1024 * 1024
"""Bytes of bodies of one stream that are written at a time."""


class Left(NamedTuple):
    """A body that stays where it is, and why."""

    position: int
    stream: UUID
    why: str


class Written(NamedTuple):
    """A finished segment, the bodies that are in it, their bytes in the database, and what was left out."""

    sealed: Sealed
    positions: list[int]
    freed: int
    left: list[Left]


def write(
    path: Path, hot: Hot, bodies: Sequence[Standing], *, dictionary: Dictionary | None, before: bytes | None
) -> Written:
    """Write the bodies that are still hot into a segment. One that is damaged is left out, and said."""
    positions: list[int] = []
    left: list[Left] = []
    freed = 0
    with SegmentWriter(path, dictionary=dictionary, before=before) as writer:
        for rows in slices(hot.read(bodies)):
            for header in _written(writer, rows, left):
                positions.append(header.position)
                freed += header.size
        sealed = writer.finish()
    return Written(sealed, positions, freed, left)


def fitting(hot: Hot, bodies: Sequence[Standing], known: Dictionary | None) -> Dictionary | None:
    """The dictionary for these bodies: the known one while it helps, a new one otherwise, or none."""
    sample = list(_sample(hot, bodies))
    if not sample:
        return None
    helps = saving(known, sample) if known is not None else 0.0
    if known is not None and helps >= HELPS:
        return known
    new = trained(sample)
    return new if new is not None and saving(new, sample) > helps else known if helps > 0 else None


def slices(rows: Iterator[Row]) -> Iterator[list[Row]]:
    """Rows of one stream at a time, a piece of it when it is long."""
    for _, those in groupby(rows, key=lambda row: row[0].stream):
        piece: list[Row] = []
        size = 0
        for row in those:
            if piece and size + len(row[1]) > PIECE:
                yield piece
                piece, size = [], 0
            piece.append(row)
            size += len(row[1])
        yield piece


def _written(writer: SegmentWriter, rows: list[Row], left: list[Left]) -> list[Header]:
    while rows:
        first = rows[0][0]
        try:
            writer.write(Slice(first.stream, first.category, rows))
        except DamagedBody as error:
            left.append(Left(error.position, first.stream, str(error)))
            rows = [row for row in rows if row[0].position != error.position]
        else:
            return [header for header, _ in rows]
    return []


def _sample(hot: Hot, bodies: Sequence[Standing]) -> Iterator[bytes]:
    """Pieces of streams from all over, as the text that they will be; nothing of what is enciphered."""
    ordered = sorted(bodies, key=lambda one: (one.stream, one.version))
    streams = [list(those) for _, those in groupby(ordered, key=lambda one: one.stream)]
    stride = max(1, sum(one.size for one in bodies) // SAMPLE)
    chosen = [one for those in streams[::stride] for one in those]
    for rows in slices(hot.read(chosen)):
        if any(is_secret(header.codec) for header, _ in rows):
            continue
        try:
            yield b"".join(lines.written(rows))
        except DamagedBody:
            # Told when it is its turn.
            continue
