"""How recorded events are told: a line for each, and below it what was said, asked or answered."""

from __future__ import annotations

import json
from collections.abc import Iterator
from shutil import get_terminal_size
from typing import Any

import click

from eventflow.cli.output import as_json, harmless, one_line
from eventflow.errors import Unreadable
from eventflow.model.recorded import Header, Kind, Recorded

WIDTH = 160
"""Characters of a body that are shown where no terminal is narrower; --json has all of it."""

MARGIN = " " * 7

HEADERS = ("authorization", "idempotency-key", "content-type", "retry-after")
"""The headers of a conversation that are shown to people."""

_INSIDE = ("append", "codec", "digest", "hash", "flow", "schema")


def document(recorded: Recorded, *, bodies: bool = True) -> dict[str, Any]:
    """The header, and the body unless it is not wanted; ``unreadable`` says why there is none."""
    facts = {name: value for name, value in recorded.header._asdict().items() if name not in _INSIDE}
    return {**facts, **body(recorded)} if bodies else facts


def body(recorded: Recorded) -> dict[str, Any]:
    """The body under that name, or under ``unreadable`` why there is none."""
    try:
        return {"body": recorded.event.event_body()}
    except Unreadable as error:
        return {"body": None, "unreadable": str(error)}


def lines(recorded: Recorded, *, bodies: bool = True) -> Iterator[str]:
    """The event, for people."""
    header = recorded.header
    yield f"  v{header.version:<3} {header.recorded_at:%H:%M:%S.%f}"[:-3] + f"  {told(header)}"
    if header.error:
        yield _below(click.style(one_line(header.error), fg="red"))
    if bodies:
        yield from map(_below, _said(recorded))


def told(header: Header) -> str:
    """What happened, where it led, and whose doing it was."""
    name, status = header.name.partition(":")[2] or header.name, click.style(harmless(header.status), bold=True)
    moved = header.phase is not None and header.status != header.previous
    text = f"{harmless(name)} → {status}" if moved else f"{harmless(name)}"
    return text + click.style(_circumstances(header), dim=True)


def _circumstances(header: Header) -> str:
    facts = [
        f"attempt {header.attempt}" if header.attempt else "",
        f"due {header.due:%H:%M:%S}" if header.due else "",
        f"by {one_line(header.actor)}" if header.actor else "",
    ]
    told = ", ".join(fact for fact in facts if fact)
    return f"  ({told})" if told else ""


def _said(recorded: Recorded) -> Iterator[str]:
    found = body(recorded)
    if "unreadable" in found:
        yield click.style(one_line(found["unreadable"]), fg="yellow")
        return
    fields: dict[str, Any] = found["body"]
    match recorded.header.kind:
        case Kind.REQUEST:
            yield from _conversation(f"{fields.get('method')} {fields.get('url')}", fields)
        case Kind.RESPONSE:
            yield from _conversation(f"HTTP {fields.get('status')}", fields)
        case Kind.EXCEPTION:
            pass  # its error stands in the header, and was told
        case _:
            yield from _fields(fields)


def _conversation(first: str, fields: dict[str, Any]) -> Iterator[str]:
    yield harmless(first)
    for name, value in (fields.get("headers") or {}).items():
        if str(name).lower() in HEADERS:
            yield harmless(f"{name}: {value}")
    if fields.get("body"):
        yield _short(str(fields["body"]))


def _fields(fields: dict[str, Any]) -> Iterator[str]:
    said = {name: value for name, value in fields.items() if value is not None}
    if said:
        yield _short(as_json(said.get("fields", said) if len(said) == 1 else said))


def _short(text: str) -> str:
    text, room = one_line(text), max(get_terminal_size((WIDTH + len(MARGIN), 0)).columns - len(MARGIN), 20)
    return text if len(text) <= room else text[: room - 1] + "…"


def _below(text: str) -> str:
    return MARGIN + text


def as_text(value: Any) -> str:
    """A value of a field on one line; ``Any``, since a field may be whatever its aggregate says."""
    text = as_json(value)
    return one_line(str(json.loads(text)) if text.startswith('"') else text)
