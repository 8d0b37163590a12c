"""Shares that are raised step by step, and stop by themselves."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from eventflow.app import Eventflow
from eventflow.errors import FlowNotFound, Refused, TransitionRefused
from eventflow.model.aggregate import Aggregate
from eventflow.model.flows.flow import flow_stream
from eventflow.model.flows.ramp import Ascent, Figures, FlowRamp, Halt, ramp_stream
from eventflow.model.library import StatusChanged
from eventflow.model.reaction import task
from eventflow.settings import Settings
from eventflow.testing import Clock
from tests.walks.flow_words import PACKED, Status, a_flow, shop

HOUR = timedelta(hours=1)


class Order(Aggregate[Status], category="order", initial=Status.NEW, flow=True, may_be_unbound=True):
    """Something that is packed, or breaks."""

    title: str = ""


@task(Order, on=Status.NEW, processing=Status.PACKING, complete=Status.SENT, failed=Status.FAILED)
def pack(order: Order) -> None:
    """What is broken fails."""
    if order.title == "broken":
        raise ValueError("it is broken")


@pytest.fixture
def clock() -> Clock:
    """A clock that is turned by hand."""
    return Clock()


@pytest.fixture
def app(tmp_path: Path, clock: Clock) -> Iterator[Eventflow]:
    """A shop with a flow for everybody, and one for nobody yet."""
    with shop(tmp_path, aggregates=[Order], reactions=[pack], clock=clock) as app:
        app.flows.publish(a_flow(states=PACKED), a_flow(states=PACKED, version=2, rollout_pct=0))
        yield app


def looked(app: Eventflow) -> int:
    """How much there was to do for a worker that looks now."""
    app.projections.catch_up()
    return app.flows.ramps.step()


def share(app: Eventflow) -> int | None:
    return app.flows.get("order@2").rollout_pct


def ramp(app: Eventflow) -> FlowRamp:
    found = app.flows.ramps.get("order@2")
    assert found is not None
    return found


def orders(app: Eventflow, *titles: str) -> None:
    """Orders that go by the second version, done with as far as that goes."""
    for title in titles:
        order = Order.create(title=title)
        app.save(order)
        app.flows.rebind(order.id, "order@2")
    app.drain()


def test_a_share_is_raised_step_by_step_until_it_is_where_it_was_to_go(app: Eventflow, clock: Clock) -> None:
    app.flows.rollout("order@2", to=25, by=10, every=HOUR, reason="it is good", actor="ann")
    assert share(app) == 0

    seen = []
    for _ in range(4):
        looked(app)
        assert looked(app) == 0
        seen.append(share(app))
        clock.forward(hours=1)

    assert seen == [10, 20, 25, 25]
    assert (ramp(app).status, ramp(app).next_at) == (Ascent.DONE, None)
    steps = app.history(ramp_stream("order@2"))
    assert [one.header.name.rpartition("ramp_")[2] for one in steps[1:]] == ["begun", *["raised"] * 3, "done"]
    assert steps[1].header.actor == "ann" and steps[2].header.actor == "rollout"
    sets = [one for one in app.log.headers(flow_stream("order@2")) if one.name.endswith("rollout_set")]
    assert [one.append for one in sets] == [one.header.append for one in steps[2:5]]
    assert [one.event.event_body()["reason"] for one in app.flows.history("order@2")[1:]] == ["it is good"] * 3


def test_workers_raise_it_by_themselves(app: Eventflow) -> None:
    app.flows.rollout("order@2", to=30, by=10, every=HOUR)
    app.drain()

    assert share(app) == 10
    assert "rollouts" in [one.name for one in app.ticks.all()]


def test_a_ramp_goes_on_in_its_rhythm_when_the_program_was_started_again(
    tmp_path: Path, app: Eventflow, clock: Clock
) -> None:
    app.flows.rollout("order@2", to=30, by=10, every=HOUR)
    looked(app)
    app.close()

    with shop(tmp_path, aggregates=[Order], reactions=[pack], clock=clock) as again:
        clock.forward(minutes=59)
        assert looked(again) == 0 and share(again) == 10
        clock.forward(minutes=1)
        assert looked(again) == 1 and share(again) == 20


def test_it_halts_by_itself_when_too_many_subjects_of_the_flow_fail_and_says_why(app: Eventflow, clock: Clock) -> None:
    app.flows.rollout("order@2", to=30, by=10, every=HOUR, halt_when="error_rate>50%")
    looked(app)
    other = Order.create(title="broken")
    app.save(other)
    app.flows.rebind(other.id, "order@1")  # one of ten goes by the second version by itself
    orders(app, "whales", "broken")
    clock.forward(hours=1)
    looked(app)
    assert share(app) == 20, "half of them is not too many, and the broken one of another flow does not count"

    orders(app, "broken")
    assert ramp(app).status is Ascent.HALTED, "a worker looks between the steps as well"
    clock.forward(hours=1)
    looked(app)

    assert share(app) == 20
    assert ramp(app).why == "error_rate>50%: 2 of 3 subjects have failed (66.7%)"
    assert app.flows.ramps.figures("order@1") == Figures(1, 1)


def test_who_comes_and_fails_while_it_is_counted_does_not_make_the_rate_higher_than_it_is(
    app: Eventflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    count, waiting = app.items.count, [Order.create(title="broken")]

    def counting(where: str, *, at_most: int) -> int:
        found = count(where, at_most=at_most)
        while waiting:
            late = waiting.pop()
            app.save(late)
            app.flows.rebind(late.id, "order@2")
            bound = app.get(Order, late.id)
            bound.record(StatusChanged(body=None), status=Status.FAILED, error="ValueError: it is broken")
            app.save(bound)
            app.projections.catch_up()
        return found

    monkeypatch.setattr(app.items, "count", counting)
    assert app.flows.ramps.figures("order@2") == Figures(1, 0)
    assert app.flows.ramps.figures("order@2") == Figures(1, 1)


def test_it_halts_when_somebody_else_sets_the_share_or_puts_the_flow_away(app: Eventflow, clock: Clock) -> None:
    app.flows.rollout("order@2", to=30, by=10, every=HOUR)
    looked(app)
    app.flows.set_rollout("order@2", 5)
    clock.forward(hours=1)
    looked(app)
    assert (share(app), ramp(app).status) == (5, Ascent.HALTED)
    assert ramp(app).why == "somebody else has set the share to 5 %; the ramp had it at 10 %"

    app.flows.rollout("order@2", to=30, by=10, every=HOUR)
    looked(app)
    app.flows.deactivate("order@2")
    clock.forward(hours=1)
    looked(app)
    assert (share(app), ramp(app).why) == (15, "the flow is not active any more")


def test_somebody_may_stop_it(app: Eventflow, clock: Clock) -> None:
    app.flows.rollout("order@2", to=30, by=10, every=HOUR)
    looked(app)
    app.flows.stop_rollout("order@2", reason="lunch", actor="ann")
    clock.forward(hours=5)

    assert looked(app) == 0
    assert (share(app), ramp(app).status, ramp(app).why) == (10, Ascent.HALTED, "lunch")
    with pytest.raises(Refused):
        app.flows.stop_rollout("order@2")
    with pytest.raises(Refused, match="not being raised"):
        app.flows.stop_rollout("order@1")


@pytest.mark.parametrize(
    "wrong",
    [{"to": 0}, {"to": 101}, {"by": 0}, {"every": timedelta(0)}, {"halt_when": "errors > many"}, {"start": 40}],
)
def test_what_leads_nowhere_is_refused(app: Eventflow, wrong: dict[str, Any]) -> None:
    with pytest.raises(Refused):
        app.flows.rollout("order@2", **{"to": 30, "by": 10, "every": HOUR, **wrong})
    assert app.flows.ramps.get("order@2") is None and share(app) == 0


def test_a_flow_for_everybody_needs_a_share_to_begin_from_and_one_ramp_runs_at_a_time(app: Eventflow) -> None:
    with pytest.raises(Refused, match="everybody"):
        app.flows.rollout("order@1", to=30, by=10, every=HOUR)
    with pytest.raises(FlowNotFound):
        app.flows.rollout("order@7", to=30, by=10, every=HOUR)
    app.flows.rollout("order@1", to=30, by=10, every=HOUR, start=5)
    assert app.flows.get("order@1").rollout_pct == 5
    with pytest.raises(TransitionRefused):
        app.flows.rollout("order@1", to=50, by=10, every=HOUR)


@pytest.mark.parametrize(
    ("text", "figures", "holds"),
    [
        ("error_rate>5%", Figures(100, 5), False),
        ("error_rate>=5%", Figures(100, 5), True),
        ("error_rate > 0.04", Figures(100, 5), True),
        ("error_rate>0%", Figures(0, 0), False),
        ("errors>2", Figures(1000, 3), True),
        ("subjects>=1000", Figures(1000, 0), True),
    ],
)
def test_a_condition_to_halt_holds_or_not(text: str, figures: Figures, holds: bool) -> None:
    assert Halt.parse(text).holds(figures) is holds


def test_of_two_who_raise_it_at_once_one_does(place: Settings, clock: Clock) -> None:
    composition: dict[str, Any] = {"aggregates": [Order], "clock": clock}
    with Eventflow(place, **composition) as one, Eventflow(place, **composition) as two:
        one.flows.publish(a_flow(rollout_pct=0))
        one.flows.rollout("order@1", to=100, by=10, every=HOUR)
        gate, came = threading.Barrier(2), []

        def look(app: Eventflow) -> None:
            app.projections.catch_up()
            gate.wait()
            came.append(app.flows.ramps.advance(ramp_stream("order@1")))

        both = [threading.Thread(target=look, args=(app,)) for app in (one, two)]
        for thread in both:
            thread.start()
        for thread in both:
            thread.join()

        assert sorted(came) == [0, 1] and two.flows.get("order@1").rollout_pct == 10
