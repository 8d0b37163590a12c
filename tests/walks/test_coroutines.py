"""Handlers that are coroutines: the same claims, records, limits and fences as in threads."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from eventflow.app import Eventflow
from eventflow.model.exchange import AsyncExchange, Request, Response, Timeout, play, replies
from eventflow.model.reaction import endpoint, task
from eventflow.model.retry import Retry
from eventflow.runtime.job import Job
from eventflow.settings import Settings
from tests.peer import Answer, Asked, Peer
from tests.walks.conftest import MakeApp
from tests.walks.library import Document, Noted, Published, Status, Written


def doing(act: Callable[[Document], Awaitable[Any]], **options: Any) -> Any:
    """A task on the event loop that does whatever it is told."""

    @task(
        Document,
        on=Status.QUEUED,
        processing=Status.WRITING,
        complete=Status.WRITTEN,
        failed=Status.ERROR,
        name="asynchronous",
        **options,
    )
    async def do(document: Document) -> Written | None:
        return await act(document)  # type: ignore[no-any-return]

    return do


def sending(url: str, **options: Any) -> Any:
    """An endpoint on the event loop that posts to the peer at ``url``."""

    @endpoint(
        Document,
        on=Status.QUEUED,
        processing=Status.SENDING,
        complete=Status.COMPLETE,
        failed=Status.ERROR,
        name="send",
        **options,
    )
    async def send(document: Document) -> AsyncExchange[Published]:
        headers = {"Authorization": "Bearer s3cr3t-t0ken"}
        request = Request("POST", f"{url}/articles?a=%7E", json={"title": document.title}, headers=headers)
        response = yield request
        response.raise_for_status(request)
        yield Published(url=response.json()["url"])

    return send


def outcome_of(make_app: MakeApp, act: Callable[[Document], Awaitable[Any]], **options: Any) -> tuple[Document, str]:
    app = make_app(aggregates=[Document], reactions=[doing(act, **options)])
    app.save(document := Document.create(title="Whales"))
    app.drain()
    return app.get(Document, document.id), app.history(document.id)[-1].header.error or ""


def events(app: Eventflow, document: Document) -> list[str]:
    return [one.header.name.partition(":")[2] for one in app.history(document.id)]


async def written(document: Document) -> Written:
    await asyncio.sleep(0)
    return Written(text=f"# {document.title}")


def test_a_coroutine_is_a_task(make_app: MakeApp) -> None:
    app = make_app(aggregates=[Document], reactions=[doing(written)])
    documents = [Document.create(title=f"Whales {number}") for number in range(20)]
    app.save(*documents)

    app.drain()

    assert {app.get(Document, one.id).text for one in documents} == {f"# Whales {number}" for number in range(20)}
    assert events(app, documents[0]) == ["created", "status_changed", "written"]


def test_hundreds_of_handlers_are_open_at_once_in_one_worker(make_app: MakeApp) -> None:
    together = asyncio.Barrier(150)

    async def meet(document: Document) -> None:
        await together.wait()

    app = make_app(aggregates=[Document], reactions=[doing(meet)])
    documents = [Document.create(title=f"Whales {number}") for number in range(150)]
    app.save(*documents)

    app.drain(timeout=timedelta(seconds=60))

    assert {app.get(Document, one.id).status for one in documents} == {Status.WRITTEN}


def test_no_more_handlers_are_open_than_there_are_places(settings: Settings, make_app: MakeApp) -> None:
    object.__setattr__(settings, "async_concurrency", 3)
    open_now, most = 0, 0

    async def count(document: Document) -> None:
        nonlocal open_now, most
        open_now += 1
        most = max(most, open_now)
        await asyncio.sleep(0)
        open_now -= 1

    app = make_app(aggregates=[Document], reactions=[doing(count)])
    app.save(*(Document.create(title=f"Whales {number}") for number in range(20)))
    app.drain()

    assert most <= 3


def test_a_conversation_on_the_loop_is_recorded_on_both_sides_and_masked(make_app: MakeApp, peer: Peer) -> None:
    peer.answer = lambda asked: Answer(body={"url": "u1"})
    app = make_app(aggregates=[Document], reactions=[sending(peer.url)])
    app.save(document := Document.create(title="Whales"))

    app.drain()

    found = app.history(document.id)
    assert [one.header.kind for one in found] == [None, None, "request", "response", None]
    request: Any = found[2].event
    assert app.get(Document, document.id).url == "u1"
    assert "s3cr3t" not in str(request.headers)
    assert set(peer.asked[0].headers) - {"host", "content-length"} == {name.lower() for name in request.headers}
    assert (peer.asked[0].path, peer.asked[0].body) == ("/articles?a=%7E", b'{"title":"Whales"}')


def test_a_peer_that_is_out_of_reach_is_tried_again_with_the_same_key(make_app: MakeApp, peer: Peer) -> None:
    def once(asked: Asked) -> Answer:
        return Answer(status=503 if len(peer.asked) == 1 else 200, body={"url": "u1"})

    peer.answer = once
    app = make_app(aggregates=[Document], reactions=[sending(peer.url, retry=Retry(attempts=2))])
    app.save(document := Document.create(title="Whales"))

    app.drain()

    assert app.get(Document, document.id).status is Status.COMPLETE
    assert len({asked.key for asked in peer.asked}) == 1 and len(peer.asked) == 2


def test_a_conversation_may_answer_to_a_peer_that_is_not_there(make_app: MakeApp, peer: Peer) -> None:
    peer.close()

    @endpoint(
        Document, on=Status.QUEUED, processing=Status.SENDING, complete=Status.COMPLETE, failed=Status.ERROR, name="try"
    )
    async def attempt(document: Document) -> AsyncExchange[Published]:
        try:
            yield Request("GET", peer.url, timeout=Timeout(connect=timedelta(seconds=5)))
        except Exception as error:  # noqa: BLE001 - what it is the test looks at
            yield Published(url=type(error).__name__)

    app = make_app(aggregates=[Document], reactions=[attempt])
    app.save(document := Document.create(title="Whales"))
    app.drain()

    assert app.get(Document, document.id).url == "Unavailable"


def test_a_coroutine_that_raises_fails_its_document(make_app: MakeApp) -> None:
    async def raises(document: Document) -> None:
        raise ValueError("no ink, token=abc123secret")

    document, error = outcome_of(make_app, raises)

    assert document.status is Status.ERROR
    assert error.startswith("ValueError: no ink") and "abc123secret" not in error


def test_a_coroutine_that_calls_exit_fails_its_document_and_not_its_worker(make_app: MakeApp) -> None:
    async def leaves(document: Document) -> None:
        sys.exit(3)

    document, error = outcome_of(make_app, leaves)

    assert (document.status, error) == (Status.ERROR, "SystemExit: 3")


def test_a_coroutine_that_cancels_itself_fails(make_app: MakeApp) -> None:
    async def cancels(document: Document) -> None:
        raise asyncio.CancelledError

    document, error = outcome_of(make_app, cancels)

    assert (document.status, error) == (Status.ERROR, "CancelledError")


def test_a_timeout_of_its_own_is_no_time_limit(make_app: MakeApp) -> None:
    async def gives_up(document: Document) -> None:
        raise TimeoutError("the archive")

    document, error = outcome_of(make_app, gives_up)

    assert (document.status, error) == (Status.ERROR, "TimeoutError: the archive")


def test_a_coroutine_that_waits_for_ever_is_cut_off(make_app: MakeApp) -> None:
    async def waits(document: Document) -> None:
        await asyncio.Event().wait()

    document, error = outcome_of(make_app, waits, time_limit=timedelta(seconds=0.2))

    assert document.status is Status.ERROR
    assert error.startswith("TimedOut: asynchronous did not end within its time limit of 0.2 s")


def test_a_coroutine_that_records_itself_is_told_to_return_an_event(make_app: MakeApp) -> None:
    async def records(document: Document) -> None:
        document.record(Noted(note="mine"))

    document, error = outcome_of(make_app, records)

    assert (document.status, document.note) == (Status.ERROR, "") and error.startswith("WrongResult")


def test_a_status_changed_by_a_person_overrules_a_coroutine(make_app: MakeApp) -> None:
    async def overruled(document: Document) -> Written:
        def overrule() -> None:
            beside = app.get(Document, document.id)
            beside.change_status(Status.COMPLETE, body={"by": "anna"})
            app.save(beside)

        await asyncio.to_thread(overrule)
        return Written(text="too late")

    app = make_app(aggregates=[Document], reactions=[doing(overruled)])
    app.save(document := Document.create(title="Whales"))
    app.drain()

    found = app.get(Document, document.id)
    assert (found.status, found.text) == (Status.COMPLETE, "")


def test_a_worker_that_stops_gives_back_what_a_coroutine_works_on(make_app: MakeApp) -> None:
    begun = threading.Event()

    async def waits(document: Document) -> None:
        begun.set()
        await asyncio.Event().wait()

    app = make_app(aggregates=[Document], reactions=[doing(waits)])
    app.save(document := Document.create(title="Whales"))
    worker = app.worker()
    worker.start()
    assert begun.wait(30)

    assert worker.stop(grace=timedelta(seconds=0.1))

    assert events(app, document)[-1] == "interrupted"
    assert app.history(document.id)[-1].header.attempt == 1


def test_what_finds_no_place_before_the_worker_ends_is_given_back_unclaimed(
    settings: Settings, make_app: MakeApp
) -> None:
    object.__setattr__(settings, "async_concurrency", 1)
    begun, go_on = threading.Event(), threading.Event()

    async def waits(document: Document) -> None:
        begun.set()
        await asyncio.to_thread(go_on.wait, 30)

    app = make_app(aggregates=[Document], reactions=[doing(waits)])
    app.save(first := Document.create(title="Whales"), second := Document.create(title="Seals"))
    returned: list[Job] = []
    runner = app.engine._runner(uuid4(), threading.Event())
    runner._give_back = returned.append
    runner.begin(waiting=8)
    app.engine.broker._dramatiq.emit_before("worker_boot", None)  # the loop begins; nobody consumes
    runner.run(Job("asynchronous", first.id, 1, 1, 1))
    assert begun.wait(30)

    second_job = Job("asynchronous", second.id, 1, 1, 2)
    late = threading.Thread(target=runner.run, args=(second_job,))
    late.start()
    runner.close()
    late.join(30)
    go_on.set()

    assert runner.end(10, 30) and returned == [second_job]
    assert [app.get(Document, one.id).status for one in (first, second)] == [Status.WRITTEN, Status.QUEUED]


def test_a_worker_that_stops_lets_a_coroutine_finish_within_its_grace(make_app: MakeApp) -> None:
    begun, go_on = threading.Event(), threading.Event()

    async def waits(document: Document) -> Written:
        begun.set()
        await asyncio.to_thread(go_on.wait, 30)
        return Written(text="done")

    app = make_app(aggregates=[Document], reactions=[doing(waits)])
    app.save(document := Document.create(title="Whales"))
    worker = app.worker()
    worker.start()
    assert begun.wait(30)
    threading.Timer(0.3, go_on.set).start()

    assert worker.stop(grace=timedelta(seconds=30))

    assert app.get(Document, document.id).text == "done"


def test_a_coroutine_that_blocks_the_loop_is_given_up_and_its_worker_says_so(
    make_app: MakeApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("eventflow.runtime.worker.HANGING_GRACE", 0.2)
    release = threading.Event()

    async def blocks(document: Document) -> None:
        release.wait(30)

    app = make_app(aggregates=[Document], reactions=[doing(blocks, time_limit=timedelta(seconds=0.2))])
    app.engine.settings = app.settings.model_copy(update={"lease": timedelta(seconds=0.6)})
    app.save(document := Document.create(title="Whales"))
    worker = app.worker()
    worker.start()

    try:
        assert worker.hung.wait(20)
    finally:
        release.set()
        worker.stop()

    assert "TimedOut" in (app.history(document.id)[-1].header.error or "")


def test_a_conversation_on_the_loop_is_played_by_hand() -> None:
    send = sending("https://press.example")
    document = Document.create(title="Whales")

    assert play(send(document), replies(Response.of({"url": "u"}))) == Published(url="u")


def test_a_conversation_that_ends_in_nothing_comes_to_nothing() -> None:
    async def greet() -> AsyncExchange[None]:
        yield Request("GET", "https://press.example")

    assert play(greet(), replies(Response.of({}))) is None
