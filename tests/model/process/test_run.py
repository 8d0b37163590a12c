"""A run: which step is next, what a failure leads to, and what people may do to it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from eventflow.errors import Refused, TransitionRefused
from eventflow.model.masking import Masker
from eventflow.model.process.definition import definition_of
from eventflow.model.process.endings import Abandon, RetryLater, Skip
from eventflow.model.process.moving import Misfit, Move, fitting
from eventflow.model.process.process import Process, migration
from eventflow.model.process.run import Run, run_id
from eventflow.model.process.status import RunStatus
from eventflow.model.process.step import FINISH, START, step
from eventflow.model.process.verdict import Bench, judge
from eventflow.model.recorded import Phase
from eventflow.model.retry import Retry
from eventflow.model.telling import facts_of
from tests.model.process.words import A_WORKER, RELEASE, Release, a_run, a_run_at

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def bench(definition: Any = RELEASE) -> Bench:
    return Bench(definition=definition, now=NOW, luck=0.5, masker=Masker())


def failed(run: Run, error: BaseException, definition: Any = RELEASE) -> Run:
    judge(bench(definition), error)(run)
    return run


def test_a_run_begins_pending_and_knows_its_first_step() -> None:
    run = a_run()

    assert (run.status, run.step, run.attempt) == (RunStatus.PENDING, "typeset", 1)
    assert run.pending[0].reaction == "release/1@default"


def test_each_success_says_that_the_next_step_has_begun_and_the_last_one_that_it_is_over() -> None:
    run = a_run_at("typeset")

    run.succeed("typeset", learned={"pages": 12})
    assert (run.status, run.step, run.state["pages"]) == (RunStatus.IN_PROGRESS, "announce", 12)
    run.succeed("announce")
    run.succeed("archive")

    assert (run.status, run.step, run.done) == (RunStatus.SUCCESS, None, ("typeset", "announce", "archive"))
    assert run.has_finished


def test_a_success_is_recorded_once_however_often_it_is_told() -> None:
    run = a_run_at("typeset")
    run.succeed("typeset")
    before = run.version

    run.succeed("typeset")

    assert run.version == before


def test_a_success_costs_one_event() -> None:
    run = a_run_at("typeset")
    before = len(run.pending)

    run.succeed("typeset", message="done", details={"pages": 12})

    assert len(run.pending) == before + 1
    assert run.pending[-1].phase is None


def test_a_failure_is_retried_until_its_budget_is_spent() -> None:
    run = a_run_at("announce")

    failed(run, OSError("busy"))
    assert (run.status, run.attempts) == (RunStatus.RETRY, 1)
    assert (run.standing.phase, run.standing.due) == (Phase.DEFERRED, NOW + timedelta(seconds=5))
    run.claim(A_WORKER)
    failed(run, OSError("busy"))

    assert (run.status, run.attempts) == (RunStatus.ERROR, 2)
    assert run.pending[-1].error == "OSError: busy"


def test_a_success_gives_the_next_step_a_budget_of_its_own() -> None:
    run = a_run_at("announce")
    failed(run, OSError("busy"))
    run.claim(A_WORKER)

    run.succeed("announce")

    assert run.attempts == 0


def test_details_of_an_error_are_kept_masked() -> None:
    class StepError(Exception):
        details = {"password": "hunter2", "page": 3}  # noqa: RUF012

    run = failed(a_run_at("announce"), StepError("no"))

    assert run.pending[-1].event.details == {"password": "********", "page": 3}  # type: ignore[attr-defined]


def test_retry_later_is_no_failure_and_costs_no_attempt() -> None:
    run = failed(a_run_at("announce"), RetryLater(timedelta(minutes=5), "not yet"))

    assert (run.status, run.attempts, run.message) == (RunStatus.RETRY, 0, "not yet")
    assert run.standing.due == NOW + timedelta(minutes=5)


def test_abandon_ends_at_once_in_error_or_for_good() -> None:
    assert failed(a_run_at("announce"), Abandon("no way", {"why": 3})).status is RunStatus.ERROR
    assert failed(a_run_at("announce"), Abandon(status=RunStatus.ABORTED)).status is RunStatus.ABORTED
    with pytest.raises(Refused):
        Abandon(status=RunStatus.SUCCESS)


def test_skip_ends_the_whole_run_as_skipped() -> None:
    run = failed(a_run_at("announce"), Skip("no need", {"why": "none left"}))

    assert (run.status, run.message, run.has_finished) == (RunStatus.SKIPPED, "no need", True)


def test_what_makes_no_sense_as_a_time_is_refused() -> None:
    for said in ({}, {"after": timedelta(1), "until": NOW}, {"after": -timedelta(1)}, {"until": datetime(2026, 1, 1)}):
        with pytest.raises(Refused):
            RetryLater(**said)


def test_a_run_whose_deadline_has_passed_is_not_retried() -> None:
    run = a_run(deadline=NOW)
    run.claim(A_WORKER)

    assert failed(run, OSError("busy")).status is RunStatus.ERROR


def test_a_retry_does_not_wait_beyond_the_deadline() -> None:
    run = a_run(deadline=NOW + timedelta(seconds=20))
    run.claim(A_WORKER)

    assert failed(run, OSError("busy")).standing.due == run.deadline


def test_only_what_waits_is_claimed() -> None:
    run = a_run_at("typeset")

    with pytest.raises(TransitionRefused):
        run.claim(A_WORKER)


@pytest.mark.parametrize("status", [RunStatus.ERROR, RunStatus.RETRY, RunStatus.EXCEPTION])
def test_a_restart_goes_on_at_the_step_that_failed_with_a_fresh_budget(status: RunStatus) -> None:
    run = a_run_at("announce")
    facts = facts_of(OSError("busy"))
    if status is RunStatus.EXCEPTION:
        run.break_down(facts)
    else:
        run.fail(facts, due=NOW if status is RunStatus.RETRY else None)
    assert run.status is status

    run.restart(reason="the press is back")

    assert (run.status, run.step, run.attempts, run.done) == (RunStatus.RETRY, "announce", 0, ("typeset",))
    assert run.standing.phase is Phase.ANNOUNCED


@pytest.mark.parametrize("at", ["pending", "in_progress", "success", "aborted", "skipped"])
def test_every_other_status_needs_force_to_be_restarted(at: str) -> None:
    makes: dict[str, Callable[[], Run]] = {
        "pending": a_run,
        "in_progress": lambda: a_run_at("announce"),
        "success": lambda: a_run_at("none"),
        "aborted": lambda: failed(a_run_at("announce"), Abandon(status=RunStatus.ABORTED)),
        "skipped": lambda: failed(a_run_at("announce"), Skip()),
    }
    run = makes[at]()
    assert run.status == at

    with pytest.raises(TransitionRefused):
        run.restart()
    run.restart("typeset", force=True)

    assert (run.status, run.step, run.done) == (RunStatus.RETRY, "typeset", ())


def test_a_restart_from_a_step_does_again_what_is_behind_it_and_nothing_before() -> None:
    run = failed(a_run_at("archive"), Abandon("no"))

    run.restart("announce")

    assert (run.step, run.done) == ("announce", ("typeset",))


def test_a_run_that_is_over_is_restarted_from_a_step_that_is_named() -> None:
    run = a_run_at("none")

    with pytest.raises(Refused, match="Say from which one"):
        run.restart(force=True)
    with pytest.raises(Refused, match='Did you mean "announce"'):
        run.restart("anounce", force=True)


def test_goto_passes_over_what_lies_between_and_says_so() -> None:
    run = failed(a_run_at("typeset"), Abandon("no"))

    run.goto("archive", reason="nobody reads it")

    assert (run.status, run.step, run.done) == (RunStatus.RETRY, "archive", ("typeset", "announce"))
    assert run.pending[-1].event.skipped == ("typeset", "announce")  # type: ignore[attr-defined]


def test_goto_goes_by_key_and_forward_only() -> None:
    run = failed(a_run_at("archive"), Abandon("no"))

    with pytest.raises(Refused, match="Restart the run from it"):
        run.goto("typeset")
    with pytest.raises(Refused, match="has no step"):
        run.goto("handle_archive")
    with pytest.raises(TransitionRefused):
        a_run_at("typeset").goto("archive")


def test_steps_are_marked_to_be_skipped_by_key_and_only_those_ahead() -> None:
    run = a_run_at("announce")

    run.skip_steps("archive", "archive")

    assert run.skips == ("archive",)
    assert run.status is RunStatus.IN_PROGRESS
    assert run.standing.phase is Phase.CLAIMED, "Whoever works on it goes on."
    with pytest.raises(Refused, match="done already"):
        run.skip_steps("typeset")
    with pytest.raises(Refused, match="has no step"):
        run.skip_steps("typo")


@pytest.mark.parametrize("at", ["pending", "in_progress", "retry", "error"])
def test_a_run_that_is_not_over_can_be_abandoned(at: str) -> None:
    makes: dict[str, Callable[[], Run]] = {
        "pending": a_run,
        "in_progress": lambda: a_run_at("announce"),
        "retry": lambda: failed(a_run_at("announce"), OSError()),
        "error": lambda: failed(a_run_at("announce"), Abandon()),
    }
    run = makes[at]()
    assert run.status == at

    run.abandon("nobody wants it")

    assert (run.status, run.message) == (RunStatus.ABORTED, "nobody wants it")
    with pytest.raises(TransitionRefused):
        run.abandon()


def test_over_are_success_skipped_and_aborted_and_no_others() -> None:
    assert {one for one in RunStatus if one.is_over} == {RunStatus.SUCCESS, RunStatus.SKIPPED, RunStatus.ABORTED}
    assert set(RunStatus) == {
        "pending", "in_progress", "retry", "waiting", "error", "exception", "success", "skipped", "aborted"
    }  # fmt: skip


def test_a_key_names_one_run_of_one_process() -> None:
    assert run_id("release", "order-17") == run_id("release", "order-17")
    assert run_id("release", "order-17") != run_id("releaseo", "rder-17")


def test_a_run_is_the_sum_of_its_events() -> None:
    run = failed(a_run_at("announce"), OSError("busy"))
    snapshot = run.model_dump(round_trip=True)

    assert Run.model_validate(snapshot).model_dump(round_trip=True) == snapshot


# -- versions ------------------------------------------------------------------------------------


class ReleaseOne(Process, name="release", version=1):
    """As it was, but for a step that has gone."""

    document: str

    @step
    def typeset(self) -> None: ...

    @step
    def publish(self) -> None: ...


class ReleaseThree(Process, name="release", version=3):
    """Two versions on."""

    title: str
    language: str

    @step
    def publish(self) -> None: ...

    @step
    def store(self) -> None: ...

    @staticmethod
    @migration(from_version=1, steps={"announce": "publish"})
    def with_a_title(state: dict[str, Any]) -> dict[str, Any]:
        return {"title": state["document"]}

    @staticmethod
    @migration(from_version=2, steps={"archive": "store"})
    def with_a_language(state: dict[str, Any]) -> dict[str, Any]:
        return {**state, "language": "en"}


def test_a_run_fits_the_definition_it_was_started_with() -> None:
    assert fitting(RELEASE, a_run(), Masker()) is None


def test_other_steps_under_the_same_version_are_refused_and_named() -> None:
    misfit = fitting(definition_of(ReleaseOne), a_run(), Masker())

    assert isinstance(misfit, Misfit)
    assert '"announce" is gone' in misfit.reason
    assert '"publish" is new' in misfit.reason
    assert "@migration(from_version=1)" in misfit.reason


def test_a_run_of_an_older_version_goes_on_through_the_migrations_that_are_declared() -> None:
    run = a_run_at("announce")

    move = fitting(definition_of(ReleaseThree), run, Masker())

    assert isinstance(move, Move)
    assert (move.definition, move.step, move.done) == (3, "publish", ())
    assert move.state == {"title": "Whales", "language": "en"}


def test_a_migration_is_recorded_once_and_the_run_keeps_its_place() -> None:
    run = a_run_at("announce")
    move = fitting(definition_of(ReleaseThree), run, Masker())
    assert isinstance(move, Move)

    move.record(run)
    move.record(run)

    assert (run.definition, run.step, run.route) == (3, "publish", "release/3@default")
    assert run.pending[-1].event.was == 1  # type: ignore[attr-defined]


def test_without_a_migration_another_version_is_refused() -> None:
    class ReleaseTwo(Release, name="release", version=2): ...

    misfit = fitting(definition_of(ReleaseTwo), a_run(), Masker())

    assert isinstance(misfit, Misfit)
    assert "no migration leads on from 1" in misfit.reason


def test_a_migration_that_forgets_the_step_that_is_next_is_refused() -> None:
    run = a_run_at("typeset")

    misfit = fitting(definition_of(ReleaseThree), run, Masker())

    assert isinstance(misfit, Misfit)
    assert 'what has become of "typeset"' in misfit.reason


def test_a_migration_that_fails_or_gives_what_does_not_fit_is_refused() -> None:
    class Broken(Release, name="release", version=2):
        @staticmethod
        @migration(from_version=1)
        def on(state: dict[str, Any]) -> dict[str, Any]:
            return {"pages": state["pages"] / 0}

    class Misfitting(Release, name="release", version=2):
        @staticmethod
        @migration(from_version=1)
        def on(state: dict[str, Any]) -> dict[str, Any]:
            return {"pages": state["pages"]}

    for one, why in ((Broken, "division by zero"), (Misfitting, "does not fit")):
        misfit = fitting(definition_of(one), a_run(), Masker())
        assert isinstance(misfit, Misfit)
        assert why in misfit.reason


def test_a_run_of_a_newer_version_is_left_to_a_newer_program() -> None:
    misfit = fitting(RELEASE, a_run(definition_of(ReleaseThree), state={}), Masker())

    assert isinstance(misfit, Misfit)
    assert "newer" in misfit.reason


def test_the_beginning_and_the_end_are_steps_that_fail_and_are_tried_again_like_others() -> None:
    class Whole(Process, retry=Retry(attempts=2)):
        def started(self) -> None: ...

        @step
        def work(self) -> None: ...

        def finished(self) -> None: ...

    whole = definition_of(Whole)
    run = a_run(whole, state={})
    run.claim(A_WORKER)
    failed(run, OSError(), whole)
    assert (run.status, run.step) == (RunStatus.RETRY, START)
    run.claim(A_WORKER)
    run.succeed(START)
    run.succeed("work")
    failed(run, OSError(), whole)
    assert (run.status, run.step) == (RunStatus.RETRY, FINISH)
    run.claim(A_WORKER)
    run.succeed(FINISH)

    assert run.status is RunStatus.SUCCESS
