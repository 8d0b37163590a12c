"""Why a pick is what it is: for every definition the first constraint that dropped it, for every step of the cascade.

This is worked out one definition after the other, in the order in which constraints are written down, and knows
nothing of how the picker is so quick; tests hold both against each other.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic_core import to_jsonable_python

from eventflow.picking.ask import Facts
from eventflow.picking.conditions import Bound, field_of
from eventflow.picking.definition import FlowDefinition
from eventflow.picking.forcing import in_window, refused
from eventflow.picking.query import FlowQuery
from eventflow.picking.rollout import admits
from eventflow.picking.sorting import by_key, key_of, preferred, ranked, sorting_of


@dataclass(frozen=True, slots=True)
class Dropped:
    """A definition that does not fit: the first constraint that dropped it, what was wanted, what was there."""

    flow: int | str
    constraint: str
    wanted: Any
    found: Any

    def __str__(self) -> str:
        return f"{self.flow}: {self.constraint} is {_said(self.found)}, wanted is {_said(self.wanted)}"


@dataclass(frozen=True, slots=True)
class Step:
    """What one step of the cascade came to: ``None`` is the query as it was asked."""

    step: str | None
    candidates: tuple[int | str, ...]
    dropped: tuple[Dropped, ...]


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a pick is what it is.

    ``picked`` is the id of the flow, ``forced`` the id that was forced, ``refused`` why that one could not be had.
    ``steps`` are those that were taken, up to the one that found something; a forced flow needs none, and has the first
    one nevertheless.
    """

    picked: int | str | None
    fallback_step: str | None
    bucket: int | None
    forced: Any
    refused: str | None
    steps: tuple[Step, ...]

    @property
    def candidates(self) -> tuple[int | str, ...]:
        """The ids of what fits the query as it was asked, in order."""
        return self.steps[0].candidates

    def why(self, flow: int | str) -> tuple[Dropped | None, ...]:
        """For every step what dropped a definition; ``None`` where it was a candidate."""
        return tuple(next((one for one in step.dropped if one.flow == flow), None) for step in self.steps)

    def data(self) -> dict[str, Any]:
        """The whole explanation as JSON."""
        steps = [
            {
                "step": step.step,
                "candidates": list(step.candidates),
                "dropped": [
                    {
                        "flow": one.flow,
                        "constraint": one.constraint,
                        "wanted": _json(one.wanted),
                        "found": _json(one.found),
                        "words": str(one),
                    }
                    for one in step.dropped
                ],
            }
            for step in self.steps
        ]
        return {
            "picked": self.picked,
            "fallback_step": self.fallback_step,
            "bucket": self.bucket,
            "forced": _json(self.forced),
            "refused": self.refused,
            "steps": steps,
        }

    def words(self) -> str:
        """The whole explanation as lines of text."""
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        if self.refused is not None:
            yield f"Nothing is picked: the flow {_said(self.forced)} is forced, and is {self.refused}."
        elif self.forced is not None:
            yield f"{self.picked} is picked: it is forced."
        elif self.picked is None:
            yield "Nothing is picked."
        else:
            after = f", after {self.fallback_step}" if self.fallback_step else ""
            yield f"{self.picked} is picked{after}."
        yield "The subject has no rollout key." if self.bucket is None else f"The subject is in bucket {self.bucket}."
        for step in self.steps:
            fitting = ", ".join(map(str, step.candidates)) or "nothing"
            yield f"{step.step or 'As it was asked'}: {fitting} {'fit' if len(step.candidates) > 1 else 'fits'}."
            yield from (f"  {one}" for one in step.dropped)


def explained(definitions: Sequence[FlowDefinition], query: FlowQuery, facts: Facts, now: datetime) -> Explanation:
    """The explanation of what a query finds among definitions."""
    steps = tuple(_steps(definitions, query, facts, now))
    if facts.forced is not None:
        is_id = type(facts.forced) in (int, str)
        flow = next((one for one in definitions if is_id and one.id == facts.forced), None)
        reason = refused(flow, query, now)
        picked = None if flow is None or reason is not None else flow.id
        return Explanation(picked, None, facts.bucket, facts.forced, reason, steps[:1])
    last = steps[-1]
    if not last.candidates:
        return Explanation(None, None, facts.bucket, None, None, steps)
    return Explanation(last.candidates[0], last.step, facts.bucket, None, None, steps)


