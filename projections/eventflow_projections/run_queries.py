"""Asking after runs of processes: typed rows, pages, counts, days. Every answer is bounded."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Literal

from eventflow.store.database import Database
from eventflow_projections.pages import MOST, bounded
from eventflow_projections.queries import day_of
from eventflow_projections.runs import OVER, RunRow
from eventflow_projections.standing import Asked, Standing
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


class Runs(Standing[RunRow]):
    """Runs as they stand now. A filter is a text in the language of ``where`` (``RUNS``), or what was parsed of one."""

    def __init__(self, database: Database, *, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        super().__init__(Asked(database, "run_queries.sql"), clock=clock)

    def fatal(self, channel: str, *, limit: int = MOST) -> list[RunRow]:
        """Runs of a channel in ERROR or EXCEPTION, the oldest first: what a person has to see to."""
        return list(map(self._row, self._asked.rows("fatal", channel=channel, limit=bounded(limit))))

    def counts(self, *, limit: int = MOST) -> list[RunCount]:
        """How many runs stand where; read from sums, whatever the number of runs."""
        return [RunCount(*record) for record in self._asked.rows("counts", limit=bounded(limit))]

    def badge(self, channel: str | None = None) -> Badge:
        """How many runs (of a channel) are not over, and the colour of the gravest status among them."""
        open_ones = [one for one in self.counts() if one.status not in OVER and channel in (None, one.channel)]
        return Badge(sum(one.amount for one in open_ones), _colour({one.status for one in open_ones}))

    def today(self) -> date:
        """The present day (UTC)."""
        return self._clock().astimezone(UTC).date()

    def per_day(self, since: date, *, limit: int = MOST) -> list[RunDay]:
        """Each day (UTC) from this one on, the latest first."""
        found = self._asked.rows("days", since=str(since), limit=bounded(limit))
        return [RunDay(process, channel, day_of(day), begun, most) for process, channel, day, begun, most in found]

    def totals(self, days: int) -> list[RunTotal]:
        """The last so many days (UTC) with today, the oldest first; those on which nothing was, too."""
        first = self.today() - timedelta(days=days - 1)
        found = self._asked.rows("totals", since=str(first), limit=bounded(days + 1))
        known = {one.day: one for one in (RunTotal(day_of(day), begun, most) for day, begun, most in found)}
        each = (first + timedelta(days=number) for number in range(days))
        return [known.get(day, RunTotal(day)) for day in each]

    def _row(self, record: tuple[Any, ...]) -> RunRow:
        return RunRow.read(record)

    def _clause(self, where: str | Where, now: datetime) -> Clause:
        parsed = parse(where, RUNS) if isinstance(where, str) else where
        return clause(parsed, self._asked.database.dialect, now, RUNS)


_GRAVEST: tuple[tuple[Colour, frozenset[str]], ...] = (
    ("danger", frozenset({"error", "exception"})),
    ("warning", frozenset({"retry"})),
    ("success", frozenset({"in_progress"})),
)


def _colour(statuses: set[str]) -> Colour:
    return next((colour for colour, graver in _GRAVEST if statuses & graver), "info")
