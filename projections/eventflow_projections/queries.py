"""Asking the standard projections: typed rows, pages, counts, failures by kind. Every answer is bounded."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

from eventflow.model.system import RESERVED
from eventflow.store.database import Database
from eventflow_projections.current import normalised
from eventflow_projections.pages import MOST, Page, bounded, page
from eventflow_projections.standing import Asked, Standing
from eventflow_projections.where import Clause, Condition, Text, Where, clause, parse


@dataclass(frozen=True, slots=True)
class Item:
    """Where one stream stands; the fields are described at ``Current``."""

    id: UUID
    category: str
    status: str
    previous: str | None
    version: int
    position: int
    created_position: int
    created_at: datetime
    updated_at: datetime
    tenant: str | None
    phase: str | None
    reaction: str | None
    attempt: int | None
    due: datetime | None
    error: str | None
    fingerprint: str | None


@dataclass(frozen=True, slots=True)
class Entry:
    """One step in the history of an item."""

    id: UUID
    version: int
    position: int
    category: str
    name: str
    status: str
    previous: str | None
    phase: str
    kind: str | None
    reaction: str | None
    attempt: int | None
    owner: UUID | None
    due: datetime | None
    error: str | None
    actor: str | None
    correlation: UUID | None
    causation: int | None
    recorded_at: datetime


@dataclass(frozen=True, slots=True)
class Count:
    """How many items entered a status and left it: on a day, or ever when there is no day."""

    category: str
    status: str
    day: date | None
    entered: int
    left: int

    @property
    def population(self) -> int:
        """How many more entered than left; over all days, how many stand in the status now."""
        return self.entered - self.left


@dataclass(frozen=True, slots=True)
class ErrorGroup:
    """Items that failed in the same way: the error without what varies, its latest example, its first and last time."""

    category: str
    status: str
    fingerprint: str
    text: str
    count: int
    example: UUID
    error: str
    last: datetime
    first: datetime


FILE = "queries.sql"

OWN = f"substr(category, 1, {len(RESERVED)}) <> '{RESERVED}'"
"""What is of the application, and not of the library about itself."""


class Items(Standing[Item]):
    """The items as they stand now. A filter is a text in the language of ``where`` or what was parsed from one.

    What the library keeps about itself is shown to who asks for its category or its id.
    """

    def __init__(self, database: Database, *, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        super().__init__(Asked(database, FILE), prefix="items_", clock=clock)

    def failures(self, where: str | Where = "", *, limit: int = 50) -> list[ErrorGroup]:
        """What failed and waits for somebody to look, by the kind of error, the most frequent first.

        Errors whose retry is already arranged are not among them.
        """
        return list(map(_group, self._found("failures", self._condition(where), limit=bounded(limit))))

    def failed(self, where: str | Where = "", *, at_most: int = 10_000) -> int:
        """How many failed and wait for somebody to look; counting stops at ``at_most``."""
        [(number,)] = self._found("failed", self._condition(where), limit=at_most)
        return int(number)

    def _row(self, record: tuple[Any, ...]) -> Item:
        return Item(*record)

    def _clause(self, where: str | Where, now: datetime) -> Clause:
        parsed = parse(where) if isinstance(where, str) else where
        found = clause(parsed, self._asked.database.dialect, now)
        return found if _asks_for_some(parsed) else Clause(f"({found.sql}) AND {OWN}", found.params)


class History:
    """What happened to the work on an item."""

    def __init__(self, database: Database) -> None:
        self._asked = Asked(database, FILE)

    def of(self, stream: UUID, *, after: str | None = None, limit: int = 100) -> Page[Entry]:
        """From the first step on; no rows when there is no such item."""

        def entries(start: int, limit: int) -> list[Entry]:
            return [Entry(*row) for row in self._asked.rows("history_of", stream=stream, after=start, limit=limit)]

        return page(entries, lambda one: one.version, start=0, after=after, limit=limit)


class Lingerers:
    """Who has stood in a status for long; kept where the application has probes."""

    def __init__(self, database: Database) -> None:
        self._asked = Asked(database, FILE)

    def since(self, category: str, statuses: Sequence[str], before: datetime, *, probe: str, limit: int) -> list[UUID]:
        """Streams that entered one of these statuses before a time and were not probed since; the longest first."""
        found = [
            stream
            for status in statuses
            for (stream,) in self._asked.rows(
                "lingering_longest", category=category, status=status, before=before, probe=probe, limit=bounded(limit)
            )
        ]
        return found[:limit]


class Metrics:
    """How many items stand in each status, and how many come and go; read from sums, whatever the number of items."""

    def __init__(self, database: Database) -> None:
        self._asked = Asked(database, FILE)

    def counts(self, category: str | None = None, *, limit: int = MOST) -> list[Count]:
        """Each status of each category, or of one, over all days; those that nobody stands in any more included."""
        found = self._asked.rows_where("metrics_counts", self._of(category), limit=bounded(limit))
        return [Count(category, status, None, entered, left) for category, status, entered, left in found]

    def population(self, category: str) -> dict[str, int]:
        """How many items of a category stand in each status; statuses without any are left out."""
        return {one.status: one.population for one in self.counts(category) if one.population}

    def per_day(self, since: date, category: str | None = None, *, limit: int = MOST) -> list[Count]:
        """Each day (UTC) from this one on, the latest first; of every category, or of one."""
        found = self._asked.rows_where("metrics_days", self._of(category), since=str(since), limit=bounded(limit))
        return [Count(category, status, day_of(day), entered, left) for category, status, day, entered, left in found]

    def _of(self, category: str | None) -> Clause:
        """What is of one category, or of the application."""
        if category is None:
            return Clause(OWN, {})
        where = Where((Condition("category", ":", (Text(category),)),))
        return clause(where, self._asked.database.dialect, datetime.now(UTC))


def _asks_for_some(where: Where) -> bool:
    return any(one.field in ("category", "id") and not one.negated for one in where.conditions)


def _group(row: tuple[Any, ...]) -> ErrorGroup:
    category, status, fingerprint, count, example, error, last, first = row
    return ErrorGroup(category, status, fingerprint, normalised(error), count, example, error, last, first)


def day_of(value: date | str) -> date:
    """A day as either database gives it."""
    return date.fromisoformat(value) if isinstance(value, str) else value
