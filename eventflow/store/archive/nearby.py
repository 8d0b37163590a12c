"""Bodies that were fetched a moment ago, as many as a number of bytes allows."""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from collections.abc import Mapping
from threading import Lock
from typing import NamedTuple
from uuid import UUID

BESIDE = 100
"""Bytes that a body takes in memory beside its own."""

Run = tuple[UUID, int]
"""A run of versions of a stream, by the first of them."""


class _Kept(NamedTuple):
    bodies: Mapping[int, bytes]
    size: int


class Nearby:
    """Keeps runs of versions, the last ones asked for, in at most ``limit`` bytes. Holds bodies; safe in threads."""

    def __init__(self, limit: int) -> None:
        self._limit, self._size, self._mutex = limit, 0, Lock()
        self._kept: OrderedDict[Run, _Kept] = OrderedDict()
        self._firsts: defaultdict[UUID, set[int]] = defaultdict(set)

    @property
    def size(self) -> int:
        """How many bytes are kept now."""
        return self._size

    def get(self, stream: UUID, version: int) -> bytes | None:
        """A body, if it is near."""
        with self._mutex:
            for first in self._firsts.get(stream, ()):
                found = self._kept[stream, first].bodies.get(version)
                if found is not None:
                    self._kept.move_to_end((stream, first))
                    return found
        return None

    def run(self, stream: UUID, first: int) -> Mapping[int, bytes] | None:
        """The bodies of a run, if it is near."""
        with self._mutex:
            kept = self._kept.get((stream, first))
            return None if kept is None else kept.bodies

    def put(self, stream: UUID, first: int, bodies: Mapping[int, bytes]) -> None:
        """Keep the bodies of a run, and let go of what was not asked for the longest."""
        size = sum(len(body) + BESIDE for body in bodies.values())
        with self._mutex:
            self._drop((stream, first))
            if size > self._limit:
                return
            self._kept[stream, first] = _Kept(bodies, size)
            self._firsts[stream].add(first)
            self._size += size
            while self._size > self._limit:
                self._drop(next(iter(self._kept)))

    def clear(self) -> None:
        """Let go of everything."""
        with self._mutex:
            self._kept.clear()
            self._firsts.clear()
            self._size = 0

    def _drop(self, run: Run) -> None:
        kept = self._kept.pop(run, None)
        if kept is None:
            return
        stream, first = run
        self._size -= kept.size
        self._firsts[stream].discard(first)
        if not self._firsts[stream]:
            del self._firsts[stream]
