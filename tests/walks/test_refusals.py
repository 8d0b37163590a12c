"""Peers that say no, on every engine: the answer is kept, whatever becomes of it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from eventflow.model.exchange import Response
from eventflow.model.handlers import Endpoint
from eventflow.model.library import ResponseReceived, StatusChanged
from eventflow.model.recorded import Recorded
from tests.peer import Answer, Peer
from tests.walks.conftest import MakeApp
from tests.walks.library import Document, Published, Status


class Send(Endpoint[Document]):
    """Posts to the peer."""

    on, processing, complete, failed = Status.QUEUED, Status.SENDING, Status.COMPLETE, Status.ERROR

    def __init__(self, base: str) -> None:
        self.url = base

    def process_response(self, document: Document, response: Response) -> Published:
        """Where it is."""
        return Published(url=response.json()["url"])


class Reading(Send):
    """Reads the refusals itself."""

    raise_for_status = False

    def process_response(self, document: Document, response: Response) -> Published:
        """What they said."""
        return Published(url=f"{response.status}: {response.json()['why']}")


class Unaddressed(Send):
    """Finds out too late where to send."""

    def __init__(self, base: str) -> None:
        self.url = lambda document: document.title


def walked(make_app: MakeApp, endpoint: Send) -> tuple[Document, list[Recorded]]:
    app = make_app(aggregates=[Document], reactions=[endpoint])
    app.save(document := Document.create(title="Whales"))
    app.drain()
    return app.get(Document, document.id), app.history(document.id)


def answer_in(history: list[Recorded]) -> ResponseReceived:
    return next(one.event for one in history if isinstance(one.event, ResponseReceived))


def error_in(history: list[Recorded]) -> dict[str, Any]:
    last = history[-1].event
    assert isinstance(last, StatusChanged) and last.body is not None
    return last.body


def test_an_answer_that_refuses_is_recorded_whole_and_so_is_the_failure(make_app: MakeApp, peer: Peer) -> None:
    peer.answer = lambda asked: Answer(status=409, body={"why": "sold out"})

    document, history = walked(make_app, Send(peer.url))

    assert document.status is Status.ERROR
    assert (answer_in(history).status, answer_in(history).body) == (409, '{"why": "sold out"}')
    assert [one.header.kind for one in history if one.header.kind] == ["request", "response", "exception"]
    assert error_in(history)["type"] == "AnswerRefused"


def test_an_error_while_reading_an_answer_does_not_lose_it(make_app: MakeApp, peer: Peer) -> None:
    peer.answer = lambda asked: Answer(body={"address": "u"})

    document, history = walked(make_app, Send(peer.url))

    assert document.status is Status.ERROR
    assert answer_in(history).body == '{"address": "u"}'
    assert (error_in(history)["type"], error_in(history)["message"]) == ("KeyError", "'url'")


def test_an_endpoint_may_read_refusals_itself(make_app: MakeApp, peer: Peer) -> None:
    peer.answer = lambda asked: Answer(status=409, body={"why": "sold out"})

    document, history = walked(make_app, Reading(peer.url))

    assert (document.status, document.url) == (Status.COMPLETE, "409: sold out")
    assert [one.header.kind for one in history if one.header.kind] == ["request", "response"]


def test_a_peer_that_is_not_there_fails_even_who_reads_refusals(make_app: MakeApp, peer: Peer) -> None:
    peer.close()

    class Hasty(Reading):
        connect_timeout = timedelta(seconds=2)

    document, history = walked(make_app, Hasty(peer.url))

    assert document.status is Status.ERROR
    assert error_in(history)["type"] == "Unavailable"


def test_a_payload_that_cannot_be_sent_fails_and_nothing_is_sent(make_app: MakeApp, peer: Peer) -> None:
    class Odd(Send):
        def build_payload(self, document: Document) -> Any:
            return {"title": object()}

    document, history = walked(make_app, Odd(peer.url))

    assert document.status is Status.ERROR
    assert error_in(history)["type"] == "PydanticSerializationError"
    assert (peer.asked, [one.header.kind for one in history if one.header.kind]) == ([], ["exception"])


def test_an_address_that_is_none_fails_and_nothing_is_sent(make_app: MakeApp, peer: Peer) -> None:
    document, history = walked(make_app, Unaddressed(peer.url))

    assert document.status is Status.ERROR
    assert error_in(history)["message"] == '"Whales" is no absolute http or https address.'
    assert [one.header.kind for one in history if one.header.kind] == ["exception"]


def test_without_being_told_so_no_request_is_repeated(make_app: MakeApp, peer: Peer) -> None:
    peer.answer = lambda asked: Answer(status=503)

    walked(make_app, Send(peer.url))

    [asked] = peer.asked
    assert asked.key
