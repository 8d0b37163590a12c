"""Very many failed items are brought back as one operation."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from uuid import UUID

import pytest

from eventflow.app import Eventflow
from eventflow.errors import BadFilter, Refused, TransitionRefused
from eventflow.model.batch import Batch, Course
from eventflow.model.reaction import TaskReaction, task
from eventflow.runtime.batches import Batches
from tests.walks.batching import ended, moved
from tests.walks.conftest import MakeApp
from tests.walks.library import Document, Noted, Status, Written

PATIENCE = timedelta(minutes=1)
FAILED = "category:document status:error"


class Press:
    """A task that fails until it is repaired, or for some titles for ever."""

    def __init__(self) -> None:
        self.works, self.never = False, frozenset[str]()
        self.asked: list[UUID] = []

    def task(self) -> TaskReaction[Document, Written]:
        @task(Document, on=Status.QUEUED, processing=Status.WRITING, complete=Status.WRITTEN, failed=Status.ERROR)
        def print_it(document: Document) -> Written:
            self.asked.append(document.id)
            if not self.works or document.title in self.never:
                raise ConnectionError("the press is down")
            return Written(text=document.title)

        return print_it


@pytest.fixture
def press() -> Press:
    return Press()


def failed(app: Eventflow, number: int) -> list[Document]:
    """So many documents that have failed, as the read side knows."""
    documents = [Document.create(title=str(one)) for one in range(number)]
    app.save(*documents)
    app.drain()
    return documents


def restarts(app: Eventflow, documents: list[Document]) -> Counter[int]:
    """How many documents were brought back how often."""
    names = ([one.header.name for one in app.history(document.id)] for document in documents)
    return Counter(one.count("document:defibrillated") for one in names)


def names(app: Eventflow, batch: Batch) -> list[str]:
    return [one.header.name.partition(":")[2] for one in app.history(batch.id)]


@pytest.fixture
def app(make_app: MakeApp, press: Press) -> Eventflow:
    return make_app(aggregates=[Document], reactions=[press.task()])


def test_all_that_pass_are_brought_back_once_in_the_name_of_who_wanted_it(app: Eventflow, press: Press) -> None:
    documents = failed(app, 450)
    press.works = True

    batch = app.defibrillate_where(FAILED, reason="the press is back", actor="anna")
    batch = moved(app, batch)

    assert (batch.status, batch.total, batch.done, batch.refused) == (Course.FINISHED, 450, 450, 0)
    assert restarts(app, documents) == {1: 450}
    assert names(app, batch) == ["created", "progressed", "progressed", "progressed", "finished"]
    last = app.history(documents[0].id)[-1]
    begun = app.history(batch.id)[0].header
    assert (last.header.actor, last.header.causation, last.header.correlation) == (
        "anna",
        begun.position,
        documents[0].id,
    )
    assert last.event.event_body() == {"reason": "the press is back"}


def test_a_worker_moves_a_batch_on_by_itself(app: Eventflow, press: Press) -> None:
    documents = failed(app, 30)
    press.works = True
    batch = app.defibrillate_where(FAILED)
    worker = app.worker()

    worker.start()
    try:
        app.engine._until(lambda: app.batches.get(batch.id).is_over and app.is_idle(), timeout=PATIENCE)
    finally:
        worker.stop()

    assert {app.get(Document, one.id).status for one in documents} == {Status.WRITTEN}
    assert restarts(app, documents) == {1: 30}


def test_canaries_that_fail_again_stop_the_batch(app: Eventflow, press: Press) -> None:
    documents = failed(app, 40)

    batch = ended(app, app.defibrillate_where(FAILED, canaries=[1, 10]))

    assert (batch.status, batch.done) == (Course.SUSPENDED, 1)
    assert batch.resting is not None and "1 of 1 canaries failed again" in batch.resting
    assert "the press is down" in batch.resting
    assert restarts(app, documents) == {0: 39, 1: 1}


def test_one_bad_canary_of_many_is_enough(app: Eventflow, press: Press) -> None:
    documents = failed(app, 40)
    press.works, press.never = True, frozenset(["7"])

    batch = ended(app, app.defibrillate_where(FAILED, canaries=[1, 10, 100]))

    assert (batch.status, batch.done, batch.stage) == (Course.SUSPENDED, 11, 1)
    assert restarts(app, documents) == {0: 29, 1: 11}


def test_canaries_that_end_well_let_the_others_go(app: Eventflow, press: Press) -> None:
    documents = failed(app, 40)
    press.works = True

    batch = app.defibrillate_where(FAILED, canaries=[1, 10])
    assert moved(app, batch).done == 1  # and no more, until it has ended
    batch = ended(app, batch)

    assert (batch.status, batch.done) == (Course.FINISHED, 40)
    assert names(app, batch).count("canaries_passed") == 2
    assert restarts(app, documents) == {1: 40}


def test_a_batch_whose_canaries_failed_goes_on_when_somebody_says_so(app: Eventflow, press: Press) -> None:
    documents = failed(app, 12)
    batch = ended(app, app.defibrillate_where(FAILED, canaries=[2]))
    press.works = True

    app.batches.resume(batch.id, "the press is back now")
    batch = ended(app, batch)

    assert (batch.status, batch.done) == (Course.FINISHED, 12)
    assert restarts(app, documents) == {1: 12}
    assert len(press.asked) == 24  # the two canaries stay failed: never twice


def test_what_does_not_stand_as_it_did_is_refused_and_says_why(app: Eventflow, press: Press) -> None:
    first, second, third = failed(app, 3)
    batch = app.defibrillate_where(FAILED)
    app.projections.catch_up()
    app.defibrillate(second.id, actor="bea")  # the read side has not seen it yet
    note = app.get(Document, third.id)
    note.record(Noted(note="a mere fact changes nothing"))
    app.save(note)

    app.batches.move([batch.id])
    batch = app.batches.get(batch.id)

    assert (batch.done, batch.refused) == (2, 1)
    refused = next(one.event for one in app.history(batch.id) if one.header.name.endswith(":item_refused"))
    assert refused.event_body() == {"item": second.id, "why": "Its work has gone on since the batch began."}
    assert restarts(app, [first, second, third]) == {1: 3}


def test_an_item_that_cannot_be_restarted_is_refused_and_the_others_go_on(app: Eventflow, press: Press) -> None:
    failed(app, 2)
    whole = Document.create(title="whole", status=Status.COMPLETE)
    app.save(whole)

    batch = moved(app, app.defibrillate_where("category:document"))

    assert (batch.status, batch.done, batch.refused) == (Course.FINISHED, 2, 1)
    assert len(app.history(whole.id)) == 1


def test_a_suspended_batch_rests_and_a_cancelled_one_ends(app: Eventflow) -> None:
    documents = failed(app, 5)
    batch = app.defibrillate_where(FAILED, limit=4)

    app.batches.suspend(batch.id, "lunch")
    assert (moved(app, batch).done, moved(app, batch).resting) == (0, "lunch")
    app.batches.resume(batch.id)
    app.batches.cancel(batch.id, "not today")

    batch = moved(app, batch)
    assert (batch.status, batch.done, batch.total) == (Course.CANCELLED, 0, 4)
    with pytest.raises(TransitionRefused, match="cancelled"):
        app.batches.resume(batch.id)
    assert restarts(app, documents) == {0: 5}


def test_of_many_only_as_many_as_were_asked_for(app: Eventflow) -> None:
    documents = failed(app, 5)

    batch = moved(app, app.defibrillate_where(FAILED, limit=3))

    assert (batch.status, batch.done) == (Course.FINISHED, 3)
    assert restarts(app, documents) == {0: 2, 1: 3}


def test_no_more_than_the_rate_are_brought_back_in_a_second(app: Eventflow) -> None:
    failed(app, 60)
    hands = [0.0]
    batches = a_mover(app, hands)
    batch = app.defibrillate_where(FAILED, rate=10)
    app.projections.catch_up()

    counts = []
    for second in range(8):
        hands[0] = float(second)
        batches.move([batch.id])
        counts.append(app.batches.get(batch.id).done)

    assert counts == [1, 11, 21, 31, 41, 51, 60, 60]


def test_two_that_move_the_same_batch_bring_nothing_back_twice(app: Eventflow, make_app: MakeApp, press: Press) -> None:
    documents = failed(app, 50)
    batch = app.defibrillate_where(FAILED)
    app.projections.catch_up()
    hands = [0.0]
    one, other = a_mover(app, hands, chunk=7), a_mover(app, hands, chunk=11)

    turns = [one.advance(batch.id) or other.advance(batch.id)]
    stale = other.get(batch.id)
    turns.append(one.advance(batch.id))
    with pytest.raises(Exception, match="was expected at version"):
        other._take_turn(stale)  # it had read the batch before the other moved it
    while one.advance(batch.id) + other.advance(batch.id):
        pass

    assert app.batches.get(batch.id).done == 50
    assert restarts(app, documents) == {1: 50}


def test_items_that_fail_while_the_batch_runs_are_not_its_own(app: Eventflow, press: Press) -> None:
    failed(app, 3)
    batch = app.defibrillate_where(FAILED)
    later = failed(app, 4)  # by a worker that moves the batch on, too

    batch = ended(app, batch)

    assert batch.done == 3
    assert restarts(app, later) == {0: 4}


def test_a_batch_needs_a_filter_and_numbers_above_zero(app: Eventflow) -> None:
    with pytest.raises(BadFilter):
        app.defibrillate_where(" ")
    with pytest.raises(BadFilter, match="status"):
        app.defibrillate_where("stauts:error")
    for wrong in ({"rate": 0.0}, {"canaries": [0]}, {"limit": 0}):
        with pytest.raises(Refused, match="above zero"):
            app.defibrillate_where(FAILED, **wrong)


def a_mover(app: Eventflow, hands: list[float], chunk: int = 200) -> Batches:
    """Batches that are moved by a clock turned by hand."""
    return Batches(
        app.database,
        app.log,
        app.repository,
        app.items,
        app.routes,
        aggregates=app.aggregates,
        seen=app._seen,
        clock=app.clock,
        ids=app._ids,
        moments=lambda: hands[0],
        chunk=chunk,
    )
