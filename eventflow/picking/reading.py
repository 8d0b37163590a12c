"""Definitions, queries and whole questions as they come in files: what is wrong is told by its place, all at once."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from eventflow.errors import BadInput, did_you_mean
from eventflow.picking.definition import FlowDefinition
from eventflow.picking.query import FlowQuery
from eventflow.picking.values import Value, instant

V = TypeVar("V", bound=Value)

DEEPEST = 100
"""Lists and objects within each other that are read; whatever looks into them must come back."""


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked in one line of a file; ``now`` is ``None`` when the line does not say it."""

    definitions: tuple[FlowDefinition, ...]
    query: FlowQuery
    subject: Mapping[str, Any]
    now: datetime | None


def parsed(text: str | bytes, what: str = "the text") -> Any:
    """What a JSON text says. Raises ``BadInput`` where it is none; ``NaN`` and its like are none either."""
    try:
        data = json.loads(text, parse_constant=_no_number)
    except RecursionError:
        data = None, DEEPEST  # a pair is nothing that JSON says
    except ValueError as error:  # of the parser, of its numbers, of the encoding
        raise BadInput(f"{what}: this is no JSON: {error}.") from None
    if isinstance(data, tuple) or _depth(data) > DEEPEST:
        raise BadInput(f"{what}: it is nested more than {DEEPEST} deep.")
    return data


def definitions_of(data: object, what: str = "definitions") -> tuple[FlowDefinition, ...]:
    """Definitions from a list of objects. Raises ``BadInput`` with everything that does not fit, by its place."""
    if not isinstance(data, Sequence) or isinstance(data, str | bytes):
        raise BadInput(f"{what}: a list of definitions is wanted, {_kind(data)} is there.")
    problems: list[str] = []
    found: dict[int | str, FlowDefinition] = {}
    for number, one in enumerate(data):
        place = f"{what}[{number}]"
        try:
            definition = _read(FlowDefinition, one, place)
        except BadInput as error:
            problems.extend(error.problems)
            continue
        if definition.id in found:
            problems.append(f'{place}.id: there is another definition with the id "{definition.id}".')
        found[definition.id] = definition
    if problems:
        raise BadInput(*problems)
    return tuple(found.values())


def query_of(data: object, what: str = "query") -> FlowQuery:
    """A query from an object. Raises ``BadInput`` with everything that does not fit, by its place."""
    return _read(FlowQuery, data, what)


def subject_of(data: object, what: str = "subject") -> Mapping[str, Any]:
    """A subject from an object. Raises ``BadInput`` for anything else."""
    if not isinstance(data, Mapping):
        raise BadInput(f"{what}: an object is wanted, {_kind(data)} is there.")
    return data


def now_of(data: object, what: str = "now") -> datetime:
    """An instant from its ISO 8601 text. Raises ``BadInput`` for anything else, and for one without a time zone."""
    try:
        found = instant(data)
    except ValueError as error:
        raise BadInput(f"{what}: {error}.") from None
    if not isinstance(found, datetime):
        raise BadInput(f"{what}: a time as ISO 8601 writes it is wanted, {_kind(data)} is there.")
    return found


def question_of(data: object) -> Question:
    """A question from ``{"definitions": [...], "query": {...}, "subject": {...}, "now": time}``; only ``now`` may miss.

    Raises ``BadInput`` with everything that does not fit.
    """
    if not isinstance(data, Mapping):
        raise BadInput(f"an object with definitions, query and subject is wanted, {_kind(data)} is there.")
    known = ("definitions", "query", "subject", "now")
    problems = [
        f"{name}: there is no such field.{did_you_mean(str(name), known)}" for name in data if name not in known
    ]
    problems += [f"{name}: it is missing." for name in known[:3] if name not in data]
    readers = {"definitions": definitions_of, "query": query_of, "subject": subject_of, "now": now_of}
    found: dict[str, Any] = {"now": None}
    for name, reader in readers.items():
        if data.get(name) is not None or (name in data and name != "now"):
            try:
                found[name] = reader(data[name])
            except BadInput as error:
                problems.extend(error.problems)
    if problems:
        raise BadInput(*problems)
    return Question(**found)


def _read(kind: type[V], data: object, place: str) -> V:
    if not isinstance(data, Mapping):
        raise BadInput(f"{place}: an object is wanted, {_kind(data)} is there.")
    try:
        return kind.model_validate(dict(data))
    except ValidationError as error:
        raise BadInput(*_problems(error, kind, place)) from None


def _problems(error: ValidationError, kind: type[Value], place: str) -> Iterator[str]:
    for one in error.errors(include_url=False, include_context=False):
        at = place + "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in one["loc"])
        yield f"{at}: {_said(one, kind)}"


def _said(one: ErrorDetails, kind: type[Value]) -> str:
    if one["type"] == "extra_forbidden":
        known = list(kind.model_fields) if len(one["loc"]) == 1 else []
        return f"there is no such field.{did_you_mean(str(one['loc'][-1]), known)}"
    if one["type"] == "missing":
        return "it is missing."
    return f"{one['msg'].removeprefix('Value error, ').rstrip('.')}."


def _depth(data: Any) -> int:
    depth, level = 0, [data]
    while level := [one for one in level if isinstance(one, list | dict)]:
        depth += 1
        level = [inner for one in level for inner in (one.values() if isinstance(one, dict) else one)]
    return depth


def _no_number(name: str) -> object:
    raise ValueError(f"{name} is no number")


def _kind(data: object) -> str:
    if data is None:
        return "null"
    names = {
        bool: "a truth value",
        str: "a text",
        int: "a number",
        float: "a number",
        list: "a list",
        dict: "an object",
    }
    return names.get(type(data), type(data).__name__)
