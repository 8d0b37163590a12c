"""Claims of the same moment: each message gets what is its own."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any, ClassVar
from uuid import uuid4

import pytest
from pydantic import field_validator

from eventflow.app import Eventflow, utc_now
from eventflow.model.aggregate import Aggregate
from eventflow.model.event import Event
from eventflow.model.reaction import TaskReaction, task
from eventflow.model.retry import Retry
from eventflow.model.transition import transition
from eventflow.runtime import claims
from eventflow.runtime.job import Job
from eventflow.runtime.repository import Repository
from tests.peer import Peer
from tests.waiting import until
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


REFUSING = """
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  IF NEW.phase = 'claimed' THEN RAISE EXCEPTION 'the table is being changed'; END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER refuse BEFORE INSERT ON events FOR EACH ROW EXECUTE FUNCTION refuse()
"""


@pytest.mark.parametrize("settings", ["postgres-rabbitmq"], indirect=True)
def test_a_claim_that_the_log_does_not_take_spends_no_attempt_and_is_made_when_it_does(
    make_app: MakeApp, caplog: pytest.LogCaptureFixture
) -> None:
    app = make_app(aggregates=[Parcel], reactions=[packing()], clock=utc_now, resend_after=timedelta(seconds=0.2))
    app.save(parcel := Parcel.create())
    refuse(app, REFUSING)
    worker = app.worker()
    worker.start()
    try:
        until(lambda: caplog.text.count("was not begun, it is sent again") >= 2, "another try")
        assert phases(app, parcel) == [("created", "queued")]
        refuse(app, "DROP TRIGGER refuse ON events")
        until(lambda: app.get(Parcel, parcel.id).status is Status.COMPLETE, "the end")
    finally:
        assert worker.stop()

    assert phases(app, parcel)[1:] == [("begun", "writing"), ("status_changed", "complete")]
    assert "the table is being changed" in caplog.text


@pytest.mark.parametrize("settings", ["postgres-rabbitmq"], indirect=True)
def test_a_claim_that_the_log_never_takes_is_a_failed_attempt_in_the_end(
    make_app: MakeApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(claims, "STUMBLES", 2)
    app = make_app(aggregates=[Parcel], reactions=[packing()], clock=utc_now, resend_after=timedelta(seconds=0.2))
    app.save(parcel := Parcel.create())
    refuse(app, REFUSING)

    app.drain()

    assert str(app.history(parcel.id)[-1].header.error).startswith("RaiseException: the table is being changed")
    assert app.get(Parcel, parcel.id).status is Status.ERROR


@pytest.mark.parametrize("settings", ["postgres-rabbitmq"], indirect=True)
def test_a_claim_that_was_made_although_something_failed_behind_it_is_given_back(
    make_app: MakeApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = make_app(aggregates=[Parcel], reactions=[packing()])
    app.save(parcel := Parcel.create())
    saved, failures = Repository._saved, [OSError("no room for a snapshot")]

    def failing_once(self: Repository, *said: Any) -> None:
        saved(self, *said)
        if failures:
            raise failures.pop()

    monkeypatch.setattr(Repository, "_saved", failing_once)
    app.drain()

    assert phases(app, parcel)[1:] == [
        ("begun", "writing"), ("interrupted", "writing"), ("retry_started", "writing"), ("status_changed", "complete"),
    ]  # fmt: skip
    assert {one.header.attempt for one in app.history(parcel.id)} == {None, 1}


def refuse(app: Eventflow, statement: str) -> None:
    """Let the log refuse claims, or take them again, behind everybody's back."""
    with app.database.transaction() as transaction:
        app.database.script(transaction, statement)


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
