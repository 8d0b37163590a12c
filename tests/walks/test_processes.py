"""Whole stories of runs: on both databases and all brokers, with the clock turned by hand."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any, Self
from uuid import uuid4

import pytest

from eventflow.app import Eventflow
from eventflow.errors import Misconfigured, Refused, RunNotFound, TransitionRefused
from eventflow.model.channel import Channel
from eventflow.model.process.endings import Abandon, RetryLater, Skip
from eventflow.model.process.process import Process, migration
from eventflow.model.process.run import Run
from eventflow.model.process.status import RunStatus
from eventflow.model.process.step import Done, step
from eventflow.model.retry import Retry
from eventflow.model.wait import Wait
from eventflow.runtime.attempt import cancelled
from eventflow.runtime.processes.current import current_step
from eventflow.runtime.processes.notes import note
from eventflow.testing import Clock
from tests.walks.conftest import MakeApp
from tests.walks.library import Document

log = logging.getLogger("shop.releases")

EMBEDDED = pytest.mark.parametrize("settings", ["sqlite-stub"], indirect=True)
"""What is the same whatever the engines: those have their own tests."""

ON_POSTGRES = pytest.mark.parametrize("settings", ["postgres-rabbitmq"], indirect=True)


class Stage:
    """What the steps of one test do, and what they have done."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.acts: dict[str, Callable[[Any], Any]] = {}
        self.hook: Callable[[str, BaseException], None] = lambda step, error: None
        self.begun = threading.Event()

    def __call__(self, process: Any, step: str) -> Any:
        self.calls.append(step)
        act = self.acts.get(step)
        return act(process) if act else None


def a_release(stage: Stage, *, version: int = 1, steps: tuple[str, ...] = ("typeset", "announce", "archive")) -> Any:
    """A process of that version whose steps are played on the stage."""

    def played(name: str) -> Any:
        def act(self: Any) -> Any:
            return stage(self, name)

        act.__name__ = name
        return step(retry=Retry(attempts=2, after=timedelta(minutes=1)))(act)

    class Release(Process, name="release", version=version, title="Release"):
        document: str = "Whales"
        pages: int = 0

        def boot(self) -> None:
            stage.calls.append("boot")

        def before_step(self, step: str) -> None:
            stage.calls.append(f"before {step}")

        def on_failure(self, step: str, error: BaseException) -> None:
            stage.hook(step, error)

    return type("Release", (Release,), {one: played(one) for one in steps}, name="release", version=version)


def raising(error: BaseException, times: int = 99) -> Callable[[Any], None]:
    left = [error] * times

    def act(_: Any) -> None:
        if left:
            raise left.pop()

    return act


@pytest.fixture
def stage() -> Stage:
    """Where the steps are played."""
    return Stage()


@pytest.fixture
def release(stage: Stage) -> Any:
    """A process of three steps."""
    return a_release(stage)


@pytest.fixture
def app(make_app: MakeApp, release: Any) -> Eventflow:
    """An application that knows it."""
    return make_app(aggregates=[], processes=[release], channels=[Channel("imports")])


def worked(stage: Stage) -> list[str]:
    """The steps that were called, without the hooks."""
    return [one for one in stage.calls if one != "boot" and not one.startswith("before ")]


def status(app: Eventflow, run: Run) -> RunStatus:
    return app.processes.get(run.id).status


def names(app: Eventflow, run: Run) -> list[str]:
    return [one.name for one in app.processes.history(run.id)]


def test_a_run_goes_through_its_steps_and_the_history_tells_all_of_it(
    app: Eventflow, release: Any, stage: Stage
) -> None:
    def typeset(process: Any) -> Any:
        log.warning("password=%s", "hunter2")
        note("typeset", pages=12)
        return Done(process=process.learn(pages=12), message="12 pages", details={"ink": 3, "token": "t"})

    stage.acts["typeset"] = typeset
    stage.acts["announce"] = lambda process: stage.calls.append(f"{process.pages} pages")
    run = app.processes.start(release(), actor="ann")
    app.drain()

    assert status(app, run) is RunStatus.SUCCESS
    assert stage.calls == [
        "boot", "before typeset", "typeset", "before announce", "announce", "12 pages", "before archive", "archive"
    ]  # fmt: skip
    created, claimed, first, *others = app.processes.history(run.id)
    assert (created.actor, claimed.name, first.step, first.message) == ("ann", "claimed", "typeset", "12 pages")
    assert first.body["details"] == {"ink": 3, "token": "********"}
    assert [text for _, _, text in first.body["notes"]] == ["password=********", "typeset pages=12"]
    assert first.body["learned"] == {"pages": 12}
    assert [(one.step, one.status) for one in others] == [("announce", "in_progress"), ("archive", "success")]
    assert app.processes.known(run.id) == release(pages=12)


