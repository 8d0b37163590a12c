"""Sets of definitions as the bits of one number each.

Bit 0 is the most preferred definition of a shelf. Filters are ``&``, the best of what is left is the lowest bit: among
a thousand definitions a filter costs some fifty nanoseconds, among a hundred thousand a microsecond.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from datetime import datetime
from itertools import compress
from typing import Generic, TypeVar

from eventflow.picking.definition import FlowDefinition
from eventflow.picking.rollout import BUCKETS, admits

K = TypeVar("K", bound=Hashable)

KEPT = 256
"""Sets that are kept of one kind; when there are more, they are made again."""

_RARE = 64
"""A value that fewer than one in so many definitions have is kept as a list of them: masks of all would fill memory."""


def mask_of(places: Iterable[int], size: int) -> int:
    """The set of these places.

    >>> bin(mask_of([0, 3], 8))
    '0b1001'
    """
    bits = bytearray(size // 8 + 1)
    for place in places:
        bits[place >> 3] |= 1 << (place & 7)
    return int.from_bytes(bits, "little")


def places(mask: int) -> Iterator[int]:
    """The places in a set, in order.

    >>> list(places(0b1001))
    [0, 3]
    """
    bits = bin(mask)[:1:-1]
    place = bits.find("1")
    while place >= 0:
        yield place
        place = bits.find("1", place + 1)


def lowest(mask: int) -> int:
    """The first place in a set that is not empty."""
    return (mask & -mask).bit_length() - 1


class Kept(Generic[K]):
    """Sets that are made when they are first asked for. Changes as it is asked, never in what it answers."""

    def __init__(self, make: Callable[[K], int], most: int = KEPT) -> None:
        self._make, self._most = make, most
        self._made: dict[K, int] = {}

    def __call__(self, key: K) -> int:
        """The set for a key."""
        mask = self._made.get(key)
        if mask is None:
            mask = self._make(key)
            if len(self._made) >= self._most:
                self._made = {}
            self._made[key] = mask
        return mask


class Column(Generic[K]):
    """Which definitions have which value in one field."""

    def __init__(self, values: Sequence[K]) -> None:
        self._size = len(values)
        found: dict[K, list[int]] = {}
        for place, value in enumerate(values):
            found.setdefault(value, []).append(place)
        self._rare = {value: at for value, at in found.items() if len(at) * _RARE < self._size}
        self._common = {value: mask_of(at, self._size) for value, at in found.items() if value not in self._rare}

    def __call__(self, value: K) -> int:
        """The definitions with this value."""
        mask = self._common.get(value)
        return mask_of(self._rare.get(value, ()), self._size) if mask is None else mask

    def where(self, is_wanted: Callable[[K], bool]) -> int:
        """The definitions with any of the wanted values."""
        mask = 0
        for value in (*self._common, *self._rare):
            if is_wanted(value):
                mask |= self(value)
        return mask


class Windows:
    """Which definitions are in force at an instant; that changes at the boundaries of their windows only."""

    def __init__(self, rows: Sequence[FlowDefinition]) -> None:
        self._rows = rows
        self._boundaries = sorted({at for row in rows for at in (row.active_from, row.active_to) if at is not None})
        self._of_segment = Kept(self._make, most=64)

    def __call__(self, now: datetime) -> int:
        """The definitions whose windows an instant is in."""
        return self._of_segment(self.segment(now))

    def segment(self, now: datetime) -> int:
        """The number of the stretch that an instant is in: odd at a boundary, even between two."""
        left = bisect_left(self._boundaries, now)
        return left + bisect_right(self._boundaries, now, lo=left)

    def _make(self, segment: int) -> int:
        since, until = self._ends(segment)
        is_open = (
            (row.active_from is None or (since is not None and row.active_from <= since))
            and (row.active_to is None or (until is not None and row.active_to >= until))
            for row in self._rows
        )
        return mask_of(compress(range(len(self._rows)), is_open), len(self._rows))

    def _ends(self, segment: int) -> tuple[datetime | None, datetime | None]:
        """The boundaries at or before and at or after a segment."""
        before, after = (segment - 1) // 2 if segment else -1, segment // 2
        since = self._boundaries[before] if before >= 0 else None
        until = self._boundaries[after] if after < len(self._boundaries) else None
        return since, until


class Shares:
    """Which definitions admit which bucket."""

    def __init__(self, rows: Sequence[FlowDefinition]) -> None:
        self._column = Column([row.rollout_pct for row in rows])
        self._of_bucket = Kept(self._make, most=BUCKETS + 1)

    def __call__(self, bucket: int | None) -> int:
        """The definitions that admit a bucket; ``None`` is a subject without a key."""
        return self._of_bucket(bucket)

    def _make(self, bucket: int | None) -> int:
        return self._column.where(lambda pct: admits(pct, bucket))
