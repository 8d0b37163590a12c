"""How old a body has to be to leave the database."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from eventflow.model.system import is_reserved

LONG_AGO = datetime.min.replace(tzinfo=UTC)

OLD = timedelta(minutes=2880)
"""Two days: what is older is rarely read."""


class Part(NamedTuple):
    """One category, or all ``without`` some, and how old a body of them has to be."""

    category: str | None
    without: tuple[str, ...]
    age: timedelta


@dataclass(frozen=True, slots=True)
class Ages:
    """``usual`` is the age of most categories; ``others`` have their own, or none, and never leave then.

    The library's own streams stay: the archive writes some of them itself, and what is shown of others is made of their
    bodies.
    """

    usual: timedelta = OLD
    others: Mapping[str, timedelta | None] = field(default_factory=dict)

    def before(self, category: str, now: datetime) -> datetime:
        """Bodies of this category from before that moment may leave."""
        age = self._of(category)
        return LONG_AGO if age is None else now - age

    def due(self, category: str, since: datetime) -> datetime | None:
        """When a body of this category from that moment may leave; nothing if it stays for ever."""
        age = self._of(category)
        return None if age is None else since + age

    def parts(self, category: str | None = None) -> Iterator[Part]:
        """The categories (or the one that is asked for) that may leave, together where their age is the same."""
        if category is None:
            yield Part(None, tuple(self.others), self.usual)
        for name in self.others if category is None else (category,):
            if (age := self._of(name)) is not None:
                yield Part(name, (), age)

    def latest(self, now: datetime) -> datetime:
        """What is not from before that moment may not leave, whatever its category."""
        return now - min([self.usual, *(age for age in self.others.values() if age is not None)])

    def _of(self, category: str) -> timedelta | None:
        return None if is_reserved(category) else self.others.get(category, self.usual)


USUAL = Ages()
"""Two days, for all."""
