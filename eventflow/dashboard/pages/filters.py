"""What somebody typed as a filter: what is wrong with it, what it consists of, what could be added."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from eventflow.dashboard.desk import Desk
from eventflow.errors import BadFilter
from eventflow_projections.where import ITEMS, Language, Where, parse


def wrong(where: str, language: Language = ITEMS) -> dict[str, Any]:
    """What is wrong with a filter, for people and for programs; nothing when it can be read."""
    try:
        parse(where, language)
    except BadFilter as error:
        return told(error)
    return {}


def told(error: BadFilter) -> dict[str, Any]:
    """What is wrong with a filter, and at which of its characters."""
    return {"error": error.code, "message": str(error), "at": error.at}


def chips(desk: Desk, where: str, language: Language = ITEMS) -> list[dict[str, str]]:
    """The conditions of a filter, each with the address of the page without it."""
    conditions = parse(where, language).conditions
    return [
        {
            "text": str(Where((one,))),
            "without": desk.here(where=str(Where((*conditions[:at], *conditions[at + 1 :]))) or None, after=None),
        }
        for at, one in enumerate(conditions)
    ]


def suggestions(where: str, beside: Sequence[str] = (), fields: Sequence[str] = ITEMS.names) -> list[str]:
    """The filter with one more term each: those ``beside`` that are whole, and fields without a value."""
    begun = f"{where} " if where else ""
    return [f"{begun}{one}" for one in (*beside, *(f"{name}:" for name in fields))]
