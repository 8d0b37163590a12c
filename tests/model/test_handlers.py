"""Tasks and endpoints as classes: the same reactions, said another way."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from types import MappingProxyType
from typing import Any

import pytest
from pydantic import BaseModel

from eventflow.errors import AnswerRefused, Misconfigured
from eventflow.model.composition import check
from eventflow.model.event import Event
from eventflow.model.exchange import Exchange, Request, Response, Timeout, play, replies
from eventflow.model.handlers import AsyncEndpoint, AsyncTask, Endpoint, Task, reaction_of
from eventflow.model.masking import Masker
from eventflow.model.multipart import File
from eventflow.model.reaction import EndpointReaction, Options, Reaction, TaskReaction
from eventflow.model.retry import Retry
from eventflow.model.vocabulary import Vocabulary
from tests.model.documents import Document, Published, Stamped, Status, Written, a_document, commands_stay_themselves


class Typeset(Task[Document]):
    """Writes a text."""

    on, processing, complete, failed = Status.QUEUED, Status.WRITING, Status.WRITTEN, Status.ERROR
    retry = Retry(attempts=3)
    queue = "slow"

    def handle(self, document: Document) -> Written | Stamped:
        """Write it."""
        return Written(content=f"# {document.title}")


class Draft(Task[Document, str]):
    """Writes a text in the document's own words."""

    on = Status.QUEUED
    processing, complete, failed = Document.begin, Document.write, Document.give_up

    def handle(self, document: Document) -> str:
        """Write it."""
        return f"# {document.title}"


class Press(Endpoint[Document]):
    """Gives a text to the press."""

    on, processing, complete, failed = Status.APPROVED, Status.PUBLISHING, Status.PUBLISHED, Status.ERROR
    url: Any = "https://press.example/articles"
    sanitizer = Masker(keys=["text"])

    def build_payload(self, document: Document) -> Any:
        """The text."""
        return {"text": document.content, "by": document.id}

    def process_response(self, document: Document, response: Response) -> Published | None:
        """Where it is."""
        return Published(url=response.json()["url"])


def an_approved_document() -> Document:
    return a_document(status=Status.APPROVED)


def asked_by(endpoint: Endpoint[Document, Any], document: Document | None = None) -> Request:
    """What an endpoint asks first."""
    asked: list[Request] = []

    def answer(request: Request) -> Response:
        asked.append(request)
        return Response.of({"url": "u"})

    play(endpoint(document or an_approved_document()), answer)
    return asked[0]


def test_a_task_class_becomes_the_reaction_that_its_decorated_function_would_be() -> None:
    reaction = reaction_of(Typeset)

    assert isinstance(reaction, TaskReaction)
    assert (reaction.name, reaction.aggregate, reaction.on) == ("typeset", Document, Status.QUEUED)
    assert (reaction.working, reaction.complete, reaction.failed) == (Status.WRITING, Status.WRITTEN, Status.ERROR)
    assert (reaction.retry, reaction.queue, reaction.returns) == (Retry(attempts=3), "slow", (Written, Stamped))
    assert reaction(a_document()) == Typeset()(a_document()) == Written(content="# Whales")


def test_an_endpoint_class_becomes_an_endpoint() -> None:
    reaction = reaction_of(Press)

    assert isinstance(reaction, EndpointReaction)
    assert (reaction.name, reaction.returns, reaction.masker) == ("press", (Published,), Masker(keys=["text"]))
    assert play(reaction(an_approved_document()), replies(Response.of({"url": "u"}))) == Published(url="u")


def test_classes_and_functions_stand_side_by_side_in_one_composition() -> None:
    assert check([Typeset, Press], [Document]) == []
    assert check([Typeset(), Press()], [Document]) == []
    assert Published in Vocabulary.of([Document], [reaction_of(Press)]).classes.values()


def test_a_class_may_complete_with_a_command_of_its_document() -> None:
    reaction: Reaction[Document, Any] = reaction_of(Draft)

    assert check([Draft], [Document]) == []
    assert (reaction.processing, reaction.complete) == (Document.begin, Document.write)
    assert commands_stay_themselves()


