"""A worker that claims ahead of the handlers it has room for."""

from __future__ import annotations

import threading

import pytest

from eventflow.app import utc_now
from eventflow.model.reaction import task
from eventflow.runtime import seats
from tests.waiting import until
from tests.walks.conftest import MakeApp
from tests.walks.library import Document, Status, Written


@pytest.mark.parametrize("settings", ["postgres-rabbitmq", "postgres-redis"], indirect=True)
def test_what_was_claimed_ahead_of_slow_work_is_given_back_and_done_later(
    make_app: MakeApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(seats, "SOON", 0.2)
    monkeypatch.setattr(seats, "QUICK", 5.0)
    slow, go_on = threading.Event(), threading.Event()
    at_once: list[int] = []

    @task(Document, on=Status.QUEUED, processing=Status.WRITING, complete=Status.WRITTEN, failed=Status.ERROR)
    def write(document: Document) -> Written:
        at_once.append(1)
        assert len(at_once) == 1
        if document.title == "slow":
            slow.set()
            assert go_on.wait(30)
        at_once.pop()
        return Written(text=document.title)

    app = make_app(aggregates=[Document], reactions=[write], clock=utc_now)
    worker = app.worker(threads=1)
    worker.start()
    try:
        app.save(easy := Document.create(title="easy"))
        until(lambda: app.get(Document, easy.id).status == Status.WRITTEN, "a quick one is done")
        app.save(brief := Document.create(title="slow"))
        assert slow.wait(30)
        app.save(ahead := Document.create(title="ahead"))
        until(
            lambda: app.history(ahead.id)[-1].header.name.endswith(":interrupted"),
            "what was claimed ahead is given back",
        )
        go_on.set()
        until(lambda: app.get(Document, ahead.id).status == Status.WRITTEN, "it is done after all")
    finally:
        go_on.set()
        worker.stop()

    assert app.get(Document, brief.id).status == Status.WRITTEN
    assert app.history(ahead.id)[-1].header.attempt == 1
