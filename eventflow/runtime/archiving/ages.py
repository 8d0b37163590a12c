"""How old a body has to be to leave the database."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from eventflow.model.system import is_reserved

LONG_AGO = datetime.min.replace(tzinfo=UTC)

OLD = timedelta(minutes=2880)
"""Two days: what is older is rarely read."""


@dataclass(frozen=True, slots=True)
class Ages:
    """``usual`` is the age of most categories; ``others`` have their own, or none, and never leave then.

    The library's own streams stay: they are few, and the archive writes some of them itself.
    """

    usual: timedelta = OLD
    others: Mapping[str, timedelta | None] = field(default_factory=dict)

    def before(self, category: str, now: datetime) -> datetime:
        """Bodies of this category from before that moment may leave."""
        age = None if is_reserved(category) else self.others.get(category, self.usual)
        return LONG_AGO if age is None else now - age

    def latest(self, now: datetime) -> datetime:
        """What is not from before that moment may not leave, whatever its category."""
        return now - min([self.usual, *(age for age in self.others.values() if age is not None)])


USUAL = Ages()
"""Two days, for all."""
