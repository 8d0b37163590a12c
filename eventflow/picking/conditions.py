"""Conditions as data: a field of a definition is held against a value, or against what the subject has.

``field`` is one of a definition's own fields or a name among its ``attributes``; ``attributes.channel`` is the
attribute even where there is a field of that name. What is not there is ``None``. Values keep their types: ``1`` is
neither ``True`` nor ``"1"``. ``ne`` holds wherever ``eq`` does not, also where nothing is there; ``gte`` and ``lte``
hold between things that have an order only.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from functools import cached_property
from typing import Any, Literal, Self

from pydantic import model_validator

from eventflow.picking.definition import FlowDefinition
from eventflow.picking.facts import Subject, attribute
from eventflow.picking.values import Json, Name, Value, instant

Op = Literal["eq", "ne", "in", "gte", "lte", "contains", "is_null"]

OWN = frozenset(FlowDefinition.model_fields) - {"states", "transitions", "names", "descriptions"}
"""The fields of a definition that conditions and orders may name."""

_ATTRIBUTES = "attributes."


class When(Value):
    """When a condition counts at all: the subject's attribute is held against a value."""

    subject_attr: Name
    op: Op
    value: Json = None

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        _check(self.op, self.value)
        return self

    def holds(self, subject: Subject) -> bool:
        """Whether the condition counts for this subject."""
        return compare(self.op, attribute(subject, self.subject_attr), self.value)


class Condition(Value):
    """A field of a definition is held against ``value``, or against the attribute ``subject_attr`` of the subject.

    With ``when`` it counts for some subjects only; for the others every definition passes.
    """

    field: Name
    op: Op
    value: Json = None
    subject_attr: Name | None = None
    when: When | None = None

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        if self.subject_attr is not None:
            if self.value is not None:
                raise ValueError("value and subject_attr exclude each other")
            return self
        if "value" not in self.model_fields_set and self.op != "is_null":
            raise ValueError("a value or a subject_attr is wanted")
        _check(self.op, self.value)
        return self

    def bind(self, subject: Subject) -> Bound | None:
        """The condition as it is for this subject; ``None`` when it does not count for it."""
        if self.when is not None and not self.when.holds(subject):
            return None
        return Bound(self, self.value if self.subject_attr is None else attribute(subject, self.subject_attr))

    @cached_property
    def text(self) -> str:
        """The whole condition."""
        return self.model_dump_json()


class Bound:
    """A condition whose value is known."""

    __slots__ = ("condition", "value")

    def __init__(self, condition: Condition, value: Any) -> None:
        self.condition, self.value = condition, value

    @property
    def text(self) -> str | None:
        """All that it says, as a text; ``None`` when the value is nothing that JSON can say."""
        value = self.value
        return f"{self.condition.text} {json.dumps(value, sort_keys=True)}" if _is_json(value) else None

    def passes(self, definition: FlowDefinition) -> bool:
        """Whether the definition fulfils it."""
        return self.is_fulfilled_by(field_of(definition, self.condition.field))

    def is_fulfilled_by(self, found: Any) -> bool:
        """Whether what a definition has in the field fulfils it."""
        return compare(self.condition.op, found, self.value)


def field_of(definition: FlowDefinition, name: str) -> Any:
    """A field of a definition, or the attribute of this name; ``None`` when there is neither."""
    if name in OWN:
        return getattr(definition, name)
    if name in definition.attributes or not name.startswith(_ATTRIBUTES):
        return definition.attributes.get(name)
    return definition.attributes.get(name.removeprefix(_ATTRIBUTES))


def compare(op: Op, found: Any, value: Any) -> bool:
    """Whether what was found stands to the value as the operator says.

    >>> compare("eq", 1, True), compare("ne", None, "x"), compare("in", "a", ["a", "b"]), compare("gte", None, 0)
    (False, True, True, False)
    """
    return _OPERATORS[op](found, value)


def same(one: Any, other: Any) -> bool:
    """Whether two values are the same for JSON: ``1`` and ``1.0`` are, ``1`` and ``True`` are not."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, datetime) or isinstance(other, datetime):
        pair = _instants(one, other)
        return pair is not None and pair[0] == pair[1]
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(same(value, other[key]) for key, value in one.items())
    return bool(one == other)


def _is_json(value: Any) -> bool:
    if isinstance(value, Mapping):
        return all(isinstance(name, str) for name in value) and all(map(_is_json, value.values()))
    if isinstance(value, list | tuple):
        return all(map(_is_json, value))
    return value is None or isinstance(value, bool | int | float | str)


def _check(op: Op, value: Any) -> None:
    if op == "in" and not isinstance(value, list):
        raise ValueError('the operator "in" wants a list of values')
    if op == "is_null" and value is not None and not isinstance(value, bool):
        raise ValueError('the operator "is_null" wants true or false')


def _is_in(found: Any, value: Any) -> bool:
    return isinstance(value, list | tuple | set | frozenset) and any(same(found, one) for one in value)


def _contains(found: Any, value: Any) -> bool:
    if isinstance(found, str):
        return isinstance(value, str) and value in found
    if isinstance(found, Mapping):
        return isinstance(value, str) and value in found
    return isinstance(found, list | tuple) and any(same(one, value) for one in found)


def _is_null(found: Any, value: Any) -> bool:
    return (found is None) == (value is not False)


def _gte(one: Any, other: Any) -> bool:
    pair = _comparable(one, other)
    return pair is not None and bool(pair[0] >= pair[1])


def _lte(one: Any, other: Any) -> bool:
    return _gte(other, one)


def _comparable(one: Any, other: Any) -> tuple[Any, Any] | None:
    if isinstance(one, datetime) or isinstance(other, datetime):
        return _instants(one, other)
    if isinstance(one, bool) or isinstance(other, bool):
        return (one, other) if type(one) is type(other) else None
    alike = any(isinstance(one, kind) and isinstance(other, kind) for kind in ((int, float, Decimal), str))
    return (one, other) if alike else None


def _instants(one: Any, other: Any) -> tuple[datetime, datetime] | None:
    """Both as instants; ``None`` when one of them is none."""
    try:
        pair = instant(one), instant(other)
    except ValueError:
        return None
    first, second = pair
    return (first, second) if isinstance(first, datetime) and isinstance(second, datetime) else None


_OPERATORS: dict[Op, Callable[[Any, Any], bool]] = {
    "eq": same,
    "ne": lambda found, value: not same(found, value),
    "in": _is_in,
    "gte": _gte,
    "lte": _lte,
    "contains": _contains,
    "is_null": _is_null,
}
