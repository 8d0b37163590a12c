"""Asking after runs of processes: typed rows, pages, counts, days. Every answer is bounded."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from eventflow.errors import StreamNotFound
from eventflow.store.database import Database
from eventflow.store.statements import Statements
from eventflow_projections.pages import LAST, MOST, Page, bounded, page
from eventflow_projections.projection import fill
from eventflow_projections.queries import day_of
from eventflow_projections.runs import OVER, RunRow
from eventflow_projections.where import RUNS, Clause, Where, clause, parse

Colour = Literal["danger", "warning", "success", "info"]


@dataclass(frozen=True, slots=True)
class RunCount:
    """How many runs of a process stand in a status of a channel."""

    process: str
    channel: str
    status: str
    amount: int


@dataclass(frozen=True, slots=True)
class RunDay:
    """A day (UTC) of a process in a channel: how many runs began, and the highest attempt that a step had."""

    process: str
    channel: str
    day: date
    begun: int
    attempts: int


@dataclass(frozen=True, slots=True)
class RunTotal:
    """A day (UTC): how many runs began in all, and the highest attempt that any step had."""

    day: date
    begun: int = 0
    attempts: int = 0


@dataclass(frozen=True, slots=True)
class Badge:
    """What a menu shows beside the word: how many runs are not over, and whether one should look."""

    amount: int
    colour: Colour


class Runs:
    """Runs as they stand now. A filter is a text in the language of ``where`` (``RUNS``), or what was parsed of one."""

    def __init__(self, database: Database, *, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._database, self._clock = database, clock
        self._sql = Statements("eventflow_projections", database.dialect, "run_queries.sql")

    def page(self, where: str | Where = "", *, after: str | None = None, limit: int = 50) -> Page[RunRow]:
        """Newest first, by when they began: who pages on meets each run once, also while runs change."""

        def newest(start: int, limit: int) -> list[RunRow]:
            return self._runs("newest", self._condition(where), after=start, limit=limit)

        return page(newest, lambda one: one.created_position, start=LAST, after=after, limit=limit)

    def get(self, stream: UUID) -> RunRow:
        """One run; raises ``StreamNotFound``."""
        found = self._database.query(self._sql["one"], {"stream": stream})
        if not found:
            raise StreamNotFound(stream)
        return RunRow.read(found[0])

    def ids(self, where: str | Where = "", *, limit: int | None = None) -> Iterator[UUID]:
        """The ids of all runs that pass, oldest first, read as they are needed: for work on very many."""
        condition = self._condition(where)
        left, after = LAST if limit is None else limit, 0
        while rows := self._runs("stretch", condition, after=after, upto=LAST, limit=min(left, MOST)):
            yield from (row.id for row in rows)
            left, after = left - len(rows), rows[-1].created_position

    def stretch(
        self,
        where: str | Where = "",
        *,
        after: int = 0,
        upto: int = LAST,
        limit: int = MOST,
        moment: datetime | None = None,
    ) -> list[RunRow]:
        """The runs that pass and began behind ``after`` and not behind ``upto``, the oldest first.

        ``moment`` is what "2h ago" is reckoned from, for work that goes on for long.
        """
        return self._runs("stretch", self._condition(where, moment), after=after, upto=upto, limit=bounded(limit))

    def count(self, where: str | Where = "", *, at_most: int = 10_000) -> int:
        """How many runs pass; counting stops at ``at_most``, which then means: so many or more."""
        condition = self._condition(where)
        sql = fill(self._sql["count"], {"where": condition.sql})
        return int(self._database.query(sql, {**condition.params, "limit": at_most})[0][0])

    def fatal(self, channel: str, *, limit: int = MOST) -> list[RunRow]:
        """Runs of a channel in ERROR or EXCEPTION, the oldest first: what a person has to see to."""
        found = self._database.query(self._sql["fatal"], {"channel": channel, "limit": bounded(limit)})
        return [RunRow.read(record) for record in found]

    def counts(self, *, limit: int = MOST) -> list[RunCount]:
        """How many runs stand where; read from sums, whatever the number of runs."""
        return [RunCount(*record) for record in self._database.query(self._sql["counts"], {"limit": bounded(limit)})]

    def badge(self, channel: str | None = None) -> Badge:
        """How many runs (of a channel) are not over, and the colour of the gravest status among them."""
        open_ones = [one for one in self.counts() if one.status not in OVER and channel in (None, one.channel)]
        return Badge(sum(one.amount for one in open_ones), _colour({one.status for one in open_ones}))

    def today(self) -> date:
        """The present day (UTC)."""
        return self._clock().astimezone(UTC).date()

    def per_day(self, since: date, *, limit: int = MOST) -> list[RunDay]:
        """Each day (UTC) from this one on, the latest first."""
        found = self._database.query(self._sql["days"], {"since": str(since), "limit": bounded(limit)})
        return [RunDay(process, channel, day_of(day), begun, most) for process, channel, day, begun, most in found]

    def totals(self, days: int) -> list[RunTotal]:
        """The last so many days (UTC) with today, the oldest first; those on which nothing was, too."""
        first = self.today() - timedelta(days=days - 1)
        found = self._database.query(self._sql["totals"], {"since": str(first), "limit": bounded(days + 1)})
        known = {one.day: one for one in (RunTotal(day_of(day), begun, most) for day, begun, most in found)}
        each = (first + timedelta(days=number) for number in range(days))
        return [known.get(day, RunTotal(day)) for day in each]

    def _condition(self, where: str | Where, moment: datetime | None = None) -> Clause:
        parsed = parse(where, RUNS) if isinstance(where, str) else where
        return clause(parsed, self._database.dialect, moment or self._clock(), RUNS)

    # Any: what statements take is of several types.
    def _runs(self, statement: str, condition: Clause, **params: Any) -> list[RunRow]:
        sql = fill(self._sql[statement], {"where": condition.sql})
        return [RunRow.read(record) for record in self._database.query(sql, {**condition.params, **params})]


_GRAVEST: tuple[tuple[Colour, frozenset[str]], ...] = (
    ("danger", frozenset({"error", "exception"})),
    ("warning", frozenset({"retry"})),
    ("success", frozenset({"in_progress"})),
)


def _colour(statuses: set[str]) -> Colour:
    return next((colour for colour, graver in _GRAVEST if statuses & graver), "info")
