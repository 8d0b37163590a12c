"""Handlers that misbehave: each leaves a record on its item, and the worker goes on."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from eventflow.model.exchange import Exchange, Request
from eventflow.model.reaction import endpoint, task
from eventflow.model.retry import Retry
from tests.peer import Answer, Peer
from tests.walks.conftest import MakeApp
from tests.walks.library import Document, Noted, Published, Status, Written, sending, write


def doing(act: Callable[[Document], Any], **options: Any) -> Any:
    """A task that does whatever it is told."""

    @task(
        Document,
        on=Status.QUEUED,
        processing=Status.WRITING,
        complete=Status.WRITTEN,
        failed=Status.ERROR,
        name="misbehaving",
        **options,
    )
    def misbehave(document: Document) -> Written | None:
        return act(document)  # type: ignore[no-any-return]

    return misbehave


def outcome_of(make_app: MakeApp, act: Callable[[Document], Any], **options: Any) -> tuple[Document, str]:
    app = make_app(aggregates=[Document], reactions=[doing(act, **options)])
    app.save(document := Document.create(title="Whales"))
    app.drain()
    return app.get(Document, document.id), app.history(document.id)[-1].header.error or ""


def test_a_handler_that_raises_fails_its_document(make_app: MakeApp) -> None:
    def raises(document: Document) -> None:
        raise ValueError("no ink, token=abc123secret")

    document, error = outcome_of(make_app, raises)

    assert document.status is Status.ERROR
    assert error.startswith("ValueError: no ink")
    assert "abc123secret" not in error


def test_the_traceback_of_a_failure_is_in_its_body(make_app: MakeApp) -> None:
    def raises(document: Document) -> None:
        raise ValueError("no ink")

    app = make_app(aggregates=[Document], reactions=[doing(raises)])
    app.save(document := Document.create(title="Whales"))
    app.drain()

    last: Any = app.history(document.id)[-1]
    assert last.header.kind == "exception"
    assert "in raises" in last.event.body["traceback"] and last.event.body["type"] == "ValueError"


def test_a_handler_that_returns_the_wrong_type_fails_its_document(make_app: MakeApp) -> None:
    document, error = outcome_of(make_app, lambda document: 42)

    assert document.status is Status.ERROR
    assert error.startswith("WrongResult: misbehaving returned int")


def test_a_handler_that_returns_an_event_of_nobody_fails_its_document(make_app: MakeApp) -> None:
    class Foreign(Written):
        pass

    document, error = outcome_of(make_app, lambda document: Foreign(text="?"))

    assert document.status is Status.ERROR
    assert "foreign" in error.lower()


def test_a_handler_that_calls_exit_fails_its_document_and_not_its_worker(make_app: MakeApp) -> None:
    document, error = outcome_of(make_app, lambda document: sys.exit(3))

    assert document.status is Status.ERROR
    assert error.startswith("SystemExit: 3")


def test_a_handler_that_changes_the_document_itself_is_told_to_return_an_event(make_app: MakeApp) -> None:
    document, error = outcome_of(make_app, lambda document: document.record(Noted(note="mine")))

    assert document.status is Status.ERROR
    assert document.note == ""
    assert error.startswith("WrongResult")


def test_a_handler_that_loops_for_ever_is_cut_off(make_app: MakeApp) -> None:
    def loop(document: Document) -> None:
        while True:
            time.perf_counter()

    document, error = outcome_of(make_app, loop, time_limit=timedelta(seconds=0.3))

    assert document.status is Status.ERROR
    assert error.startswith("TimedOut: misbehaving did not end within its time limit of 0.3 s")


def test_a_handler_that_fails_at_first_is_tried_again(make_app: MakeApp) -> None:
    attempts: list[int] = []

    def second_time_lucky(document: Document) -> Written:
        attempts.append(1)
        if len(attempts) == 1:
            raise ConnectionError("not yet")
        return Written(text="at last")

    document, _ = outcome_of(make_app, second_time_lucky, retry=Retry(attempts=2))

    assert (document.status, document.text, len(attempts)) == (Status.WRITTEN, "at last", 2)


def test_a_fact_recorded_meanwhile_does_not_cost_the_attempt(make_app: MakeApp) -> None:
    def annotate(document: Document) -> Written:
        beside = app.get(Document, document.id)
        beside.record(Noted(note="seen"))
        app.save(beside)
        return Written(text="done")

    app = make_app(aggregates=[Document], reactions=[doing(annotate)])

    app.save(document := Document.create(title="Whales"))
    app.drain()

    found = app.get(Document, document.id)
    assert (found.status, found.text, found.note) == (Status.WRITTEN, "done", "seen")
    assert len([one for one in app.history(document.id) if one.header.phase == "claimed"]) == 1


def test_a_status_changed_by_a_person_overrules_the_attempt(make_app: MakeApp) -> None:
    def overrule(document: Document) -> Written:
        beside = app.get(Document, document.id)
        beside.change_status(Status.COMPLETE, body={"by": "anna"})
        app.save(beside)
        return Written(text="too late")

    app = make_app(aggregates=[Document], reactions=[doing(overrule)])

    app.save(document := Document.create(title="Whales"))
    app.drain()

    found = app.get(Document, document.id)
    assert (found.status, found.text) == (Status.COMPLETE, "")


def test_a_peer_that_is_not_there_is_a_failure_of_the_attempt(make_app: MakeApp, peer: Peer) -> None:
    peer.close()
    app = make_app(aggregates=[Document], reactions=[write, sending(peer.url, retry=Retry(attempts=2))])
    app.save(document := Document.create(title="Whales"))

    app.drain()

    assert app.get(Document, document.id).status is Status.ERROR
    assert "out of reach" in (app.history(document.id)[-1].header.error or "")
    assert [one.header.kind for one in app.history(document.id)].count("request") == 2


def test_an_endpoint_may_speak_several_times_each_time_with_a_key_of_its_own(make_app: MakeApp, peer: Peer) -> None:
    @endpoint(
        Document,
        on=Status.QUEUED,
        processing=Status.SENDING,
        complete=Status.COMPLETE,
        failed=Status.ERROR,
        name="twice",
    )
    def twice(document: Document) -> Exchange[Published]:
        first = yield Request("POST", f"{peer.url}/drafts", json={"title": document.title})
        second = yield Request("POST", f"{peer.url}/prints", json={"draft": first.json()["url"]})
        return Published(url=second.json()["url"])

    peer.answer = lambda asked: Answer(body={"url": f"u{asked.path}"})
    app = make_app(aggregates=[Document], reactions=[twice])
    app.save(document := Document.create(title="Whales"))
    app.drain()

    assert app.get(Document, document.id).url == "u/prints"
    assert len({asked.key for asked in peer.asked}) == 2
    assert [one.header.kind for one in app.history(document.id) if one.header.kind] == [
        "request",
        "response",
        "request",
        "response",
    ]


def test_a_handler_that_no_interrupt_reaches_is_given_up(make_app: MakeApp, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("eventflow.runtime.worker.HANGING_GRACE", 0.2)
    release = threading.Event()
    app = make_app(
        aggregates=[Document],
        reactions=[doing(lambda document: release.wait(30) and None, time_limit=timedelta(seconds=0.2))],
    )
    app.engine.settings = app.settings.model_copy(update={"lease": timedelta(seconds=0.6)})
    app.save(document := Document.create(title="Whales"))
    worker = app.worker()
    worker.start()

    try:
        app.engine._until(lambda: app.get(Document, document.id).status is Status.ERROR, timedelta(seconds=20))
    finally:
        release.set()
        worker.stop()

    assert "TimedOut" in (app.history(document.id)[-1].header.error or "")
