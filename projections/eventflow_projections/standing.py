"""What stands somewhere now, one row for each: found by filters, in pages, in stretches, or one alone."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any, Generic, Protocol, TypeVar
from uuid import UUID

from eventflow.errors import StreamNotFound
from eventflow.store.database import Database
from eventflow.store.statements import Statements
from eventflow_projections.pages import LAST, MOST, Page, bounded, page
from eventflow_projections.projection import fill
from eventflow_projections.where import Clause, Where


class Begun(Protocol):
    """What a row has to say of itself."""

    @property
    def created_position(self) -> int:
        """The position of the first event of its stream."""


Row = TypeVar("Row", bound=Begun)


class Asked:
    """Statements in a file, asked of one database. Any: columns are of several types."""

    def __init__(self, database: Database, file: str) -> None:
        self.database = database
        self._sql = Statements("eventflow_projections", database.dialect, file)

    def rows(self, statement: str, **params: Any) -> list[tuple[Any, ...]]:
        """What a statement answers."""
        return self.database.query(self._sql[statement], params)

    def rows_where(self, statement: str, condition: Clause, **params: Any) -> list[tuple[Any, ...]]:
        """The same, of the rows that meet a condition."""
        sql = fill(self._sql[statement], {"where": condition.sql})
        return self.database.query(sql, {**condition.params, **params})


class Standing(ABC, Generic[Row]):
    """Rows as they stand now. A filter is a text in the language of ``where``, or what was parsed from one.

    ``asked`` has the statements ``newest``, ``one``, ``ids``, ``stretch`` and ``count``, with a ``prefix`` or without.
    """

    def __init__(
        self, asked: Asked, *, prefix: str = "", clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._asked, self._prefix, self._clock = asked, prefix, clock

    @abstractmethod
    def _row(self, record: tuple[Any, ...]) -> Row:
        """A row of these columns."""

    @abstractmethod
    def _clause(self, where: str | Where, now: datetime) -> Clause:
        """The condition that a filter stands for."""

    def page(self, where: str | Where = "", *, after: str | None = None, limit: int = 50) -> Page[Row]:
        """Newest first, by when they began: who pages on meets each once, also while they change."""

        def newest(start: int, limit: int) -> list[Row]:
            return list(map(self._row, self._found("newest", self._condition(where), after=start, limit=limit)))

        return page(newest, lambda one: one.created_position, start=LAST, after=after, limit=limit)

    def get(self, stream: UUID) -> Row:
        """One of them; raises ``StreamNotFound``."""
        found = self._asked.rows(f"{self._prefix}one", stream=stream)
        if not found:
            raise StreamNotFound(stream)
        return self._row(found[0])

    def ids(self, where: str | Where = "", *, limit: int | None = None) -> Iterator[UUID]:
        """The ids of all that pass, oldest first, read as they are needed: for work on very many.

        Those that change meanwhile are met once or, when they no longer pass, not at all.
        """
        # Read once: what "2h ago" means must not move while the ids are being worked on.
        condition = self._condition(where)
        left, after = LAST if limit is None else limit, 0
        while rows := self._found("ids", condition, after=after, limit=min(left, MOST)):
            yield from (stream for _, stream in rows)
            left, after = left - len(rows), rows[-1][0]

    def stretch(
        self,
        where: str | Where = "",
        *,
        after: int = 0,
        upto: int = LAST,
        limit: int = MOST,
        moment: datetime | None = None,
    ) -> list[Row]:
        """Those that pass and began behind ``after`` and not behind ``upto``, the oldest first.

        ``moment`` is what "2h ago" is reckoned from, for work that goes on for long.
        """
        condition = self._condition(where, moment)
        return list(map(self._row, self._found("stretch", condition, after=after, upto=upto, limit=bounded(limit))))

    def count(self, where: str | Where = "", *, at_most: int = 10_000) -> int:
        """How many pass; counting stops at ``at_most``, which then means: so many or more."""
        [(number,)] = self._found("count", self._condition(where), limit=at_most)
        return int(number)

    def _condition(self, where: str | Where, moment: datetime | None = None) -> Clause:
        return self._clause(where, moment or self._clock())

    def _found(self, statement: str, condition: Clause, **params: Any) -> list[tuple[Any, ...]]:
        return self._asked.rows_where(f"{self._prefix}{statement}", condition, **params)
