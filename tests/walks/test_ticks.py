"""What is done again and again: in its rhythm, once for each log, and as operators steer it."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Any

import pytest

from eventflow.app import Eventflow
from eventflow.errors import NotFound, Refused
from eventflow.runtime.ticks import Tick
from eventflow.store.ticks import Runs
from eventflow.testing import Clock
from tests.waiting import until
from tests.walks.conftest import MakeApp
from tests.walks.library import Document

HOURLY = timedelta(hours=1)


def counting(name: str = "count", *, every: timedelta = HOURLY, **options: Any) -> tuple[Tick, list[int]]:
    """A tick that notes its runs."""
    runs: list[int] = []

    def run() -> int:
        runs.append(1)
        return 0

    return Tick(name=name, every=every, run=run, **options), runs


def an_app(make_app: MakeApp, *ticks: Tick) -> Eventflow:
    app = make_app(aggregates=[Document], ticks=ticks)
    app.ticks.start()
    return app


def test_a_tick_that_never_ran_is_due_and_then_rests(make_app: MakeApp) -> None:
    tick, runs = counting()
    app = an_app(make_app, tick)

    app.ticks.step()
    app.ticks.step()

    assert len(runs) == 1


def test_the_next_leader_goes_on_in_the_same_rhythm(make_app: MakeApp, clock: Clock) -> None:
    tick, runs = counting()
    an_app(make_app, tick).ticks.step()

    clock.forward(minutes=59)
    an_app(make_app, tick).ticks.step()
    clock.forward(minutes=1)
    an_app(make_app, tick).ticks.step()

    assert len(runs) == 2


def test_what_came_of_the_last_run_is_kept(make_app: MakeApp, clock: Clock) -> None:
    app = an_app(make_app, Tick(name="sweep", every=HOURLY, run=lambda: 7))

    app.ticks.step()

    run = Runs(app.database).all()["sweep"]
    assert (run.began_at, run.done, run.error, run.failures, run.every) == (clock(), 7, None, 0, HOURLY)
    assert run.took >= timedelta(0)


def test_a_tick_that_raises_says_so_masked_and_comes_again_at_its_time(
    make_app: MakeApp, caplog: pytest.LogCaptureFixture
) -> None:
    def stumble() -> int:
        raise ValueError("no way, password=hunter2")

    tick, runs = counting("other")
    app = an_app(make_app, Tick(name="stumble", every=HOURLY, run=stumble), tick)

    with caplog.at_level(logging.CRITICAL):
        app.ticks.step()
        app.ticks.run("stumble")

    run = Runs(app.database).all()["stumble"]
    assert run.failures == 2
    assert (run.error or "").startswith("ValueError: no way")
    assert "hunter2" not in (run.error or "")
    assert len(runs) == 1


def test_an_eager_tick_goes_on_while_there_is_something_to_do(make_app: MakeApp) -> None:
    left = [3, 2, 1, 0]
    app = an_app(make_app, Tick(name="carry", every=HOURLY, run=lambda: left.pop(0), eager=True))

    while app.ticks.step():
        pass

    assert left == []


def test_a_paused_tick_rests_until_it_is_resumed(make_app: MakeApp) -> None:
    tick, runs = counting()
    app = an_app(make_app, tick)
    app.switches.pause("tick", "count", reason="too loud", actor="ann")

    app.ticks.step()
    assert runs == []
    assert app.switches.resume("tick", "count")
    app.ticks.step()

    assert len(runs) == 1
    assert not app.switches.resume("tick", "count")


def test_a_pause_with_an_end_is_over_then(make_app: MakeApp, clock: Clock) -> None:
    tick, runs = counting()
    app = an_app(make_app, tick)
    app.switches.pause("tick", "count", until=clock() + timedelta(minutes=5))

    app.ticks.step()
    assert runs == []
    clock.forward(minutes=5)
    app.ticks.step()

    assert len(runs) == 1


def test_a_pause_whose_end_is_past_is_refused(make_app: MakeApp, clock: Clock) -> None:
    app = an_app(make_app)

    with pytest.raises(Refused, match="over already"):
        app.switches.pause("tick", "count", until=clock())


def test_a_triggered_tick_runs_once_now_also_while_it_rests(make_app: MakeApp) -> None:
    tick, runs = counting()
    app = an_app(make_app, tick)
    app.ticks.step()
    app.switches.pause("tick", "count")

    app.switches.trigger("tick", "count", reason="to see", actor="ann")
    app.ticks.step()
    app.ticks.step()

    assert len(runs) == 2
    assert app.switches.is_paused("tick", "count")


def test_a_trigger_that_was_followed_is_not_followed_again_by_the_next_leader(make_app: MakeApp) -> None:
    tick, runs = counting()
    app = an_app(make_app, tick)
    app.switches.trigger("tick", "count")
    app.ticks.step()

    an_app(make_app, tick).ticks.step()

    assert len(runs) == 1


def test_who_paused_what_and_why_is_in_the_history(make_app: MakeApp) -> None:
    app = an_app(make_app)
    app.switches.pause("queue", "mail", reason="the peer moves", actor="ann")
    app.switches.resume("queue", "mail", actor="bob")

    switch = app.switches.get("queue", "mail")
    assert switch is not None
    history = app.history(switch.id)
    assert [(one.header.name, one.header.actor) for one in history] == [
        ("eventflow_switch:created", "ann"),
        ("eventflow_switch:paused", "ann"),
        ("eventflow_switch:resumed", "bob"),
    ]
    assert history[1].event.event_body() == {"reason": "the peer moves", "until": None}


def test_a_tick_that_nobody_has_is_not_run(make_app: MakeApp) -> None:
    tick, _ = counting()
    app = an_app(make_app, tick)

    with pytest.raises(NotFound, match='Did you mean "count"'):
        app.ticks.run("coumt")


def test_of_several_workers_one_runs_the_ticks(make_app: MakeApp) -> None:
    tick, runs = counting(every=timedelta(seconds=0.05))
    first, second = make_app(aggregates=[Document], ticks=[tick]), make_app(aggregates=[Document], ticks=[tick])
    workers = [first.worker(), second.worker()]
    for worker in workers:
        worker.start()
    try:
        until(lambda: len(runs) >= 2)
    finally:
        for worker in workers:
            worker.stop()

    assert "count" in [one.name for one in first.ticks.all()]
    assert {"rescue", "resend", "count"} <= set(Runs(first.database).all())
