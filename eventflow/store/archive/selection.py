"""Which events are meant: all of them, a category, a stream, a stretch of the log."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypedDict
from uuid import UUID

from eventflow.model.recorded import Header

EVERYWHERE = 2**62
"""A position beyond any other."""


class Chosen(TypedDict, total=False):
    """Which events are meant, as keywords: of a ``stream``, of a ``category``, at positions from ``lo`` to ``hi``."""

    stream: UUID | None
    category: str | None
    lo: int
    hi: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Events at positions from ``lo`` to ``hi``, of one ``stream`` or one ``category`` where one is named.

    >>> Selection(lo=7, hi=7)
    Selection(stream=None, category=None, lo=7, hi=7)
    """

    stream: UUID | None = None
    category: str | None = None
    lo: int = 0
    hi: int = EVERYWHERE

    def has(self, header: Header) -> bool:
        """Whether this event is meant."""
        return (
            self.lo <= header.position <= self.hi
            and self.stream in (None, header.stream)
            and self.category in (None, header.category)
        )

    def asked(self) -> dict[str, Any]:
        """The same as parameters of a statement."""
        return {"stream": self.stream, "category": self.category, "lo": self.lo, "hi": self.hi}

    def __str__(self) -> str:
        """What is meant, in words."""
        what = f"stream {self.stream}" if self.stream else f"the category {self.category}" if self.category else "all"
        if self.lo == self.hi:
            return f"the event at position {self.lo}"
        whence = f" from position {self.lo}" if self.lo else ""
        return what + whence + (f" up to {self.hi}" if self.hi < EVERYWHERE else "")


ALL = Selection()
"""Every event of the log."""