def test_a_command_that_takes_something_else_is_told() -> None:
    class Count(Draft):
        def handle(self, document: Document) -> int:  # type: ignore[override]
            return 3

    assert check([Count], [Document]) == ["count: it returns int, but complete=Document.write takes str."]


def test_a_class_that_is_made_with_arguments_is_given_as_an_instance() -> None:
    @dataclass(frozen=True)
    class Send(Press):
        base: str

        def url(self, document: Document) -> str:
            return f"{self.base}/{document.title}"

    assert "Send() fails" in check([Send], [Document])[0]
    assert "Give an instance of it: reactions=[Send(...)]." in check([Send], [Document])[0]
    assert check([Send("https://a.example")], [Document]) == []
    assert asked_by(Send("https://a.example")).url == "https://a.example/Whales"


def test_everything_an_endpoint_says_may_be_a_method_that_takes_the_document() -> None:
    class Spoken(Press):
        def url(self, document: Document) -> str:
            return f"https://press.example/{document.title}"

        def method(self, document: Document) -> str:
            return "put"

        def headers(self, document: Document) -> Mapping[str, str]:
            return {"X-Title": document.title}

        def timeout(self, document: Document) -> timedelta:
            return timedelta(seconds=len(document.title))

        def raise_for_status(self, document: Document) -> bool:
            return False

        def payload_as(self, document: Document) -> Any:
            return "form"

    asked = asked_by(Spoken())

    assert (asked.method, asked.url) == ("PUT", "https://press.example/Whales")
    assert asked.headers == {"X-Title": "Whales"}
    assert asked.timeout == Timeout(read=timedelta(seconds=6))
    assert asked.form is not None


def test_without_times_of_its_own_an_endpoint_has_the_usual_ones_of_30_and_10_seconds() -> None:
    class Hasty(Press):
        connect_timeout = timedelta(seconds=1)

    assert asked_by(Press()).timeout is None
    assert asked_by(Hasty()).timeout == Timeout(connect=timedelta(seconds=1), read=timedelta(seconds=30))
    assert Timeout().connect == timedelta(seconds=10)


def test_a_get_sends_its_payload_as_query() -> None:
    class Look(Press):
        method = "get"

        def build_payload(self, document: Document) -> Any:
            return {"q": document.title, "page": 2, "draft": False, "by": None, "tags": ["a", "b"]}

    asked = asked_by(Look())

    assert asked.full_url() == "https://press.example/articles?q=Whales&page=2&draft=false&tags=a&tags=b"
    assert (asked.wire_body(), asked.wire_headers()) == (None, {})


@pytest.mark.parametrize("verb", ["POST", "PUT", "PATCH", "DELETE"])
def test_everything_but_a_get_sends_its_payload_as_json(verb: str) -> None:
    class Say(Press):
        method = verb

    asked = asked_by(Say(), document := an_approved_document())

    assert asked.wire_body() == f'{{"text":"","by":"{document.id}"}}'.encode()
    assert asked.wire_headers() == {"Content-Type": "application/json"}


def test_an_endpoint_without_a_payload_sends_no_body() -> None:
    class Ring(Press):
        def build_payload(self, document: Document) -> None:
            return None

    assert (asked_by(Ring()).wire_body(), asked_by(Ring()).wire_headers()) == (None, {})


@pytest.mark.parametrize(
    ("way", "said"), [("json", b'{"title":"Whales","pages":[1,2]}'), ("form", b"title=Whales&pages=1&pages=2")]
)
def test_a_payload_may_be_a_model(way: Any, said: bytes) -> None:
    class Order(BaseModel):
        title: str
        pages: tuple[int, ...]

    class Say(Press):
        payload_as = way

        def build_payload(self, document: Document) -> Any:
            return Order(title=document.title, pages=(1, 2))

    assert asked_by(Say()).wire_body() == said


