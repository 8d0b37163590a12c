"""Events: their names, their versions, and how old bodies are read."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID, uuid4

import pytest
from pydantic import BaseModel, ValidationError

from eventflow.model.event import Event, upcast


class Page(BaseModel):
    """A part of a body."""

    number: int


class Printed(Event, name="printed", was=("typeset", "drafted"), version=3):
    """An event with a past: ``pages`` was ``count`` once, and a text before that."""

    pages: int
    on: date | None = None

    @staticmethod
    @upcast(1)
    def count_is_a_number(body: dict[str, Any]) -> dict[str, Any]:
        """Version 2 knew numbers."""
        return {"count": int(body["count"])}

    @upcast(2)
    @staticmethod
    def count_is_pages(body: dict[str, Any]) -> dict[str, Any]:
        """Version 3 knows pages."""
        return {"pages": body["count"]}


class Bound(Event):
    """An event with nested values."""

    id: UUID
    pages: tuple[Page, ...]


def test_an_event_is_called_like_its_class_unless_it_says_otherwise() -> None:
    class MarginNoteAdded(Event):
        text: str

    assert (MarginNoteAdded.event_name, MarginNoteAdded.event_was, MarginNoteAdded.event_version) == (
        "margin_note_added",
        (),
        1,
    )
    assert (Printed.event_name, Printed.event_was, Printed.event_version) == ("printed", ("typeset", "drafted"), 3)


def test_a_name_is_not_inherited() -> None:
    class Reprinted(Printed):
        pass

    assert (Reprinted.event_name, Reprinted.event_was, Reprinted.event_version) == ("reprinted", (), 1)


def test_an_event_is_frozen() -> None:
    event = Printed(pages=3)

    with pytest.raises(ValidationError):
        event.pages = 4  # type: ignore[misc]


def test_an_event_refuses_fields_that_it_does_not_have() -> None:
    with pytest.raises(ValidationError, match="page"):
        Printed(pages=3, page=4)  # type: ignore[call-arg]


def test_a_body_is_plain_data_and_can_be_revived() -> None:
    event = Bound(id=uuid4(), pages=(Page(number=1), Page(number=2)))

    body = event.event_body()

    assert body == {"id": event.id, "pages": ({"number": 1}, {"number": 2})}
    assert Bound.revive(body, 1) == event


def test_an_older_body_goes_through_every_upcaster_in_turn() -> None:
    assert Printed.revive({"count": "7"}, 1) == Printed(pages=7)
    assert Printed.revive({"count": 7}, 2) == Printed(pages=7)
    assert Printed.revive({"pages": 7}, 3) == Printed(pages=7)


def test_an_upcaster_leaves_the_stored_body_alone() -> None:
    body = {"count": "7"}

    Printed.revive(body, 1)

    assert body == {"count": "7"}


def test_a_version_without_an_upcaster_is_passed_through() -> None:
    class Noted(Event, version=3):
        text: str
        by: str = "nobody"

        @staticmethod
        @upcast(2)
        def shout(body: dict[str, Any]) -> dict[str, Any]:
            return {**body, "text": body["text"].upper()}

    assert Noted.revive({"text": "a"}, 1) == Noted(text="A")


def test_fields_that_are_gone_are_passed_over_on_reading() -> None:
    assert Printed.revive({"pages": 7, "colour": "red"}, 3) == Printed(pages=7)


@pytest.mark.parametrize(
    ("body", "version", "reason"),
    [
        ({"pages": "many"}, 3, "valid integer"),
        ({}, 3, "Field required"),
        ({"count": "many"}, 1, "upcaster from version 1 failed with ValueError"),
        ({}, 2, "upcaster from version 2 failed with KeyError"),
        ({"pages": 7}, 4, "written by version 4, this program knows 3"),
    ],
)
def test_a_body_that_does_not_fit_is_a_validation_error(body: dict[str, Any], version: int, reason: str) -> None:
    with pytest.raises(ValidationError, match=reason):
        Printed.revive(body, version)


def test_a_name_it_had_may_be_a_single_text() -> None:
    class Sent(Event, was="mailed"):
        pass

    assert Sent.event_was == ("mailed",)


def test_a_field_may_be_called_body() -> None:
    class Mailed(Event):
        body: str

    assert Mailed(body="Dear all").event_body() == {"body": "Dear all"}


def test_a_field_with_an_alias_is_kept_by_its_name() -> None:
    from pydantic import Field

    class Sold(Event):
        amount: int = Field(alias="Amount")

    assert Sold(Amount=3).event_body() == {"amount": 3}
    assert Sold.revive({"amount": 3}, 1) == Sold(Amount=3)
