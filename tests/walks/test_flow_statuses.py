"""A subject stays within the statuses of its flow, whoever decides where it goes; only what fails leads out of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from enum import StrEnum
from pathlib import Path
from typing import Any, ClassVar
from uuid import UUID

import pytest

from eventflow.app import Eventflow
from eventflow.errors import BadFlow, Failed, Misconfigured, NotInFlow, Refused, WrongResult
from eventflow.model.aggregate import Aggregate
from eventflow.model.callback import callback
from eventflow.model.event import Event
from eventflow.model.flows.flow import CATALOGUE, Flow
from eventflow.model.incoming import Incoming
from eventflow.model.probe import Probe
from eventflow.model.process.process import Process
from eventflow.model.process.step import Step, calls
from eventflow.model.reaction import task
from eventflow.model.recorded import Header, Phase
from eventflow.model.retry import Retry
from eventflow.model.transition import transition
from eventflow.picking.parts import State, Transition
from eventflow.settings import Settings
from eventflow.store.log import Log
from eventflow.testing import Clock
from tests.services import fresh_schema
from tests.walks.conftest import MakeApp
from tests.walks.flow_words import shop


class Status(StrEnum):
    """Where a parcel stands."""

    NEW = "new"
    WEIGHED = "weighed"
    AT_WORK = "at_work"
    SENT = "sent"
    LOST = "lost"
    FAILED = "failed"
    CANCELED = "canceled"


class Weighed(Event):
    """How heavy it is."""

    grams: int


class Parcel(
    Aggregate[Status],
    category="parcel",
    initial=Status.NEW,
    flow=True,
    may_be_unbound=True,
    defibrillate={Status.FAILED: Status.NEW, Status.CANCELED: Status.LOST},
    cancelled={Status.NEW: Status.CANCELED, Status.WEIGHED: Status.CANCELED},
):
    """Something that is sent."""

    grams: int = 0

    @transition(Status.NEW, to=Status.WEIGHED)
    def weigh(self, grams: int) -> Weighed:
        """Weigh it."""
        return Weighed(grams=grams)

    @transition(Status.NEW, Status.WEIGHED, to=Status.LOST)
    def lose(self, grams: int = 0) -> Weighed:
        """Lose it."""
        return Weighed(grams=grams)


STATES = (
    State(key="new", type="start", status="new"),
    State(key="weighed", status="weighed"),
    State(key="sent", status="sent", is_terminal=True),
)
TRANSITIONS = (
    Transition(key="weigh", from_="new", to="weighed"),
    Transition(key="send", from_="weighed", to="sent"),
)
FLOW = Flow(subject_type="parcel", states=STATES, transitions=TRANSITIONS)
WIDER = Flow(
    subject_type="parcel",
    version=2,
    status=False,
    states=(*STATES, State(key="at_work", status="at_work"), State(key="lost", status="lost")),
    transitions=(
        *TRANSITIONS,
        Transition(key="begin", from_="weighed", to="at_work"),
        Transition(key="lose", to="lost"),
        Transition(key="find", from_="lost", to="weighed"),
    ),
)


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Settings]:
    """A log on each database."""
    if request.param == "sqlite":
        yield Settings(database=f"sqlite:///{tmp_path / 'log.db'}", broker="embedded://")
        return
    with fresh_schema() as dsn:
        yield Settings(database=dsn, broker="embedded://")


@pytest.fixture
def here(tmp_path: Path) -> Settings:
    """A log in a file."""
    return Settings(database=f"sqlite:///{tmp_path / 'log.db'}", broker="embedded://")


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Eventflow]:
    """Parcels with a narrow flow, and a wider one that is not in force."""
    with shop(tmp_path, aggregates=[Parcel], flows=[FLOW, WIDER]) as app:
        yield app


def a_parcel(app: Eventflow, **fields: Any) -> UUID:
    parcel = Parcel.create(**fields)
    app.save(parcel)
    return parcel.id


def last(app: Eventflow, id: UUID) -> Header:
    return app.log.headers(id)[-1]


# -- what is decided ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "command",
    [
        lambda parcel: parcel.change_status(Status.LOST),
        lambda parcel: parcel.lose(3),
        lambda parcel: parcel.record(Weighed(grams=3), status=Status.LOST),
    ],
)
def test_a_command_that_leads_out_of_the_flow_is_refused_and_nothing_is_changed(
    app: Eventflow, command: Callable[[Parcel], object]
) -> None:
    parcel = app.get(Parcel, a_parcel(app))

    with pytest.raises(NotInFlow) as told:
        command(parcel)

    assert (told.value.flow, told.value.status, told.value.stream) == ("parcel@1", "lost", parcel.id)
    assert told.value.statuses == ("new", "weighed", "sent")
    assert "new, weighed, sent" in str(told.value) and "ebind" in str(told.value)
    assert (parcel.status, parcel.grams, parcel.pending, parcel.version) == (Status.NEW, 0, (), 1)
    parcel.weigh(5)
    app.save(parcel)
    assert app.get(Parcel, parcel.id).grams == 5


def test_a_command_that_is_sent_is_refused_as_well(app: Eventflow) -> None:
    id = a_parcel(app)

    for said in (Parcel.lose, "lose"):
        with pytest.raises(NotInFlow):
            app.send(id, said)
    assert app.send(id, "weigh", 7).status == "weighed"
    assert [header.status for header in app.log.headers(id)] == ["new", "weighed"]


def test_what_is_about_to_begin_is_refused_when_its_flow_does_not_have_where_it_goes(app: Eventflow) -> None:
    parcel = Parcel.create()
    parcel.change_status(Status.LOST)

    with pytest.raises(NotInFlow, match='cannot go to "lost"'):
        app.save(parcel)
    with pytest.raises(NotInFlow):
        app.save(Parcel.create(status=Status.LOST))

    assert parcel.bound_flow is None and app.log.head(parcel.id) is None
    app.flows.activate("parcel@2")
    app.save(parcel)
    assert (last(app, parcel.id).status, last(app, parcel.id).flow) == ("lost", "parcel@2")


def test_an_object_that_is_kept_after_it_was_saved_knows_its_flow(app: Eventflow) -> None:
    parcel = Parcel.create()
    app.save(parcel)

    with pytest.raises(NotInFlow):
        parcel.change_status(Status.LOST)


def test_what_does_not_know_the_bounds_of_its_flow_is_refused_when_it_is_saved(app: Eventflow) -> None:
    parcel = Parcel.replay(app.history(a_parcel(app)))
    parcel.change_status(Status.LOST)

    with pytest.raises(NotInFlow):
        app.save(parcel)
    assert last(app, parcel.id).status == "new"


def test_the_present_status_may_always_be_told_again(app: Eventflow) -> None:
    id = a_parcel(app)
    app.cancel(id)

    app.repository.change(Parcel, id, lambda parcel: parcel.change_status(Status.CANCELED, body={"why": "no use"}))
    app.repository.change(Parcel, id, lambda parcel: parcel.touch())

    assert [header.status for header in app.log.headers(id)] == ["new", *["canceled"] * 3]


def test_what_is_bound_to_no_flow_goes_where_it_likes(app: Eventflow) -> None:
    id = a_parcel(app)
    app.flows.unbind(id)

    app.repository.change(Parcel, id, lambda parcel: parcel.lose())

    assert last(app, id).status == "lost"


def test_a_probe_whose_command_leads_out_of_the_flow_says_so(here: Settings) -> None:
    clock, probe = Clock(), Probe(Parcel, statuses=[Status.NEW], grace=60, then=Parcel.lose)
    with Eventflow(here, aggregates=[Parcel], flows=[FLOW], probes=[probe], clock=clock) as app:
        id = a_parcel(app)
        clock.forward(minutes=2)
        app.projections.catch_up()

        assert [one.failed for one in app.probe()] == [(id,)]
        assert last(app, id).status == "new" and "NotInFlow" in str(app.history(id)[-1].event)


# -- where no status is named ------------------------------------------------------------------------


def test_a_flow_whose_states_name_no_status_leaves_statuses_alone(here: Settings) -> None:
    with Eventflow(here, aggregates=[Parcel], flows=[Flow(subject_type="parcel")]) as app:
        id = a_parcel(app, status=Status.WEIGHED)
        app.repository.change(Parcel, id, lambda parcel: parcel.lose())

        assert (last(app, id).status, last(app, id).flow) == ("lost", "parcel@1")


def test_a_start_that_stands_for_no_status_stands_for_the_one_that_subjects_begin_in(here: Settings) -> None:
    open_ended = FLOW.replace(states=(State(key="new", type="start"), *STATES[1:]))
    with Eventflow(here, aggregates=[Parcel], flows=[open_ended]) as app:
        id, lost = a_parcel(app), a_parcel(app, status=Status.LOST)
        app.repository.change(Parcel, id, lambda parcel: parcel.weigh(2))
        app.repository.change(Parcel, id, lambda parcel: parcel.change_status(Status.NEW))

        with pytest.raises(NotInFlow) as told:
            app.repository.change(Parcel, id, lambda parcel: parcel.lose())
        assert told.value.statuses == ("new", "weighed", "sent")
        assert last(app, lost).status == "lost", "it began there"


# -- what comes of work ------------------------------------------------------------------------------

WORKED: list[str] = []
TWICE = Retry(attempts=2)


def worker(name: str, **steps: Any) -> Any:
    """A task on what is new that says that it was called."""

    def work(parcel: Parcel) -> Weighed:
        WORKED.append(name)
        return Weighed(grams=9)

    usual = {"on": Status.NEW, "processing": None, "complete": Status.WEIGHED, "failed": Status.FAILED}
    return task(Parcel, **{**usual, "name": name, **steps})(work)


@pytest.mark.parametrize(
    "steps",
    [
        {"complete": Status.LOST},
        {"processing": Status.AT_WORK},
        {"processing": Parcel.lose},
        {"complete": Status.LOST, "retry": Retry(attempts=50)},
    ],
)
def test_work_that_would_lead_out_of_the_flow_is_not_begun_and_that_is_its_failure(
    place: Settings, steps: dict[str, Any]
) -> None:
    WORKED.clear()
    with Eventflow(place, aggregates=[Parcel], flows=[FLOW, WIDER]):
        """Published by a program that has no such work."""
    with Eventflow(place, aggregates=[Parcel], reactions=[worker("strays", **steps)]) as app:
        id = a_parcel(app)
        app.drain()

        failed = last(app, id)
        assert (failed.status, failed.kind, failed.reaction) == ("failed", "exception", "strays")
        assert failed.error is not None and failed.error.startswith("NotInFlow: parcel")
        facts = app.history(id)[-1].event.event_body()["body"]
        assert facts["type"].endswith("NotInFlow") and "new, weighed, sent" in facts["message"]
        assert (WORKED, app.get(Parcel, id).grams) == ([], 0)
        app.drain()
        assert last(app, id) == failed and app.backlog() == [], "it is not tried for ever"
        assert app.flows.instance(id).state is None
        app.flows.rebind(id, "parcel@2", reason="it has what is missing")
        app.defibrillate(id)
        app.drain()
        assert WORKED == ["strays"] and app.get(Parcel, id).grams == 9


def test_the_flow_may_change_while_the_work_goes_on_and_its_end_is_a_failure_then(place: Settings) -> None:
    with Eventflow(place, aggregates=[Parcel], flows=[FLOW, WIDER]) as other:

        @task(
            Parcel,
            on=Status.NEW,
            processing=None,
            complete=Status.LOST,
            failed=Status.FAILED,
            retry=Retry(attempts=9),
        )
        def searched(parcel: Parcel) -> Weighed:
            WORKED.append("searched")
            other.flows.rebind(parcel.id, "parcel@1")
            return Weighed(grams=4)

        WORKED.clear()
        with Eventflow(place, aggregates=[Parcel], reactions=[searched]) as app:
            id = a_parcel(other)
            app.flows.rebind(id, "parcel@2")
            app.drain()

            assert (WORKED, last(app, id).status) == (["searched"], "failed")
            assert str(last(app, id).error).startswith("NotInFlow: parcel")
            assert app.get(Parcel, id).grams == 0


def test_a_handler_that_is_refused_for_another_subject_is_tried_again(place: Settings) -> None:
    clock = Clock()
    with Eventflow(place, aggregates=[Parcel], flows=[FLOW]) as other:
        elsewhere = a_parcel(other)
        other.repository.change(Parcel, elsewhere, lambda parcel: parcel.weigh(1))

        @task(Parcel, on=Status.NEW, complete=Status.WEIGHED, failed=Status.FAILED, processing=None, retry=TWICE)
        def meddles(parcel: Parcel) -> None:
            other.send(elsewhere, Parcel.lose)

        with Eventflow(place, aggregates=[Parcel], reactions=[meddles], clock=clock) as app:
            id = a_parcel(app)
            app.drain()

            assert [one.attempt for one in app.log.headers(id) if one.phase == Phase.DEFERRED] == [2]
            assert last(app, id).status == "failed"


@task(Parcel, on=Status.NEW, processing=None, complete=Status.WEIGHED, failed=Status.FAILED)
def breaks(parcel: Parcel) -> Weighed:
    """Break."""
    raise ValueError("it broke")


def test_a_failure_is_recorded_although_the_flow_does_not_have_its_status(make_app: MakeApp) -> None:
    app = make_app(aggregates=[Parcel], reactions=[breaks], flows=[FLOW])
    id = a_parcel(app)
    app.drain()

    assert (last(app, id).status, last(app, id).error, last(app, id).flow) == (
        "failed", "ValueError: it broke", "parcel@1",
    )  # fmt: skip
    assert app.defibrillate(id).status == "new"
    app.drain()
    assert last(app, id).status == "failed"


class Crate(Aggregate[Status], category="crate", initial=Status.NEW, flow=True):
    """Something that has a command for its failures."""

    grams: int = 5

    @transition(to=Status.FAILED)
    def give_up(self, why: str) -> Weighed:
        """Nothing is left of it."""
        return Weighed(grams=0)


@task(
    Crate,
    on=Status.NEW,
    processing=None,
    complete=Status.WEIGHED,
    failed=Crate.give_up,
    retry=TWICE,
)
def drops(crate: Crate) -> None:
    """Drop it."""
    raise ValueError("it fell")


def test_retries_and_the_command_for_failures_are_recorded_all_the_same(place: Settings) -> None:
    crates = FLOW.replace(id="crate@1", subject_type="crate")
    with Eventflow(place, aggregates=[Crate], reactions=[drops], flows=[crates]) as app:
        crate = Crate.create()
        app.save(crate)
        app.drain()

        assert [one.name.partition(":")[2] for one in app.log.headers(crate.id)] == [
            "created", "claimed", "retry_scheduled", "retry_started", "weighed",
        ]  # fmt: skip
        assert (last(app, crate.id).status, app.get(Crate, crate.id).grams) == ("failed", 0)


def test_what_is_called_off_may_leave_its_flow_and_is_not_restarted_outside_of_it(app: Eventflow) -> None:
    id = a_parcel(app)

    assert app.cancel(id, reason="no use").status == "canceled"
    parcel = app.get(Parcel, id)
    assert not parcel.can_be_defibrillated
    with pytest.raises(NotInFlow, match='cannot go to "lost"'):
        app.defibrillate(id)
    app.flows.rebind(id, "parcel@2")
    assert app.get(Parcel, id).can_be_defibrillated
    assert app.defibrillate(id).status == "lost"


def test_of_a_batch_those_are_left_alone_whose_flow_does_not_have_where_they_would_restart(
    app: Eventflow,
) -> None:
    stays, goes = a_parcel(app), a_parcel(app)
    for id in (stays, goes):
        app.cancel(id)
    app.flows.rebind(goes, "parcel@2")
    app.projections.catch_up()
    batch = app.defibrillate_where("category:parcel status:canceled", reason="found")
    app.drain()

    done = app.batches.get(batch.id)
    assert (done.status, last(app, stays).status, last(app, goes).status) == ("finished", "canceled", "lost")
    assert "NotInFlow" not in str(last(app, stays).error)
    told = str([one.event for one in app.history(batch.id)])
    assert str(stays) in told and "parcel@1" in told


# -- calls from outside ------------------------------------------------------------------------------


@callback(
    Parcel,
    expects=Status.NEW,
    verify=None,
    processing=Status.AT_WORK,
    complete=Status.WEIGHED,
    failed=Status.FAILED,
    name="first",
)
def strays_at_once(parcel: Parcel, request: Incoming) -> Weighed:
    """Its first step leads out of the flow."""
    WORKED.append("called")
    return Weighed(grams=1)


@callback(
    Parcel,
    expects=Status.NEW,
    verify=None,
    complete=lambda parcel, request: Status.LOST,
    failed=Status.FAILED,
    name="end",
)
def strays_in_the_end(parcel: Parcel, request: Incoming) -> Weighed:
    """It chooses an end that its flow does not have."""
    WORKED.append("called")
    return Weighed(grams=1)


@callback(Parcel, expects=Status.NEW, verify=None, complete=Status.WEIGHED, failed=Status.FAILED, name="good")
def stays(parcel: Parcel, request: Incoming) -> Weighed:
    """It stays within the flow."""
    return Weighed(grams=request.json()["grams"])


@pytest.mark.parametrize("name", ["first", "end"])
def test_a_call_from_outside_that_would_lead_out_of_the_flow_is_a_failure_that_keeps_what_was_said(
    place: Settings, name: str
) -> None:
    WORKED.clear()
    with Eventflow(place, aggregates=[Parcel], flows=[FLOW]):
        pass
    with Eventflow(place, aggregates=[Parcel], callbacks=[strays_at_once, strays_in_the_end, stays]) as app:
        id = a_parcel(app)

        with pytest.raises(Failed, match="cannot be recorded") as told:
            app.call_back(name, id, Incoming.of({"grams": 3}))

        assert not isinstance(told.value, (Refused, WrongResult)), "whoever calls has done nothing wrong"
        heard, failed = app.history(id)[1:]
        assert (heard.header.name, heard.header.status) == ("parcel:callback_received", "new")
        assert '"grams"' in heard.event.event_body()["body"]
        assert (failed.header.status, WORKED) == ("failed", [])
        assert str(failed.header.error).startswith("NotInFlow: parcel")
        app.defibrillate(id)
        assert app.call_back("good", id, Incoming.of({"grams": 3})).verdict == "accepted"


# -- steps of processes ------------------------------------------------------------------------------


def test_a_step_whose_task_would_lead_out_of_the_flow_fails_and_the_item_stays(place: Settings) -> None:
    WORKED.clear()

    @task(Parcel, on=Status.NEW, processing=None, complete=Status.LOST, failed=Status.FAILED)
    def parcel_is_lost(parcel: Parcel) -> Weighed:
        WORKED.append("called")
        return Weighed(grams=1)

    class Loss(Process, name="loss", version=1):
        parcel: UUID

        lose: ClassVar[Step] = calls(parcel_is_lost, of="parcel", retry=Retry(attempts=1))

    with Eventflow(place, aggregates=[Parcel], flows=[FLOW], processes=[Loss]) as app:
        id = a_parcel(app)
        run = app.processes.start(Loss(parcel=id))
        app.drain()

        assert last(app, id).status == "new" and len(app.log.headers(id)) == 1
        assert WORKED == [], "nothing is done that could not be recorded"
        assert "NotInFlow" in str(last(app, run.id).error)


# -- bound anew --------------------------------------------------------------------------------------


def test_a_subject_is_not_rebound_to_a_flow_that_does_not_have_its_status(app: Eventflow) -> None:
    id = a_parcel(app)
    app.flows.rebind(id, "parcel@2")
    app.repository.change(Parcel, id, lambda parcel: parcel.lose())
    before = len(app.log.headers(id))

    for to in ("parcel@1", None):
        with pytest.raises(NotInFlow, match='stands in "lost"') as told:
            app.flows.rebind(id, to)
        assert told.value.is_there and told.value.statuses == ("new", "weighed", "sent")
    assert len(app.log.headers(id)) == before and app.get(Parcel, id).bound_flow == "parcel@2"
    app.flows.unbind(id)
    with pytest.raises(NotInFlow):
        app.flows.rebind(id, "parcel@1")
    app.repository.change(Parcel, id, lambda parcel: parcel.change_status(Status.SENT))
    app.flows.rebind(id, "parcel@1")
    with pytest.raises(NotInFlow):
        app.repository.change(Parcel, id, lambda parcel: parcel.change_status(Status.LOST))


# -- known beforehand --------------------------------------------------------------------------------


def test_work_that_leads_out_of_a_flow_is_told_when_the_application_is_made(here: Settings) -> None:
    reactions = [
        worker("strays", processing=Status.AT_WORK),
        worker("fits", flow="parcel@2", complete=Status.LOST),
    ]
    with pytest.raises(Misconfigured) as told:
        Eventflow(here, aggregates=[Parcel], flows=[FLOW, WIDER.replace(status=True)], reactions=reactions)

    [problem] = told.value.problems
    assert problem.startswith('The flow parcel@1: strays leads from "new" to "at_work"')


def test_what_is_done_with_what_has_failed_is_looked_at_too(here: Settings) -> None:
    mends = worker("mends", on=Status.FAILED, complete=Status.LOST, failed=Status.CANCELED)
    weighs = worker("weighs")
    narrow = FLOW.replace(id="narrow")
    with pytest.raises(Misconfigured) as told:
        Eventflow(here, aggregates=[Parcel], flows=[narrow], reactions=[weighs, mends])

    [problem] = told.value.problems
    assert problem.startswith('The flow narrow: mends leads from "failed" to "lost"')


def test_a_flow_that_does_not_fit_the_work_of_its_subjects_is_not_published(here: Settings) -> None:
    with Eventflow(here, aggregates=[Crate], reactions=[], flows=[]) as plain:
        assert plain.flows.problems(FLOW.replace(subject_type="crate")) == ()

    @task(Crate, on=Status.NEW, processing=Status.AT_WORK, complete=Status.WEIGHED, failed=Status.FAILED)
    def weighs(crate: Crate) -> None:
        """Weigh it."""

    flow = FLOW.replace(id="crate@1", subject_type="crate")
    with Eventflow(here, aggregates=[Crate], reactions=[weighs]) as app:
        assert [one.code for one in app.flows.problems(flow)] == ["stray_work"]
        with pytest.raises(BadFlow, match='weighs leads from "new" to "at_work"'):
            app.flows.publish(flow)
        wider = flow.replace(states=(*STATES, State(key="at_work", status="at_work")))
        assert app.flows.problems(wider) == (), "work leads to a state, and out of it, as well as a transition does"
        app.flows.publish(wider)


# -- what it costs -----------------------------------------------------------------------------------


def test_what_is_bound_to_no_flow_asks_nothing_and_what_is_bound_asks_once(place: Settings) -> None:
    class Plain(Aggregate[Status], category="plain", initial=Status.NEW):
        """Nobody binds it."""

    with Eventflow(place, aggregates=[Parcel, Plain], flows=[FLOW]) as app:
        plain = Plain.create()
        app.save(plain)
        bound = a_parcel(app)
    with Eventflow(place, aggregates=[Parcel, Plain]) as app:
        asked: list[UUID] = []
        app._shelves._log = _Listening(app.log, asked)  # type: ignore[assignment]  # a log that listens

        for _ in range(3):
            app.repository.change(Plain, plain.id, lambda one: one.change_status(Status.LOST))
            app.repository.change(Plain, plain.id, lambda one: one.change_status(Status.NEW))
        assert asked == []
        for _ in range(3):
            app.repository.change(Parcel, bound, lambda one: one.change_status(Status.WEIGHED))
            app.repository.change(Parcel, bound, lambda one: one.change_status(Status.NEW))
        assert asked == [CATALOGUE]


class _Listening:
    """A log that notes whose head is asked for."""

    def __init__(self, log: Log, asked: list[UUID]) -> None:
        self._log, self._asked = log, asked

    def head(self, stream: UUID) -> Header | None:
        self._asked.append(stream)
        return self._log.head(stream)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._log, name)
