"""Probes: what stands in a status for too long is looked at, once within its grace, whoever looks."""

from __future__ import annotations

import logging
import threading
from datetime import timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

import pytest

from eventflow.app import Eventflow
from eventflow.errors import Misconfigured, NotFound
from eventflow.model.aggregate import Aggregate
from eventflow.model.probe import Probe
from eventflow.testing import Clock, in_memory
from tests.walks.conftest import MakeApp
from tests.walks.library import Document, Noted, Status, write

HOUR = timedelta(hours=1)


def sent(**options: Any) -> Probe[Document]:
    """A probe of documents that are being sent."""
    return Probe(Document, **{"statuses": [Status.SENDING], "grace": HOUR, **options})


def an_app(make_app: MakeApp, *probes: Probe[Any], **composition: Any) -> Eventflow:
    return make_app(**{"aggregates": [Document], "probes": probes, **composition})


def sending(app: Eventflow, amount: int = 1) -> list[UUID]:
    documents = [Document.create(title=f"{number}", status=Status.SENDING) for number in range(amount)]
    app.save(*documents)
    seen(app)
    return [one.id for one in documents]


def seen(app: Eventflow) -> None:
    """The projections have seen everything."""
    while app.projections.step_all():
        pass


def probed(app: Eventflow, **options: Any) -> int:
    seen(app)
    return sum(len(one.probed) for one in app.probe(**options))


def probes_of(app: Eventflow, document: UUID) -> int:
    return [one.header.kind for one in app.history(document)].count("probe")


def test_an_object_that_stays_in_a_status_longer_than_its_grace_is_probed(make_app: MakeApp, clock: Clock) -> None:
    app = an_app(make_app, sent())
    [document] = sending(app)

    clock.forward(minutes=59)
    assert probed(app) == 0
    clock.forward(minutes=1)
    assert probed(app) == 1

    last = app.history(document)[-1]
    assert (last.header.name, last.header.kind, last.header.status) == ("document:probed", "probe", "sending")
    assert last.event.event_body()["since"] == clock() - HOUR


def test_an_object_is_probed_at_most_once_within_its_grace(make_app: MakeApp, clock: Clock) -> None:
    app = an_app(make_app, sent())
    [document] = sending(app)

    found = []
    for _ in range(5):
        clock.forward(minutes=30)
        found.append(probed(app))

    assert found == [0, 1, 0, 1, 0]
    assert probes_of(app, document) == 2


def test_the_grace_counts_from_the_status_and_not_from_the_beginning(make_app: MakeApp, clock: Clock) -> None:
    app = an_app(make_app, sent())
    app.save(document := Document.create(title="Whales"))
    clock.forward(hours=5)
    document.change_status(Status.SENDING)
    app.save(document)

    assert probed(app) == 0
    clock.forward(hours=1)
    assert probed(app) == 1


def test_facts_and_touches_do_not_put_a_probe_off(make_app: MakeApp, clock: Clock) -> None:
    app = an_app(make_app, sent())
    [id] = sending(app)
    for _ in range(3):
        clock.forward(minutes=20)
        document = app.get(Document, id)
        document.record(Noted(note="still there"))
        document.touch()
        app.save(document)

    assert probed(app) == 1


def test_an_object_that_has_left_its_status_is_not_probed(make_app: MakeApp, clock: Clock) -> None:
    app = an_app(make_app, sent())
    [id] = sending(app)
    clock.forward(hours=2)
    document = app.get(Document, id)
    document.change_status(Status.COMPLETE)

    app.save(document)  # and the projections have not seen it
    assert [one.probed for one in app.probe()] == [()]
    assert probed(app) == 0


def test_a_status_that_is_entered_again_begins_a_new_grace(make_app: MakeApp, clock: Clock) -> None:
    app = an_app(make_app, sent())
    [id] = sending(app)
    clock.forward(hours=1)
    assert probed(app) == 1
    document = app.get(Document, id)
    document.change_status(Status.WRITTEN)
    document.change_status(Status.SENDING)
    app.save(document)

    clock.forward(minutes=59)
    assert probed(app) == 0
    clock.forward(minutes=1)
    assert probed(app) == 1


