"""Which events change which fields, and how.

An event sets the fields of the aggregate that it names; a method marked ``@folds(Event)`` says what a special one
changes in place of that.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from pydantic import BaseModel

from eventflow.model.event import Event
from eventflow.model.library import LIBRARY, Placing

F = TypeVar("F", bound=Callable[..., Mapping[str, Any]])
Fold = Callable[[Any, Any], Mapping[str, Any]]
"""From an aggregate and an event to the fields that have changed."""


def folds(event: type[Event]) -> Callable[[F], F]:
    """Mark a method of an aggregate as what this event changes: it takes the event and returns the changed fields."""

    def mark(method: F) -> F:
        method.__folds__ = event  # type: ignore[attr-defined]  # functions take attributes
        return method

    return mark


def declared_folds(aggregate: type) -> dict[type[Event], Fold]:
    """The marked methods of an aggregate by the event that they are for, inherited ones included."""
    found: dict[type[Event], Fold] = {}
    for kind in reversed(aggregate.__mro__):
        for name, member in vars(kind).items():
            if (event := getattr(member, "__folds__", None)) is not None:
                found[event] = getattr(aggregate, name)
    return found


def fold_by_names(aggregate: type[BaseModel], event: type[Event]) -> Fold:
    """What an event changes that no method is for: the fields that it names, but for those of the library."""
    if issubclass(event, Placing):
        return _placed
    names = () if event in LIBRARY else event.__pydantic_fields__
    return _setting(tuple(name for name in names if name in aggregate.__pydantic_fields__))


def _setting(shared: tuple[str, ...]) -> Fold:
    def fold(_: Any, event: Any) -> Mapping[str, Any]:
        own = event.__dict__
        return {name: own[name] for name in shared}

    return fold


def _placed(document: Any, event: Any) -> Mapping[str, Any]:
    # Beside the fields, as everything that the library itself knows of a stream.
    document.__dict__["_place"] = event.place
    return {}
