"""``app.flows``: what an application does with its flows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from eventflow.errors import Refused
from eventflow.model.aggregate import Aggregate
from eventflow.model.flows.edit import drop, put
from eventflow.model.flows.files import exported, imported
from eventflow.model.flows.flow import DefinedFlow, flow_stream
from eventflow.model.flows.moves import TransitionResult
from eventflow.model.flows.ramp import FlowRamp
from eventflow.model.recorded import Recorded
from eventflow.picking.catalogue import Pick
from eventflow.picking.checks import Problem
from eventflow.picking.definition import FlowDefinition
from eventflow.picking.explanation import Explanation
from eventflow.picking.parts import State, TaskKind, Transition
from eventflow.picking.query import FlowQuery
from eventflow.runtime.flows.bindings import Bindings, Tuner
from eventflow.runtime.flows.definitions import Changes, Definitions
from eventflow.runtime.flows.mover import Instance, Mover, Possible
from eventflow.runtime.flows.ramps import Ramps
from eventflow.runtime.flows.shelf import Shelf, Shelves
from eventflow.runtime.tracing import said
from eventflow.store.log import Log

Id = int | str


class Flows:
    """The flows of one application.

    Every change takes who made it (``actor``) and why (``reason``), and of one flow the version of its stream that the
    caller has seen (``expected``): ``VersionConflict`` is raised when that is not the present one. What is asked is
    answered from the log as it is now, or as it was ``at`` a position or a time.
    """

    def __init__(
        self,
        log: Log,
        shelves: Shelves,
        definitions: Definitions,
        bindings: Bindings,
        mover: Mover,
        ramps: Ramps,
        *,
        clock: Callable[[], datetime],
    ) -> None:
        self._log, self._shelves, self._definitions, self._bindings = log, shelves, definitions, bindings
        self._mover, self.ramps, self._clock = mover, ramps, clock

    # -- what there is ---------------------------------------------------------------------------

    def shelf(self, at: int | datetime | None = None) -> Shelf:
        """All definitions at once, with the version and the position of the catalogue."""
        return self._shelves.now() if at is None else self._shelves.at(at)

    def all(
        self, subject_type: str | None = None, *, archived: bool = False, at: int | datetime | None = None
    ) -> list[FlowDefinition]:
        """The definitions (of one subject type), in the order in which they came; the archived ones if so wanted."""
        found = self.shelf(at).definitions
        return [one for one in found if subject_type in (None, one.subject_type) and (archived or not one.deleted)]

    def get(self, id: Id, *, at: int | datetime | None = None) -> FlowDefinition:
        """One definition, be it archived. Raises ``FlowNotFound``."""
        return self.shelf(at).get(id).definition

    def stream(self, id: Id, *, at: int | datetime | None = None) -> DefinedFlow:
        """The same with its stream: ``version`` is what ``expected`` is held against, ``in_use`` whether it is used."""
        found = self.shelf(at).get(id)
        return found if at is not None else self._definitions.load(found.definition.id)

    def history(self, id: Id) -> list[Recorded]:
        """Every change of a flow, with who made it and why, oldest first. Raises ``FlowNotFound``."""
        self.shelf().get(id)
        return self._log.read_whole(flow_stream(id))

    def problems(self, flow: Id | FlowDefinition) -> tuple[Problem, ...]:
        """All that is wrong with the graph of a flow, with the tasks and statuses that this application has."""
        return self._definitions.problems(flow if isinstance(flow, FlowDefinition) else self.get(flow))

    def diff(self, before: Id, after: Id, *, at: int | datetime | None = None) -> dict[str, tuple[Any, Any]]:
        """The fields in which two flows differ, with what each of them says; ids and versions are not looked at."""
        shelf = self.shelf(at)
        one, two = (shelf.get(id).definition.model_dump(mode="json") for id in (before, after))
        return {
            name: (one[name], two[name]) for name in one if name not in ("id", "version") and one[name] != two[name]
        }

    def changes(
        self, since: int | datetime, until: int | datetime | None = None
    ) -> dict[Id, tuple[FlowDefinition | None, FlowDefinition | None]]:
        """The flows that are not as they were, each as it was (or not there yet) and as it is."""
        then, now = ({one.id: one for one in self.shelf(when).definitions} for when in (since, until))
        return {id: (then.get(id), one) for id, one in now.items() if then.get(id) != one}

    # -- picked ----------------------------------------------------------------------------------

    def pick(
        self, query: FlowQuery, subject: Any, *, at: int | datetime | None = None, now: datetime | None = None
    ) -> Pick:
        """The flow that a subject would get; nothing is bound.

        With ``at`` of what there was then: at that time, or at the time of that position, unless ``now`` says another.
        Raises ``FlowNotFound`` for a forced flow that is not to be had.
        """
        shelf = self.shelf(at)
        return shelf.catalogue.pick(query, subject, now or self.moment(at))

    def explain(
        self, query: FlowQuery, subject: Any, *, at: int | datetime | None = None, now: datetime | None = None
    ) -> Explanation:
        """Why that pick is what it is: for every flow the first constraint that dropped it, step by step."""
        shelf = self.shelf(at)
        return shelf.catalogue.explain(query, subject, now or self.moment(at))

    def preview(
        self, document: Aggregate[Any], tuner: Tuner | None = None, *, at: int | datetime | None = None
    ) -> Explanation:
        """What a subject, begun or not, would get by its own query, tuned; nothing is bound by looking."""
        return self.explain(self._bindings.query(document, None, tuner), document, at=at)

    def why(self, subject: UUID) -> Explanation:
        """Which flow a subject was given when it began, of what there was then, and what dropped the others."""
        return self._bindings.why(subject)

    def query_for(self, document: Aggregate[Any] | None) -> FlowQuery:
        """The query by which a subject picks its flow. Raises ``Refused`` when it says nothing of flows."""
        if document is None:
            raise Refused("There is no subject that could say which flow it goes by.")
        return self._bindings.query(document, None, None)

    def moment(self, at: int | datetime | None) -> datetime:
        """The time of a position, of the last event before it where there is none; the present without one."""
        if isinstance(at, datetime):
            return at
        found = None if at is None else self._log.at(min(at, self._log.last_position()))
        return self._clock() if found is None else found.header.recorded_at

    # -- bound -----------------------------------------------------------------------------------

    def of(self, subject: UUID) -> FlowDefinition | None:
        """The flow that a subject goes by, be it archived by now; nothing when it goes by none."""
        return self._bindings.of(subject)

    def rebind(
        self,
        subject: UUID,
        to: Id | None = None,
        *,
        tuner: Tuner | None = None,
        expected: int | None = None,
        reason: str | None = None,
        actor: str | None = None,
    ) -> FlowDefinition | None:
        """Let a subject go on by this flow, or by what its own query picks now; returns the flow that it goes by then.

        When nothing fits it stays with the flow it has, and nothing is returned. Raises ``FlowNotFound`` for a flow
        that is not to be had, ``VersionConflict`` when the subject is at another version than ``expected``.
        """
        return self._bindings.rebind(subject, to, tuner, expected=expected, reason=reason, context=said(actor=actor))

    def unbind(
        self, subject: UUID, *, expected: int | None = None, reason: str | None = None, actor: str | None = None
    ) -> None:
        """Let a subject go by no flow any more. Raises ``Refused`` when it goes by none."""
        self._bindings.unbind(subject, expected=expected, reason=reason, context=said(actor=actor))

    # -- moved -----------------------------------------------------------------------------------

    def run(
        self,
        subject: UUID,
        transition: str,
        payload: Mapping[str, Any] | None = None,
        *,
        expected: int | None = None,
        actor: str | None = None,
    ) -> TransitionResult:
        """Make a transition of a subject, by the key that it has in the flow that the subject is bound to.

        It has to begin where the subject stands; then every restriction is asked, every validation, and only then
        actions decide on events, which are recorded together with the transition. Raises ``MoveRefused``,
        ``MoveDenied``, ``PayloadRefused`` or ``MoveFailed``, each with the ``result``, once that is recorded;
        ``NotFound`` for a transition that the flow does not have, ``VersionConflict`` when the subject is at another
        version than ``expected``.
        """
        return self._mover.run(subject, transition, payload or {}, expected=expected, context=said(actor=actor))

    def possible(self, subject: UUID, *, actor: str | None = None) -> list[Possible]:
        """The transitions that begin where a subject stands, each with what its restrictions say."""
        return self._mover.possible(subject, actor=actor)

    def instance(self, subject: UUID) -> Instance:
        """How far a subject has come in its flow: its state, since when, until when, and every transition."""
        return self._mover.instance(subject)

    def tasks(self, subject_type: str | None = None, *kinds: TaskKind) -> list[dict[str, Any]]:
        """What definitions may name as tasks (for a subject type, of some kinds), with all there is to say of each."""
        told = [one.described() for one in self._mover.tasks.values()]
        of_it = [one for one in told if subject_type is None or one["subject_type"] in (None, subject_type)]
        return [one for one in of_it if not kinds or one["kind"] in kinds]

    # -- made and changed ------------------------------------------------------------------------

    def publish(
        self,
        *flows: FlowDefinition,
        everything: bool = False,
        new_versions: bool = False,
        reason: str | None = None,
        actor: str | None = None,
    ) -> list[FlowDefinition]:
        """Bring definitions in, all or none, as often as one likes: what is there as it is said is left alone.

        Of a flow that is there names, attributes and graph are changed; with ``everything`` also what operators
        change: share, window, status, default, ordering. Another graph of a flow that has subjects is refused, or with
        ``new_versions`` becomes a version of its own, inactive. Raises ``BadFlow``, ``FlowTaken``, ``Refused``.
        """
        return self._definitions.publish(
            flows, reason=reason, everything=everything, new_versions=new_versions, context=said(actor=actor)
        )

    def create(self, flow: FlowDefinition, *, reason: str | None = None, actor: str | None = None) -> FlowDefinition:
        """A new flow; without states it gets its START state. Raises ``FlowTaken``, ``BadFlow``."""
        return self._definitions.create(flow, reason=reason, context=said(actor=actor))

    def update(
        self,
        id: Id,
        *,
        expected: int | None = None,
        reason: str | None = None,
        actor: str | None = None,
        **changes: Any,
    ) -> FlowDefinition:
        """Change fields of a flow. Another graph of one that has subjects makes a new version, which is returned.

        Raises ``FlowNotFound``, ``VersionConflict``, ``FlowTaken``, ``BadFlow``, pydantic's ``ValidationError``.
        """
        return self._change(id, changes, expected=expected, reason=reason, actor=actor)

    def _change(
        self,
        id: Id,
        changes: Mapping[str, Any] | Changes,
        *,
        expected: int | None = None,
        reason: str | None = None,
        actor: str | None = None,
    ) -> FlowDefinition:
        return self._definitions.update(id, changes, expected=expected, reason=reason, context=said(actor=actor))

    def put(self, id: Id, *parts: State | Transition, **how: Any) -> FlowDefinition:
        """Put states and transitions into a flow; one of a key that is there is replaced, whatever else stays.

        Of a flow that has subjects that makes a new version, which is returned.
        """
        return self._change(id, lambda flow: _graph(put(flow, parts)), **how)

    def drop(self, id: Id, *keys: str, **how: Any) -> FlowDefinition:
        """Take states and transitions out of a flow, by their keys; of one that has subjects that makes a new version.

        Raises ``Refused`` for START and for a state that transitions still lead to or from, ``NotFound``.
        """
        return self._change(id, lambda flow: _graph(drop(flow, keys)), **how)

    def activate(self, id: Id, **how: Any) -> FlowDefinition:
        """Let it be picked. Raises ``BadFlow`` when its graph does not hold together."""
        return self.update(id, status=True, **how)

    def deactivate(self, id: Id, **how: Any) -> FlowDefinition:
        """Let it be picked no more; whoever goes by it goes on."""
        return self.update(id, status=False, **how)

    def toggle(self, id: Id, **how: Any) -> FlowDefinition:
        """Turn it on or off, whichever it is not."""
        return self._change(id, lambda flow: {"status": not flow.status}, **how)

    def set_default(self, id: Id, **how: Any) -> FlowDefinition:
        """Make it the default; whichever version of it was so is so no longer."""
        return self.update(id, is_default=True, **how)

    def set_window(
        self, id: Id, active_from: datetime | None = None, active_to: datetime | None = None, **how: Any
    ) -> FlowDefinition:
        """Let it be in force between these instants, both inclusive; what is not given is open."""
        return self.update(id, active_from=active_from, active_to=active_to, **how)

    def set_rollout(self, id: Id, rollout_pct: int | None, **how: Any) -> FlowDefinition:
        """Admit this share of subjects, 0 to 100, or without one everybody."""
        return self.update(id, rollout_pct=rollout_pct, **how)

    def rollout(
        self,
        id: Id,
        *,
        to: int,
        by: int,
        every: timedelta,
        halt_when: str | None = None,
        start: int | None = None,
        reason: str | None = None,
        actor: str | None = None,
    ) -> FlowRamp:
        """Raise the share step by step: by ``by`` every so often, at once for the first time, until it is ``to``.

        Workers do that, each step in one append. It stops by itself, and says why, when ``halt_when`` holds
        (``error_rate>5%``, ``errors>=10``: of the subjects bound to this flow), when the flow is no longer active and
        when somebody else sets the share. Raises ``Refused`` where that leads nowhere.
        """
        return self.ramps.begin(
            id, to=to, by=by, every=every, halt_when=halt_when, start=start, reason=reason, context=said(actor=actor)
        )

    def stop_rollout(self, id: Id, *, reason: str = "somebody wanted that", actor: str | None = None) -> None:
        """Raise the share no further; it stays where it is. Raises ``Refused`` unless it is being raised."""
        self.ramps.halt(id, reason, context=said(actor=actor))

    def reorder(self, *ids: Id, reason: str | None = None, actor: str | None = None) -> list[FlowDefinition]:
        """Prefer the first of these most, and so on."""
        return self._definitions.reorder(ids, reason=reason, context=said(actor=actor))

    def duplicate(
        self, id: Id, *, graph: bool = True, reason: str | None = None, actor: str | None = None, **overrides: Any
    ) -> FlowDefinition:
        """Another flow like it with its whole graph, one version up, inactive and not the default."""
        return self._definitions.duplicate(id, overrides, graph=graph, reason=reason, context=said(actor=actor))

    def archive(self, id: Id, **how: Any) -> FlowDefinition:
        """Put it away: it is not picked any more, and its place is free. Whoever goes by it goes on."""
        return self.update(id, deleted=True, **how)

    def restore(
        self, id: Id, *, expected: int | None = None, reason: str | None = None, actor: str | None = None
    ) -> FlowDefinition:
        """Bring an archived one back. Raises ``FlowTaken`` when its place is another's by now."""
        return self._definitions.restore(id, expected=expected, reason=reason, context=said(actor=actor))

    def export(self, *ids: Id, graph: bool = True, at: int | datetime | None = None) -> dict[str, Any]:
        """These flows (or all that are not archived) as a JSON document that ``import_`` reads."""
        shelf = self.shelf(at)
        flows = [shelf.get(id).definition for id in ids] or [one for one in shelf.definitions if not one.deleted]
        return exported(flows, graph=graph)

    def import_(
        self, document: Any, *, reason: str | None = None, actor: str | None = None, **overrides: Any
    ) -> list[FlowDefinition]:
        """Take in a document as it was exported, but for ``overrides``; an id that is taken is replaced by a free one.

        Raises ``BadInput`` for what is no such document, ``BadFlow``, ``FlowTaken``.
        """
        return self._definitions.bring(imported(document), overrides, reason=reason, context=said(actor=actor))


def _graph(flow: FlowDefinition) -> dict[str, Any]:
    """The graph of a flow as changes of a definition."""
    return {"states": flow.states, "transitions": flow.transitions}
