"""One story through all its streams: what led to what."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol
from uuid import UUID

from eventflow.errors import NotFound
from eventflow.model.recorded import Header
from eventflow.store.database import Database
from eventflow.store.statements import Statements

STREAMS = 200
"""The most streams of one story that are read."""

EVENTS = 5_000
"""The most events of one story that are told."""


class Headers(Protocol):
    """What stories need of the log."""

    def headers(self, stream: UUID) -> list[Header]:
        """The headers of a stream, in order."""


class Step(NamedTuple):
    """An event at its place in the tree: with ``depth`` 0 nothing in the story led to it."""

    header: Header
    depth: int


@dataclass(frozen=True, slots=True)
class Story:
    """The events of one correlation, each below what led to it; ``is_cut`` when there are more than are told."""

    correlation: UUID
    steps: tuple[Step, ...]
    is_cut: bool = False

    @property
    def streams(self) -> list[UUID]:
        """The streams that take part, in the order in which they are met."""
        return list(dict.fromkeys(step.header.stream for step in self.steps))


class Stories:
    """The stories of one log. Which streams take part is asked of the read side, what happened of the log."""

    def __init__(self, database: Database, log: Headers) -> None:
        self._database, self._log = database, log
        self._sql = Statements("eventflow_projections", database.dialect, "queries.sql")

    def of(
        self, correlation: UUID, *, also: Sequence[UUID] = (), streams: int = STREAMS, events: int = EVENTS
    ) -> Story:
        """One story. Raises ``NotFound`` when no event is of it.

        ``also`` are streams known to take part, should the read side be behind the log.
        """
        found = self._streams(correlation, streams + 1)
        told: list[Header] = []
        for stream in dict.fromkeys((correlation, *also, *found[:streams])):
            told += [one for one in self._log.headers(stream) if one.correlation == correlation]
        if not told:
            raise NotFound(f"No event in this log belongs to a story {correlation}.")
        told.sort(key=lambda header: header.position)
        return Story(correlation, tuple(tree(told[:events])), is_cut=len(found) > streams or len(told) > events)

    def through(self, stream: UUID) -> list[UUID]:
        """The stories that a stream takes part in, in the order in which it came to them."""
        return list(dict.fromkeys(one.correlation for one in self._log.headers(stream) if one.correlation))

    def _streams(self, correlation: UUID, limit: int) -> list[UUID]:
        rows = self._database.query(self._sql["stories_streams"], {"correlation": correlation, "limit": limit})
        return [stream for (stream,) in rows]


def tree(headers: Sequence[Header]) -> list[Step]:
    """The headers, in the order of the log, each behind what led to it.

    The statuses of a stream are the line that goes on at its depth; mere facts, and what came of them in other
    streams, stand one deeper below what led to them.
    """
    known = {header.position: header for header in headers}
    below: dict[int | None, list[Header]] = defaultdict(list)
    for header in headers:
        below[header.causation if header.causation in known else None].append(header)
    steps: list[Step] = []
    # A stack and no recursion: a long line of retries is deeper than Python may go.
    waiting = [Step(header, 0) for header in reversed(below[None])]
    while waiting:
        step = waiting.pop()
        steps.append(step)
        waiting += reversed(_next(step, below.get(step.header.position, ())))
    return steps


def _next(step: Step, children: Sequence[Header]) -> list[Step]:
    aside = [Step(one, step.depth + 1) for one in children if not _goes_on(step.header, one)]
    return [*aside, *(Step(one, step.depth) for one in children if _goes_on(step.header, one))]


def _goes_on(cause: Header, effect: Header) -> bool:
    return effect.stream == cause.stream and effect.phase is not None
