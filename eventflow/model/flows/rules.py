"""How an aggregate says which flow it goes by: a query, a function of it that gives one, or the flow itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from eventflow.errors import Misconfigured, Refused
from eventflow.model.aggregate import Aggregate
from eventflow.picking.builder import FlowPickerBuilder
from eventflow.picking.definition import FlowDefinition
from eventflow.picking.facts import Attr, Const
from eventflow.picking.query import FlowQuery

WANTED = (
    "a FlowQuery, a FlowPickerBuilder, the id of a flow, True for whatever flow fits, or a function that gives one of"
    " these"
)


def query_of(document: Aggregate[Any]) -> FlowQuery | None:
    """The query by which this one is bound; nothing when its rule is a function that answers ``None``.

    Its id is what shares are decided by, unless the query says otherwise. Raises ``Misconfigured`` for a rule that is
    none, and what a function raises.
    """
    rule = type(document).flow_rule
    told = rule(document) if _is_function(rule) else rule
    return None if told is None else _with_key(query_from(told, document.category))


def query_from(rule: Any, category: str) -> FlowQuery:
    """The query that a rule means for what is of this category. Raises ``Misconfigured`` for one that means none."""
    if isinstance(rule, FlowQuery):
        return rule
    if isinstance(rule, FlowPickerBuilder):
        return rule.build()
    if rule is True:
        return FlowQuery(subject_type=category)
    if isinstance(rule, FlowDefinition):
        return fixed(category, rule.id)
    if isinstance(rule, int | str) and rule is not False:
        return fixed(category, rule)
    raise Misconfigured(f"flow={rule!r} of {category} says no flow; wanted is {WANTED}.")


def fixed(category: str, id: int | str) -> FlowQuery:
    """The query for one flow, be it active or not; an unknown or archived one is never replaced by another."""
    return FlowQuery(subject_type=category, force_flow_id=Const(const=id), only_active=False, evaluate_rollout=False)


def refuse_stranger(flow: FlowDefinition, category: str) -> None:
    """Raises ``Refused`` for a flow that is for other subjects."""
    if flow.subject_type != category:
        raise Refused(f'The flow "{flow.id}" is for "{flow.subject_type}", not for "{category}".')


def problems(aggregates: Sequence[Any]) -> Iterator[str]:
    """What is wrong with the rules of these aggregates, as far as they can be read without one."""
    for one in aggregates:
        rule, category = getattr(one, "flow_rule", None), getattr(one, "category", "")
        if rule is None or _is_function(rule):
            continue
        try:
            query = query_from(rule, category)
        except (Misconfigured, ValueError) as error:
            yield f"{one.__name__}: {error}"
            continue
        if query.subject_type != category:
            yield f'{one.__name__}: flow= asks for flows of "{query.subject_type}", but its category is "{category}".'


def _is_function(rule: Any) -> bool:
    return callable(rule) and not isinstance(rule, FlowQuery | FlowPickerBuilder | FlowDefinition)


def _with_key(query: FlowQuery) -> FlowQuery:
    return query if query.rollout_key is not None else query.replace(rollout_key=Attr(attr="id"))
