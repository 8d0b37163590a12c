"""A segment in the making: streams in order, snapshotted, written into a file that holds at most a piece in memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

from eventflow.errors import DamagedBody
from eventflow.model.recorded import Header
from eventflow.runtime.archiving.words import SAMPLE, Sample
from eventflow.store.archive import lines
from eventflow.store.archive.frames import Dictionary
from eventflow.store.archive.hot import Hot, Standing
from eventflow.store.archive.segment import Sealed, SegmentWriter, Slice
from eventflow.store.codec import is_secret
from eventflow.store.marks import is_veiled
from eventflow.store.recorder import Row
from eventflow.store.veils import Veils

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
    path: Path,
    hot: Hot,
    bodies: Sequence[Standing],
    veils: Veils,
    *,
    dictionary: Dictionary | None,
    before: bytes | None,
) -> Written:
    """Write the bodies that are still hot into a segment, enciphered where they may not stay in plain.

    One that is damaged is left out, and said.
    """
    positions: list[int] = []
    left: list[Left] = []
    freed = 0
    with SegmentWriter(path, dictionary=dictionary, before=before) as writer:
        for rows in slices(hot.read(bodies)):
            for header in _written(writer, veils, rows, left):
                positions.append(header.position)
                freed += header.size
        sealed = writer.finish()
    return Written(sealed, positions, freed, left)


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


def _written(writer: SegmentWriter, veils: Veils, rows: list[Row], left: list[Left]) -> list[Header]:
    while rows:
        first = rows[0][0]
        try:
            writer.write(Slice(first.stream, first.category, veils.over(rows)))
        except DamagedBody as error:
            left.append(Left(error.position, first.stream, str(error)))
            rows = [row for row in rows if row[0].position != error.position]
        else:
            return [header for header, _ in rows]
    return []


def sample(hot: Hot, bodies: Sequence[Standing], veils: Veils) -> Iterator[Sample]:
    """Pieces of streams from all over, as the text that they will be; nothing of what is enciphered, or will be."""
    ordered = sorted(bodies, key=lambda one: (one.stream, one.version))
    streams = [list(those) for _, those in groupby(ordered, key=lambda one: one.stream)]
    stride = max(1, sum(one.size for one in bodies) // SAMPLE)
    chosen = [one for those in streams[::stride] for one in those]
    for rows in slices(hot.read(chosen)):
        if any(is_secret(header.codec) or veils.wants(header) or is_veiled(body) for header, body in rows):
            continue
        try:
            yield Sample(rows[0][0].category, b"".join(lines.written(rows)))
        except DamagedBody:
            # Told when it is its turn.
            continue
