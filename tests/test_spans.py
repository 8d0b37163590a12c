"""What OpenTelemetry is told: which spans there are, how they hang together, and what they never say."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import StrEnum
from typing import Any, TypedDict

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from eventflow import Aggregate, AsyncExchange, Eventflow, Exchange, Process, Request, Retry, endpoint, step, task
from eventflow.model.reaction import Reaction
from eventflow.model.tracing import traceparent
from eventflow.spans import Spans
from eventflow.testing import in_memory
from tests.peer import Answer, Peer


class Status(StrEnum):
    """Where a letter is."""

    WRITTEN = "written"
    SENDING = "sending"
    SENT = "sent"
    LOST = "lost"


class Letter(Aggregate[Status], category="letter", initial=Status.WRITTEN):
    """Something to be sent."""

    to: str


class Way(TypedDict):
    """How a reaction says what it reacts to."""

    on: Status
    processing: Status
    complete: Status
    failed: Status
    retry: Retry
    queue: str


WAY: Way = {
    "on": Status.WRITTEN, "processing": Status.SENDING, "complete": Status.SENT, "failed": Status.LOST,
    "retry": Retry(attempts=1), "queue": "post",
}  # fmt: skip


@task(Letter, **WAY)
def carry(letter: Letter) -> None:
    """Carry it there, unless it is too far."""
    if letter.to == "the moon":
        raise ConnectionError("too far for s3cr3t-t0ken")


class Round(Process, name="round"):
    """The way of a postman."""

    dogs: int = 0

    @step
    def walk(self) -> None:
        """Along the street."""

    @step(retry=Retry(attempts=1))
    def ring(self) -> None:
        """Unless there are dogs."""
        if self.dogs:
            raise ValueError("dogs")


class Seen:
    """The spans that have ended."""

    def __init__(self) -> None:
        self.exporter, self.provider = InMemorySpanExporter(), TracerProvider()
        self.provider.add_span_processor(SimpleSpanProcessor(self.exporter))

    def all(self, name: str) -> list[ReadableSpan]:
        """Those of this name."""
        return [one for one in self.exporter.get_finished_spans() if one.name == name]

    def one(self, name: str) -> ReadableSpan:
        """The only one of this name."""
        [found] = self.all(name)
        return found


@pytest.fixture
def seen() -> Iterator[Seen]:
    """What is seen of an application that is made ``listened``."""
    seen = Seen()
    yield seen
    seen.provider.shutdown()


@pytest.fixture
def peer() -> Iterator[Peer]:
    """A press on loopback."""
    peer = Peer(lambda asked: Answer(status=201, body={"url": "u1"}))
    yield peer
    peer.close()


def listened(seen: Seen, *reactions: Reaction[Any, Any]) -> Eventflow:
    return in_memory(
        aggregates=[Letter], reactions=reactions, processes=[Round], listeners=[Spans(seen.provider)]
    )  # fmt: skip


def said(span: ReadableSpan) -> dict[str, Any]:
    return dict(span.attributes or {})


def is_child(span: ReadableSpan, parent: ReadableSpan) -> bool:
    mine = parent.get_span_context()
    return span.parent is not None and mine is not None and span.parent.span_id == mine.span_id


def back(span: ReadableSpan) -> str:
    """Where its only link leads, as other systems spell it."""
    [link] = span.links
    return f"00-{link.context.trace_id:032x}-{link.context.span_id:016x}-01"


def test_a_message_begins_a_trace_that_leads_back_to_its_story(seen: Seen) -> None:
    with listened(seen, carry) as app:
        app.save(letter := Letter.create(to="Ann"))
        app.drain()
        claim = app.history(letter.id)[1].header

    process, work = seen.one("process post"), seen.one("task carry")
    assert (process.parent, process.kind) == (None, SpanKind.CONSUMER)
    assert said(process)["messaging.destination.name"] == "post"
    assert is_child(work, process)
    assert back(work) == traceparent(letter.id, claim.position)
    assert said(work) == {
        "eventflow.item.type": "letter",
        "eventflow.item.id": str(letter.id),
        "eventflow.status.from": "sending",
        "eventflow.attempt": 1,
        "eventflow.outcome": "done",
        "messaging.message.conversation_id": str(letter.id),
    }
    sent = seen.one("send post")
    assert (sent.kind, said(sent)["messaging.batch.message_count"]) == (SpanKind.PRODUCER, 1)


def test_a_failure_is_told_by_its_kind_and_not_by_its_words(seen: Seen) -> None:
    with listened(seen, carry) as app:
        app.save(Letter.create(to="the moon"))
        app.drain()

    failed = seen.one("task carry")
    assert failed.status.status_code is StatusCode.ERROR
    assert (said(failed)["error.type"], said(failed)["eventflow.outcome"]) == ("ConnectionError", "failed")
    assert "s3cr3t" not in everything(seen.exporter.get_finished_spans())


def everything(spans: Sequence[ReadableSpan]) -> str:
    return "".join(one.to_json() for one in spans)


def posting(url: str, *, is_async: bool) -> Reaction[Any, Any]:
    request = Request("POST", f"{url}/s3cr3t?token=s3cr3t", json={"s3cr3t": 1})

    def post(letter: Letter) -> Exchange[None]:
        yield request

    async def post_async(letter: Letter) -> AsyncExchange[None]:
        yield request

    found: Reaction[Any, Any] = endpoint(Letter, name="post", **WAY)(post_async if is_async else post)
    return found


@pytest.mark.parametrize("is_async", [False, True], ids=["thread", "coroutine"])
def test_what_an_endpoint_asks_is_a_span_below_it_and_the_peer_is_told_where_it_belongs(
    seen: Seen, peer: Peer, is_async: bool
) -> None:
    with listened(seen, posting(peer.url, is_async=is_async)) as app:
        app.save(Letter.create(to="Ann"))
        app.drain()

    around, request = seen.one("endpoint post"), seen.one("POST")
    assert is_child(around, seen.one("process post"))
    assert is_child(request, around)
    assert request.kind is SpanKind.CLIENT
    assert said(request) == {
        "http.request.method": "POST",
        "http.response.status_code": 201,
        "url.scheme": "http",
        "server.address": "127.0.0.1",
        "server.port": peer.port,
    }
    assert peer.asked[0].headers["traceparent"] == back(around)
    assert "s3cr3t" not in everything(seen.exporter.get_finished_spans())


@pytest.mark.parametrize("is_async", [False, True], ids=["thread", "coroutine"])
def test_a_request_without_an_answer_is_told_as_such(seen: Seen, peer: Peer, is_async: bool) -> None:
    peer.close()
    with listened(seen, posting(peer.url, is_async=is_async)) as app:
        app.save(Letter.create(to="Ann"))
        app.drain()

    request = seen.one("POST")
    assert (request.status.status_code, said(request)["error.type"]) == (StatusCode.ERROR, "no_answer")


def test_what_somebody_else_has_moved_on_is_told_as_fenced(seen: Seen, peer: Peer) -> None:
    @endpoint(Letter, **WAY)
    def post(letter: Letter) -> Exchange[None]:
        mine = app.get(Letter, letter.id)
        mine.change_status(Status.LOST)
        app.save(mine)
        yield Request("POST", peer.url)

    with listened(seen, post) as app:
        app.save(Letter.create(to="Ann"))
        app.drain()

    assert said(seen.one("endpoint post"))["eventflow.outcome"] == "fenced"
    assert peer.asked == []


def test_the_steps_of_a_run_are_spans_below_it(seen: Seen) -> None:
    with listened(seen) as app:
        app.processes.start(Round(dogs=1))
        app.drain()

    run, walk, ring = (seen.one(f"{name}") for name in ("run round/1@default", STEP + "walk", STEP + "ring"))
    assert is_child(walk, run) and is_child(ring, run)
    assert "eventflow.step.ended_by" not in said(walk)
    assert said(ring)["eventflow.step.ended_by"] == "ValueError"
    assert (said(run)["eventflow.outcome"], said(run)["error.type"]) == ("failed", "ValueError")


STEP = "step round/1@default "


def test_an_append_is_told_where_it_is_a_part_of_something_bigger(seen: Seen) -> None:
    with listened(seen) as app:
        app.save(Letter.create(to="Ann"))
        with seen.provider.get_tracer("web").start_as_current_span("POST /letters"):
            app.save(letter := Letter.create(to="Eve"))

    append = seen.one("append letter")
    assert is_child(append, seen.one("POST /letters"))
    assert said(append) == {
        "eventflow.stream": str(letter.id), "eventflow.events.count": 1, "eventflow.position.last": 2
    }  # fmt: skip


def test_a_program_that_has_set_up_no_provider_works_as_before() -> None:
    recording = []

    @task(Letter, **WAY)
    def carry_on(letter: Letter) -> None:
        recording.append(trace.get_current_span().is_recording())

    with in_memory(aggregates=[Letter], reactions=[carry_on], listeners=[Spans()]) as app:
        app.save(letter := Letter.create(to="Ann"))
        app.drain()

        assert app.get(Letter, letter.id).status is Status.SENT
    assert recording == [False]
