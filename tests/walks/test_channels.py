"""Channels: how many at once, what a fatal error holds, and when it is quiet."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from eventflow.app import Eventflow
from eventflow.errors import Misconfigured, Refused
from eventflow.model.channel import Channel
from eventflow.model.process.endings import RetryLater
from eventflow.model.process.process import Process
from eventflow.model.process.run import Run
from eventflow.model.process.status import RunStatus
from eventflow.model.process.step import step
from eventflow.model.quiet import QuietHours
from eventflow.model.retry import Retry
from eventflow.store.limits import Places
from eventflow.store.workers import Workers
from eventflow.testing import Clock
from tests.waiting import until
from tests.walks.conftest import MakeApp

embedded = pytest.mark.parametrize("settings", ["sqlite-stub"], indirect=True)
everywhere = pytest.mark.parametrize("settings", ["sqlite-stub", "postgres-redis"], indirect=True)

ONCE = Retry(attempts=1)


class Import(Process, name="import", channel="shop", retry=ONCE):
    """Reads a file that may be broken."""

    file: str
    folder: Path

    @step
    def read(self) -> None:
        """It can be read once there is glue."""
        if self.file.startswith("broken") and not (self.folder / "glue").exists():
            raise ValueError(f"{self.file} is broken")

    @step
    def store(self) -> None:
        """Leaves a mark."""
        (self.folder / f"{self.file}.stored").touch()


class Export(Process, name="export", channel="shop", retry=ONCE):
    """Something else that goes through the same channel."""

    @step
    def write(self) -> None:
        """Nothing to it."""


PROCESSES: list[type[Process]] = [Import, Export]


def shop(make_app: MakeApp, **said: Any) -> Eventflow:
    return make_app(aggregates=[], processes=PROCESSES, channels=[Channel("shop", **said), Channel("night")])


def status(app: Eventflow, *runs: Run) -> list[RunStatus]:
    return [app.processes.get(one.id).status for one in runs]


# -- lockdown --------------------------------------------------------------------------------------


@everywhere
def test_after_a_fatal_error_nothing_new_begins_in_the_channel_until_somebody_has_seen_to_it(
    make_app: MakeApp, tmp_path: Path
) -> None:
    app = shop(make_app, lockdown="channel")
    broken = app.processes.start(Import(file="broken", folder=tmp_path))
    app.drain()
    others = [app.processes.start(Import(file="good", folder=tmp_path)), app.processes.start(Export())]
    elsewhere = app.processes.start(Import(file="far", folder=tmp_path), channel="night")
    app.drain()
    assert status(app, broken, *others, elsewhere) == [
        RunStatus.ERROR, RunStatus.PENDING, RunStatus.PENDING, RunStatus.SUCCESS,
    ]  # fmt: skip
    assert app.waits(others[0].id) == "lockdown shop"

    (tmp_path / "glue").touch()
    app.processes.restart(broken.id, reason="there is glue")
    app.drain()

    assert status(app, broken, *others) == [RunStatus.SUCCESS] * 3


@embedded
def test_a_run_that_is_abandoned_holds_nobody_any_more(make_app: MakeApp, tmp_path: Path) -> None:
    app = shop(make_app, lockdown="channel")
    broken = app.processes.start(Import(file="broken", folder=tmp_path))
    app.drain()
    other = app.processes.start(Export())
    app.drain()
    assert status(app, other) == [RunStatus.PENDING]

    app.processes.abandon(broken.id, reason="never mind")
    app.drain()

    assert status(app, broken, other) == [RunStatus.ABORTED, RunStatus.SUCCESS]


@embedded
def test_a_lockdown_of_a_process_leaves_the_others_alone(make_app: MakeApp, tmp_path: Path) -> None:
    app = shop(make_app, lockdown="process")
    app.processes.start(Import(file="broken", folder=tmp_path))
    app.drain()
    same, other = app.processes.start(Import(file="good", folder=tmp_path)), app.processes.start(Export())

    app.drain()

    assert status(app, same, other) == [RunStatus.PENDING, RunStatus.SUCCESS]


@embedded
def test_without_a_policy_an_error_holds_nobody(make_app: MakeApp, tmp_path: Path) -> None:
    app = shop(make_app)
    runs = [app.processes.start(Import(file=file, folder=tmp_path)) for file in ("broken", "good")]

    app.drain()

    assert status(app, *runs) == [RunStatus.ERROR, RunStatus.SUCCESS]


@embedded
def test_a_restarted_run_goes_on_although_others_have_failed_too(make_app: MakeApp, tmp_path: Path) -> None:
    app = shop(make_app, lockdown="channel", max_concurrency=1)
    first = app.processes.start(Import(file="broken one", folder=tmp_path))
    app.drain()
    second = app.processes.start(Import(file="broken two", folder=tmp_path))
    app.processes.restart(second.id, force=True)
    app.drain()
    assert status(app, first, second) == [RunStatus.ERROR] * 2

    (tmp_path / "glue").touch()
    app.processes.restart(first.id)
    app.drain()

    assert status(app, first, second) == [RunStatus.SUCCESS, RunStatus.ERROR]


@everywhere
def test_a_lockdown_is_known_although_the_read_side_is_far_behind(
    make_app: MakeApp, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = shop(make_app, lockdown="channel")
    monkeypatch.setattr(app.projections, "step_all", lambda: 0)
    monkeypatch.setattr(app.projections, "catch_up", lambda: 0)
    monkeypatch.setattr(app.engine, "_check_projected", lambda *_: True)
    app.processes.start(Import(file="broken", folder=tmp_path))
    app.drain()
    other = app.processes.start(Export())

    app.drain()

    assert status(app, other) == [RunStatus.PENDING]


@embedded
def test_a_program_that_begins_later_knows_of_the_lockdown(make_app: MakeApp, tmp_path: Path) -> None:
    with shop(make_app, lockdown="channel") as before:
        before.processes.start(Import(file="broken", folder=tmp_path))
        before.drain()
    app = shop(make_app, lockdown="channel")
    other = app.processes.start(Export())

    app.drain()

    assert status(app, other) == [RunStatus.PENDING]


@embedded
def test_what_is_held_looks_again_should_nobody_have_called_it(
    make_app: MakeApp, tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = shop(make_app, lockdown="channel")
    monkeypatch.setattr(app.engine.doors, "follow", lambda headers: None)  # as if the relay had been killed just then
    broken = app.processes.start(Import(file="broken", folder=tmp_path))
    app.drain()
    other = app.processes.start(Export())
    app.drain()
    app.processes.abandon(broken.id)
    app.drain()
    assert status(app, other) == [RunStatus.PENDING]

    clock.forward(minutes=1)
    app.drain()

    assert status(app, other) == [RunStatus.SUCCESS]


# -- so many at once -------------------------------------------------------------------------------


@everywhere
def test_no_more_runs_are_at_work_than_the_channel_says(make_app: MakeApp) -> None:
    present, most, counting = [0], [0], threading.Lock()

    class Busy(Process, name="busy", channel="shop"):
        @step
        def count(self) -> None:
            with counting:
                present[0] += 1
                most[0] = max(most[0], present[0])
            threading.Event().wait(0.01)
            with counting:
                present[0] -= 1

    app = make_app(aggregates=[], processes=[Busy], channels=[Channel("shop", max_concurrency=2)])
    runs = [app.processes.start(Busy()) for _ in range(8)]

    app.drain()

    assert status(app, *runs) == [RunStatus.SUCCESS] * 8
    assert most[0] <= 2
    assert Places(app.database, app.engine.work).all() == []


@embedded
def test_places_are_those_of_all_workers_together(make_app: MakeApp) -> None:
    app = shop(make_app, max_concurrency=1)
    places, workers, other = Places(app.database, app.engine.work), Workers(app.database), uuid4()
    workers.beat(other, "elsewhere", timedelta(hours=1))
    assert places.take("channel shop", uuid4(), 1, other, most=1, due=app.clock())
    run = app.processes.start(Export())
    worker = app.worker(threads=1)
    worker.start()
    try:
        until(lambda: app.waits(run.id) == "place channel shop")
        assert status(app, run) == [RunStatus.PENDING]

        workers.retire(other)
        places.free(app.clock())

        until(lambda: status(app, run) == [RunStatus.SUCCESS])
    finally:
        worker.stop()


@embedded
def test_a_run_that_is_restarted_by_force_goes_in_beside_the_others(make_app: MakeApp) -> None:
    app = shop(make_app, max_concurrency=1)
    other = uuid4()
    Workers(app.database).beat(other, "elsewhere", timedelta(hours=1))
    assert Places(app.database, app.engine.work).take(
        "channel shop", uuid4(), 1, other, most=1, due=app.clock()
    )  # fmt: skip
    run = app.processes.start(Export())

    app.processes.restart(run.id, force=True)
    app.drain()

    assert status(app, run) == [RunStatus.SUCCESS]


@embedded
def test_a_run_that_is_due_later_blocks_nobody_behind_it(make_app: MakeApp, clock: Clock) -> None:
    tries: list[str] = []

    class Patient(Process, name="patient", channel="shop"):
        who: str

        @step
        def ask(self) -> None:
            tries.append(self.who)
            if self.who == "first" and len(tries) == 1:
                raise RetryLater(timedelta(hours=1))

    app = make_app(aggregates=[], processes=[Patient], channels=[Channel("shop", max_concurrency=1)])
    first = app.processes.start(Patient(who="first"))
    app.drain()
    second = app.processes.start(Patient(who="second"))

    app.drain()
    assert status(app, first, second) == [RunStatus.RETRY, RunStatus.SUCCESS]
    clock.forward(hours=1)
    app.drain()

    assert (status(app, first), tries) == ([RunStatus.SUCCESS], ["first", "second", "first"])


# -- quiet hours -----------------------------------------------------------------------------------


@everywhere
def test_what_is_due_in_quiet_hours_waits_for_their_end_and_no_attempt_is_counted(
    make_app: MakeApp, clock: Clock
) -> None:
    app = shop(make_app, quiet_hours=QuietHours("00:30", "06:00", tz="Europe/Berlin"))  # it is one o'clock there
    run, elsewhere = app.processes.start(Export()), app.processes.start(Export(), channel="night")
    app.drain()
    assert status(app, run, elsewhere) == [RunStatus.PENDING, RunStatus.SUCCESS]
    assert (app.waits(run.id), app.processes.get(run.id).version) == ("quiet shop", 1)

    clock.forward(hours=4, minutes=59)
    app.drain()
    assert status(app, run) == [RunStatus.PENDING]
    clock.forward(minutes=1)
    app.drain()

    assert status(app, run) == [RunStatus.SUCCESS]
    assert [one.attempt for one in app.processes.history(run.id) if one.name == "claimed"] == [1]


@embedded
def test_a_step_is_not_interrupted_by_quiet_hours_and_the_next_one_waits(make_app: MakeApp, clock: Clock) -> None:
    done: list[str] = []

    class Nightly(Process, name="nightly", channel="shop"):
        @step
        def dump(self) -> None:
            clock.forward(minutes=2)
            done.append("dump")

        @step
        def send(self) -> None:
            done.append("send")

    clock.now = datetime(2026, 3, 1, 22, 49, tzinfo=UTC)
    midnight = datetime(2026, 3, 1, 23, tzinfo=UTC)
    quiet = QuietHours("23:50", "00:00", tz="Europe/Berlin")
    app = make_app(aggregates=[], processes=[Nightly], channels=[Channel("shop", quiet_hours=quiet)])
    run = app.processes.start(Nightly())

    app.drain()
    found = app.processes.get(run.id)
    assert (found.status, found.step, found.attempts, done) == (RunStatus.RETRY, "send", 0, ["dump"])
    assert app.runs.get(run.id).due == midnight
    assert "Quiet hours" in (app.processes.history(run.id)[-1].message or "")
    clock.now = midnight
    app.drain()

    assert (status(app, run), done) == ([RunStatus.SUCCESS], ["dump", "send"])


# -- which there are -------------------------------------------------------------------------------


@embedded
def test_a_worker_of_one_channel_leaves_the_others_alone(make_app: MakeApp) -> None:
    app = shop(make_app)
    here, elsewhere = app.processes.start(Export(), channel="night"), app.processes.start(Export())
    worker = app.worker(threads=1, queues=["night"])
    worker.start()
    try:
        until(lambda: status(app, here) == [RunStatus.SUCCESS])
    finally:
        worker.stop()

    assert status(app, elsewhere) == [RunStatus.PENDING]


@embedded
def test_a_channel_that_there_is_not_is_refused_with_the_nearest(make_app: MakeApp) -> None:
    app = shop(make_app)

    with pytest.raises(Refused, match='Did you mean "night"'):
        app.processes.start(Export(), channel="nigth")
    assert set(app.channels) == {"default", "shop", "night"}


@embedded
def test_a_process_whose_channel_is_none_of_the_declared_ones_is_told_with_the_nearest(make_app: MakeApp) -> None:
    class Report(Process, name="report", channel="archive"):
        """Goes another way."""

        @step
        def write(self) -> None:
            """Nothing to it."""

    with pytest.raises(Misconfigured) as told:
        make_app(aggregates=[], processes=[Export, Report], channels=[Channel("shpo", lockdown="channel")])

    assert told.value.problems == (
        'Export: channel="shop" is none of channels=[...], shpo, default. Did you mean "shpo"?',
        'Report: channel="archive" is none of channels=[...], shpo, default. Add Channel("archive").',
    )


@embedded
def test_where_no_channel_is_declared_each_comes_with_the_process_that_names_it(make_app: MakeApp) -> None:
    app = make_app(aggregates=[], processes=[Export])
    run = app.processes.start(Export())
    app.drain()

    assert set(app.channels) == {"default", "shop"}
    assert app.processes.get(run.id).status is RunStatus.SUCCESS


@embedded
def test_what_is_wrong_with_channels_is_told_at_composition(make_app: MakeApp) -> None:
    with pytest.raises(Misconfigured, match='two channels "shop"'):
        make_app(aggregates=[], channels=[Channel("shop"), Channel("shop")])
