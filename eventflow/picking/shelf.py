"""The definitions for one type of subject, in one order, so that what fits is found without looking at each."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import cached_property

from eventflow.picking.ask import Facts
from eventflow.picking.conditions import OWN, Bound, field_of
from eventflow.picking.definition import FlowDefinition
from eventflow.picking.masks import KEPT, Column, Kept, Shares, Windows, lowest, mask_of, places
from eventflow.picking.query import FlowQuery, Where
from eventflow.picking.sorting import by_key, key_of, preferred

_Versions = tuple[int | None, int | None, int | None]


_FIELDS = 64
"""Fields whose answers are kept."""


class Answers:
    """What definitions have in one field, each answer once, with those that have it."""

    def __init__(self, rows: Sequence[FlowDefinition], field: str) -> None:
        answers = [field_of(row, field) for row in rows]
        # Written down, since 1 and True are the same to a dict, and lists are nothing for it.
        texts = [repr(answer) for answer in answers]
        self._of_text = dict(zip(texts, answers, strict=True))
        self._column = Column(texts)

    def __len__(self) -> int:
        return len(self._of_text)

    def can_look_up(self, condition: Bound) -> bool:
        """Whether all that fulfils a condition is one text; a field of the library's own may hold an instant."""
        said = condition.condition
        return said.op == "eq" and type(condition.value) is str and said.field not in OWN

    def with_text(self, text: str) -> int:
        """The definitions whose answer is this text."""
        return self._column(repr(text))

    def fulfilling(self, condition: Bound) -> int:
        """The definitions whose answer fulfils a condition."""
        return self._column.where(lambda text: condition.is_fulfilled_by(self._of_text[text]))


class Shelf:
    """Definitions that are not deleted, the most preferred first. What it keeps is made when it is first needed."""

    def __init__(self, rows: Sequence[FlowDefinition]) -> None:
        self.rows = rows
        self._size = len(rows)
        self._all = (1 << self._size) - 1
        self._in_versions = Kept(self._make_versions)
        self._passing: dict[str, int] = {}
        self._answers: Kept[str, Answers] = Kept(lambda field: Answers(rows, field), most=_FIELDS)

    def matching(self, query: FlowQuery, facts: Facts, now: datetime) -> int:
        """The set of those that fit."""
        mask = self._placed(query) & self._chosen(query)
        if mask and query.only_active:
            mask &= self._active
            if not query.ignore_time_window:
                mask &= self.windows(now)
        if mask and query.evaluate_rollout:
            mask &= self._shares(facts.bucket)
        for _, condition in facts.conditions:
            if not mask:
                break
            mask = self._passed(mask, condition, facts)
        return mask

    def best(self, mask: int, query: FlowQuery, facts: Facts) -> FlowDefinition:
        """The most preferred one of a set that is not empty."""
        mask = self._narrowed(mask, query)
        key = key_of(query)
        if key is not None:
            return by_key((self.rows[place] for place in places(mask)), key, facts.subject)[0]
        return self.rows[lowest(mask)]

    def ordered(self, mask: int, query: FlowQuery, facts: Facts) -> list[FlowDefinition]:
        """A set in the order of preference."""
        found = [self.rows[place] for place in places(mask)]
        key = key_of(query)
        if key is not None:
            found = by_key(found, key, facts.subject)
        if query.prefer_flows or query.prefer_environments or query.prefer_channels:
            found = preferred(found, query)
        return found

    def _placed(self, query: FlowQuery) -> int:
        """Those of the scope, the collection, the environment and the channel that are asked for."""
        mask = self._all
        if query.subject_scope is not None:
            mask &= self._scopes(query.subject_scope)
        if query.subject_collection is not None:
            mask &= self._collections(query.subject_collection)
        if query.environment is not None:
            mask &= self._environments(query.environment)
        if query.channel is not None:
            mask &= self._channels(query.channel)
        return mask

    def _chosen(self, query: FlowQuery) -> int:
        """Those that are included and not excluded, of the versions, and the defaults when only these will do."""
        mask = self._all
        if query.include_flows:
            mask &= self._named(query.include_flows)
        if query.exclude_flows:
            mask &= ~self._named(query.exclude_flows)
        if query.require_default:
            mask &= self._defaults
        versions = (query.version_equals, query.version_min, query.version_max)
        return mask if versions == (None, None, None) else mask & self._in_versions(versions)

    def _narrowed(self, mask: int, query: FlowQuery) -> int:
        """Of a set those that are preferred over all others in it."""
        for id in query.prefer_flows:
            place = self._place_of.get(id)
            if place is not None and mask >> place & 1:
                return 1 << place
        for column, names in (
            ("_environments", query.prefer_environments),
            ("_channels", query.prefer_channels),
        ):
            wanted = (mask & getattr(self, column)(name) for name in names)
            mask = next((one for one in wanted if one), mask)
        return mask

    def _passed(self, mask: int, condition: Bound | Where, facts: Facts) -> int:
        if not isinstance(condition, Bound) or (key := condition.text) is None:
            return self._tried(mask, condition, facts)
        passing = self._passing.get(key)
        if passing is None:
            answers = self._answers(condition.condition.field)
            if answers.can_look_up(condition):
                return mask & answers.with_text(condition.value)
            if mask.bit_count() <= len(answers):
                return self._tried(mask, condition, facts)
            # What a condition says with a value does not change: it is found out once, for each answer there is.
            passing = answers.fulfilling(condition)
            if len(self._passing) >= KEPT:
                self._passing = {}
            self._passing[key] = passing
        return mask & passing

    def _tried(self, mask: int, condition: Bound | Where, facts: Facts) -> int:
        return mask_of((place for place in places(mask) if facts.pass_(condition, self.rows[place])), self._size)

    def _named(self, ids: Sequence[int | str]) -> int:
        return mask_of((self._place_of[id] for id in ids if id in self._place_of), self._size)

    def _make_versions(self, asked: _Versions) -> int:
        equals, least, most = asked
        if equals is not None:
            return self._versions(equals)
        return self._versions.where(lambda one: (least is None or one >= least) and (most is None or one <= most))

    @cached_property
    def windows(self) -> Windows:
        """When which of them is in force."""
        return Windows(self.rows)

    @cached_property
    def _place_of(self) -> dict[int | str, int]:
        return {row.id: place for place, row in enumerate(self.rows)}

    @cached_property
    def _scopes(self) -> Column[str | None]:
        return Column([row.subject_scope for row in self.rows])

    @cached_property
    def _collections(self) -> Column[str | None]:
        return Column([row.subject_collection for row in self.rows])

    @cached_property
    def _environments(self) -> Column[str | None]:
        return Column([row.environment for row in self.rows])

    @cached_property
    def _channels(self) -> Column[str | None]:
        return Column([row.channel for row in self.rows])

    @cached_property
    def _versions(self) -> Column[int]:
        return Column([row.version for row in self.rows])

    @cached_property
    def _shares(self) -> Shares:
        return Shares(self.rows)

    @cached_property
    def _active(self) -> int:
        return mask_of((place for place, row in enumerate(self.rows) if row.status), self._size)

    @cached_property
    def _defaults(self) -> int:
        return mask_of((place for place, row in enumerate(self.rows) if row.is_default), self._size)
