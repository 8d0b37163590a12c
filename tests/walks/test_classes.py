"""Tasks and endpoints as classes, on every engine: what they say goes over the wire, and the log shows the same."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import pytest

from eventflow.model.exchange import Response
from eventflow.model.handlers import Asking, AsyncEndpoint, AsyncTask, Endpoint, Task
from eventflow.model.library import RequestSent, ResponseReceived
from eventflow.model.masking import Masker
from eventflow.model.multipart import File
from eventflow.model.recorded import Recorded
from tests.peer import Answer, Peer
from tests.walks.conftest import MakeApp
from tests.walks.library import Document, Published, Status, Written

BY_THE_WAY = {"host", "content-length"}
"""What a client says of the message itself: the address and the body tell it, too."""


class Write(Task[Document]):
    """A trivial task."""

    on, processing, complete, failed = Status.QUEUED, Status.WRITING, Status.WRITTEN, Status.ERROR

    def handle(self, document: Document) -> Written:
        """Write."""
        return Written(text=f"# {document.title}")


class Saying(Asking[Document]):
    """Says it to whichever peer it was made for."""

    on, processing, complete, failed = Status.WRITTEN, Status.SENDING, Status.COMPLETE, Status.ERROR
    sanitizer = Masker(keys=["title"])

    def __init__(self, base: str) -> None:
        self.url = f"{base}/articles?draft=no"

    def build_payload(self, document: Document) -> Any:
        """Title and text."""
        return {"title": document.title, "text": document.text}

    def process_response(self, document: Document, response: Response) -> Published:
        """Where it is."""
        return Published(url=response.json()["url"])


class Send(Saying, Endpoint[Document]):
    """In a thread."""


class SendLater(Saying, AsyncEndpoint[Document]):
    """On the event loop."""


def history_of(make_app: MakeApp, peer: Peer, endpoint: Saying) -> list[Recorded]:
    peer.answer = lambda asked: Answer(body={"url": "u1", "title": "Whales"})
    app = make_app(aggregates=[Document], reactions=[Write, endpoint])
    app.save(document := Document.create(title="Whales"))
    app.drain()
    return app.history(document.id)


def test_a_document_goes_through_classes_as_it_goes_through_functions(make_app: MakeApp, peer: Peer) -> None:
    history = history_of(make_app, peer, Send(peer.url))

    assert [one.header.name.partition(":")[2] for one in history] == [
        "created",
        "status_changed",
        "written",
        "status_changed",
        "request_sent",
        "response_received",
        "published",
    ]
    assert [one.header.kind for one in history if one.header.kind] == ["request", "response"]
    assert [one.header.status for one in history if one.header.phase] == [
        Status.QUEUED,
        Status.WRITING,
        Status.WRITTEN,
        Status.SENDING,
        Status.COMPLETE,
    ]


def test_what_the_sanitizer_of_a_class_names_is_masked_in_the_log_and_not_on_the_wire(
    make_app: MakeApp, peer: Peer
) -> None:
    history = history_of(make_app, peer, Send(peer.url))

    sent = next(one.event for one in history if isinstance(one.event, RequestSent))
    received = next(one.event for one in history if isinstance(one.event, ResponseReceived))
    assert '"title":"***' in (sent.body or "") and '"text":"# Whales"' in (sent.body or "")
    assert '"title":"***' in (received.body or "") and "Whales" not in (received.body or "")
    assert peer.asked[0].body == b'{"title":"Whales","text":"# Whales"}'


class WriteLater(AsyncTask[Document]):
    """The same on the event loop."""

    on, processing, complete, failed = Status.QUEUED, Status.WRITING, Status.WRITTEN, Status.ERROR

    async def handle(self, document: Document) -> Written:
        """Write."""
        return Written(text=f"# {document.title}")


def test_asynchronous_classes_leave_the_same_history(make_app: MakeApp, peer: Peer) -> None:
    peer.answer = lambda asked: Answer(body={"url": "u1"})
    histories = []
    pairs: list[list[Any]] = [[Write, Send(peer.url)], [WriteLater, SendLater(peer.url)]]
    for reactions in pairs:
        app = make_app(aggregates=[Document], reactions=reactions)
        app.save(document := Document.create(title="Whales"))
        app.drain()
        histories.append([(one.header.name, one.header.status, one.header.kind) for one in app.history(document.id)])

    assert histories[0] == histories[1]
    assert histories[0][-1] == ("document:published", "complete", None)


class Get(Send):
    """Asks instead."""

    method = "GET"


class Form(Send):
    """Says it as a form."""

    payload_as = "form"


class Files(Send):
    """Sends files."""

    payload_as = "multipart"

    def build_payload(self, document: Document) -> Any:
        """Two files."""
        return {"by": "Ann", "pages": [File("1", "1.md", "text/markdown"), File("2", "2.md", "text/markdown")]}


class Raw(Send):
    """Sends a text as it is."""

    method, payload_as = "PUT", "content"

    def headers(self, document: Document) -> dict[str, str]:
        """Its type."""
        return {"Content-Type": "text/csv"}

    def build_payload(self, document: Document) -> Any:
        """A table."""
        return "a;b"


class Silent(Send):
    """Has nothing to say."""

    method = "DELETE"

    def build_payload(self, document: Document) -> Any:
        """Nothing."""


@pytest.mark.parametrize("kind", [Send, Get, Form, Files, Raw, Silent, SendLater])
def test_the_wire_and_the_log_show_the_same(make_app: MakeApp, peer: Peer, kind: type[Saying]) -> None:
    endpoint = kind(peer.url)
    object.__setattr__(endpoint, "sanitizer", None)

    history = history_of(make_app, peer, endpoint)

    [asked] = peer.asked
    sent = next(one.event for one in history if isinstance(one.event, RequestSent))
    address = urlsplit(sent.url)
    assert asked.method == sent.method
    assert asked.path == f"{address.path}?{address.query}"
    assert {name: value for name, value in asked.headers.items() if name not in BY_THE_WAY} == {
        name.lower(): value for name, value in sent.headers.items()
    }
    assert asked.body.decode() == (sent.body or "")
