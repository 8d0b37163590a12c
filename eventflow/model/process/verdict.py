"""What follows when a step does not end well: decided here, recorded on the run."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from eventflow.model.content import clean
from eventflow.model.masking import Masker
from eventflow.model.process.definition import Definition
from eventflow.model.process.endings import Abandon, Ending, RetryLater, Skip
from eventflow.model.process.events import Note
from eventflow.model.process.run import Run
from eventflow.model.retry import Again
from eventflow.model.telling import facts_of

Verdict = Callable[[Run], None]
"""Records on a run what has been decided; may be called again on a newer one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """What is needed to judge: the definition, the present time, a number from 0 to 1, and what is secret."""

    definition: Definition
    now: datetime
    luck: float
    masker: Masker


def judge(bench: Bench, error: BaseException, notes: Sequence[Note] = ()) -> Verdict:
    """How a run goes on, or ends, after a step has raised this."""
    if isinstance(error, Ending):
        return _ending(bench, error, notes)
    return lambda run: _failed(bench, run, error, notes)


def broken(bench: Bench, worse: BaseException, error: BaseException) -> Verdict:
    """What was called for a failure has failed itself: both are told."""
    facts, cause = facts_of(worse, bench.masker), facts_of(error, bench.masker)
    return lambda run: run.break_down(facts, f"{cause['type']}: {cause['message']}")


def _ending(bench: Bench, ending: Ending, notes: Sequence[Note]) -> Verdict:
    said = (told(ending.message, bench.masker), masked(ending.details, bench.masker), notes)
    if isinstance(ending, RetryLater):
        due = ending.due(bench.now)
        return lambda run: run.put_off(_by(due, run), *said)
    if isinstance(ending, Abandon):
        return lambda run: run.give_up(ending.status, *said)
    if isinstance(ending, Skip):
        return lambda run: run.skip_run(*said)
    raise TypeError(f"{type(ending).__name__} is no way for a step to end.")


def _failed(bench: Bench, run: Run, error: BaseException, notes: Sequence[Note]) -> None:
    decision = bench.definition.retry(run.step).decide(run.attempt, error, lambda: bench.luck)
    late = run.deadline is not None and run.deadline <= bench.now
    due = _by(bench.now + decision.after, run) if isinstance(decision, Again) and not late else None
    details = getattr(error, "details", None)
    run.fail(
        facts_of(error, bench.masker),
        due=due,
        details=masked(details, bench.masker) if isinstance(details, Mapping) else {},
        notes=notes,
    )


def _by(due: datetime, run: Run) -> datetime:
    # At its deadline a run is looked at once more, and ends then.
    return due if run.deadline is None else min(due, run.deadline)


def told(text: str | None, masker: Masker) -> str | None:
    """What a step says of itself, masked."""
    return None if text is None else clean(masker.text(str(text)))


def masked(details: Mapping[str, Any], masker: Masker) -> dict[str, Any]:
    """The details of a step, masked."""
    return dict(masker.value(dict(details))) if details else {}
