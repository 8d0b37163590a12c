"""A query about one subject: what of the subject counts, read once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from eventflow.picking.conditions import Bound, Condition
from eventflow.picking.definition import FlowDefinition
from eventflow.picking.facts import Subject, resolve
from eventflow.picking.query import FlowQuery, Where
from eventflow.picking.rollout import bucket_of


@dataclass(frozen=True, slots=True)
class Facts:
    """What of a subject counts for a query.

    ``bucket`` is where its rollout key falls, ``forced`` the id of the flow that it must get, ``conditions`` what holds
    definitions against it: data with the values known, or code that is asked about the subject itself.
    """

    subject: Subject
    bucket: int | None
    forced: Any
    conditions: tuple[tuple[int, Bound | Where], ...]

    @classmethod
    def of(cls, query: FlowQuery, subject: Subject) -> Facts:
        """The facts of a subject; functions in the query are asked now."""
        bucket = None
        if query.rollout_key is not None:
            bucket = bucket_of(query.rollout_namespace, query.rollout_salt, resolve(query.rollout_key, subject))
        forced = None if query.force_flow_id is None else resolve(query.force_flow_id, subject)
        return cls(subject, bucket, forced, _conditions(query, subject) if query.where else ())

    def pass_(self, condition: Bound | Where, definition: FlowDefinition) -> bool:
        """Whether a definition fulfils a condition."""
        if isinstance(condition, Bound):
            return condition.passes(definition)
        return bool(condition(definition, self.subject))

    def text(self) -> str | None:
        """What counts, but for the forced flow, as a text; ``None`` when something of it cannot be said as one."""
        said = [bound.text if isinstance(bound, Bound) else None for _, bound in self.conditions]
        return None if None in said else repr((self.bucket, said))


def _conditions(query: FlowQuery, subject: Subject) -> tuple[tuple[int, Bound | Where], ...]:
    found: list[tuple[int, Bound | Where]] = []
    for number, condition in enumerate(query.where):
        bound = condition.bind(subject) if isinstance(condition, Condition) else condition
        if bound is not None:
            found.append((number, bound))
    return tuple(found)
