"""Which of several definitions that fit comes first."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal

from eventflow.picking.conditions import field_of
from eventflow.picking.definition import FlowDefinition
from eventflow.picking.facts import Subject, plain
from eventflow.picking.query import FlowQuery, Key, Order
from eventflow.picking.values import id_order

Sorting = Literal["best", "first"] | Order
"""An order that does not depend on the subject."""


def sorting_of(query: FlowQuery) -> Sorting:
    """The order that a query asks for, as far as it does not depend on the subject."""
    if query.match_strategy == "first":
        return "first"
    return "best" if query.order_by is None or callable(query.order_by) else query.order_by


def key_of(query: FlowQuery) -> Key | None:
    """The order in code that a query asks for; the first match is the first one whatever else is said."""
    return query.order_by if callable(query.order_by) and query.match_strategy == "best" else None


def ranked(definitions: Iterable[FlowDefinition], sorting: Sorting) -> list[FlowDefinition]:
    """Definitions in an order, whose last word is the id: ascending for the first match, else descending."""
    if sorting == "first":
        return sorted(definitions, key=lambda one: id_order(one.id))
    if sorting == "best":
        return sorted(definitions, key=_rank, reverse=True)
    found = sorted(definitions, key=lambda one: id_order(one.id), reverse=True)
    # Sorting keeps what was sorted before: the field that counts most comes last.
    for field, direction in reversed(sorting):
        found.sort(key=lambda one, field=field: sortable(field_of(one, field)), reverse=direction == "desc")  # type: ignore[misc]
    return found


def by_key(definitions: Iterable[FlowDefinition], key: Key, subject: Subject) -> list[FlowDefinition]:
    """Definitions in an order in code, the smallest first, then by their ids, descending."""
    found = sorted(definitions, key=lambda one: id_order(one.id), reverse=True)
    return sorted(found, key=lambda one: key(one, subject))


def preferred(definitions: Sequence[FlowDefinition], query: FlowQuery) -> list[FlowDefinition]:
    """Definitions with those before the others that a query prefers; otherwise as they were."""
    flows = {id: rank for rank, id in reversed(list(enumerate(query.prefer_flows)))}
    environments = {name: rank for rank, name in reversed(list(enumerate(query.prefer_environments)))}
    channels = {name: rank for rank, name in reversed(list(enumerate(query.prefer_channels)))}

    def rank(one: FlowDefinition) -> tuple[int, int, int]:
        return (
            flows.get(one.id, len(flows)),
            environments.get(one.environment or "", len(environments)),
            channels.get(one.channel or "", len(channels)),
        )

    return sorted(definitions, key=rank)


_KINDS: tuple[type | tuple[type, ...], ...] = (bool, (int, float, Decimal), str, datetime)


def sortable(value: Any) -> tuple[int, Any]:
    """A value as something that can be ordered among all others: nothing, truths, numbers, texts, instants, the rest.

    >>> sorted(["b", None, 2, True, 1.5], key=sortable)
    [None, True, 1.5, 2, 'b']
    """
    value = plain(value)
    if value is None:
        return (0, 0)
    for rank, kind in enumerate(_KINDS, start=1):
        if isinstance(value, kind):
            return (rank, value)
    return (9, json.dumps(value, sort_keys=True, default=repr))


def _rank(one: FlowDefinition) -> tuple[int, bool, int, tuple[int, Any]]:
    return (one.version, one.is_default, one.ordering, id_order(one.id))