@EMBEDDED
def test_a_run_costs_an_append_for_each_step_and_one_for_its_claim(app: Eventflow, release: Any) -> None:
    run = app.processes.start(release())
    app.drain()

    appends = [one.header.append for one in app.history(run.id)]
    assert len(set(appends)) == len(appends) == 1 + 1 + 3


def test_a_start_under_a_key_happens_once(app: Eventflow, release: Any, stage: Stage) -> None:
    first = app.processes.start(release(), key="order-17")
    app.drain()
    second = app.processes.start(release(pages=7), key="order-17")

    assert (first.id, second.status) == (second.id, RunStatus.SUCCESS)
    assert worked(stage) == ["typeset", "announce", "archive"]
    found = app.processes.find("release", "order-17")
    assert found is not None
    assert found.id == first.id
    assert app.processes.find("release", "order-18") is None


@ON_POSTGRES
def test_who_starts_under_one_key_at_the_same_moment_is_given_one_run(app: Eventflow, release: Any) -> None:
    together, found = threading.Barrier(4), list[Run]()

    def begin() -> None:
        together.wait(10)
        found.append(app.processes.start(release(), key="order-17"))

    threads = [threading.Thread(target=begin) for _ in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join(30)

    assert len(found) == 4
    assert len({one.id for one in found}) == 1
    assert names(app, found[0]) == ["created"]


@EMBEDDED
def test_a_wait_ends_at_the_deadline(app: Eventflow, release: Any, clock: Clock, stage: Stage) -> None:
    stage.acts["announce"] = raising(Wait())
    run = app.processes.start(release(), deadline=timedelta(hours=1))
    app.drain()
    assert status(app, run) is RunStatus.WAITING
    clock.forward(hours=1)
    app.drain()

    assert status(app, run) is RunStatus.ERROR


@EMBEDDED
def test_a_run_is_about_an_item_or_about_anything(make_app: MakeApp, release: Any, stage: Stage) -> None:
    app = make_app(aggregates=[Document], processes=[release])
    document = Document.create(title="Whales")
    run = app.processes.prepare(release(), subject=document)
    stage.acts["typeset"] = lambda _: stage.calls.append(str(current_step().subject))

    app.save(document, run)
    other = app.processes.start(release(), subject=("order", "17"))
    app.drain()

    assert app.processes.get(run.id).subject == ("document", str(document.id))
    assert app.processes.get(other.id).subject == ("order", "17")
    assert f"('document', '{document.id}')" in stage.calls


@EMBEDDED
def test_a_run_may_begin_later(app: Eventflow, release: Any, clock: Clock, stage: Stage) -> None:
    delayed = app.processes.start(release(), delay=timedelta(hours=1))
    timed = app.processes.start(release(), at=clock() + timedelta(hours=2))
    app.drain()
    assert stage.calls == []

    clock.forward(minutes=61)
    app.drain()
    assert (status(app, delayed), status(app, timed)) == (RunStatus.SUCCESS, RunStatus.PENDING)
    clock.forward(hours=1)
    app.drain()

    assert status(app, timed) is RunStatus.SUCCESS


def test_what_failed_is_tried_again_when_it_is_due_and_what_is_done_is_not(
    app: Eventflow, release: Any, clock: Clock, stage: Stage
) -> None:
    stage.acts["announce"] = raising(OSError("the line is busy"), times=1)
    run = app.processes.start(release())
    app.drain()
    assert (status(app, run), app.processes.get(run.id).attempts) == (RunStatus.RETRY, 1)

    clock.forward(seconds=59)
    app.drain()
    assert worked(stage) == ["typeset", "announce"]
    clock.forward(seconds=1)
    app.drain()

    assert status(app, run) is RunStatus.SUCCESS
    assert worked(stage) == ["typeset", "announce", "announce", "archive"]
    failed = next(one for one in app.processes.history(run.id) if one.name == "step_failed")
    assert (failed.step, failed.error, failed.body["type"]) == ("announce", "OSError: the line is busy", "OSError")
    assert "raise left.pop()" in failed.body["traceback"]


@EMBEDDED
def test_a_run_that_waits_for_its_retry_holds_up_no_other(app: Eventflow, release: Any, stage: Stage) -> None:
    stage.acts["typeset"] = raising(OSError("busy"), times=1)
    first = app.processes.start(release())
    app.drain()
    second = app.processes.start(release())
    app.drain()

    assert (status(app, first), status(app, second)) == (RunStatus.RETRY, RunStatus.SUCCESS)


@EMBEDDED
def test_a_spent_budget_ends_in_error_and_a_restart_gives_a_fresh_one(
    app: Eventflow, release: Any, clock: Clock, stage: Stage
) -> None:
    stage.acts["announce"] = raising(OSError("busy"), times=3)
    run = app.processes.start(release())
    for _ in range(3):
        app.drain()
        clock.forward(minutes=2)
    assert (status(app, run), worked(stage)) == (RunStatus.ERROR, ["typeset", "announce", "announce"])

    app.processes.restart(run.id, reason="the press is back", actor="ann")
    app.drain()
    clock.forward(minutes=2)
    app.drain()

    assert status(app, run) is RunStatus.SUCCESS
    restarted = next(one for one in app.processes.history(run.id) if one.name == "restarted")
    assert (restarted.message, restarted.actor, restarted.step) == ("the press is back", "ann", "announce")
    assert worked(stage).count("typeset") == 1


@EMBEDDED
def test_an_operator_restarts_from_a_step_goes_to_another_and_skips_some(
    app: Eventflow, release: Any, stage: Stage
) -> None:
    stage.acts["announce"] = raising(Abandon("no press"), times=2)
    run = app.processes.start(release())
    app.drain()
    assert status(app, run) is RunStatus.ERROR

    app.processes.restart(run.id, step="typeset")
    app.drain()
    assert worked(stage) == ["typeset", "announce"] * 2
    app.processes.skip(run.id, "archive", reason="no room", actor="ann")
    app.processes.goto(run.id, "archive", reason="nobody listens", actor="ann")
    app.drain()

    assert status(app, run) is RunStatus.SUCCESS
    assert worked(stage) == ["typeset", "announce"] * 2
    went, skipped = app.processes.history(run.id)[-3], app.processes.history(run.id)[-1]
    assert (went.name, went.body["skipped"], went.actor) == ("went_to", ("announce",), "ann")
    assert (skipped.name, skipped.step) == ("step_skipped", "archive")


@EMBEDDED
def test_retry_later_is_called_again_then_and_counts_no_attempt(
    app: Eventflow, release: Any, clock: Clock, stage: Stage
) -> None:
    stage.acts["announce"] = raising(RetryLater(timedelta(hours=1), "not before noon"), times=5)
    run = app.processes.start(release())
    for _ in range(6):
        app.drain()
        assert app.processes.get(run.id).attempts == 0
        clock.forward(hours=1)

    assert status(app, run) is RunStatus.SUCCESS
    assert names(app, run).count("step_put_off") == 5


@EMBEDDED
def test_skip_ends_a_run_as_skipped(app: Eventflow, release: Any, stage: Stage) -> None:
    stage.acts["announce"] = raising(Skip("nothing new", {"pages": 0}))
    run = app.processes.start(release())
    app.drain()

    assert (status(app, run), worked(stage)) == (RunStatus.SKIPPED, ["typeset", "announce"])
    last = app.processes.history(run.id)[-1]
    assert (last.message, last.body["details"], last.error) == ("nothing new", {"pages": 0}, None)


@EMBEDDED
def test_a_hook_that_fails_on_a_failure_is_an_exception_and_both_are_told(
    app: Eventflow, release: Any, stage: Stage
) -> None:
    told: list[str] = []

    def hook(step: str, error: BaseException) -> None:
        told.append(f"{step}: {error}")
        raise LookupError("no number to call")

    stage.hook = hook
    stage.acts["announce"] = raising(OSError("busy"))
    run = app.processes.start(release())
    app.drain()

    assert (status(app, run), told) == (RunStatus.EXCEPTION, ["announce: busy"])
    last = app.processes.history(run.id)[-1]
    assert (last.error, last.body["cause"]) == ("LookupError: no number to call", "OSError: busy")
    stage.hook, stage.acts = lambda step, error: None, {}
    app.processes.restart(run.id)
    app.drain()
    assert status(app, run) is RunStatus.SUCCESS


@EMBEDDED
def test_a_step_that_gives_back_what_no_step_may_has_failed(app: Eventflow, release: Any, stage: Stage) -> None:
    stage.acts["typeset"] = lambda _: 12
    stage.acts["archive"] = lambda process: Done(details={"what": object()})
    wrong = app.processes.start(release())
    app.drain()
    del stage.acts["typeset"]
    unwritable = app.processes.start(release())
    app.drain()

    assert "typeset, returned int" in str(app.processes.history(wrong.id)[-1].error)
    last = app.processes.history(unwritable.id)[-1]
    assert (last.step, last.status) == ("archive", "retry")
    assert "cannot be written" in str(last.error)


@EMBEDDED
def test_a_run_that_is_abandoned_before_it_begins_never_does(app: Eventflow, release: Any, stage: Stage) -> None:
    run = app.processes.start(release())

    app.processes.abandon(run.id, reason="by mistake", actor="ann")
    app.drain()

    assert (status(app, run), stage.calls) == (RunStatus.ABORTED, [])
    with pytest.raises(TransitionRefused):
        app.processes.restart(run.id)
    app.processes.restart(run.id, force=True)
    app.drain()
    assert status(app, run) is RunStatus.SUCCESS


@ON_POSTGRES
def test_a_worker_is_told_and_cut_off_when_its_run_is_abandoned(app: Eventflow, release: Any, stage: Stage) -> None:
    ended = threading.Event()

    def endless(_: Any) -> None:
        stage.begun.set()
        try:
            while True:
                threading.Event().wait(0.01)
        except BaseException as error:
            stage.calls.append(f"{type(error).__name__}, told: {cancelled()}")
            ended.set()
            raise

    stage.acts["announce"] = endless
    run = app.processes.start(release())
    worker = app.worker(threads=1)
    worker.start()
    try:
        assert stage.begun.wait(30)
        app.processes.abandon(run.id)
        assert ended.wait(30)
    finally:
        worker.stop()

    assert status(app, run) is RunStatus.ABORTED
    assert stage.calls[-1] == "Overruled, told: True"
    assert names(app, run)[-1] == "abandoned"


@EMBEDDED
def test_a_deadline_ends_a_run_that_waits_for_its_retry(
    app: Eventflow, release: Any, clock: Clock, stage: Stage
) -> None:
    stage.acts["announce"] = raising(RetryLater(timedelta(hours=5)))
    run = app.processes.start(release(), deadline=timedelta(hours=1))
    app.drain()
    clock.forward(hours=1)
    app.drain()

    assert status(app, run) is RunStatus.ERROR
    assert "was to be over by" in str(app.processes.history(run.id)[-1].error)


@EMBEDDED
def test_a_step_that_is_interrupted_by_the_deadline_of_its_run_says_so(make_app: MakeApp) -> None:
    class Slow(Process, name="slow", retry=Retry(attempts=1)):
        @step
        def wait(self) -> None:
            while True:
                threading.Event().wait(0.01)

    app = make_app(aggregates=[], processes=[Slow])
    run = app.processes.start(Slow(), deadline=timedelta(seconds=0.3))
    app.drain()

    assert status(app, run) is RunStatus.ERROR
    assert str(app.processes.history(run.id)[-1].error).startswith("DeadlinePassed: slow was to be over by ")


@EMBEDDED
def test_a_step_that_takes_too_long_is_interrupted_and_has_failed(make_app: MakeApp) -> None:
    class Slow(Process, name="slow"):
        @step(time_limit=timedelta(seconds=0.2), retry=Retry())
        def wait(self) -> None:
            while True:
                threading.Event().wait(0.01)

    app = make_app(aggregates=[], processes=[Slow])
    run = app.processes.start(Slow())
    app.drain()

    assert status(app, run) is RunStatus.ERROR
    assert "did not end within its time limit of 0.2 s" in str(app.processes.history(run.id)[-1].error)


@EMBEDDED
def test_a_worker_that_stops_gives_a_run_back_between_two_steps(app: Eventflow, release: Any, stage: Stage) -> None:
    go = threading.Event()

    def hold(_: Any) -> None:
        stage.begun.set()
        assert go.wait(30)

    stage.acts["typeset"] = hold
    run = app.processes.start(release())
    worker = app.worker(threads=1)
    worker.start()
    assert stage.begun.wait(30)
    stopper = threading.Thread(target=worker.stop)
    stopper.start()
    assert worker._runner._closing.wait(30)
    go.set()
    stopper.join(30)

    found = app.processes.get(run.id)
    assert (found.status, found.step, found.attempts) == (RunStatus.RETRY, "announce", 0)
    app.drain()
    assert (status(app, run), worked(stage)) == (RunStatus.SUCCESS, ["typeset", "announce", "archive"])


@EMBEDDED
def test_light_steps_share_the_append_of_the_next_one(make_app: MakeApp) -> None:
    class Count(Process, name="count"):
        n: int = 0

        @step(light=True)
        def one(self) -> Self:
            return self.learn(n=self.n + 1)

        @step(light=True)
        def two(self) -> Self:
            return self.learn(n=self.n + 1)

        @step
        def three(self) -> Self:
            return self.learn(n=self.n + 1)

        @step(light=True)
        def four(self) -> Self:
            return self.learn(n=self.n + 1)

    app = make_app(aggregates=[], processes=[Count])
    run = app.processes.start(Count())
    app.drain()

    assert (status(app, run), app.processes.known(run.id)) == (RunStatus.SUCCESS, Count(n=4))
    appends = [one.header.append for one in app.history(run.id)][2:]
    assert [appends.index(one) for one in appends] == [0, 0, 2, 3]


@EMBEDDED
def test_a_light_step_that_fails_leaves_what_was_done_before_it(make_app: MakeApp) -> None:
    class Count(Process, name="count"):
        @step(light=True)
        def one(self) -> None: ...

        @step(light=True, retry=Retry())
        def two(self) -> None:
            raise OSError("busy")

    app = make_app(aggregates=[], processes=[Count])
    run = app.processes.start(Count())
    app.drain()

    found = app.processes.get(run.id)
    assert (found.status, found.step, found.done) == (RunStatus.ERROR, "two", ("one",))


@ON_POSTGRES
def test_channels_are_queues_and_each_is_worked_on_by_itself(app: Eventflow, release: Any, stage: Stage) -> None:
    imports = app.processes.start(release(), channel="imports")
    other = app.processes.start(release())
    worker = app.worker(threads=1, queues=["imports"])
    worker.start()
    try:
        app.await_status(imports.id, RunStatus.SUCCESS)
    finally:
        worker.stop()

    assert status(app, other) is RunStatus.PENDING
    with pytest.raises(Refused, match='Did you mean "imports"'):
        app.processes.start(release(), channel="import")


# -- versions ------------------------------------------------------------------------------------


@EMBEDDED
def test_steps_that_changed_under_the_same_version_are_refused_and_named_and_cost_no_attempt(
    make_app: MakeApp, release: Any, stage: Stage
) -> None:
    stage.acts["announce"] = raising(OSError("busy"))
    before = make_app(aggregates=[], processes=[release])
    run = before.processes.start(release())
    fresh = before.processes.start(release())
    changed = make_app(aggregates=[], processes=[a_release(stage, steps=("typeset", "publish", "archive"))])
    changed.drain()

    for one in (run, fresh):
        found = changed.processes.get(one.id)
        assert (found.status, found.attempts) == (RunStatus.ERROR, 0)
        assert '"announce" is gone, "publish" is new' in str(found.message)
    assert stage.calls == []
    back = make_app(aggregates=[], processes=[release])
    stage.acts.clear()
    back.processes.restart(run.id)
    back.drain()
    assert status(back, run) is RunStatus.SUCCESS


def test_a_run_of_an_older_version_goes_on_where_it_stood_through_a_migration(
    make_app: MakeApp, release: Any, clock: Clock, stage: Stage
) -> None:
    stage.acts["announce"] = raising(OSError("busy"))
    before = make_app(aggregates=[], processes=[release])
    run = before.processes.start(release())
    before.drain()
    newer = a_release(stage, version=2, steps=("typeset", "publish", "archive"))

    class Migrating(newer, name="release", version=2):  # type: ignore[misc, call-arg, valid-type]
        language: str = "en"

        @staticmethod
        @migration(from_version=1, steps={"announce": "publish"})
        def with_a_language(state: dict[str, Any]) -> dict[str, Any]:
            return {**state, "language": "de"}

    after = make_app(aggregates=[], processes=[Migrating])
    clock.forward(minutes=2)
    after.drain()

    found = after.processes.get(run.id)
    assert (found.status, found.definition, found.state["language"]) == (RunStatus.SUCCESS, 2, "de")
    assert worked(stage) == ["typeset", "announce", "publish", "archive"]
    assert "migrated" in names(after, run)


@EMBEDDED
def test_without_a_migration_a_run_of_an_older_version_is_refused_until_there_is_one(
    make_app: MakeApp, release: Any, stage: Stage
) -> None:
    before = make_app(aggregates=[], processes=[release])
    run = before.processes.start(release())
    newer = a_release(stage, version=2)
    after = make_app(aggregates=[], processes=[newer])
    after.drain()
    assert status(after, run) is RunStatus.ERROR
    assert "no migration leads on from 1" in str(after.processes.get(run.id).message)
    with pytest.raises(Refused, match="no migration"):
        after.processes.migrate(run.id)

    class Migrating(newer, name="release", version=2):  # type: ignore[misc, call-arg, valid-type]
        @staticmethod
        @migration(from_version=1)
        def as_it_is(state: dict[str, Any]) -> dict[str, Any]:
            return state

    last = make_app(aggregates=[], processes=[Migrating])
    last.processes.migrate(run.id, actor="ann")
    last.drain()

    assert status(last, run) is RunStatus.SUCCESS
    with pytest.raises(TransitionRefused):
        last.processes.migrate(run.id)


@ON_POSTGRES
def test_a_run_of_a_newer_version_is_left_alone_by_an_older_program(
    make_app: MakeApp, release: Any, stage: Stage
) -> None:
    newer = a_release(stage, version=2)
    after, before = (make_app(aggregates=[], processes=[one]) for one in (newer, release))
    run = after.processes.start(newer())

    worker = before.worker(threads=1)
    worker.start()
    try:
        own = before.processes.start(release())
        before.await_status(own.id, RunStatus.SUCCESS)
    finally:
        worker.stop()
    assert status(before, run) is RunStatus.PENDING
    after.drain()

    assert status(after, run) is RunStatus.SUCCESS


# -- what is refused -----------------------------------------------------------------------------


@EMBEDDED
def test_what_is_no_process_and_what_is_not_there_is_told(make_app: MakeApp, app: Eventflow, release: Any) -> None:
    class Stranger(Process):
        @step
        def work(self) -> None: ...

    class Empty(Process): ...

    with pytest.raises(Misconfigured, match="has no steps"):
        make_app(aggregates=[], processes=[release, Empty])
    with pytest.raises(Exception, match='"stranger" is not registered'):
        app.processes.start(Stranger())
    with pytest.raises(RunNotFound):
        app.processes.get(uuid4())
    odd: list[dict[str, Any]] = [{"deadline": -timedelta(1)}, {"delay": -timedelta(1)}, {"key": ""}]
    for said in odd:
        with pytest.raises(Refused):
            app.processes.start(release(), **said)


@EMBEDDED
def test_a_long_run_is_loaded_from_a_snapshot(make_app: MakeApp, stage: Stage) -> None:
    long = a_release(stage, steps=tuple(f"step_{number}" for number in range(130)))
    app = make_app(aggregates=[], processes=[long])
    run = app.processes.start(long())
    app.drain()

    snapshot = app.log.snapshots.get(run.id)
    assert snapshot is not None
    assert snapshot.version >= 100
    assert status(app, run) is RunStatus.SUCCESS


@EMBEDDED
def test_a_run_can_be_cancelled_and_defibrillated_like_every_item(app: Eventflow, release: Any, stage: Stage) -> None:
    stage.acts["typeset"] = raising(Abandon("no"), times=1)
    run, other = app.processes.start(release()), app.processes.start(release())
    app.cancel(other.id, reason="by mistake")
    app.drain()
    app.defibrillate(run.id)
    app.drain()

    assert (status(app, run), status(app, other)) == (RunStatus.SUCCESS, RunStatus.ABORTED)
