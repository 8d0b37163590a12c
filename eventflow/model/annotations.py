"""Which events a function says it returns."""

from __future__ import annotations

import sys
import types
import typing
from collections.abc import Callable, Generator, Mapping, Sequence
from typing import Any

from eventflow.model.event import Event

UNSAID = object()
"""The annotation of a function that has none."""


def nearby(function: Callable[..., Any]) -> Mapping[str, Any]:
    """The classes in sight where a function inside a function was decorated; nothing for one of a module.

    Annotations are read when the application is composed. By then a module's names are all there, but the ones of a
    function that has returned are gone; so they are kept here. Call it from the decorator itself.
    """
    if "<locals>" not in function.__qualname__:
        return {}
    seen: dict[str, Any] = {}
    frame: types.FrameType | None = sys._getframe(2)
    while frame is not None and frame.f_globals is function.__globals__ and frame.f_locals is not frame.f_globals:
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
    if typing.get_origin(annotation) is Generator and len(typing.get_args(annotation)) == 3:
        return typing.get_args(annotation)[2]
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
