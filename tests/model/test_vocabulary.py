"""The words of a log, and whether it can still be read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from enum import Enum, StrEnum
from typing import Any
from uuid import UUID

import pytest
from pydantic import BaseModel

from eventflow.errors import Misconfigured, UnknownEvent
from eventflow.model.aggregate import Aggregate, folds
from eventflow.model.event import Event, upcast
from eventflow.model.library import LIBRARY, Created, Touched
from eventflow.model.schema import fields_of
from eventflow.model.transition import transition
from eventflow.model.vocabulary import Vocabulary, problems
from tests.model.documents import Approved, Document, Published, Stamped, Status, Written, generate, publish


class Sewn(Event, was=("stitched", "glued")):
    """An event with names it had before."""

    pages: int


class Book(Aggregate[Status], category="book", initial=Status.QUEUED, events=(Sewn,)):
    """Something with a vocabulary of its own."""

    title: str


VOCABULARY = Vocabulary.of([Document, Book], [generate, publish])


def a_vocabulary(*events: type[Event], **keywords: Any) -> Vocabulary:
    """The vocabulary of a note with these events."""

    class Note(Aggregate[Status], category="note", initial=Status.QUEUED, events=events):
        title: str

    return Vocabulary.of([Note])


def test_a_name_is_resolved_to_its_class() -> None:
    assert VOCABULARY.resolve("document:written") is Written
    assert VOCABULARY.resolve("document:published") is Published
    assert VOCABULARY.resolve("document:stamped") is Stamped
    assert VOCABULARY.resolve("book:touched") is Touched


def test_a_name_that_an_event_had_before_is_resolved_too() -> None:
    assert VOCABULARY.resolve("book:stitched") is VOCABULARY.resolve("book:glued") is Sewn


def test_an_unknown_name_is_told_with_the_nearest_known_one() -> None:
    with pytest.raises(UnknownEvent, match='Did you mean "document:written"'):
        VOCABULARY.resolve("document:writen")


def test_a_class_is_called_by_the_category_it_belongs_to() -> None:
    assert VOCABULARY.name("document", Written) == "document:written"
    assert VOCABULARY.name("book", Sewn(pages=3)) == "book:sewn"


def test_a_class_of_another_category_has_no_name_in_this_one() -> None:
    with pytest.raises(UnknownEvent, match="book:written"):
        VOCABULARY.name("book", Written(content="Once"))


def test_every_category_knows_the_events_of_the_library() -> None:
    for event in LIBRARY:
        assert VOCABULARY.resolve(VOCABULARY.name("book", event)) is event


def test_every_problem_of_the_composition_is_told_at_once() -> None:
    class Wrong(Aggregate[Status], category="Wrong Category"):
        pass

    class Nameless(Aggregate[Status], initial=Status.QUEUED):
        pass

    with pytest.raises(Misconfigured) as found:
        Vocabulary.of([Wrong, Nameless])

    assert found.value.problems == (
        'Wrong has the category "Wrong Category"; small letters, digits and _ are allowed.',
        "Wrong has no initial status. Write initial=Status.QUEUED.",
        'Nameless has no category. Write class Nameless(Aggregate[...], category="nameless").',
    )


def test_one_category_belongs_to_one_aggregate() -> None:
    class Twin(Aggregate[Status], category="book", initial=Status.QUEUED):
        pass

    assert problems([Book, Twin]) == ['Book and Twin share the category "book".']


def test_one_name_means_one_event() -> None:
    class Bound(Event, was=("sewn",)):
        pass

    class Mine(Event, name="touched"):
        pass

    class Odd(Aggregate[Status], category="odd", initial=Status.QUEUED, events=(Sewn, Bound, Mine)):
        pass

    assert problems([Odd]) == [
        '"odd:sewn" means both Sewn and Bound. Give one of them another name=.',
        '"odd:touched" means both the library\'s Touched and Mine. Give one of them another name=.',
    ]


def test_statuses_must_belong_to_the_aggregate() -> None:
    class Other(StrEnum):
        DONE = "done"

    class Odd(
        Aggregate[Status],
        category="odd",
        initial="queued",
        defibrillate={Status.ERROR: Other.DONE, "eror": Status.QUEUED},
    ):
        @transition(Other.DONE, to=Other.DONE)
        def finish(self) -> Touched:
            return Touched()

    assert problems([Odd]) == [
        'Odd, initial="queued" is a plain value; write Status.QUEUED.',
        "Odd, defibrillate=done is of Other, but Odd has Status.",
        'Odd, defibrillate="eror" is no status of Odd. Did you mean "error"?',
        "Odd.finish, source=done is of Other, but Odd has Status.",
        "Odd.finish, to=done is of Other, but Odd has Status.",
    ]


def test_statuses_are_texts_or_numbers_that_differ() -> None:
    class Strange(Enum):
        ONE = 1
        ONE_TOO = "1"
        NOTHING = None

    class Odd(Aggregate[Strange], category="odd", initial=Strange.ONE):
        pass

    class Bare(Aggregate, category="bare"):  # type: ignore[type-arg]
        pass

    assert problems([Odd, Bare]) == [
        "Strange must be a StrEnum or an IntEnum; NOTHING has neither a text nor a number.",
        "Strange has two members that are written alike.",
        "Bare has no statuses. Write class Bare(Aggregate[BareStatus], ...).",
    ]


def test_events_must_be_events_with_sound_names_and_versions() -> None:
    class Loud(Event, name="LOUD", version=0):
        pass

    class Early(Event):
        @staticmethod
        @upcast(1)
        def later(body: dict[str, Any]) -> dict[str, Any]:
            return body

    class Odd(Aggregate[Status], category="odd", initial=Status.QUEUED, events=(Loud, Early, int)):
        @transition(to=Status.ERROR)  # type: ignore[type-var]
        def forget(self) -> int:
            return 1

        @folds(Created)
        def begin(self, event: Created) -> Mapping[str, Any]:
            return {}

    assert problems([Odd]) == [
        "Odd folds Created. Override upcast_fields to read the fields of older streams.",
        "Odd, events: <class 'int'> is no Event.",
        "Odd.forget: it returns <class 'int'>, which is no event.",
        'Loud has the name "LOUD"; small letters, digits and _ are allowed.',
        "Loud has the version 0; the first one is 1.",
        "Early upcasts from version 1, but its version is 1. Write version=2 on the class.",
    ]


def test_a_lock_is_plain_json_and_covers_itself() -> None:
    lock = VOCABULARY.lock()

    assert json.loads(json.dumps(lock)) == lock
    assert VOCABULARY.covers(lock) == []
    assert list(lock) == ["book", "document"]
    assert lock["book"]["events"] == {
        "sewn": {"version": 1, "was": ["stitched", "glued"], "fields": {"pages": {"type": "integer", "required": True}}}
    }
    assert lock["document"]["fields"]["title"] == {"type": "string", "required": True}
    assert lock["document"]["statuses"][:2] == ["queued", "writing"]


def test_a_lost_category_is_told() -> None:
    [problem] = Vocabulary.of([Book]).covers(VOCABULARY.lock())

    assert problem == 'The log knows the category "document", but no aggregate has it. Bring it back.'


def test_a_lost_event_is_told_with_the_way_to_rename_it() -> None:
    class Noted(Event):
        text: str

    class Notted(Event):
        text: str

    [problem] = a_vocabulary(Notted).covers(a_vocabulary(Noted).lock())

    assert 'The log knows the event "note:noted"' in problem
    assert 'was=("noted",)' in problem
    assert 'Did you mean "notted"?' in problem


def test_a_renamed_event_that_says_so_is_covered() -> None:
    class Noted(Event):
        text: str

    class Jotted(Event, was=("noted",)):
        text: str

    assert a_vocabulary(Jotted).covers(a_vocabulary(Noted).lock()) == []


def test_a_lost_status_is_told() -> None:
    class Fewer(StrEnum):
        QUEUED = "queued"

    class Small(Aggregate[Fewer], category="book", initial=Fewer.QUEUED, events=(Sewn,)):
        title: str

    problems = Vocabulary.of([Small]).covers(Vocabulary.of([Book]).lock())

    assert len(problems) == len(Status) - 1
    assert problems[0].startswith('The log knows the status "writing" of book, but Small does not have it any more.')


class One(Event, name="noted"):
    """As it was."""

    text: str
    by: str = "nobody"


@pytest.mark.parametrize(
    ("annotations", "defaults", "told"),
    [
        ({"text": str}, {}, '"by" is gone'),
        ({"text": int, "by": str}, {"by": ""}, '"text" was string and is integer'),
        ({"text": str, "by": str}, {}, '"by" must be given now'),
        ({"text": str, "by": str, "on": int}, {"by": ""}, '"on" is new and must be given'),
    ],
)
def test_a_change_within_a_version_is_told(annotations: dict[str, Any], defaults: dict[str, Any], told: str) -> None:
    changed = type("Noted", (Event,), {"__annotations__": annotations, **defaults})

    [problem] = a_vocabulary(changed).covers(a_vocabulary(One).lock())

    assert told in problem
    assert "Write version=2 on Noted and say with @upcast(1)" in problem


def test_changes_that_older_bodies_fit_are_no_problem() -> None:
    class Noted(Event):
        text: str | None
        by: str = "somebody"
        pages: int = 1

    assert a_vocabulary(Noted).covers(a_vocabulary(One).lock()) == []


def test_a_newer_version_needs_an_upcaster() -> None:
    class Noted(Event, version=2):
        content: str

    [problem] = a_vocabulary(Noted).covers(a_vocabulary(One).lock())

    assert "note:noted has changed since version 1" in problem
    assert "Say with @upcast(1) how it is read." in problem


def test_a_newer_version_with_an_upcaster_is_covered() -> None:
    class Noted(Event, version=2):
        content: str

        @staticmethod
        @upcast(1)
        def text_is_content(body: dict[str, Any]) -> dict[str, Any]:
            return {"content": body["text"]}

    assert a_vocabulary(Noted).covers(a_vocabulary(One).lock()) == []


def test_a_version_does_not_go_back() -> None:
    class Noted(Event, version=3):
        text: str
        by: str = ""

    [problem] = a_vocabulary(One).covers(a_vocabulary(Noted).lock())

    assert problem == "note:noted is in the log in version 3, but One has version 1."


def test_a_new_field_of_an_aggregate_needs_a_default() -> None:
    class Thick(Aggregate[Status], category="book", initial=Status.QUEUED, events=(Sewn,)):
        title: int
        pages: int
        colour: str = "red"

    assert Vocabulary.of([Thick]).covers(Vocabulary.of([Book]).lock()) == [
        "book.title was string and is integer now. Override Thick.upcast_fields to read the older streams.",
        'book has the new field "pages", which older streams lack. Give it a default.',
    ]


def test_an_aggregate_that_reads_its_older_fields_is_covered() -> None:
    class Thick(Aggregate[Status], category="book", initial=Status.QUEUED, events=(Sewn,)):
        pages: int

        @classmethod
        def upcast_fields(cls, fields: dict[str, Any]) -> dict[str, Any]:
            return {"pages": 1, **fields}

    assert Vocabulary.of([Thick]).covers(Vocabulary.of([Book]).lock()) == []


def test_the_fields_of_a_model_are_told_in_few_words() -> None:
    class Leaf(BaseModel):
        number: int
        next: Leaf | None = None

    class Weird:
        pass

    class Model(BaseModel, arbitrary_types_allowed=True):
        id: UUID
        leaf: Leaf
        statuses: dict[str, Status] = {}
        pair: tuple[int, str] = (1, "a")
        odd: Weird | None = None

    assert {name: field["type"] for name, field in fields_of(Model).items()} == {
        "id": "string:uuid",
        "leaf": "{next?: Leaf | null, number: integer}",
        "statuses": "{*: 'approved' | 'error' | 'published' | 'publishing' | 'queued' | 'writing' | 'written'}",
        "pair": "[integer, string]",
        "odd": "Weird | null",
    }


def test_commands_and_their_events_are_known_without_being_listed() -> None:
    assert VOCABULARY.name("document", Approved) == "document:approved"
