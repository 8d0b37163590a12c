"""Decisions that are kept, as long as they would be the same."""

from __future__ import annotations

from threading import Lock
from typing import NamedTuple

from eventflow.picking.definition import FlowDefinition


class Key(NamedTuple):
    """What a decision depends on, but for the time."""

    position: int
    query: str
    facts: str


class Decision(NamedTuple):
    """What was found, by which step of the cascade, and in which stretch between the boundaries of windows."""

    segment: int
    flow: FlowDefinition | None
    fallback_step: str | None


class Decisions:
    """At most so many decisions, the oldest forgotten first. Changes as picks are made; threads may share it.

    A decision holds for one position of the catalogue and until the next boundary of a window.
    """

    def __init__(self, most: int = 10_000) -> None:
        self._most = most
        self._kept: dict[Key, Decision] = {}
        self._lock = Lock()

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, key: Key, segment: int) -> Decision | None:
        """What was decided, if it still holds in this stretch of time."""
        found = self._kept.get(key)
        return found if found is not None and found.segment == segment else None

    def keep(self, key: Key, decision: Decision) -> None:
        """Keep a decision instead of what was decided before."""
        with self._lock:
            self._kept.pop(key, None)
            self._kept[key] = decision
            while len(self._kept) > self._most:
                del self._kept[next(iter(self._kept))]
