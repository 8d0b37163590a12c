"""Whatever workers and people do to a run, in whatever order: what is recorded adds up."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from eventflow.errors import Refused
from eventflow.model.process.run import Run
from eventflow.model.process.status import RunStatus
from eventflow.model.recorded import Phase
from eventflow.model.telling import facts_of
from tests.model.process.words import A_WORKER, RELEASE, a_run

NOW = datetime(2026, 1, 1, tzinfo=UTC)
STEPS = st.sampled_from(RELEASE.keys)
FACTS = facts_of(OSError("busy"))
A_THING = {"pages": 12}

Act = Callable[[Run], object]


def claimed(act: Act) -> Act:
    """What a worker does: behind its claim only."""

    def acted(run: Run) -> None:
        if run.standing.phase is Phase.CLAIMED:
            act(run)

    return acted


GOING_ON: st.SearchStrategy[Act] = st.sampled_from(
    [
        lambda run: run.claim(A_WORKER),
        claimed(lambda run: run.succeed(run.step or "", learned=A_THING, details=A_THING)),
        claimed(lambda run: run.skip_step(run.step or "")),
    ]
)
STOPPING: st.SearchStrategy[Act] = st.sampled_from(
    [
        claimed(lambda run: run.fail(FACTS, due=NOW)),
        claimed(lambda run: run.fail(FACTS, due=None)),
        claimed(lambda run: run.put_off(NOW, "not yet", {}, ())),
        claimed(lambda run: run.give_up(RunStatus.ABORTED, "no", {}, ())),
        claimed(lambda run: run.skip_run(None, {}, ())),
        claimed(lambda run: run.interrupt("gone", NOW)),
        claimed(lambda run: run.halt("changed")),
        claimed(lambda run: run.break_down(FACTS)),
    ]
)
PEOPLE: st.SearchStrategy[Act] = st.one_of(
    st.builds(lambda step, force: lambda run: run.restart(step, force=force), st.none() | STEPS, st.booleans()),
    st.builds(lambda step: lambda run: run.goto(step), STEPS),
    st.builds(lambda step: lambda run: run.skip_steps(step), STEPS),
    st.just(lambda run: run.abandon()),
)


@settings(max_examples=150)
@given(st.lists(GOING_ON | GOING_ON | STOPPING | PEOPLE, max_size=15))
def test_a_run_adds_up_whatever_is_done_to_it(acts: list[Act]) -> None:
    run = a_run(deadline=NOW + timedelta(days=1))

    for act in acts:
        before = run.done
        try:
            act(run)
        except Refused:
            assert run.done == before
        check(run)


def check(run: Run) -> None:
    """What holds at any moment."""
    assert len(set(run.done)) == len(run.done)
    assert set(run.done) <= set(run.steps)
    assert run.step not in run.done
    assert (run.step is None) == (set(run.done) == set(run.steps))
    assert (run.status is RunStatus.SUCCESS) <= (run.step is None)
    assert (run.status is RunStatus.IN_PROGRESS) == (run.standing.phase is Phase.CLAIMED)
    assert run.has_finished <= (run.standing.phase is Phase.ANNOUNCED)
    for draft in run.pending:
        event = draft.event
        assert type(event).revive(event.event_body(), event.event_version) == event