def test_a_payload_may_be_a_form_files_or_raw() -> None:
    class Form(Press):
        payload_as = "form"

    class Files(Press):
        payload_as = "multipart"

        def build_payload(self, document: Document) -> Any:
            return {"title": document.title, "pages": [File("1", "1.md"), File("2", "2.md")]}

    class Raw(Press):
        payload_as = "content"
        headers = MappingProxyType({"Content-Type": "text/csv"})

        def build_payload(self, document: Document) -> Any:
            return "a;b"

    form, files, raw = asked_by(Form()), asked_by(Files()), asked_by(Raw())
    assert form.wire_headers() == {"Content-Type": "application/x-www-form-urlencoded"}
    assert str(form.wire_body()).startswith("b'text=&by=")
    assert files.wire_headers()["Content-Type"].startswith("multipart/form-data; boundary=")
    assert str(files.wire_body()).count("filename=") == 2
    assert (raw.wire_headers(), raw.wire_body()) == ({"Content-Type": "text/csv"}, b"a;b")


def test_an_answer_that_refuses_is_raised_unless_the_endpoint_wants_to_read_it() -> None:
    class Patient(Press):
        raise_for_status = False

        def process_response(self, document: Document, response: Response) -> Published:
            return Published(url=f"refused with {response.status}")

    with pytest.raises(AnswerRefused):
        play(Press()(an_approved_document()), replies(Response(409)))
    assert play(Patient()(an_approved_document()), replies(Response(409))) == Published(url="refused with 409")


def test_an_endpoint_may_hold_a_conversation_of_its_own() -> None:
    class Twice(Endpoint[Document]):
        on, processing, complete, failed = Status.APPROVED, None, Status.PUBLISHED, Status.ERROR

        def handle(self, document: Document) -> Exchange[Published]:
            first = yield Request("GET", "https://press.example/token")
            second = yield Request("POST", "https://press.example/", json=first.json())
            return Published(url=second.json())

    assert check([Twice], [Document]) == []
    assert reaction_of(Twice).returns == (Published,)
    assert play(Twice()(an_approved_document()), replies(Response.of("t"), Response.of("u"))) == Published(url="u")


def test_an_asynchronous_class_becomes_a_reaction_of_the_event_loop() -> None:
    class TypesetLater(AsyncTask[Document]):
        on, processing, complete, failed = Status.QUEUED, Status.WRITING, Status.WRITTEN, Status.ERROR

        async def handle(self, document: Document) -> Written:
            return Written(content=f"# {document.title}")

    class PressLater(AsyncEndpoint[Document]):
        on, processing, complete, failed = Status.APPROVED, Status.PUBLISHING, Status.PUBLISHED, Status.ERROR
        url = "https://press.example/articles"

        def process_response(self, document: Document, response: Response) -> Published:
            return Published(url=response.json()["url"])

    assert check([TypesetLater, PressLater], [Document]) == []
    assert reaction_of(TypesetLater).is_async and reaction_of(PressLater).is_async
    assert (reaction_of(TypesetLater).returns, reaction_of(PressLater).returns) == ((Written,), (Published,))
    assert asyncio.run(TypesetLater()(a_document())) == Written(content="# Whales")
    assert play(PressLater()(an_approved_document()), replies(Response.of({"url": "u"}))) == Published(url="u")


def test_what_an_asynchronous_class_lacks_is_told() -> None:
    class Empty(AsyncTask[Document]):
        on, complete, failed = Status.QUEUED, Status.WRITTEN, Status.ERROR

    class Silent(AsyncEndpoint[Document]):
        on, complete, failed = Status.WRITTEN, Status.APPROVED, Status.ERROR

    assert check([Empty, Silent], [Document]) == [
        "empty: handle(self, document) is missing.",
        "silent: url= is missing.",
        "silent: process_response(self, document, response) is missing.",
    ]


