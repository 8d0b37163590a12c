"""What an append to one run means for others, so that it goes into the log with it: all of it, or nothing.

A child begins together with its parent's word that it does, and its end is told to the parent in the append that ends
it. So whoever is killed in between, comes twice, or finds that somebody was faster, has begun nothing, told nothing and
lost nothing. When another stream has moved, the whole append is refused with ``VersionConflict``, as always.

Streams that cannot be read keep nobody waiting either. That a child cannot be read is how it ended, for its parent. A
parent that cannot be read is woken behind its last header: whoever can read it looks for the ends that it has not heard
of, and of whoever cannot the claim says why.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID

from eventflow.errors import BodyMissing, RunNotFound, StreamNotFound, Unreadable
from eventflow.model.aggregate import Aggregate, cause_of
from eventflow.model.company import company_of
from eventflow.model.library import Created, Woken
from eventflow.model.process import long
from eventflow.model.process.definition import Definition
from eventflow.model.process.fan import Each
from eventflow.model.process.items import item_state
from eventflow.model.process.kin import BADLY, Kin
from eventflow.model.process.long_events import Begun, StepWaits
from eventflow.model.process.registry import Registry
from eventflow.model.process.run import Run
from eventflow.model.process.status import RunStatus
from eventflow.model.process.verdict import Verdict
from eventflow.model.recorded import Context, Draft, Header, Phase
from eventflow.runtime.repository import Changed, Repository, Together, behind
from eventflow.store.log import Append

log = logging.getLogger("eventflow.processes")

A = TypeVar("A", bound=Aggregate[Any])

PARTED = "Its parent waits for it no more."


class Kinship:
    """Says what goes with an append. ``Repository`` asks."""

    def __init__(self, repository: Repository, registry: Registry, *, clock: Callable[[], datetime]) -> None:
        self._repository, self._registry, self._clock = repository, registry, clock

    def __call__(self, changed: Sequence[Changed], /) -> Together:
        """What is to be appended beside what has changed."""
        if not any(_concerns_others(one) for one, _ in changed):
            return Together()
        return _Meeting(self._repository, self._registry, changed, self._clock).together()

    def of_unread(self, headers: Sequence[Header], reason: str) -> Together:
        """What the parent of a run makes of it that this cannot be read: it has ended, badly."""
        first = headers[0]
        if first.category != Run.category:
            return Together()
        parent = next((one for one in self._suspected(first) if one.relative(first.stream) is not None), None)
        if parent is None:
            return Together()
        because = Context(correlation=first.correlation, causation=headers[-1].position, tenant=first.tenant)
        meeting = _Meeting(self._repository, self._registry, [(parent, because)], self._clock)
        meeting.hear_nothing(parent, first.stream, reason)
        found = meeting.together()
        return found._replace(changed=[(parent, because), *found.changed] if parent.pending else found.changed)

    def _suspected(self, first: Header) -> Iterator[Run]:
        """Whose child a run may be whose events cannot be read: its first one perhaps can, and its header tells why."""
        for id in (self._said_parent(first), *self._led_to(first), first.correlation):
            if id is not None and id != first.stream and (found := self._readable(id)) is not None:
                yield found

    def _said_parent(self, first: Header) -> UUID | None:
        try:
            event = self._repository.first(first.stream)
        except (BodyMissing, Unreadable):
            return None
        return UUID(str(event.fields["parent"])) if isinstance(event, Created) and event.fields.get("parent") else None

    def _led_to(self, first: Header) -> Iterator[UUID | None]:
        """What led to its beginning: its parent, or another item of the same step that had ended."""
        cause = None if first.causation is None else self._repository.stream_at(first.causation)
        yield cause
        other = None if cause is None else self._readable(cause)
        yield None if other is None else other.parent

    def _readable(self, id: UUID) -> Run | None:
        try:
            return self._repository.get(Run, id)
        except (StreamNotFound, BodyMissing, Unreadable):
            return None


class _Meeting:
    """The aggregates of one append, as they come together. Changes."""

    def __init__(
        self,
        repository: Repository,
        registry: Registry,
        changed: Sequence[Changed],
        clock: Callable[[], datetime],
    ) -> None:
        self._repository, self._registry, self._clock = repository, registry, clock
        self._there: dict[UUID, Changed] = {one.id: (one, context) for one, context in changed}
        self._first = len(self._there)
        self._seen: dict[UUID, int] = {}
        self._woken: dict[UUID, Append] = {}

    def together(self) -> Together:
        """Those that came to the ones it began with, each with something to append."""
        while news := [one for one in self._there.values() if self._seen.get(one[0].id, 0) < len(one[0].pending)]:
            for aggregate, context in news:
                self._attend(aggregate, context)
        came = list(self._there.values())[self._first :]
        return Together([(one, context) for one, context in came if one.pending], [*self._woken.values()])

    def _attend(self, aggregate: Aggregate[Any], context: Context) -> None:
        is_new = aggregate.id not in self._seen
        fresh = aggregate.pending[self._seen.get(aggregate.id, 0) :]
        self._seen[aggregate.id] = len(aggregate.pending)
        for company in company_of(aggregate) if is_new else ():
            company.decide(self._get(company.kind, company.stream, _because(aggregate, context)))
        if isinstance(aggregate, Run):
            self._follow(aggregate, fresh, _because(aggregate, context))

    def _follow(self, run: Run, fresh: Sequence[Draft], context: Context) -> None:
        for draft in fresh:
            if isinstance(draft.event, Begun):
                self._begin(run, draft.event, context)
            elif isinstance(draft.event, StepWaits) and draft.event.run is not None:
                self._watch(run, draft.event.run, context)
        if run.kin:
            self._part(run, fresh, context)
        if _has_come_to_an_end(run, fresh):
            self._tell(run, context)

    # -- what begins -----------------------------------------------------------------------------

    def _begin(self, run: Run, begun: Begun, context: Context) -> None:
        for index, id in begun.runs:
            if begun.again:
                self._restart(run, id, context)
            else:
                self._there[id] = (self._child(run, begun, index, id), context)

    def _child(self, run: Run, begun: Begun, index: int | None, id: UUID) -> Run:
        definition = self._registry.get(begun.process)
        return Run.begin(
            id=id,
            **begins(definition),
            state=dict(begun.state) if begun.state is not None else _of_item(run, begun.step, index),
            channel=run.channel if index is not None else definition.options.channel,
            parent=run.id,
            subject=run.subject,
            deadline=self._deadline(run, definition),
        )

    def _deadline(self, run: Run, definition: Definition) -> datetime | None:
        """A child has as long as its process may take, and no longer than its parent has."""
        own = definition.options.deadline
        ends = [one for one in (run.deadline, None if own is None else self._clock() + own) if one is not None]
        return min(ends, default=None)

    def _restart(self, run: Run, id: UUID, context: Context) -> None:
        child = self._run(id, context)
        if child.status in (RunStatus.ERROR, RunStatus.EXCEPTION):
            child.restart(reason="Its parent was restarted.")
        elif child.status.is_over:  # somebody has seen to it meanwhile
            self._hear(run, child)

    def _watch(self, run: Run, id: UUID, context: Context) -> None:
        other = self._run(id, context)
        if other.status.is_over:
            self._hear(run, other)
        else:
            long.watch(other, run.id)

    # -- what ends -------------------------------------------------------------------------------

    def _part(self, run: Run, fresh: Sequence[Draft], context: Context) -> None:
        """Abandon the children that nobody waits for any more."""
        is_over = run.status.is_over
        if not is_over and not any(one.event.event_name in PARTING for one in fresh):
            return
        for one in run.kin:
            if one.own and one.is_open and (one.left or is_over):
                self._abandon(run, one, context)

    def _abandon(self, run: Run, known: Kin, context: Context) -> None:
        try:
            child = self._run(known.run, context)
        except UNREADABLE as error:
            # Nobody can tell how it goes on; whoever takes back what it has done must not wait for that.
            self.hear_nothing(run, known.run, f"{type(error).__name__}: {error}")
            return
        if not child.status.is_over and child.undoing is None:
            child.abandon(PARTED)

    def _tell(self, run: Run, context: Context) -> None:
        """Tell those who wait for it how a run has ended."""
        waiting = ([run.parent] if run.parent is not None else []) + list(run.watchers if run.status.is_over else ())
        for id in waiting:
            try:
                self._hear(self._run(id, context), run)
            except UNREADABLE as error:
                log.error("The run %s hears of an end only once it can be read: %s", id, error)
                self._wake(id)

    def _hear(self, run: Run, other: Run) -> None:
        known = run.relative(other.id)
        if known is not None and _heard(run, known, other):
            self._go_on(run, known)

    def hear_nothing(self, run: Run, other: UUID, reason: str) -> None:
        """Another run cannot be read: as far as this one is concerned it has failed."""
        known = run.relative(other)
        if known is not None and _heard_nothing(run, known, reason):
            self._go_on(run, known)

    def _wake(self, id: UUID) -> None:
        """Let a run that cannot be read here be taken up, so that it hears what it was not told, or says what is wrong.

        Nothing of what it holds is needed for that.
        """
        headers = self._repository.headers(id)
        standing = next((one for one in reversed(headers) if one.phase), None)
        if standing is not None and (standing.phase, standing.status) == (Phase.DEFERRED, RunStatus.WAITING):
            self._woken[id] = behind(headers[-1], _woken(headers[-1], standing))

    def _go_on(self, run: Run, known: Kin) -> None:
        each = self._each(run, known)
        if each is None or known.left or long.go_on(run, known.step, each, known.process).is_over:
            run.wake()

    def _each(self, run: Run, known: Kin) -> Each | None:
        """How the step goes over its items; a program that does not know it wakes the run, and whoever does goes on."""
        if known.index is None or run.process not in self._registry:
            return None
        definition = self._registry.get(run.process)
        step = definition.by_key.get(known.step) if definition.version == run.definition else None
        return None if step is None else step.over

    # -- who is there ----------------------------------------------------------------------------

    def _run(self, id: UUID, context: Context) -> Run:
        try:
            return self._get(Run, id, context)
        except StreamNotFound:
            raise RunNotFound(id) from None

    def _get(self, kind: type[A], id: UUID, context: Context) -> A:
        if id not in self._there:
            self._there[id] = (self._repository.get(kind, id), context)
        found = self._there[id][0]
        if not isinstance(found, kind):
            raise StreamNotFound(id, kind.category)
        return found


UNREADABLE = (RunNotFound, BodyMissing, Unreadable)
"""Why another run may have nothing to say; that must not keep one from its end."""

PARTING = frozenset(("left_behind", "undo_began", "restarted", "went_to", "step_succeeded", "step_skipped"))
"""What may leave children behind that nobody waits for."""


def _concerns_others(one: Aggregate[Any]) -> bool:
    """Whether there may be anybody else; most runs are alone, and theirs is every step of every process."""
    if not isinstance(one, Run):
        return bool(company_of(one))
    if one.parent is not None or one.kin or one.watchers or company_of(one):
        return True
    return any(isinstance(draft.event, (Begun, StepWaits)) for draft in one.pending)


def begins(definition: Definition) -> dict[str, Any]:
    """What a run says of its definition when it begins."""
    return {
        "process": definition.name,
        "definition": definition.version,
        "fingerprint": definition.fingerprint,
        "steps": definition.keys,
        "undoable": definition.undoable,
        "undoes_failures": definition.options.undo_on == "failure",
    }


def _of_item(run: Run, step: str, index: int | None) -> dict[str, Any]:
    fan = run.fan(step)
    assert fan is not None
    assert index is not None
    return item_state(run.state, fan.items[index], index)


def _has_come_to_an_end(run: Run, fresh: Sequence[Draft]) -> bool:
    ended = run.status.is_over or run.status in BADLY
    return ended and any(one.phase == Phase.ANNOUNCED and one.status == str(run.status) for one in fresh)


def unheard(repository: Repository, run: Run, step: str) -> list[Verdict]:
    """What a run has not heard of the runs that a step waits for, although they have ended: how it hears it now.

    That is so when it could not be read as they ended. Where they stand is read from their headers.
    """
    return [found for one in run.kin_of(step) if one.is_open and (found := _unheard(repository, one)) is not None]


def _unheard(repository: Repository, known: Kin) -> Verdict | None:
    standing = repository.phased(known.run)
    if standing is None or standing.phase != Phase.ANNOUNCED or standing.status not in ENDS:
        return None
    try:
        other = repository.get(Run, known.run)
    except (BodyMissing, Unreadable) as error:
        reason = standing.error or f"{type(error).__name__}: {error}"
        return _recording(lambda run: _heard_nothing(run, known, reason))
    return _recording(lambda run: _heard(run, known, other))


def _recording(hear: Callable[[Run], bool]) -> Verdict:
    def verdict(run: Run) -> None:
        hear(run)

    return verdict


ENDS = frozenset(str(one) for one in RunStatus if one.is_over or one in BADLY)
"""Where nothing follows by itself."""


def _heard(run: Run, known: Kin, other: Run) -> bool:
    result = other.state.get("result") if known.index is not None else other.state
    error = None if other.status not in BADLY else _error(other)
    return long.hear_of_end(run, other.id, other.process, other.status, result, error)


def _heard_nothing(run: Run, known: Kin, reason: str) -> bool:
    error = f"What is recorded of the run {known.run} cannot be read. {reason}"
    return long.hear_of_end(run, known.run, known.process, RunStatus.EXCEPTION, None, error)


def _woken(head: Header, standing: Header) -> Draft:
    return Draft(
        Woken(),
        head.status,
        previous=head.status,
        phase=Phase.DEFERRED,
        reaction=standing.reaction,
        attempt=standing.attempt,
        after=timedelta(0),
        stream=head.stream,
        version=head.version + 1,
        flow=head.flow,
    )


def _error(run: Run) -> str:
    last: Iterator[str] = (one.error for one in reversed(run.pending) if one.error)
    return next(last, None) or run.message or str(run.status)


def _because(aggregate: Aggregate[Any], context: Context) -> Context:
    """The same story, whoever else has a part in it."""
    known = cause_of(aggregate)
    return Context(
        correlation=context.correlation or known.correlation or aggregate.id,
        causation=context.causation or known.position,
        actor=context.actor,
        tenant=context.tenant,
    )
