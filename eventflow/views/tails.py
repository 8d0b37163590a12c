"""The end of the log, read backwards."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from eventflow.model.recorded import Header
from eventflow.store.log import Log

WINDOW = 500
"""Positions that are read in one go."""

Wanted = Callable[[Header], bool]


class Tail(NamedTuple):
    """The last headers that are wanted, the oldest first; ``before`` is where to read on, 0 at the beginning."""

    headers: list[Header]
    before: int


def tail(log: Log, end: int, limit: int, wanted: Wanted, *, look: int | None = None) -> Tail:
    """So many headers up to and with position ``end``; no further back than ``look`` positions if that is said."""
    floor = 0 if look is None else max(end - look, 0)
    found: list[Header] = []
    while end > floor and len(found) < limit:
        start = max(end - WINDOW, floor)
        found = [one for one in log.tail(start, WINDOW) if one.position <= end and wanted(one)] + found
        end = start
    kept = found[-limit:]
    return Tail(kept, kept[0].position - 1 if len(found) >= limit else end)