def test_a_common_base_says_what_many_have_in_common() -> None:
    class Slow(Task[Document]):
        failed, queue, time_limit = Status.ERROR, "slow", timedelta(hours=1)

    class Bind(Slow):
        on, complete = Status.WRITTEN, Status.APPROVED

        def handle(self, document: Document) -> None:
            return None

    assert check([Bind], [Document]) == []
    assert (reaction_of(Bind).queue, reaction_of(Bind).working) == ("slow", Status.WRITTEN)


def test_events_of_a_function_are_found_where_the_class_was_made() -> None:
    class Bound(Event):
        pages: int

    class Bind(Typeset):
        def handle(self, document: Document) -> Bound:  # type: ignore[override]
            return Bound(pages=3)

    assert reaction_of(Bind).returns == (Bound,)


def test_a_class_has_the_name_it_gives_itself() -> None:
    class Named(Typeset):
        name = "typeset_in_lead"

    assert reaction_of(Named).name == "typeset_in_lead"


@pytest.mark.parametrize("option", sorted(set(Options.__annotations__) - {"masker", "name"}))
def test_every_option_of_the_decorators_is_an_attribute_of_a_class(option: str) -> None:
    given = object()

    reaction = reaction_of(type("Typeset", (Typeset,), {option: given}))

    assert getattr(reaction, option) is given


def test_what_a_task_class_lacks_is_told() -> None:
    class Empty(Task[Document]):
        pass

    assert check([Empty], [Document]) == [
        "empty: handle(self, document) is missing.",
        "empty: on= is missing.",
        "empty: complete= is missing.",
        "empty: failed= is missing.",
    ]


def test_what_an_endpoint_class_lacks_is_told() -> None:
    class Empty(Endpoint[Document]):
        on, complete, failed, payload_as = Status.QUEUED, Status.WRITTEN, Status.ERROR, "jsn"  # type: ignore[assignment]

    assert check([Empty], [Document]) == [
        "empty: url= is missing.",
        "empty: process_response(self, document, response) is missing.",
        'empty: payload_as="jsn" is none of query, json, form, multipart, content. Did you mean "json"?',
    ]


def test_an_attribute_that_only_looks_like_one_is_told_with_the_one_that_was_meant() -> None:
    class Mistyped(Press):
        raise_for_staus = False
        retrys = Retry(attempts=3)
        helper = "is nobody's business"

    problems = check([Mistyped], [Document])

    assert [one.partition(" is nothing")[0] for one in problems] == [
        'mistyped: "raise_for_staus"',
        'mistyped: "retrys"',
    ]
    assert problems[0].endswith('Did you mean "raise_for_status"?')
    assert problems[1].endswith('Did you mean "retry"?')


def test_what_an_endpoint_says_that_cannot_be_meant_so_is_told() -> None:
    class Odd(Press):
        url = "press.example/articles"
        method, timeout, connect_timeout = "P OST", 30, timedelta(0)  # type: ignore[assignment]
        headers, raise_for_status = "X-Title: Whales", "no"  # type: ignore[assignment]
        masker = Masker()

        def sanitizer(self) -> Masker:  # type: ignore[override]
            return Masker()

    assert check([Odd], [Document]) == [
        'odd: "masker" is called sanitizer on a class.',
        "odd: method='P OST' is no method.",
        "odd: headers='X-Title: Whales' is no mapping of texts.",
        "odd: timeout=30 is no positive timedelta.",
        "odd: connect_timeout=datetime.timedelta(0) is no positive timedelta.",
        "odd: raise_for_status='no' is no True or False.",
        'odd: url= is wrong: "press.example/articles" is no absolute http or https address.',
        "odd: sanitizer is no Masker. Write Masker(keys=[...]).",
    ]


def test_a_class_that_does_not_say_whose_it_is_is_told() -> None:
    class Whose(Task):  # type: ignore[type-arg]
        pass

    problem = "Whose does not say whose it is. Write class Whose(Task[Document])."
    assert check([Whose], [Document]) == [problem]
    with pytest.raises(Misconfigured, match="Write class"):
        reaction_of(Whose)
