"""Sets of definitions as the bits of one number each.

Bit 0 is the most preferred definition of a shelf. Filters are ``&``, the best of what is left is the lowest bit: among
a thousand definitions a filter costs some fifty nanoseconds, among a hundred thousand a microsecond.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from datetime import datetime
from typing import Generic, TypeVar

from eventflow.picking.definition import FlowDefinition
from eventflow.picking.rollout import BUCKETS, admits

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

KEPT = 256
"""Things that are kept of one kind; when there are more, they are made again."""

_STRIDE = 128
"""Moments between two sets that are made of all that was before."""

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


class Kept(Generic[K, V]):
    """What is made when it is first asked for. Changes as it is asked, never in what it answers."""

    def __init__(self, make: Callable[[K], V], most: int = KEPT) -> None:
        self._make, self._most = make, most
        self._made: dict[K, V] = {}

    def __call__(self, key: K) -> V:
        """What belongs to a key."""
        made = self._made.get(key)
        if made is None:
            made = self._make(key)
            if len(self._made) >= self._most:
                self._made = {}
            self._made[key] = made
        return made


class Column(Generic[K]):
    """Which definitions have which value in one field."""

    def __init__(self, values: Sequence[K]) -> None:
        self._size = len(values)
        found: dict[K, list[int]] = {}
        for place, value in enumerate(values):
            found.setdefault(value, []).append(place)
        self._rare = {value: at for value, at in found.items() if len(at) * _RARE < self._size}
        self._common = {value: mask_of(at, self._size) for value, at in found.items() if value not in self._rare}

    def __len__(self) -> int:
        return len(self._common) + len(self._rare)

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


class Past:
    """The definitions to which something has happened, as time goes on."""

    def __init__(self, moments: Iterable[tuple[datetime, int]], size: int) -> None:
        ordered = sorted(moments)
        self.times = [time for time, _ in ordered]
        self._places, self._size = [place for _, place in ordered], size
        self._whole = [0]
        for start in range(0, len(ordered), _STRIDE):
            self._whole.append(self._whole[-1] | mask_of(self._places[start : start + _STRIDE], size))
        self._first = Kept(self._make)

    def before(self, now: datetime) -> int:
        """Those to which it happened before an instant."""
        return self._first(bisect_left(self.times, now))

    def until(self, now: datetime) -> int:
        """Those to which it happened before an instant or at it."""
        return self._first(bisect_right(self.times, now))

    def _make(self, happened: int) -> int:
        # Sets for every moment would fill the memory; there is one for so many moments, and the rest is added.
        whole = happened // _STRIDE
        return self._whole[whole] | mask_of(self._places[whole * _STRIDE : happened], self._size)


class Windows:
    """Which definitions are in force at an instant; that changes at the boundaries of their windows only."""

    def __init__(self, rows: Sequence[FlowDefinition]) -> None:
        size = len(rows)
        self._opened = Past(((at, n) for n, row in enumerate(rows) if (at := row.active_from) is not None), size)
        self._closed = Past(((at, n) for n, row in enumerate(rows) if (at := row.active_to) is not None), size)
        self._always = mask_of((n for n, row in enumerate(rows) if row.active_from is None), size)
        self._boundaries = sorted({*self._opened.times, *self._closed.times})

    def __call__(self, now: datetime) -> int:
        """The definitions whose windows an instant is in."""
        return (self._always | self._opened.until(now)) & ~self._closed.before(now)

    def segment(self, now: datetime) -> int:
        """The number of the stretch that an instant is in: odd at a boundary, even between two."""
        left = bisect_left(self._boundaries, now)
        return left + bisect_right(self._boundaries, now, lo=left)


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
