"""Tasks and endpoints: values like functions, and what is told of those that do not fit."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from datetime import timedelta
from enum import StrEnum
from typing import Any

import pytest

from eventflow.model.aggregate import Aggregate
from eventflow.model.composition import check
from eventflow.model.event import Event
from eventflow.model.exchange import Exchange, Request, Response, play
from eventflow.model.reaction import EndpointReaction, TaskReaction, endpoint, task
from eventflow.model.retry import Retry
from eventflow.model.transition import transition
from tests.model.documents import (
    Approved,
    Begun,
    Document,
    Published,
    Stamped,
    Status,
    Written,
    a_document,
    draft,
    generate,
    publish,
)

STEPS: dict[str, Any] = {
    "on": Status.QUEUED,
    "processing": Status.WRITING,
    "complete": Status.WRITTEN,
    "failed": Status.ERROR,
}


class Paper(StrEnum):
    """The status of something else."""

    QUEUED = "queued"
    FLAT = "flat"
    FOLDED = "folded"


class Sheet(Aggregate[Paper], category="sheet", initial=Paper.FLAT):
    """Something else."""

    @transition(Paper.FLAT, to=Paper.FOLDED)
    def fold(self) -> Begun:
        """Fold it."""
        return Begun()


def write(document: Document) -> Written:
    """A function that fits."""
    return Written(content=document.title)


def a_task(function: Callable[..., Any] = write, **options: Any) -> Any:
    """A task with whatever options."""
    return task(Document, **{**STEPS, **options})(function)


def test_a_task_is_still_a_plain_function() -> None:
    assert generate(a_document()) == Written(content="# Whales")
    assert draft(a_document()) == "# Whales"
    assert (generate.__name__, generate.__doc__) == ("generate", "Write a text.")  # type: ignore[attr-defined]
    assert list(inspect.signature(generate).parameters) == ["document"]


def test_an_endpoint_is_still_a_plain_conversation() -> None:
    conversation = publish(a_document(status=Status.APPROVED))

    assert play(conversation, lambda request: Response.of({"url": "u"})) == Published(url="u")


def test_a_reaction_knows_what_it_was_given() -> None:
    assert isinstance(generate, TaskReaction)
    assert (generate.name, generate.aggregate, generate.on, generate.queue) == (
        "generate",
        Document,
        Status.QUEUED,
        "default",
    )
    assert (generate.retry, generate.time_limit, generate.working) == (Retry(), timedelta(minutes=10), Status.WRITING)
    assert isinstance(publish, EndpointReaction)
    assert publish.retry == Retry(attempts=5, after=timedelta(seconds=30))
    assert draft.working is Status.WRITING
    assert repr(publish) == "<endpoint publish on document approved>"


def test_a_reaction_is_frozen() -> None:
    with pytest.raises(AttributeError):
        generate.name = "other"  # type: ignore[misc]


def test_a_reaction_may_have_another_name_than_its_function() -> None:
    assert a_task(name="typeset").name == "typeset"


def test_a_reaction_knows_the_events_that_it_returns() -> None:
    assert generate.returns == (Written, Stamped)
    assert publish.returns == (Published,)
    assert draft.returns == ()


def test_events_of_a_function_are_found_where_the_reaction_was_decorated() -> None:
    class Typeset(Event):
        pages: int

    @task(Document, on=Status.QUEUED, processing=None, complete=Status.WRITTEN, failed=Status.ERROR)
    def typeset(document: Document) -> list[Typeset] | None:
        return None

    assert typeset.returns == (Typeset,)


def test_what_fits_together_has_no_problems() -> None:
    assert check([generate, publish], [Document]) == []
    assert check([draft, publish], [Document]) == []
    assert check([a_task(processing=None)], [Document]) == []
    assert check([], []) == []


class Foreign(Event):
    """An event of nobody."""


def returns_a_text(document: Document) -> str:
    return document.title


def says_nothing(document: Document):  # type: ignore[no-untyped-def]
    return None


def says_what_cannot_be_read(document: Document) -> Nowhere:  # type: ignore[name-defined]  # noqa: F821
    return None


def speaks(document: Document) -> Exchange[Written]:
    yield Request("GET", "https://press.example/")
    return Written(content="")


def plain_command(document: Document) -> Begun:
    return Begun()


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"on": "queued"}, 'write: on="queued" is a plain value; write Status.QUEUED.'),
        ({"on": "quued"}, 'write: on="quued" is no status of Document. Did you mean "queued"?'),
        ({"on": Paper.QUEUED}, "write: on=queued is of Paper, but Document has Status."),
        ({"on": None}, "write: on= is missing."),
        ({"on": 3.5}, "write: on=3.5 is no status of Document."),
        ({"failed": None}, "write: failed= is missing."),
        ({"complete": None}, "write: complete= is missing."),
        ({"complete": Status.QUEUED}, "write: complete= leads back to on=queued: it would start again for ever."),
        ({"failed": Status.QUEUED}, "write: failed= leads back to on=queued: it would start again for ever."),
        ({"processing": Status.QUEUED}, "write: processing= is on=queued itself. Leave processing=None if"),
        ({"processing": plain_command}, "write: processing=plain_command is no command. Decorate it with @transition."),
        ({"processing": Sheet.fold}, "write: processing=Sheet.fold is a command of another aggregate than Document."),
        (
            {"processing": Document.approve},
            "write: processing=Document.approve needs written, but the status is queued",
        ),
        (
            {"processing": Document.write},
            "write: processing=Document.write(content: 'str') is called with nothing only.",
        ),
        ({"failed": Document.begin}, "write: failed=Document.begin needs queued, but the status is writing then."),
        ({"failed": Document.begin}, "write: failed=Document.begin() is called with the message only."),
        ({"complete": Document.write}, "write: it returns Written, but complete=Document.write takes str."),
        (
            {"function": returns_a_text},
            "returns_a_text: it returns str, but complete=written takes an event, several or",
        ),
        ({"function": says_nothing}, "says_nothing: it does not say what it returns. Annotate it"),
        ({"function": says_what_cannot_be_read}, "what it returns cannot be read: name 'Nowhere' is not defined"),
        ({"function": speaks}, "speaks: a task returns its result, this function yields. Use @endpoint"),
        ({"retry": 5}, "write: retry=5 is no Retry. Write retry=Retry("),
        ({"time_limit": 60}, "write: time_limit=60 is no positive timedelta."),
        ({"record_limit": 0}, "write: record_limit=0 is no number of bytes above 0."),
        ({"time_limit": timedelta(0)}, "is no positive timedelta."),
        ({"queue": "High Priority"}, "write: queue='High Priority': small letters"),
        ({"name": "write it"}, "write it: name='write it': letters, digits and _"),
    ],
)
def test_what_does_not_fit_is_told_with_what_to_do(options: dict[str, Any], problem: str) -> None:
    options = dict(options)
    reaction = a_task(options.pop("function", write), **options)

    assert any(problem in one for one in check([reaction], [Document])), check([reaction], [Document])


def test_an_endpoint_must_speak() -> None:
    reaction = endpoint(Document, **STEPS)(write)

    assert "write: an endpoint yields requests, this function yields none. Use @task." in check([reaction], [Document])


def test_an_aggregate_must_be_among_those_of_the_application() -> None:
    assert check([generate], [Sheet]) == ["generate: Document is not among aggregates=[...]."]


def test_a_status_starts_one_reaction_and_a_name_means_one() -> None:
    problems = check([generate, draft, a_task(on=Status.APPROVED, name="draft")], [Document])

    assert 'generate and draft both react to "queued" of document. One status starts one reaction.' in problems
    assert '2 reactions are called "draft". Give them different name=.' in problems


def test_what_is_no_reaction_is_told() -> None:
    assert check([write], [Document]) == [
        "write is no reaction. Decorate it with @task or @endpoint, or inherit from Task or Endpoint."
    ]
    assert "int'> is no Aggregate." in check([], [int])[0]


def test_all_problems_are_told_at_once() -> None:
    wrong = a_task(on="quued", complete="writen", failed=None, retry=3, queue="!")

    assert len(check([wrong, write], [Document])) == 6


def test_a_command_without_arguments_completes_a_task_that_returns_nothing() -> None:
    class Letter(Aggregate[Status], category="letter", initial=Status.QUEUED):
        @transition(Status.QUEUED, to=Status.APPROVED)
        def sign(self) -> Approved:
            return Approved(by="Ann")

    @task(Letter, on=Status.QUEUED, processing=None, complete=Letter.sign, failed=Status.ERROR)
    def sign(letter: Letter) -> None:
        return None

    assert check([sign], [Letter]) == []
