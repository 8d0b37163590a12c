"""Recorded events as documents: the header's facts, the body or why there is none, a conversation as texts."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError

from eventflow.errors import BodyMissing, Erased, Misconfigured, Unavailable, Unreadable
from eventflow.model.library import Asked, ResponseReceived
from eventflow.model.recorded import Header, Recorded
from eventflow.model.rendering import as_curl, as_message

UNREAD = (Unreadable, BodyMissing, Unavailable, Misconfigured)
"""Why a body cannot be shown; everything else about its event can."""

_INSIDE = ("append", "codec", "digest", "hash", "flow", "schema")


def facts(header: Header) -> dict[str, Any]:
    """What a header says that is not for the log alone."""
    return {name: value for name, value in header._asdict().items() if name not in _INSIDE}


def body(recorded: Recorded) -> dict[str, Any]:
    """The body under that name, or under ``unreadable`` why there is none."""
    try:
        return {"body": recorded.event.event_body()}
    except Erased as error:
        return erased(error)
    except UNREAD as error:
        return {"body": None, "unreadable": str(error)}


def erased(error: Erased) -> dict[str, Any]:
    """What there is instead of a body that was erased."""
    return {"body": None, "unreadable": str(error), "erased": {"at": error.at, "by": error.actor}}


def document(recorded: Recorded, *, bodies: bool = True, rendered: bool = False) -> dict[str, Any]:
    """The header, and the body if it is wanted; ``unreadable`` says why there is none.

    A conversation may be ``rendered``: it is there as ``curl`` and as ``message``, too.
    """
    said = facts(recorded.header)
    if not bodies:
        return said
    told = {**said, **body(recorded)}
    return {**told, **conversation(told["body"])} if rendered else told


def conversation(fields: dict[str, Any] | None) -> dict[str, str]:
    """A request or an answer as texts (``curl``, ``message``); nothing for what is neither."""
    spoken = _conversed(fields or {})
    if spoken is None:
        return {}
    return {**({"curl": as_curl(spoken)} if isinstance(spoken, Asked) else {}), "message": as_message(spoken)}


def _conversed(fields: dict[str, Any]) -> Asked | ResponseReceived | None:
    kind = Asked if {"method", "url"} <= fields.keys() else ResponseReceived
    if kind is ResponseReceived and not {"status", "headers"} <= fields.keys():
        return None
    try:
        return kind.revive(fields, kind.event_version)
    except ValidationError:  # a body of somebody else, that only looks like one
        return None
