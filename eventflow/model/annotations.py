"""Which events a function says it returns."""

from __future__ import annotations

import functools
import operator
import sys
import types
import typing
from collections.abc import AsyncGenerator, Callable, Generator, Mapping, Sequence
from typing import Any

from eventflow.model.event import Event
from eventflow.model.exchange import Request

UNSAID = object()
"""The annotation of a function that has none."""


def nearby(one: Callable[..., Any] | type) -> Mapping[str, Any]:
    """The classes in sight where a function or class inside a function was made; nothing for one of a module.

    Annotations are read when the application is composed. By then a module's names are all there, but the ones of a
    function that has returned are gone; so they are kept here. Call it from the decorator (or ``__init_subclass__``)
    itself.
    """
    if "<locals>" not in one.__qualname__:
        return {}
    home = vars(sys.modules.get(one.__module__, types)) if isinstance(one, type) else getattr(one, "__globals__", {})
    seen: dict[str, Any] = {}
    frame: types.FrameType | None = sys._getframe(2)
    while frame is not None and frame.f_globals is home and frame.f_locals is not home:
        seen = {name: value for name, value in frame.f_locals.items() if _is_type(value)} | seen
        frame = frame.f_back
    return seen


def returned(function: Callable[..., Any], names: Mapping[str, Any]) -> Any:
    """What a function says it returns, or ``UNSAID``. Raises ``NameError`` and the like when that cannot be read."""
    annotations = getattr(function, "__annotations__", {})
    if "return" not in annotations:
        return UNSAID
    return read(annotations["return"], function, names)


def read(annotation: Any, function: Callable[..., Any], names: Mapping[str, Any]) -> Any:
    """An annotation of a function, evaluated if it is a text. Raises ``NameError`` and the like."""
    holder = types.SimpleNamespace(__annotations__={"it": annotation})
    return typing.get_type_hints(holder, getattr(function, "__globals__", {}), dict(names))["it"]


def result_of(annotation: Any) -> Any:
    """What a conversation ends in: the ``R`` of ``Exchange[R]``; any other annotation as it is."""
    said = typing.get_args(annotation)
    if typing.get_origin(annotation) is Generator and len(said) == 3:
        return said[2]
    if typing.get_origin(annotation) is AsyncGenerator and said:
        ends = [one for one in parts(said[0]) if one is not Request]
        return functools.reduce(operator.or_, ends) if ends else None
    return annotation


def parts(annotation: Any) -> tuple[Any, ...]:
    """The single types in an annotation: of unions, tuples, lists and sequences what is in them.

    >>> parts(tuple[int, ...] | list[str] | None)
    (<class 'int'>, <class 'str'>, <class 'NoneType'>)
    """
    origin = typing.get_origin(annotation)
    if annotation is UNSAID or annotation is ...:
        return ()
    if origin is typing.Annotated:
        return parts(typing.get_args(annotation)[0])
    if origin in (typing.Union, types.UnionType) or (isinstance(origin, type) and issubclass(origin, Sequence)):
        return tuple(dict.fromkeys(one for argument in typing.get_args(annotation) for one in parts(argument)))
    return (types.NoneType if annotation is None else annotation,)


def events_in(annotation: Any) -> tuple[type[Event], ...]:
    """The event classes an annotation names; plain ``Event`` names none."""
    return tuple(one for one in parts(result_of(annotation)) if _is_event(one) and one is not Event)


def strangers_in(annotation: Any) -> tuple[Any, ...]:
    """What an annotation names beside events and ``None``."""
    return tuple(one for one in parts(result_of(annotation)) if not _is_event(one) and one is not types.NoneType)


def _is_event(one: Any) -> bool:
    return isinstance(one, type) and not typing.get_args(one) and issubclass(one, Event)


def _is_type(value: Any) -> bool:
    return isinstance(value, type) or typing.get_origin(value) is not None
