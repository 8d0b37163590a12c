"""A log that consists of headers: what projections read of a log, said in few words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from hypothesis import strategies as st

from eventflow.model.recorded import Header, Recorded
from eventflow.store.bell import Bell

BEGINNING = datetime(2026, 11, 19, 22, 0, tzinfo=UTC)


def stream(number: int) -> UUID:
    """The id of the nth stream; ids are not in the order of their numbers."""
    return UUID(int=(number * 0x9E3779B97F4A7C15F39CC0605CEDC835) % 2**128)


@dataclass
class HeaderLog:
    """Headers in memory, with the questions that a projection asks; grows."""

    headers: list[Header] = field(default_factory=list)
    heads: dict[UUID, Header] = field(default_factory=dict)
    bell: Bell = field(default_factory=Bell)

    def tail(self, after: int, limit: int = 500) -> list[Header]:
        return [header for header in self.headers if header.position > after][:limit]

    def at_each(self, positions: Sequence[int]) -> list[Recorded]:
        return []  # it has no bodies

    def of(self, id: UUID) -> list[Header]:
        return [header for header in self.headers if header.stream == id]

    def last_position(self) -> int:
        return self.headers[-1].position if self.headers else 0

    def say(self, number: int, status: str | None = None, *, gap: int = 0, **facts: Any) -> Header:
        """The next event of a stream: with a status an announcement, unless it says another phase."""
        head = self.heads.get(stream(number))
        before = head.status if head is not None else None
        position = self.last_position() + 1 + gap
        said = {"phase": "announced" if status is not None else None, "category": "document", **facts}
        header = Header(
            position=position,
            stream=stream(number),
            version=head.version + 1 if head is not None else 1,
            status=status or before or "queued",
            previous=before,
            recorded_at=BEGINNING + timedelta(minutes=position),
            **{**_EMPTY, **said, "name": f"{said['category']}:{said.get('name', 'said')}"},
        )
        self.headers.append(header)
        self.heads[header.stream] = header
        return header

    def many(self, amount: int, status: str = "queued", **facts: Any) -> None:
        """So many new streams in one status."""
        known = len(self.heads)
        for number in range(known, known + amount):
            self.say(number, status, **facts)


_EMPTY: dict[str, Any] = dict.fromkeys(Header._fields) | {
    "schema": 1,
    "append": UUID(int=1),
    "codec": "m",
    "size": 0,
    "digest": b"",
    "hash": b"",
}
for _told in ("position", "stream", "version", "status", "previous", "recorded_at"):
    del _EMPTY[_told]


@dataclass(frozen=True)
class Said:
    """One line of a random log."""

    number: int
    status: str | None
    facts: tuple[tuple[str, Any], ...]


ERRORS = (
    "Timeout: no answer in 30 s",
    "Timeout: no answer in 5 s",
    'KeyError: "ünï"',
    "100% \\ '; DROP TABLE items; --",
)


def _said() -> st.SearchStrategy[Said]:
    times = st.integers(0, 5_000).map(lambda minutes: BEGINNING + timedelta(minutes=minutes))
    facts = st.fixed_dictionaries(
        {},
        optional={
            "phase": st.sampled_from(["announced", "claimed", "deferred", "erased", None]),
            "reaction": st.sampled_from(["write", "press", None]),
            "attempt": st.integers(1, 3),
            "due": times,
            "error": st.sampled_from(ERRORS),
            "tenant": st.sampled_from(["acme", "globex"]),
            "correlation": st.sampled_from([stream(0), stream(1), UUID(int=9)]),
            "causation": st.integers(1, 60),
            "actor": st.sampled_from(["anna", None]),
            "gap": st.integers(0, 3),
        },
    )
    statuses = st.sampled_from(["queued", "processing", "complete", "error", None])
    return st.builds(
        lambda number, status, given: Said(number, status, tuple(given.items())), st.integers(0, 5), statuses, facts
    )


def logs(longest: int = 40) -> st.SearchStrategy[HeaderLog]:
    """Random logs over a few streams, with gaps between positions."""
    return st.lists(_said(), max_size=longest).map(_spoken)


def _spoken(lines: Sequence[Said]) -> HeaderLog:
    log = HeaderLog()
    for line in lines:
        head, facts = log.heads.get(stream(line.number)), dict(line.facts)
        if head is not None and head.phase == "erased":
            continue  # nothing follows
        log.say(line.number, line.status, **facts)
    return log


def rows(
    database: Any, tables: Iterable[str] = ("items", "history", "stories", "metrics")
) -> dict[str, list[tuple[Any, ...]]]:
    """All rows of some tables, in an order that depends on nothing but them."""
    return {table: sorted(database.query(f"SELECT * FROM {table}"), key=repr) for table in tables}
