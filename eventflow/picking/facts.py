"""What is read of a subject: an attribute of an object, or a value of a mapping, as plain as JSON would have it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any
from uuid import UUID

from pydantic import JsonValue

from eventflow.picking.values import Name, Value

Subject = Any
"""Whatever a flow is picked for: an aggregate, any other object, or a mapping."""


class Attr(Value):
    """The subject's attribute of this name; ``None`` when it has none."""

    attr: Name


class Const(Value):
    """Always this value."""

    const: JsonValue


Resolver = Attr | Const | Callable[[Subject], Any]
"""Where a value comes from: an attribute of the subject, nowhere else, or a function of the subject."""


def attribute(subject: Subject, name: str) -> Any:
    """The subject's attribute of this name; ``None`` when it has none.

    >>> attribute({"id": UUID(int=1)}, "id"), attribute({}, "id")
    ('00000000-0000-0000-0000-000000000001', None)
    """
    return plain(subject.get(name) if isinstance(subject, Mapping) else getattr(subject, name, None))


def resolve(resolver: Resolver | None, subject: Subject) -> Any:
    """What a resolver answers for a subject; ``None`` without a resolver. What a function raises is not caught."""
    if resolver is None:
        return None
    if isinstance(resolver, Attr):
        return attribute(subject, resolver.attr)
    return resolver.const if isinstance(resolver, Const) else plain(resolver(subject))


def plain(value: Any) -> Any:
    """A value without the wrapping that JSON has no word for: the value of an enum member, the text of a ``UUID``."""
    if isinstance(value, Enum):
        return value.value
    return str(value) if isinstance(value, UUID) else value


def resolver(said: object) -> object:
    """A resolver from its JSON form, ``{"attr": name}`` or ``{"const": value}``; ``ValueError`` for anything else."""
    if said is None or isinstance(said, Attr | Const) or callable(said):
        return said
    if isinstance(said, Mapping) and list(said) == ["attr"]:
        return Attr.model_validate(said)
    if isinstance(said, Mapping) and list(said) == ["const"]:
        return Const.model_validate(said)
    raise ValueError('{"attr": name} or {"const": value} is wanted')
