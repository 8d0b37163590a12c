"""All definitions as they are at one position, arranged so that a pick does not look at each of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any

from eventflow.errors import BadInput, FlowNotFound
from eventflow.picking.ask import Facts
from eventflow.picking.decisions import Decision, Decisions, Key
from eventflow.picking.definition import FlowDefinition
from eventflow.picking.explanation import Explanation, explained
from eventflow.picking.facts import Subject
from eventflow.picking.forcing import refused
from eventflow.picking.query import FlowQuery
from eventflow.picking.shelf import Shelf
from eventflow.picking.sorting import Sorting, ranked, sorting_of
from eventflow.picking.values import instant

_ORDERS = 32
"""Orders that shelves are kept in, beyond the usual two."""


@dataclass(frozen=True)
class Pick:
    """What was picked: the flow or ``None``, the step of the cascade that found it, and the bucket of the subject.

    ``candidates`` and ``explain()`` are worked out when they are asked for, of the same facts; a query with functions
    asks these again, about the subject as it is then.
    """

    flow: FlowDefinition | None
    fallback_step: str | None
    bucket: int | None
    _asked: Asked = field(repr=False, compare=False)

    @cached_property
    def candidates(self) -> tuple[FlowDefinition, ...]:
        """What fits the query as it was asked, in order: without the cascade, and whichever flow was forced."""
        return self._asked.candidates(None)

    @cached_property
    def found(self) -> tuple[FlowDefinition, ...]:
        """What fits after the step that found the flow, in order; without such a step the same as ``candidates``."""
        return self._asked.candidates(self.fallback_step)

    def explain(self) -> Explanation:
        """For every definition the first constraint that dropped it, for every step that was taken."""
        return self._asked.explanation()


class Catalogue:
    """Definitions at a position, to be asked many times; what it keeps for that changes no answer.

    ``position`` is where in a log the definitions were as they are here. Catalogues that share ``decisions`` must stand
    at positions of the same log. Raises ``BadInput`` when two definitions have the same id.
    """

    def __init__(
        self, definitions: Iterable[FlowDefinition], *, position: int = 0, decisions: Decisions | None = None
    ) -> None:
        self.definitions = tuple(definitions)
        self.position = position
        self._decisions = Decisions() if decisions is None else decisions
        self._by_id = {one.id: one for one in self.definitions}
        self._by_type: dict[str, list[FlowDefinition]] = {}
        self._shelves: dict[tuple[str, Sorting], Shelf] = {}
        if len(self._by_id) < len(self.definitions):
            raise BadInput(*self._doubles())
        for one in self.definitions:
            if not one.deleted:
                self._by_type.setdefault(one.subject_type, []).append(one)

    def __len__(self) -> int:
        return len(self.definitions)

    def get(self, id: int | str) -> FlowDefinition | None:
        """The definition of this id, also when it is deleted."""
        return self._by_id.get(id) if type(id) is not bool else None

    def pick(self, query: FlowQuery, subject: Subject, now: datetime) -> Pick:
        """The flow that a subject gets.

        Raises ``FlowNotFound`` when the query forces a flow that cannot be had, and ``BadInput`` when ``now`` has no
        time zone.
        """
        facts = Facts.of(query, subject)
        asked = Asked(self, query, facts, _aware(now))
        if facts.forced is not None:
            return Pick(self._forced(query, facts, asked.now), None, facts.bucket, asked)
        flow, step = self._kept(asked) if query.cache and query.is_data else self._choose(asked)
        return Pick(flow, step, facts.bucket, asked)

    def demand(self, query: FlowQuery, subject: Subject, now: datetime) -> Pick:
        """The same for a subject that must have a flow: raises ``FlowNotFound``, with the cascade tried, for none."""
        found = self.pick(query, subject, now)
        if found.flow is None:
            raise FlowNotFound(query.subject_type, tried=query.fallback_cascade)
        return found

    def candidates(self, query: FlowQuery, subject: Subject, now: datetime) -> tuple[FlowDefinition, ...]:
        """What fits a query, in order: no flow is forced, nothing is given up, and nothing kept is used."""
        return Asked(self, query, Facts.of(query, subject), _aware(now)).candidates(None)

    def explain(self, query: FlowQuery, subject: Subject, now: datetime) -> Explanation:
        """Why a pick is what it is; also where ``pick`` raises ``FlowNotFound``."""
        return Asked(self, query, Facts.of(query, subject), _aware(now)).explanation()

    def shelf(self, subject_type: str, sorting: Sorting) -> Shelf:
        """The definitions for a type of subject, in an order."""
        shelf = self._shelves.get((subject_type, sorting))
        if shelf is None:
            rows = ranked(self._by_type.get(subject_type, ()), sorting)
            shelf = Shelf(rows)
            if rows:  # what is asked for in vain must not fill the memory
                self._put(subject_type, sorting, shelf)
        return shelf

    def _put(self, subject_type: str, sorting: Sorting, shelf: Shelf) -> None:
        if isinstance(sorting, tuple):
            others = [key for key in list(self._shelves) if isinstance(key[1], tuple)]
            for key in others[: max(0, len(others) - _ORDERS + 1)]:
                self._shelves.pop(key, None)
        self._shelves[subject_type, sorting] = shelf

    def _choose(self, asked: Asked) -> tuple[FlowDefinition | None, str | None]:
        shelf = self.shelf(asked.query.subject_type, sorting_of(asked.query))
        for step, query in asked.query.steps:
            mask = shelf.matching(query, asked.facts, asked.now)
            if mask:
                return shelf.best(mask, query, asked.facts), step
        return None, None

    def _kept(self, asked: Asked) -> tuple[FlowDefinition | None, str | None]:
        segment = self.shelf(asked.query.subject_type, "best").windows.segment(asked.now)
        facts = asked.facts.text()
        if facts is None:
            return self._choose(asked)
        key = Key(self.position, asked.query.text, facts)
        kept = self._decisions.get(key, segment)
        if kept is None:
            kept = Decision(segment, *self._choose(asked))
            self._decisions.keep(key, kept)
        return kept.flow, kept.fallback_step

    def _forced(self, query: FlowQuery, facts: Facts, now: datetime) -> FlowDefinition:
        flow = self._by_id.get(facts.forced) if type(facts.forced) in (int, str) else None
        reason = refused(flow, query, now)
        if flow is None or reason is not None:
            raise FlowNotFound(query.subject_type, reason or "unknown", _sayable(facts.forced))
        return flow

    def _doubles(self) -> list[str]:
        seen: set[int | str] = set()
        doubles = {one.id for one in self.definitions if one.id in seen or seen.add(one.id)}  # type: ignore[func-returns-value]
        return [f'Two definitions have the id "{id}"; each needs one of its own.' for id in sorted(doubles, key=str)]


@dataclass(frozen=True, slots=True)
class Asked:
    """A catalogue, and what was asked of it."""

    catalogue: Catalogue
    query: FlowQuery
    facts: Facts
    now: datetime

    def candidates(self, step: str | None) -> tuple[FlowDefinition, ...]:
        """What fits after a step of the cascade, in order."""
        query = next(query for name, query in self.query.steps if name == step)
        shelf = self.catalogue.shelf(query.subject_type, sorting_of(query))
        found = shelf.ordered(shelf.matching(query, self.facts, self.now), query, self.facts)
        limit = query.candidates_limit or 0
        return tuple(found[:limit] if limit > 0 else found)

    def explanation(self) -> Explanation:
        """Why the answer is what it is."""
        return explained(self.catalogue.definitions, self.query, self.facts, self.now)


def _aware(now: datetime) -> datetime:
    try:
        found = instant(now)
    except ValueError as error:
        raise BadInput(f"now: {error}.") from error
    if not isinstance(found, datetime):
        raise BadInput(f"now: {now!r} is no time.")
    return found


def _sayable(forced: Any) -> int | str:
    return forced if type(forced) in (int, str) else repr(forced)