def test_a_probe_takes_those_that_wait_longest_and_so_many_at_a_time(make_app: MakeApp, clock: Clock) -> None:
    app = an_app(make_app, sent(batch=2))
    [first] = sending(app)
    clock.forward(seconds=1)
    others = sending(app, 3)
    clock.forward(hours=1)
    seen(app)

    [round] = app.probe()
    assert len(round.probed) == 2
    assert round.probed[0] == first
    assert probed(app) == 2
    assert probed(app) == 0
    assert [probes_of(app, one) for one in (first, *others)] == [1, 1, 1, 1]


def test_however_many_probe_at_once_each_object_is_probed_once(make_app: MakeApp, clock: Clock) -> None:
    apps = [an_app(make_app, sent()) for _ in range(3)]
    documents = sending(apps[0], 20)
    clock.forward(hours=1)
    barrier = threading.Barrier(len(apps))

    def look(app: Eventflow) -> None:
        barrier.wait()
        app.probe()

    threads = [threading.Thread(target=look, args=(app,)) for app in apps]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert {probes_of(apps[0], one) for one in documents} == {1}


def test_a_dry_run_says_what_would_be_probed_and_records_nothing(make_app: MakeApp, clock: Clock) -> None:
    app = an_app(make_app, sent())
    [document] = sending(app)
    clock.forward(hours=1)

    assert probed(app, dry_run=True) == 1
    assert probes_of(app, document) == 0
    assert probed(app) == 1


def test_one_category_and_a_number_may_be_asked_for(make_app: MakeApp, clock: Clock) -> None:
    class Letter(Aggregate[Status], category="letter", initial=Status.SENDING):
        """Something else."""

    app = an_app(make_app, sent(), Probe(Letter, statuses=[Status.SENDING], grace=HOUR), aggregates=[Document, Letter])
    documents = sending(app, 3)
    app.save(letter := Letter.create())
    clock.forward(hours=1)
    seen(app)

    assert [one.category for one in app.probe("letter")] == ["letter"]
    assert len(app.probe("document", limit=1)[0].probed) == 1
    assert probes_of(app, letter.id) == 1
    assert sum(probes_of(app, one) for one in documents) == 1
    with pytest.raises(NotFound, match='Did you mean "letter"'):
        app.probe("leter")


def test_two_probes_of_one_object_count_each_for_themselves(make_app: MakeApp, clock: Clock) -> None:
    app = an_app(make_app, sent(name="hourly"), sent(name="daily", grace="P1D"))
    [document] = sending(app)

    for _ in range(24):
        clock.forward(hours=1)
        probed(app)

    names = [one.header.reaction for one in app.history(document) if one.header.kind == "probe"]
    assert (names.count("hourly"), names.count("daily")) == (24, 1)


def test_a_probe_leaves_the_work_on_its_object_alone(make_app: MakeApp, clock: Clock) -> None:
    app = an_app(make_app, sent(statuses=[Status.QUEUED]), reactions=[write])
    app.switches.pause("queue", "default")
    app.save(document := Document.create(title="Whales"))
    clock.forward(hours=1)
    assert probed(app) == 1

    app.switches.resume("queue", "default")
    app.drain()

    assert app.get(Document, document.id).status is Status.WRITTEN
    assert [one.header.attempt for one in app.history(document.id) if one.header.phase == "claimed"] == [1]


def test_the_verdict_of_a_probe_is_a_command_in_the_same_append(make_app: MakeApp, clock: Clock) -> None:
    def give_up(document: Document) -> None:
        document.change_status(Status.ERROR, body={"why": "never answered"})

    app = an_app(make_app, sent(then=give_up))
    [document] = sending(app)
    clock.forward(hours=1)

    assert probed(app) == 1

    probe, verdict = app.history(document)[-2:]
    assert (probe.header.kind, verdict.header.status) == ("probe", "error")
    assert probe.header.append == verdict.header.append
    assert app.get(Document, document).status is Status.ERROR


