"""Very many runs are seen to as one operation: brought back, moved on, changed, abandoned or migrated."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Self

import pytest

from eventflow.app import Eventflow
from eventflow.errors import BadFilter, Refused
from eventflow.model.batch import Batch, Course, ItemRefused
from eventflow.model.process.deed import Deed
from eventflow.model.process.process import Process, migration
from eventflow.model.process.run import Run
from eventflow.model.process.status import RunStatus
from eventflow.model.process.step import step
from eventflow.model.retry import Retry
from eventflow.runtime.batches import Batches, Place
from tests.walks.batching import ended, moved
from tests.walks.conftest import MakeApp

EMBEDDED = pytest.mark.parametrize("settings", ["sqlite-stub"], indirect=True)
ON_POSTGRES_TOO = pytest.mark.parametrize("settings", ["sqlite-stub", "postgres-rabbitmq"], indirect=True)

FAILED = "process:binding status:error step:glue"


class Glue:
    """Whether there is any."""

    is_there = False


class Binding(Process, name="binding", retry=Retry(attempts=1)):
    """Sew, glue, press."""

    number: int
    pages: int = 0

    @step
    def sew(self) -> Self:
        return self.learn(pages=self.number)

    @step
    def glue(self) -> None:
        if not Glue.is_there:
            raise ValueError("no glue")

    @step(undo="open")
    def press(self) -> None: ...

    def open(self) -> None: ...


class NewBinding(Process, name="binding", version=2, retry=Retry(attempts=1)):
    """A version later."""

    number: int
    pages: int = 0

    @step
    def sew(self) -> None: ...

    @step
    def staple(self) -> None: ...

    @staticmethod
    @migration(from_version=1, steps={"glue": "staple", "press": "staple"})
    def stapled(state: dict[str, Any]) -> dict[str, Any]:
        if state["number"] == 0:
            raise ValueError("too thin to be stapled")
        return state


@pytest.fixture(autouse=True)
def no_glue(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Glue, "is_there", False)


@pytest.fixture
def app(make_app: MakeApp) -> Eventflow:
    return make_app(aggregates=[], processes=[Binding])


def failed(app: Eventflow, number: int) -> list[Run]:
    """So many runs that stand at the glue, as the read side knows."""
    runs = [app.processes.prepare(Binding(number=one)) for one in range(number)]
    app.save(*runs)
    app.drain()
    return runs


def events(app: Eventflow, run: Run) -> list[str]:
    return [one.name for one in app.processes.history(run.id)]


def statuses(app: Eventflow, runs: Sequence[Run]) -> set[RunStatus]:
    return {app.processes.get(one.id).status for one in runs}


def refusals(app: Eventflow, batch: Batch) -> list[str]:
    return [one.event.why for one in app.history(batch.id) if isinstance(one.event, ItemRefused)]


@ON_POSTGRES_TOO
@pytest.mark.parametrize(
    ("deed", "event", "follows"),
    [
        (Deed.restart(), "restarted", RunStatus.RETRY),
        (Deed.restart("sew"), "restarted", RunStatus.RETRY),
        (Deed.goto("press"), "went_to", RunStatus.RETRY),
        (Deed.skip("press"), "skip_asked", RunStatus.ERROR),
        (Deed.abandon(), "abandoned", RunStatus.ABORTED),
    ],
    ids=lambda one: f"{one.verb}-{'-'.join(one.steps)}" if isinstance(one, Deed) else "",
)
def test_all_that_pass_are_seen_to_once_in_the_name_of_who_wanted_it(
    app: Eventflow, deed: Deed, event: str, follows: RunStatus
) -> None:
    runs = failed(app, 7)

    batch = moved(app, app.steer_where(FAILED, deed, reason="it is August", actor="anna"))

    assert (batch.status, batch.total, batch.done, batch.refused) == (Course.FINISHED, 7, 7, 0)
    assert (batch.of, batch.deed) == ("runs", deed)
    assert statuses(app, runs) == {follows}
    begun = app.history(batch.id)[0].header
    for run in runs:
        assert events(app, run).count(event) == 1
        told = next(one for one in app.history(run.id) if one.header.name.endswith(f":{event}"))
        assert (told.header.actor, told.header.causation) == ("anna", begun.position)
        assert told.event.event_body()["reason"] == "it is August"


@EMBEDDED
def test_a_step_is_named_in_a_restart_as_a_batch_and_what_follows_it_is_done_again(app: Eventflow) -> None:
    [run] = failed(app, 1)
    Glue.is_there = True

    ended(app, app.steer_where(FAILED, Deed.restart("sew")))

    done = [one.step for one in app.processes.history(run.id) if one.name == "step_succeeded"]
    assert done == ["sew", "sew", "glue", "press"]


@EMBEDDED
def test_runs_are_migrated_as_a_batch_and_those_that_cannot_be_say_why(make_app: MakeApp, app: Eventflow) -> None:
    thin, *runs = failed(app, 4)
    newer = make_app(aggregates=[], processes=[NewBinding])

    batch = moved(newer, newer.steer_where("definition:1", Deed.migrate(), reason="there are staples", actor="anna"))

    assert (batch.status, batch.done, batch.refused) == (Course.FINISHED, 3, 1)
    assert "too thin to be stapled" in refusals(newer, batch)[0]
    entry = next(one for one in newer.processes.history(runs[0].id) if one.name == "migrated")
    assert (entry.message, entry.actor) == ("there are staples", "anna")
    newer.drain()
    assert statuses(newer, runs) == {RunStatus.SUCCESS}
    assert newer.processes.get(thin.id).definition == 1


@EMBEDDED
def test_what_is_refused_to_one_run_is_told_and_the_others_are_seen_to(app: Eventflow) -> None:
    over, *runs = failed(app, 3)
    app.processes.abandon(over.id)
    app.drain()

    batch = moved(app, app.steer_where("process:binding", Deed.abandon()))

    assert (batch.done, batch.refused) == (2, 1)
    assert "aborted" in refusals(app, batch)[0]
    assert statuses(app, runs) == {RunStatus.ABORTED}


@EMBEDDED
def test_a_run_that_somebody_brought_back_meanwhile_is_moved_on_as_it_stands(app: Eventflow) -> None:
    first, second = failed(app, 2)
    moving = app.steer_where(FAILED, Deed.goto("press"))
    app.projections.catch_up()
    app.processes.restart(second.id, actor="bea")  # the read side has not seen it yet

    app.batches.move([moving.id])

    # What stands still is moved on; only what is brought back has to have failed before.
    assert (app.batches.get(moving.id).done, app.batches.get(moving.id).refused) == (2, 0)
    assert [app.processes.get(one.id).step for one in (first, second)] == ["press", "press"]


@EMBEDDED
def test_a_batch_of_runs_rests_goes_on_and_ends_as_every_other(app: Eventflow) -> None:
    runs = failed(app, 5)
    batch = app.steer_where(FAILED, Deed.abandon(), limit=4)

    app.batches.suspend(batch.id, "lunch")
    assert (moved(app, batch).done, moved(app, batch).resting) == (0, "lunch")
    app.batches.resume(batch.id)
    batch = moved(app, batch)

    assert (batch.status, batch.done) == (Course.FINISHED, 4)
    assert [app.processes.get(one.id).status for one in runs].count(RunStatus.ABORTED) == 4


@EMBEDDED
def test_canaries_of_runs_that_go_to_another_step_have_to_end_well(app: Eventflow) -> None:
    runs = failed(app, 6)

    again = ended(app, app.steer_where(FAILED, Deed.restart(), canaries=[1]))
    Glue.is_there = True
    on = ended(app, app.steer_where(FAILED, Deed.goto("press"), canaries=[2]))

    assert (again.status, again.done) == (Course.SUSPENDED, 1)
    assert (on.status, on.done) == (Course.FINISHED, 6)
    assert statuses(app, runs) == {RunStatus.SUCCESS}


@EMBEDDED
def test_runs_that_workers_are_at_do_not_keep_a_batch_from_its_end(
    app: Eventflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = failed(app, 30)
    batch = app.steer_where(FAILED, Deed.abandon())
    app.projections.catch_up()
    loaded, tried = Batches._loaded, []

    def overtaken(self: Batches, places: Sequence[Place]) -> Any:
        """Somebody is always faster with one of them, as long as there are several."""
        tried.append(len(places))
        found = loaded(self, places)
        if len(places) > 3:
            app.processes.skip(places[0].id, "press") if len(tried) == 1 else app.processes.restart(places[0].id)
        return found

    monkeypatch.setattr(Batches, "_loaded", overtaken)
    app.batches.advance(batch.id)
    first = app.batches.get(batch.id).done
    while app.batches.advance(batch.id):
        pass

    assert (tried[:4], first) == ([30, 30, 12, 3], 3)
    assert app.batches.get(batch.id).status is Course.FINISHED
    assert all(events(app, one).count("abandoned") == 1 for one in runs)


@EMBEDDED
@pytest.mark.parametrize(
    ("begin", "words"),
    [
        (lambda app: app.batches.begin("category:x", deed=Deed.abandon()), "means something to runs only"),
        (lambda app: app.steer_where(FAILED, Deed.skip("press"), canaries=[1]), "no canary could tell"),
        (lambda app: app.steer_where(FAILED, Deed.skip()), "about steps, not about none"),
        (lambda app: Deed(verb="goto", steps=("glue", "press")), "about one step, not about glue, press"),
        (lambda app: app.steer_where(FAILED, Deed.abandon(), rate=0.0), "above zero"),
    ],
)
def test_what_cannot_be_done_to_many_is_refused_before_it_begins(
    app: Eventflow, begin: Callable[[Eventflow], Any], words: str
) -> None:
    with pytest.raises(Refused, match=words):
        begin(app)


@EMBEDDED
def test_a_batch_of_runs_is_never_about_everything(app: Eventflow) -> None:
    with pytest.raises(BadFilter):
        app.steer_where(" ", Deed.abandon())
