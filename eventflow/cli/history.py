"""How recorded events are told: a line for each, and below it what was said, asked or answered."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from enum import Enum
from shutil import get_terminal_size
from typing import Any

import click

from eventflow.cli.output import as_json, harmless, one_line
from eventflow.model.recorded import Header, Kind, Recorded
from eventflow.views import documents
from eventflow.views.documents import body, conversation

WIDTH = 160
"""Characters of a body that are shown where no terminal is narrower; --json has all of it."""

MARGIN = " " * 7

HEADERS = ("authorization", "idempotency-key", "content-type", "retry-after")
"""The headers of a conversation that are shown to people."""


class Bodies(Enum):
    """How much of the bodies is shown."""

    NONE = "none"
    SHORT = "short"
    WHOLE = "whole"


def document(recorded: Recorded, bodies: Bodies = Bodies.SHORT) -> dict[str, Any]:
    """The header, and the body unless it is not wanted; ``unreadable`` says why there is none.

    With whole bodies a conversation is there as ``curl`` and as ``message``, too.
    """
    return documents.document(recorded, bodies=bodies is not Bodies.NONE, rendered=bodies is Bodies.WHOLE)


def lines(recorded: Recorded, bodies: Bodies = Bodies.SHORT) -> Iterator[str]:
    """The event, for people."""
    header = recorded.header
    yield f"  v{header.version:<3} {header.recorded_at:%H:%M:%S.%f}"[:-3] + f"  {told(header)}"
    if header.error:
        yield _below(click.style(one_line(header.error), fg="red"))
    if bodies is not Bodies.NONE:
        yield from map(_below, _legible(recorded, _said if bodies is Bodies.SHORT else _whole))


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


def _legible(recorded: Recorded, tell: Callable[[Header, dict[str, Any]], Iterator[str]]) -> Iterator[str]:
    """What is told of a body, or why it cannot be read."""
    found = body(recorded)
    if "unreadable" in found:
        return iter([click.style(one_line(found["unreadable"]), fg="yellow")])
    return tell(recorded.header, found["body"])


def _said(header: Header, fields: dict[str, Any]) -> Iterator[str]:
    match header.kind:
        case Kind.REQUEST:
            yield from _conversation(f"{fields.get('method')} {fields.get('url')}", fields)
        case Kind.RESPONSE:
            yield from _conversation(f"HTTP {fields.get('status')}", fields)
        case Kind.EXCEPTION:
            yield from _untold(header, fields)
        case _:
            yield from _fields(fields)


def _untold(header: Header, fields: dict[str, Any]) -> Iterator[str]:
    """The message of an error, where the header that was told does not have it: that of what can be erased has not."""
    facts = fields.get("body") if isinstance(fields.get("body"), dict) else fields
    message = (facts or {}).get("message")
    if isinstance(message, str) and message and ":" not in (header.error or ""):
        yield click.style(_short(message), fg="red")


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


def _whole(_header: Header, fields: dict[str, Any]) -> Iterator[str]:
    """The body with everything that was recorded of it; a request as a command that can be run."""
    told = conversation(fields)
    text = told.get("curl") or told.get("message") or _spelt_out(fields)
    yield from (harmless(line) for line in text.splitlines())


def _spelt_out(fields: dict[str, Any]) -> str:
    """The fields one below the other; of texts every line."""
    said = {name: value for name, value in fields.items() if value is not None}
    texts = {name: value for name, value in said.items() if isinstance(value, str) and "\n" in value}
    rest = {name: value for name, value in said.items() if name not in texts}
    lines = [json.dumps(json.loads(as_json(rest)), ensure_ascii=False, indent=2)] if rest else []
    return "\n".join([*lines, *(f"{name}:\n{value}" for name, value in texts.items())])


def _short(text: str) -> str:
    text, room = one_line(text), max(get_terminal_size((WIDTH + len(MARGIN), 0)).columns - len(MARGIN), 20)
    return text if len(text) <= room else text[: room - 1] + "…"


def _below(text: str) -> str:
    return MARGIN + text


def as_text(value: Any) -> str:
    """A value of a field on one line; ``Any``, since a field may be whatever its aggregate says."""
    text = as_json(value)
    return one_line(str(json.loads(text)) if text.startswith('"') else text)