def test_a_probe_may_begin_another_object_with_reactions_of_its_own(make_app: MakeApp, clock: Clock) -> None:
    class Step(StrEnum):
        OPEN = "open"

    class Inquiry(Aggregate[Step], category="inquiry", initial=Step.OPEN):
        about: UUID

    def ask(document: Document) -> Inquiry:
        return Inquiry.create(about=document.id)

    app = an_app(make_app, sent(then=ask), aggregates=[Document, Inquiry])
    [document] = sending(app)
    clock.forward(hours=1)

    assert probed(app) == 1

    seen(app)
    [found] = app.items.page("category:inquiry").rows
    assert app.get(Inquiry, found.id).about == document
    assert app.history(found.id)[0].header.causation is not None


def test_a_probe_that_fails_says_so_masked_and_does_not_stand_in_the_way(
    make_app: MakeApp, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    def stumble(document: Document) -> None:
        document.change_status(Status.COMPLETE)
        raise ValueError("cannot, token=abc123secret")

    app = an_app(make_app, sent(then=stumble, batch=1))
    documents = sending(app, 2)
    clock.forward(hours=1)
    seen(app)

    with caplog.at_level(logging.CRITICAL):
        found = [app.probe()[0].failed, app.probe()[0].failed]
        seen(app)
        found.append(app.probe()[0].failed)

    # The projection had not seen the first one when the second was asked for.
    assert [len(one) for one in found] == [1, 0, 1]

    assert {app.get(Document, one).status for one in documents} == {Status.SENDING}
    for one in documents:
        error = app.history(one)[-1].event.event_body()["error"]
        assert error.startswith("ValueError: cannot")
        assert "abc123secret" not in error


def test_probes_are_ticks_of_the_worker(make_app: MakeApp, clock: Clock) -> None:
    app = an_app(make_app, sent())
    [document] = sending(app)
    clock.forward(hours=1)
    app.ticks.start()

    app.ticks.run("probe-document")

    assert probes_of(app, document) == 1
    assert "sending for 1:00:00" in app.ticks.get("probe-document").purpose


@pytest.mark.parametrize("grace", [3600, 3600.0, "PT1H", "01:00:00", timedelta(hours=1)])
def test_a_grace_is_seconds_or_a_duration(grace: Any) -> None:
    assert sent(grace=grace).patience == HOUR


def test_a_grace_that_is_none_is_refused_where_it_is_said() -> None:
    with pytest.raises(Misconfigured, match="no length of time"):
        sent(grace="soon")


def test_everything_that_is_wrong_with_probes_is_told_at_once() -> None:
    class Other(Aggregate[Status], category="other", initial=Status.QUEUED):
        """Not in the application."""

    with pytest.raises(Misconfigured) as found:
        in_memory(
            aggregates=[Document],
            probes=[
                Probe(Other, statuses=[Status.QUEUED], grace=1),
                sent(statuses=[], name="empty"),
                sent(statuses=["sendin"], name="misspelt"),
                sent(grace=0, name="twice"),
                sent(batch=0, name="twice"),
                "often",
            ],
        )

    told = "\n".join(found.value.problems)
    for words in (
        "Other is not among",
        "statuses= is empty",
        "sendin",
        "grace=datetime.timedelta(0) is no time",
        "batch=0",
        "'often' is no Probe",
        '2 probes are called "twice"',
    ):
        assert words in told


def test_what_lingers_is_the_same_after_a_rebuild(make_app: MakeApp, clock: Clock) -> None:
    app = an_app(make_app, sent())
    sending(app, 3)
    clock.forward(hours=1)
    probed(app)
    seen(app)

    assert app.projections.verify("lingering").equal


def test_draining_probes_what_is_due_and_does_what_comes_of_it(make_app: MakeApp, clock: Clock) -> None:
    def again(document: Document) -> None:
        document.change_status(Status.QUEUED)

    app = an_app(make_app, sent(then=again), reactions=[write])
    app.save(document := Document.create(title="Whales", status=Status.SENDING))
    app.drain()
    clock.forward(hours=1)

    app.drain()

    assert app.get(Document, document.id).status is Status.WRITTEN
    assert probes_of(app, document.id) == 1
