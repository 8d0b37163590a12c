"""Runs that wait, go over items, begin others and take back, as pure decisions."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, Self, cast

import pytest

from eventflow.errors import BadInput, Misconfigured
from eventflow.model.process import long
from eventflow.model.process.awaiting import Awaited, Child, Moment, RunEnd, Signal, fitted
from eventflow.model.process.definition import definition_of, problems
from eventflow.model.process.fan import Course, Each, course
from eventflow.model.process.inbox import Letter, letter_for, staled, took
from eventflow.model.process.items import item_definitions
from eventflow.model.process.kin import Kin
from eventflow.model.process.process import Process
from eventflow.model.process.run import Run
from eventflow.model.process.status import RunStatus
from eventflow.model.process.step import Step, calls, step
from eventflow.model.recorded import Phase
from eventflow.model.wait import FOREVER
from tests.model.process.words import A_WORKER, a_run

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def a_waiting_run(what: str = "signal approved") -> Run:
    """A run whose step has been put aside."""
    run = a_run()
    run.claim(A_WORKER)
    long.put_aside(run, "typeset", what, None, seen=run.news)
    return run


# -- waiting ---------------------------------------------------------------------------------------


def test_a_step_that_waits_is_due_when_its_time_is_over_and_no_attempt_is_counted() -> None:
    run = a_run()
    run.claim(A_WORKER)

    long.put_aside(run, "typeset", "signal approved", NOON, seen=0)

    assert (run.status, run.standing.phase, run.standing.due) == (RunStatus.WAITING, Phase.DEFERRED, NOON)
    assert (run.attempt, run.standing.waits) == (1, True)


def test_a_deadline_ends_every_wait() -> None:
    run = a_run(deadline=NOON)
    run.claim(A_WORKER)

    long.put_aside(run, "typeset", "signal approved", None, seen=0)

    assert run.standing.due == NOON


def test_without_an_end_somebody_has_to_say_something() -> None:
    assert a_waiting_run().standing.due == FOREVER


def test_a_signal_wakes_only_who_waits_for_it() -> None:
    for name, woken in (("approved", True), ("refused", False)):
        run = a_waiting_run()

        long.signal(run, name)

        assert (run.pending[-1].event.event_name == "woken") is woken
        assert run.status is RunStatus.WAITING


def test_what_was_heard_while_a_step_was_being_put_aside_is_looked_at_at_once() -> None:
    run = a_run()
    run.claim(A_WORKER)
    seen = run.news
    long.signal(run, "approved")

    long.put_aside(run, "typeset", "signal approved", None, seen=seen)

    assert run.pending[-1].after == timedelta(0)


def test_a_step_keeps_the_letter_it_has_taken_until_it_is_restarted() -> None:
    first, second = Letter(key="1", name="a"), Letter(key="2", name="a")
    letters = took((first, second), "one", "1")

    again = letter_for(letters, "one", "a")
    other = letter_for(letters, "two", "a")
    restarted = letter_for(staled(letters, ["one"]), "one", "a")
    alone = letter_for(staled(took((first,), "one", "1"), ["one"]), "one", "a")

    assert [one.key for one in (again, other, restarted, alone) if one] == ["1", "2", "2", "1"]
    assert letter_for(letters, "one", "b") is None


@pytest.mark.parametrize(
    ("awaited", "problem"),
    [
        (Signal("no good name"), "a name of letters"),
        (Signal("x", within=timedelta(0)), "no positive timedelta"),
        (Signal("x", late="go_on"), "say within="),
        (Signal("x", within=timedelta(1), late="never"), 'wanted is "fail" or "go_on"'),  # type: ignore[arg-type]
        (Moment(), "either after="),
        (Moment(until=datetime(2026, 1, 1)), "no time zone"),
        (Moment(after=timedelta(1), within=timedelta(1)), "within= means nothing"),
        (Child("field"), "a function is wanted"),  # type: ignore[arg-type]
        (Child(lambda one: one, failing="maybe"), 'wanted is "fail" or "wait"'),  # type: ignore[arg-type]
        (RunEnd(7), "the name of a field"),  # type: ignore[arg-type]
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Awaited) else "problem",
)
def test_a_wait_that_makes_no_sense_is_told(awaited: Awaited, problem: str) -> None:
    assert any(problem in one for one in awaited.problems())


def test_a_moment_that_the_process_does_not_know_is_told() -> None:
    with pytest.raises(BadInput, match="came to None"):
        Moment(until=lambda process: None).due(object(), NOON)  # type: ignore[arg-type,return-value]


def test_data_come_as_the_step_wants_them() -> None:
    def approve(process: object, by: int) -> None: ...
    def pass_by(process: object) -> None: ...

    assert fitted(approve, "7") == 7
    assert fitted(pass_by, {"any": "thing"}) == {"any": "thing"}
    with pytest.raises(BadInput, match="data: Input should be a valid integer"):
        fitted(approve, "Ada")


# -- items -----------------------------------------------------------------------------------------


def kin(*statuses: str) -> list[Kin]:
    """The runs of items: s(uccess), f(ailed), o(pen), a(gain), - (not begun)."""
    known: dict[str, dict[str, Any]] = {
        "s": {"status": RunStatus.SUCCESS},
        "f": {"status": RunStatus.ERROR},
        "o": {},
        "a": {"status": RunStatus.ERROR, "again": True},
    }
    run = a_run()
    return [
        Kin(run=long.child_id(run, "x", at), process="p", step="x", index=at, **known[one])
        for at, one in enumerate(statuses)
        if one != "-"
    ]


@pytest.mark.parametrize(
    ("policy", "statuses", "wanted"),
    [
        ("all", "---", Course((0, 1))),
        ("all", "oo-", Course(())),
        ("all", "so-", Course((2,))),
        ("all", "fo-", Course((2,))),
        ("all", "fss", Course((), is_over=True, has_failed=True)),
        ("all", "sss", Course((), is_over=True)),
        ("all", "sas", Course((1,))),
        ("some", "fss", Course((), is_over=True)),
        ("some", "fff", Course((), is_over=True, has_failed=True)),
        ("all", "", Course((), is_over=True)),
    ],
)
def test_how_a_step_goes_on_over_its_items(policy: Any, statuses: str, wanted: Course) -> None:
    assert course(Each("x", at_once=2, failing=policy), len(statuses), kin(*statuses)) == wanted


def test_the_first_failure_stops_the_others() -> None:
    known = kin("f", "o", "-")

    found = course(Each("x", failing="fast"), 3, known)

    assert found == Course((), is_over=True, has_failed=True, stop=(known[1],))


def test_an_item_is_a_run_of_a_process_of_its_own() -> None:
    class Book(Process, name="book", version=3):
        pages: tuple[str, ...] = ()

        @step(over=Each("pages"))
        def print_page(self, page: str) -> int:
            return len(page)

    (found,) = item_definitions(definition_of(Book))
    part = found.revived({"whole": {"pages": ("a", "bb")}, "item": "bb", "index": 1})

    assert (found.name, found.version, found.keys) == ("book.print_page", 3, ("print_page",))
    assert found.steps[0](part).result == 2


# -- what is wrong with steps ----------------------------------------------------------------------


def test_everything_that_is_wrong_with_a_step_is_told_at_once() -> None:
    class Odd(Process, name="odd", version=1):
        pages: tuple[str, ...] = ()
        wrong: ClassVar[Step] = calls("no task", of="pages")  # type: ignore[arg-type]

        @step(over=Each("pagse", at_once=0, into="sizes"))
        def one(self) -> None: ...

        @step(awaits=Signal("x"), over="pages")
        def two(self, item: str) -> None: ...

        @step(awaits=cast(Any, timedelta(1)))
        def three(self) -> None: ...

        @step(awaits=RunEnd("leader"))
        def four(self, a: str, b: str) -> None: ...

        @step
        async def five(self) -> Self:
            return self

    told = "\n".join(problems([Odd]))

    for wanted in (
        'over="pagse" is no field of it. Did you mean "pages"?',
        'into="sizes" is no field of it.',
        "at least one item has to be under way",
        "is called with the process and an item, but takes (self)",
        "make several steps of it",
        "wanted is Signal(...), Moment(...), Child(...) or RunEnd(...)",
        'RunEnd="leader" is no field of it',
        "is called with the process and what it waited for, but takes (self, a: 'str', b: 'str')",
        "is a coroutine",
        "wanted is what @task or @endpoint made",
    ):
        assert wanted in told


def test_a_webhook_needs_a_step_that_awaits_its_signal() -> None:
    from eventflow.model.webhook import webhook
    from tests.model.process.words import Release

    with pytest.raises(Misconfigured, match="no step of it awaits this signal"):
        webhook(Release, "paid")


# -- taking back -----------------------------------------------------------------------------------


def steps_of(run: Run) -> Sequence[str]:
    """What there is to do."""
    return run.steps


def test_only_what_has_succeeded_is_taken_back() -> None:
    run = a_run(undoable=("typeset", "announce", "archive"), undoes_failures=False)
    run.skip_steps("announce")
    run.claim(A_WORKER)
    run.succeed("typeset")
    run.skip_step("announce")

    run.abandon("Nobody wants it.")

    assert (run.status, run.step, steps_of(run)) == (RunStatus.RETRY, "undo:typeset", ("undo:typeset",))
    run.claim(A_WORKER)
    run.succeed("undo:typeset")
    assert run.status is RunStatus.ABORTED


def test_who_abandons_while_it_is_taken_back_leaves_the_rest() -> None:
    run = a_run(undoable=("typeset",))
    run.claim(A_WORKER)
    run.succeed("typeset")
    run.abandon()

    run.abandon("Leave it.")

    assert run.status is RunStatus.ABORTED


def test_with_nothing_to_take_back_a_run_is_over_at_once() -> None:
    run = a_run(undoable=("announce",))
    run.claim(A_WORKER)
    run.succeed("typeset")

    run.abandon()

    assert run.status is RunStatus.ABORTED


# -- what people are told --------------------------------------------------------------------------


def test_people_are_told_what_a_run_waits_for() -> None:
    signal, items, child = a_waiting_run(), a_run(), a_run()
    for run in (items, child):
        run.claim(A_WORKER)
    long.fan_out(items, "typeset", ["a", "b", "c"])
    long.go_on(items, "typeset", Each("x"), "p")
    long.put_aside(items, "typeset", "items", None, seen=items.news)
    ended = items.kin[1].run
    long.hear_of_end(items, ended, "p", RunStatus.ERROR, None, "torn")
    known = long.child_id(child, "typeset")
    long.begin(child, "typeset", "p", [(None, known)])
    long.put_aside(child, "typeset", "child", NOON, seen=child.news)

    assert long.waits_for(signal) == "signal approved"
    assert long.waits_for(items) == "items: 1 of 3 have ended, 1 of them failed"
    assert long.waits_for(child) == f"child {known}, until 2026-01-01 12:00:00 UTC at the latest"
    assert long.waits_for(a_run()) is None
