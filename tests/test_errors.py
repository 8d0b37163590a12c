"""One tree of errors: each says what was wanted and what was there, and survives being sent elsewhere."""

from __future__ import annotations

import inspect
import pickle
from datetime import datetime
from typing import Any
from uuid import UUID

import pytest

from eventflow import errors
from eventflow.errors import EventflowError

ID = UUID(int=1)
FACTS: dict[str, tuple[Any, ...]] = {
    "TransitionRefused": ("Document.approve", "queued", ["written"]),
    "VersionConflict": (ID, 3, 4),
    "StreamNotFound": (ID, "document"),
    "WrongResult": ("write", "Written", 42),
    "Unavailable": ("the database", "connection refused"),
}
EXAMPLES = {
    str: "text",
    str | int: "a_word",
    int: 7,
    float: 0.5,
    UUID: ID,
    bytes: b"\0",
    datetime: datetime(2026, 1, 1),
    object: 42,
}
KINDS = [kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, EventflowError)]


def an_error(kind: type[EventflowError]) -> EventflowError:
    """One of this kind, of the facts above or of any that its constructor takes."""
    if kind.__name__ in FACTS:
        return kind(*FACTS[kind.__name__])
    if not inspect.isfunction(kind.__init__) or kind is errors.Misconfigured:
        return kind("something is wrong")
    wanted = [one for one in inspect.signature(kind, eval_str=True).parameters.values() if one.default is one.empty]
    return kind(*(EXAMPLES.get(one.annotation, ("a", "b")) for one in wanted))


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_an_error_survives_pickling_with_its_facts(kind: type[EventflowError]) -> None:
    error = an_error(kind)

    again = pickle.loads(pickle.dumps(error))

    assert (type(again), str(again), vars(again)) == (kind, str(error), vars(error))


def test_every_error_has_a_code_of_its_own() -> None:
    codes = [kind.code for kind in KINDS]

    assert len(set(codes)) == len(codes)


def test_every_kind_of_error_is_told_by_what_a_caller_can_do() -> None:
    second = {kind for kind in KINDS if EventflowError in kind.__bases__}

    assert {kind.__name__ for kind in second} == {
        "Conflict",
        "Failed",
        "Misconfigured",
        "NotFound",
        "Refused",
        "Unavailable",
        "Unreadable",
    }
    assert all(issubclass(kind, tuple(second)) for kind in KINDS if kind is not EventflowError)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("TransitionRefused", 'Document.approve needs the status "written", but the status is "queued".'),
        ("VersionConflict", f"Stream {ID} was expected at version 3, but is at version 4. Load it again."),
        ("StreamNotFound", f"There is no document with the id {ID} in this log."),
        ("WrongResult", "write returned int; wanted was Written."),
        ("Unavailable", "the database is out of reach: connection refused"),
    ],
)
def test_a_message_says_what_was_wanted_what_was_there_and_what_to_do(name: str, told: str) -> None:
    assert str(an_error(getattr(errors, name))) == told


def test_every_configuration_mistake_is_told_at_once() -> None:
    assert str(errors.Misconfigured("one", "two")) == "- one\n- two"
    assert errors.Misconfigured("one", "two").problems == ("one", "two")
