"""Transitions at run time: made in one append, or refused, and recorded either way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from eventflow.errors import MoveDenied, MoveRefused, NotFound, Refused, VersionConflict, did_you_mean
from eventflow.model.aggregate import Aggregate
from eventflow.model.flows.moves import Course, Stopped, Tasks, TransitionResult, course, refused
from eventflow.model.flows.states import standing_in
from eventflow.model.flows.tasks import Verdict, allow
from eventflow.model.library import FlowMoved
from eventflow.model.masking import Masker
from eventflow.model.recorded import Context, Header, Recorded
from eventflow.model.streamed import cause_of, spell
from eventflow.picking.definition import FlowDefinition
from eventflow.picking.parts import State, Transition
from eventflow.runtime.flows.bindings import Bindings
from eventflow.runtime.flows.errands import errands_of
from eventflow.runtime.flows.shelf import Shelves
from eventflow.runtime.repository import NOBODY, Repository
from eventflow.store.log import Log


class Possible(NamedTuple):
    """A transition that begins where a subject stands, and what its restrictions say."""

    transition: Transition
    verdict: Verdict


class Instance(NamedTuple):
    """A subject on its way through its flow. ``moves`` are the events of the transitions that it has made."""

    subject: UUID
    flow: str | None
    state: State | None
    status: str
    started_at: datetime
    completed_at: datetime | None
    moves: tuple[Recorded, ...]

    @property
    def is_active(self) -> bool:
        """Whether it has not come to its end."""
        return self.completed_at is None

    @property
    def last_transition(self) -> str | None:
        """The transition that was made last."""
        last = self.moves[-1].event if self.moves else None
        return last.transition if isinstance(last, FlowMoved) else None

    @property
    def actor(self) -> str | None:
        """Who made it."""
        return self.moves[-1].header.actor if self.moves else None

    def duration(self, now: datetime) -> timedelta:
        """How long it took, or has taken until now."""
        return (self.completed_at or now) - self.started_at


class Mover:
    """Makes transitions of subjects by the flows that they are bound to."""

    def __init__(
        self, log: Log, shelves: Shelves, repository: Repository, bindings: Bindings, *, tasks: Tasks, masker: Masker
    ) -> None:
        self._log, self._shelves, self._repository, self._bindings = log, shelves, repository, bindings
        self.tasks, self._masker = tasks, masker

    def run(
        self,
        subject: UUID,
        key: str,
        payload: Mapping[str, Any],
        *,
        expected: int | None = None,
        context: Context = NOBODY,
    ) -> TransitionResult:
        """Make a transition. Somebody who was faster is looked at again, unless a version is ``expected``.

        Raises ``MoveRefused``, ``MoveDenied``, ``PayloadRefused`` or ``MoveFailed`` with the result, once that is
        recorded; ``NotFound`` for a transition that the flow does not have; ``VersionConflict``.
        """
        while True:
            document = self._bindings.load(subject, expected)
            flow = self._flow(document, key)
            transition = _transition(flow, key)
            try:
                result, stopped = self._try(flow, document, transition, payload, context)
            except VersionConflict:
                if expected is not None:
                    raise
                continue
            if stopped is not None:
                raise stopped.kind(key, stopped.code, result.errors, result) from stopped.__cause__
            return result

    def possible(self, subject: UUID, *, actor: str | None = None) -> list[Possible]:
        """The transitions that begin where a subject stands, with what their restrictions say; nothing is recorded."""
        document = self._bindings.load(subject)
        flow = self._bindings.of(subject)
        if flow is None:
            return []
        return [Possible(one, self._verdict(flow, document, one, actor)) for one in _exits(flow, document)]

    def instance(self, subject: UUID) -> Instance:
        """How far a subject has come in its flow. Raises ``StreamNotFound``."""
        document, flow = self._bindings.load(subject), self._bindings.of(subject)
        recorded = self._log.read(subject)
        moves = tuple(one for one in recorded if one.header.name.endswith(f":{FlowMoved.event_name}"))
        ended = [one for one in moves if isinstance(one.event, FlowMoved) and one.event.completed]
        state = None if flow is None else _state(flow, document)
        is_over = state is not None and state.is_terminal
        over = (ended or recorded)[-1].header.recorded_at if is_over else None
        began = recorded[0].header.recorded_at
        return Instance(subject, document.bound_flow, state, spell(document.status), began, over, moves)

    def _try(
        self,
        flow: FlowDefinition,
        document: Aggregate[Any],
        transition: Transition,
        payload: Mapping[str, Any],
        context: Context,
    ) -> tuple[TransitionResult, Stopped | None]:
        begun: Course | None = None
        try:
            begun = course(flow, document, transition, self.tasks, payload, context.actor)
            begun.make(self._masker)
        except Stopped as stopped:
            return self._refused(stopped, begun, flow, document, transition, payload, context), stopped
        header = self._save(begun, context)
        return self._made(begun, header), None

    def _save(self, begun: Course, context: Context) -> Header:
        document = begun.document
        story = cause_of(document).correlation or document.id
        beside = replace(context, correlation=context.correlation or story)
        errands = [(one, beside) for one in errands_of(begun)]
        length = len(document.pending)
        return self._repository.save_each([(document, context), *errands])[length - 1]

    def _made(self, begun: Course, header: Header) -> TransitionResult:
        move = begun.move
        return TransitionResult(
            success=True,
            code="made",
            transition=move.transition.key,
            flow=str(move.flow.id),
            origin=move.origin.key,
            state=move.target.key,
            status=header.status,
            completed=move.target.is_terminal,
            messages=tuple(move.messages),
            data=move.data,
            position=header.position,
            version=header.version,
        )

    def _refused(
        self,
        stopped: Stopped,
        begun: Course | None,
        flow: FlowDefinition,
        document: Aggregate[Any],
        transition: Transition,
        payload: Mapping[str, Any],
        context: Context,
    ) -> TransitionResult:
        # What actions had decided until then is let go of, with the object that they decided it on.
        fresh = self._bindings.load(document.id, document.head.version)
        event = refused(stopped, begun, transition.key, payload, self._masker)
        fresh.record(event)
        header = self._repository.save(fresh, context=context)[-1]
        return TransitionResult(
            success=False,
            code=stopped.code,
            transition=transition.key,
            flow=str(flow.id),
            origin=None if begun is None else begun.move.origin.key,
            state=None if begun is None else begun.move.origin.key,
            status=header.status,
            task=stopped.task,
            errors=event.errors,
            messages=() if begun is None else tuple(begun.move.messages),
            data={} if begun is None else begun.move.data,
            position=header.position,
            version=header.version,
        )

    def _flow(self, document: Aggregate[Any], key: str) -> FlowDefinition:
        if document.bound_flow is None:
            why = f"The {document.category} {document.id} is bound to no flow."
            raise MoveRefused(key, "not_bound", (why,))
        return self._shelves.now().get(document.bound_flow).definition

    def _verdict(
        self, flow: FlowDefinition, document: Aggregate[Any], transition: Transition, actor: str | None
    ) -> Verdict:
        try:
            course(flow, document, transition, self.tasks, {}, actor).ask()
        except Stopped as stopped:
            # A restriction that raises, or is not there, does not allow it either.
            is_said = stopped.kind is MoveDenied
            return Verdict(stopped.code, " ".join(stopped.errors) or None if is_said else f"{stopped.task}: it failed.")
        return allow()


def _transition(flow: FlowDefinition, key: str) -> Transition:
    found = flow.transition(key)
    if found is None:
        near = did_you_mean(key, [one.key for one in flow.transitions])
        raise NotFound(f'The flow "{flow.id}" has no transition "{key}".{near}')
    return found


def _exits(flow: FlowDefinition, document: Aggregate[Any]) -> tuple[Transition, ...]:
    state = _state(flow, document)
    return () if state is None or state.is_terminal else flow.exits(state.key)


def _state(flow: FlowDefinition, document: Aggregate[Any]) -> State | None:
    """Where a subject stands; nowhere while it has a status that its flow does not know: one that has failed, say."""
    try:
        return standing_in(flow, document)
    except Refused:
        return None
