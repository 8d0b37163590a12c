"""Before a step is called: whether its turn has really come, and with what it is called then."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from eventflow.errors import BadInput, TransitionRefused
from eventflow.model import outcome
from eventflow.model.aggregate import Aggregate, spell
from eventflow.model.company import accompany
from eventflow.model.process import long
from eventflow.model.process.awaiting import Awaited, Child, Ended, Moment, RunEnd, Signal, fitted, takes_more
from eventflow.model.process.calling import Calls
from eventflow.model.process.endings import Abandon
from eventflow.model.process.fan import Each, course, failures_of, gathered, in_words
from eventflow.model.process.inbox import letter_for
from eventflow.model.process.items import items_name
from eventflow.model.process.kin import Kin
from eventflow.model.process.memory import UNDO
from eventflow.model.process.process import Process
from eventflow.model.process.registry import Registry
from eventflow.model.process.run import Run
from eventflow.model.process.status import RunStatus
from eventflow.model.process.step import Step
from eventflow.model.process.verdict import Verdict
from eventflow.model.reaction import EndpointReaction, Reaction
from eventflow.runtime.processes.kinship import unheard
from eventflow.runtime.repository import Repository


class Aside(Exception):
    """The step cannot be called yet; this is to be recorded, and no worker waits."""

    def __init__(self, verdict: Verdict) -> None:
        self.verdict = verdict
        super().__init__()


@dataclass(frozen=True, slots=True)
class Ready:
    """A step is called by this, with its process.

    ``also`` is recorded whatever comes of it; ``conclude`` says what to record beside its success of what it gave back,
    and what the step has given back then. ``speaks`` is how it speaks to other systems, if not like its run.
    """

    function: Callable[[Any], Any]
    also: tuple[Verdict, ...] = ()
    conclude: Callable[[Any], tuple[Any, Verdict | None]] = lambda result: (result, None)
    speaks: Reaction[Any, Any] | None = None


@dataclass(frozen=True, slots=True)
class Turn:
    """A step whose turn it seems to be: of which run, knowing what, and when."""

    run: Run
    process: Process
    step: Step
    now: datetime

    @property
    def until(self) -> datetime | None:
        """Until when it waits, if it has begun to wait."""
        waiting = self.run.waiting
        return waiting.until if waiting is not None and waiting.step == self.step.key else None

    def aside(self, what: str, until: datetime | None, *also: Verdict, target: UUID | None = None) -> Aside:
        """It waits."""
        seen, key = self.run.news, self.step.key

        def verdict(run: Run) -> None:
            for one in also:
                one(run)
            long.put_aside(run, key, what, until, seen=seen, target=target)

        return Aside(verdict)

    def late(self, awaited: Awaited, what: str, *also: Verdict) -> Ready:
        """It has waited too long. Raises ``Abandon``, unless it is called all the same."""
        if awaited.late == "go_on":
            return self.given(None, *also)
        status = RunStatus.ERROR if awaited.late == "fail" else RunStatus.ABORTED
        raise Abandon(f"{what} did not come within {awaited.within}.", status=status)

    def given(self, found: Any, *also: Verdict) -> Ready:
        """It is called with what it waited for, if it takes it."""
        function = self.step.function
        return Ready((lambda process: function(process, found)) if takes_more(function) else function, also)


class Approach:
    """Looks at the turns of steps. Raises ``Aside`` for those that wait, and what the step ends in at once."""

    def __init__(self, repository: Repository, registry: Registry) -> None:
        self._repository, self._registry = repository, registry

    def ready(self, turn: Turn) -> Ready:
        """How the step is called, now that its turn has come."""
        step, awaits = turn.step, turn.step.awaits
        if step.key.startswith(UNDO):
            return self._undo(turn)
        if step.over is not None:
            return self._items(turn, step.over)
        if step.calls is not None:
            return self._call(turn, step.calls)
        if isinstance(awaits, Signal):
            return self._signal(turn, awaits)
        if isinstance(awaits, Moment):
            return self._moment(turn, awaits)
        if isinstance(awaits, Child):
            return self._child(turn, awaits)
        if isinstance(awaits, RunEnd):
            return self._run_end(turn, awaits)
        return Ready(step.function)

    def _undo(self, turn: Turn) -> Ready:
        """Nothing is taken back before the children have taken back what is theirs."""
        if any(one.own and one.is_open for one in turn.run.kin):
            raise turn.aside("children", None)
        return Ready(turn.step.function)

    # -- what it waits for -----------------------------------------------------------------------

    def _signal(self, turn: Turn, signal: Signal) -> Ready:
        key, what = turn.step.key, f"signal {signal.name}"
        letter = letter_for(turn.run.letters, key, signal.name)
        if letter is not None:
            known = letter.key
            return turn.given(fitted(turn.step.function, letter.data), lambda run: long.take(run, key, known))
        return self._not_yet(turn, signal, what)

    def _not_yet(self, turn: Turn, awaited: Awaited, what: str, *also: Verdict, target: UUID | None = None) -> Ready:
        until = turn.until
        if until is None and awaited.within is not None:
            until = turn.now + awaited.within
        if until is not None and until <= turn.now:
            return turn.late(awaited, what[0].upper() + what[1:], *also)
        raise turn.aside(what, until, target=target)

    def _moment(self, turn: Turn, moment: Moment) -> Ready:
        until = turn.until or moment.due(turn.process, turn.now)
        if until > turn.now:
            raise turn.aside("time", until)
        return Ready(turn.step.function)

    def _run_end(self, turn: Turn, awaited: RunEnd) -> Ready:
        target = awaited.target(turn.process)
        if not isinstance(target, UUID):
            raise BadInput(f"{turn.step.key} waits for the end of a run, but RunEnd came to {target!r}: no UUID.")
        if target == turn.run.id:
            raise BadInput(f"{turn.step.key} waits for the end of its own run, which would be for ever.")
        known = turn.run.relative(target)
        if known is None or known.status is None:
            return self._not_yet(turn, awaited, f"run {target}", target=target)
        return turn.given(_ended(known))

    def _child(self, turn: Turn, child: Child) -> Ready:
        key = turn.step.key
        known = next(iter(turn.run.kin_of(key)), None)
        if known is None or known.again:
            raise self._begun(turn, child, known)
        self._hear_of_ends(turn, "child")
        if known.is_open or (known.is_restartable and child.failing == "wait"):
            return self._not_yet(turn, child, "child", lambda run: long.leave(run, key, [known]))
        if known.has_failed and child.failing != "tell":
            status = str(known.status).upper()
            raise Abandon(f"The child {known.run} ended in {status}: {known.error}", {"child": str(known.run)})
        return turn.given(_ended(known))

    def _begun(self, turn: Turn, child: Child, known: Kin | None) -> Aside:
        key, until = turn.step.key, None if child.within is None else turn.now + child.within
        if known is not None and known.is_restartable:
            again, name = known.run, known.process
            return turn.aside("child", until, lambda run: long.begin(run, key, name, [(None, again)], again=True))
        process = child.begin(turn.process)
        definition = self._registry.get(type(process))
        state = definition.state(process)
        return turn.aside(
            "child",
            until,
            lambda run: long.begin(run, key, definition.name, [(None, long.child_id(run, key))], state=state),
        )

    # -- what it goes over -----------------------------------------------------------------------

    def _items(self, turn: Turn, each: Each) -> Ready:
        key, run = turn.step.key, turn.run
        name, fan = items_name(run.process, key), run.fan(key)
        items = each.items(turn.process) if fan is None else fan.items
        found = course(each, len(items), run.kin_of(key))
        if found.is_over:
            return self._gathered(turn, each, items, has_failed=found.has_failed)
        self._hear_of_ends(turn, "items")

        def begin(run: Run) -> None:
            long.fan_out(run, key, items)
            long.go_on(run, key, each, name)

        raise turn.aside("items", None, begin)

    def _gathered(self, turn: Turn, each: Each, items: tuple[Any, ...], *, has_failed: bool) -> Ready:
        kin = turn.run.kin_of(turn.step.key)
        if has_failed:
            failures = failures_of(kin)
            raise Abandon(in_words(len(items), failures), {"failures": [one._asdict() for one in failures]})
        found = gathered(len(items), kin)
        if each.into is not None:
            into = each.into
            return Ready(lambda process: process.learn(**{into: found.results}))
        if each.gather is not None:
            gather = each.gather
            return Ready(lambda process: getattr(process, gather)(found))
        return Ready(lambda process: None)

    def _hear_of_ends(self, turn: Turn, what: str) -> None:
        """What has ended while this run could not be read is heard of now, and the step is looked at again at once."""
        if news := unheard(self._repository, turn.run, turn.step.key):
            raise turn.aside(what, turn.until, *news)

    # -- what it calls ---------------------------------------------------------------------------

    def _call(self, turn: Turn, calls: Calls) -> Ready:
        reaction: Reaction[Any, Any] = calls.reaction  # type: ignore[assignment]  # as was checked at composition
        id = calls.target(turn.process)
        document = self._repository.get(reaction.aggregate, id)
        if document.status is not reaction.on:
            raise TransitionRefused(f"The step {turn.step.key}", spell(document.status), [spell(reaction.on)])
        outcome.refuse_to_stray(document, reaction)
        key = turn.step.key

        def conclude(result: Any) -> tuple[None, Verdict]:
            _record(document.model_copy(), reaction, result, 1, turn.run.id)  # what cannot be is a failure of the step

            def verdict(run: Run) -> None:
                attempt, owner = run.attempt, run.standing.owner or run.id
                if run.step == key:
                    accompany(
                        run, reaction.aggregate, id, lambda one: _record(one, reaction, result, attempt, owner)
                    )  # fmt: skip

            return None, verdict

        function = reaction.function
        speaks = reaction if isinstance(reaction, EndpointReaction) else None
        return Ready(lambda process: function(document.model_copy()), conclude=conclude, speaks=speaks)


def _record(document: Aggregate[Any], reaction: Reaction[Any, Any], result: Any, attempt: int, owner: UUID) -> None:
    """The claim and the end of an attempt, in one: nobody sees the document in between."""
    if document.status is not reaction.on:
        raise TransitionRefused(f"What came of {reaction.name}", spell(document.status), [spell(reaction.on)])
    outcome.claim(document, reaction, attempt, owner)
    outcome.finish(document, reaction, result)


def _ended(kin: Kin) -> Ended:
    assert kin.status is not None
    return Ended(kin.run, kin.process, kin.status, dict(kin.result or {}), kin.error)