def _steps(definitions: Sequence[FlowDefinition], query: FlowQuery, facts: Facts, now: datetime) -> Iterator[Step]:
    for name, relaxed in query.steps:
        dropped = {one.id: next(_objections(one, relaxed, facts, now), None) for one in definitions}
        fitting = [one for one in definitions if dropped[one.id] is None]
        ids = tuple(one.id for one in _ordered(fitting, relaxed, facts))
        yield Step(name, ids, tuple(one for one in dropped.values() if one is not None))
        if ids:
            return


def _ordered(fitting: Iterable[FlowDefinition], query: FlowQuery, facts: Facts) -> list[FlowDefinition]:
    key = key_of(query)
    found = ranked(fitting, sorting_of(query)) if key is None else by_key(fitting, key, facts.subject)
    return preferred(found, query)


def _objections(one: FlowDefinition, query: FlowQuery, facts: Facts, now: datetime) -> Iterator[Dropped]:
    """Everything that drops a definition, in the order in which constraints are looked at."""
    if one.deleted:
        yield Dropped(one.id, "deleted", False, True)
    for field in ("subject_type", "subject_scope", "subject_collection", "environment", "channel"):
        wanted, found = getattr(query, field), getattr(one, field)
        if wanted is not None and wanted != found:
            yield Dropped(one.id, field, wanted, found)
    if query.include_flows and one.id not in query.include_flows:
        yield Dropped(one.id, "include_flows", query.include_flows, one.id)
    if one.id in query.exclude_flows:
        yield Dropped(one.id, "exclude_flows", query.exclude_flows, one.id)
    yield from _untimely(one, query, now)
    if query.require_default and not one.is_default:
        yield Dropped(one.id, "is_default", True, False)
    yield from _other_versions(one, query)
    if query.evaluate_rollout and not admits(one.rollout_pct, facts.bucket):
        yield Dropped(one.id, "rollout", {"rollout_pct": one.rollout_pct}, {"bucket": facts.bucket})
    yield from _failing(one, facts)


def _untimely(one: FlowDefinition, query: FlowQuery, now: datetime) -> Iterator[Dropped]:
    if query.only_active and not one.status:
        yield Dropped(one.id, "status", True, False)
    if query.only_active and not query.ignore_time_window and not in_window(one, now):
        yield Dropped(one.id, "window", {"active_from": one.active_from, "active_to": one.active_to}, now)


def _other_versions(one: FlowDefinition, query: FlowQuery) -> Iterator[Dropped]:
    if query.version_equals is not None:
        if one.version != query.version_equals:
            yield Dropped(one.id, "version", query.version_equals, one.version)
        return
    if query.version_min is not None and one.version < query.version_min:
        yield Dropped(one.id, "version", {"at_least": query.version_min}, one.version)
    if query.version_max is not None and one.version > query.version_max:
        yield Dropped(one.id, "version", {"at_most": query.version_max}, one.version)


def _failing(one: FlowDefinition, facts: Facts) -> Iterator[Dropped]:
    for number, condition in facts.conditions:
        if facts.pass_(condition, one):
            continue
        if isinstance(condition, Bound):
            said = condition.condition
            wanted = {"field": said.field, "op": said.op, "value": condition.value}
            yield Dropped(one.id, f"where[{number}]", wanted, field_of(one, said.field))
        else:
            yield Dropped(one.id, f"where[{number}]", getattr(condition, "__qualname__", repr(condition)), False)


def _said(value: Any) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, dict):
        return " ".join(f"{name} {_said(one)}" for name, one in value.items())
    if isinstance(value, list | tuple):
        return " or ".join(map(_said, value)) or "nothing"
    return f'"{value}"' if isinstance(value, str) else str(value)


def _json(value: Any) -> Any:
    return to_jsonable_python(value, fallback=repr)
