"""Claims of the same moment: each message gets what is its own."""

from __future__ import annotations

import threading
from typing import Any, ClassVar
from uuid import uuid4

import pytest
from pydantic import field_validator

from eventflow.app import Eventflow
from eventflow.model.aggregate import Aggregate
from eventflow.model.event import Event
from eventflow.model.reaction import TaskReaction, task
from eventflow.model.retry import Retry
from eventflow.model.transition import transition
from eventflow.runtime.job import Job
from tests.peer import Peer
from tests.walks.conftest import MakeApp
from tests.walks.library import Document, Status, sending, write


def test_an_old_message_beside_a_new_one_of_the_same_stream_claims_nothing(make_app: MakeApp, peer: Peer) -> None:
    app = make_app(aggregates=[Document], reactions=[write, sending(peer.url)])
    document = Document.create(title="Whales")
    document.change_status(Status.WRITTEN)
    app.save(document)
    old, new = Job("write", document.id, 1, 1, 1), Job("send", document.id, 2, 1, 2)
    runner = app.engine._runner(uuid4(), threading.Event())

    for batch in ([old, new], [new, old]):
        claimed = {
            job: attempt for job, attempt in zip(batch, runner._claims.claim_each(batch), strict=True) if attempt
        }
        assert [job for job in claimed if job is old] == []
        if claimed:
            assert claimed[new].reaction.name == "send"

    assert [one.header.phase for one in app.history(document.id)] == ["announced", "announced", "claimed"]


def test_of_the_same_message_twice_in_one_batch_one_claims(make_app: MakeApp) -> None:
    app = make_app(aggregates=[Document], reactions=[write])
    app.save(document := Document.create(title="Whales"))
    job = Job("write", document.id, 1, 1, 1)
    runner = app.engine._runner(uuid4(), threading.Event())
    barrier, attempts = threading.Barrier(8), []

    def claim() -> None:
        barrier.wait()
        attempts.append(runner._claims.claim(job))

    threads = [threading.Thread(target=claim) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len([one for one in attempts if one]) == 1
    assert [one.header.phase for one in app.history(document.id)] == ["announced", "claimed"]


class Begun(Event):
    """Work began."""


class Parcel(Aggregate[Status], category="parcel", initial=Status.QUEUED, defibrillate={Status.ERROR: Status.QUEUED}):
    """Whose claim is a command, and whose weight is looked at."""

    weight: int = 1
    moods: ClassVar[list[Exception]] = []
    limit: ClassVar[int] = 100

    @transition(Status.QUEUED, to=Status.WRITING)
    def begin(self) -> Begun:
        if self.moods:
            raise self.moods.pop()
        return Begun()

    @field_validator("weight")
    @classmethod
    def _is_light(cls, weight: int) -> int:
        if weight > cls.limit:
            raise RuntimeError("nobody can lift this")
        return weight


def packing(**options: Any) -> TaskReaction[Parcel, None]:
    @task(
        Parcel, on=Status.QUEUED, processing=Parcel.begin, complete=Status.COMPLETE, failed=Status.ERROR,
        name="pack", **options,
    )  # fmt: skip
    def pack(parcel: Parcel) -> None:
        """It is packed by having been claimed."""

    return pack


def phases(app: Eventflow, parcel: Parcel) -> list[tuple[str, str]]:
    return [(one.header.name.partition(":")[2], one.header.status) for one in app.history(parcel.id)]


def test_a_claim_whose_command_raises_is_a_failed_attempt(make_app: MakeApp, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Parcel, "moods", [ValueError("no string left")])
    app = make_app(aggregates=[Parcel], reactions=[packing()])
    app.save(parcel := Parcel.create())

    app.drain()

    assert phases(app, parcel)[1:] == [("status_changed", "error")]
    assert app.history(parcel.id)[-1].header.error == "ValueError: no string left"


def test_a_claim_whose_command_raised_is_tried_again_as_often_as_the_reaction_says(
    make_app: MakeApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Parcel, "moods", [ValueError("no string left")])
    app = make_app(aggregates=[Parcel], reactions=[packing(retry=Retry(attempts=2))])
    app.save(parcel := Parcel.create())

    app.drain()

    assert phases(app, parcel)[1:] == [
        ("retry_scheduled", "queued"), ("begun", "writing"), ("status_changed", "complete"),
    ]  # fmt: skip
    assert [one.header.attempt for one in app.history(parcel.id)] == [None, 2, 2, 2]


def test_an_item_that_cannot_be_loaded_is_given_up_and_can_be_brought_back(
    make_app: MakeApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = make_app(aggregates=[Parcel], reactions=[packing()])
    app.save(heavy := Parcel.create(weight=99), light := Parcel.create(weight=3))
    with monkeypatch.context() as strict:
        strict.setattr(Parcel, "limit", 50)
        app.drain()

    assert app.get(Parcel, light.id).status is Status.COMPLETE
    assert app.get(Parcel, heavy.id).status is Status.ERROR
    assert app.history(heavy.id)[-1].header.error == "RuntimeError: nobody can lift this"

    app.defibrillate(heavy.id)
    app.drain()
    assert app.get(Parcel, heavy.id).status is Status.COMPLETE
