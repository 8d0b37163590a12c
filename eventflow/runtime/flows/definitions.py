"""Changes of definitions: decided on the whole shelf, appended together with the catalogue, again when too late."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from eventflow.errors import BadFlow, FlowTaken, Refused, VersionConflict
from eventflow.model.aggregate import Aggregate
from eventflow.model.flows.flow import CATALOGUE, DefinedFlow, Flow, FlowCatalogue, begun, flow_stream, graph_of
from eventflow.model.recorded import Context
from eventflow.model.works import Works
from eventflow.picking.checks import Problem
from eventflow.picking.definition import Family, FlowDefinition
from eventflow.picking.parts import KnownTask
from eventflow.runtime.flows.shelf import Shelf, Shelves
from eventflow.runtime.repository import NOBODY, Repository

LASTING = ("names", "descriptions", "attributes", "states", "transitions")
"""What publishing says of a flow that is there already; everything else is the operators' to change."""

Statuses = Callable[[str], Collection[str] | None]
"""The statuses of a subject type, or nothing when this program does not know it."""


class Desk:
    """Where one change is made up: the shelf as it is, and those flows of it that are to change."""

    def __init__(self, shelf: Shelf, repository: Repository) -> None:
        self.shelf, self._repository = shelf, repository
        self.drawn: dict[str, DefinedFlow] = {}

    def draw(self, id: int | str, expected: int | None = None) -> DefinedFlow:
        """The flow of this id, to be changed. Raises ``FlowNotFound``, and ``VersionConflict`` at another version."""
        if str(id) not in self.drawn:
            self.shelf.get(id)
            self.drawn[str(id)] = self._repository.get(DefinedFlow, flow_stream(id))
        flow = self.drawn[str(id)]
        if expected is not None and flow.head.version != expected:
            raise VersionConflict(flow.id, expected, flow.head.version)
        return flow

    def put(self, flow: DefinedFlow) -> None:
        """A new one. Raises ``FlowTaken`` when its id is another's."""
        id = flow.definition.id
        if self.shelf.find(id) is not None or str(id) in self.drawn:
            raise FlowTaken(id, id)
        self.drawn[str(id)] = flow

    def definitions(self) -> list[FlowDefinition]:
        """All definitions as they will be."""
        kept = [one for one in self.shelf.definitions if str(one.id) not in self.drawn]
        return [*kept, *(one.definition for one in self.drawn.values())]

    def is_free(self, id: int | str) -> bool:
        """Whether nobody is called so."""
        return self.shelf.find(id) is None and str(id) not in self.drawn

    def settle(self, reason: str | None) -> None:
        """Let each new default be the only one of its family. Raises ``FlowTaken`` for a version that is there."""
        changed = [one.definition for one in self.drawn.values() if one.pending and not one.definition.deleted]
        touched = {one.family for one in changed}
        members = [one for one in self.definitions() if not one.deleted and one.family in touched]
        _refuse_doubles(changed, members)
        # Of several that are made the default together the last one is.
        newest = {one.family: one.id for one in changed if one.is_default}
        for one in members:
            if one.is_default and newest.get(one.family, one.id) != one.id:
                self.draw(one.id).become(one.replace(is_default=False), reason)

    def has_default(self, family: Family, beside: int | str) -> bool:
        """Whether another flow of a family is its default."""
        others = (one for one in self.definitions() if one.family == family and one.id != beside and not one.deleted)
        return any(one.is_default for one in others)

    def next_version(self, family: Family, least: int) -> int:
        """The first free version of a family, from this one on."""
        taken = {one.version for one in self.definitions() if not one.deleted and one.family == family}
        return next(number for number in range(least, least + len(taken) + 1) if number not in taken)

    def free_id(self, like: int | str, version: int | None = None) -> int | str:
        """An id that nobody has, like this one: with the version after an ``@``, with a number where that is taken."""
        if isinstance(like, int):
            return max([like, *(one.id for one in self.definitions() if isinstance(one.id, int))]) + 1
        stem, at, old = like.rpartition("@")
        plain = stem if at and old.split("-")[0].isdigit() else like
        wanted = like if version is None else f"{plain}@{version}"
        return next(one for one in _numbered(wanted) if self.is_free(one))


Decide = Callable[[Desk], object]

Changes = Callable[[FlowDefinition], Mapping[str, Any]]
"""From a definition as it is to the fields that are to be different."""


class Definitions:
    """What is done to the definitions of a log.

    Every change is one append of the flows that it is about and of the catalogue. Whoever comes at the same moment
    finds the catalogue at another version and decides again, on what is there then.
    """

    def __init__(
        self,
        shelves: Shelves,
        repository: Repository,
        *,
        tasks: Mapping[str, KnownTask],
        statuses: Statuses,
        works: Works,
    ) -> None:
        self._shelves, self._repository = shelves, repository
        self._tasks, self._statuses, self._works = tasks, statuses, works

    # -- made and changed ------------------------------------------------------------------------

    def publish(
        self,
        flows: Sequence[FlowDefinition],
        *,
        reason: str | None = None,
        everything: bool = False,
        new_versions: bool = False,
        context: Context = NOBODY,
    ) -> list[FlowDefinition]:
        """Bring these definitions in, all or none; one that is there as it is said is left alone.

        Of one that is there names, attributes and the graph are changed; with ``everything`` also what operators
        change (share, window, status, default, ordering). Another graph of one that has subjects is refused, or with
        ``new_versions`` becomes a version of its own. Raises ``BadFlow``, ``FlowTaken``, ``Refused``.
        """
        wanted = [begun(plain(one)) for one in flows]
        published: list[FlowDefinition] = []

        def decide(desk: Desk) -> None:
            published[:] = [self._publish(desk, one, everything, new_versions, reason) for one in wanted]

        desk = self._change(decide, reason, context)
        return [desk.drawn[str(one.id)].definition if str(one.id) in desk.drawn else one for one in published]

    def _publish(
        self, desk: Desk, wanted: FlowDefinition, everything: bool, new_versions: bool, reason: str | None
    ) -> FlowDefinition:
        known = desk.shelf.find(wanted.id)
        if known is None:
            desk.put(DefinedFlow.define(wanted, reason))
            return wanted
        if new_versions and (same := _with_graph(desk, wanted)) is not None:
            return same
        flow = desk.draw(wanted.id)
        said = {name: getattr(wanted, name) for name in LASTING}
        after = wanted if everything else flow.definition.replace(**said)
        if new_versions and flow.in_use and graph_of(after) != graph_of(flow.definition):
            return self._next(desk, flow.definition, said, reason)
        flow.become(after, reason)
        return flow.definition

    def create(self, flow: FlowDefinition, *, reason: str | None = None, context: Context = NOBODY) -> FlowDefinition:
        """A new flow, with a START state if it has no state. Raises ``FlowTaken`` for an id that is another's."""
        wanted = begun(plain(flow))
        self._change(lambda desk: desk.put(DefinedFlow.define(wanted, reason)), reason, context)
        return wanted

    def update(
        self,
        id: int | str,
        changes: Mapping[str, Any] | Changes,
        *,
        expected: int | None = None,
        reason: str | None = None,
        context: Context = NOBODY,
    ) -> FlowDefinition:
        """Change fields of a flow; ``expected`` is the version of its stream that the caller has seen.

        ``changes`` may be a function of the flow as it is at that moment; it is asked again when somebody was faster.

        Another graph of a flow that has subjects makes a new version of it, inactive until it is activated; that one is
        returned then. Raises ``FlowNotFound``, ``VersionConflict``, ``BadFlow``, ``FlowTaken``, ``Refused``, and
        pydantic's ``ValidationError`` for values that do not fit.
        """
        made: list[FlowDefinition] = []

        def decide(desk: Desk) -> None:
            flow = desk.draw(id, expected)
            said = changes(flow.definition) if callable(changes) else changes
            after = flow.definition.replace(**said)
            if flow.in_use and graph_of(after) != graph_of(flow.definition):
                made[:] = [self._next(desk, flow.definition, said, reason)]
            else:
                flow.become(after, reason)
                made[:] = [after]

        self._change(decide, reason, context)
        return made[0]

    def _next(
        self, desk: Desk, before: FlowDefinition, changes: Mapping[str, Any], reason: str | None
    ) -> FlowDefinition:
        after = before.replace(**changes)
        least = after.version if after.version > before.version else before.version + 1
        version = desk.next_version(after.family, least)
        fresh = {"id": desk.free_id(before.id, version), "version": version, "is_default": False, "status": False}
        made = after.replace(**{**fresh, **{name: changes[name] for name in ("status",) if name in changes}})
        desk.put(DefinedFlow.define(made, reason, after=before.id))
        return made

    def duplicate(
        self,
        id: int | str,
        overrides: Mapping[str, Any],
        *,
        graph: bool = True,
        reason: str | None = None,
        context: Context = NOBODY,
    ) -> FlowDefinition:
        """Another flow like this one, with its whole graph: one version up, inactive, not the default.

        These three, and the id unless one is given, are not what ``overrides`` says. Raises what ``update`` raises.
        """
        made: list[FlowDefinition] = []

        def decide(desk: Desk) -> None:
            before = desk.shelf.get(id).definition
            after = before.replace(**{**overrides, **({} if graph else {"states": (), "transitions": ()})})
            version = desk.next_version(after.family, before.version + 1)
            named = overrides.get("id") or desk.free_id(before.id, version)
            fixed = {"id": named, "version": version, "is_default": False, "status": False, "deleted": False}
            made[:] = [begun(after.replace(**fixed))]
            desk.put(DefinedFlow.define(made[0], reason, duplicated_from=before.id))

        self._change(decide, reason, context)
        return made[0]

    def bring(
        self,
        flows: Sequence[FlowDefinition],
        overrides: Mapping[str, Any],
        *,
        reason: str | None = None,
        context: Context = NOBODY,
    ) -> list[FlowDefinition]:
        """Take in what was exported, as it was but for ``overrides``; ids that others have are replaced by free ones.

        Raises ``BadFlow`` also for one that is inactive, ``FlowTaken`` for a version that is there.
        """
        taken: list[FlowDefinition] = []

        def decide(desk: Desk) -> None:
            taken.clear()
            for one in flows:
                wanted = plain(one).replace(**overrides)
                self._refuse_bad(wanted)
                made = wanted if desk.is_free(wanted.id) else wanted.replace(id=desk.free_id(wanted.id))
                desk.put(DefinedFlow.define(made, reason, imported_as=one.id))
                taken.append(made)

        self._change(decide, reason, context)
        return taken

    def reorder(
        self, ids: Sequence[int | str], *, reason: str | None = None, context: Context = NOBODY
    ) -> list[FlowDefinition]:
        """Prefer the first of these most, and so on. Raises ``Refused`` unless all are there, once, for one subject."""
        if len({str(id) for id in ids}) < len(ids):
            raise Refused("A flow stands twice in the new order; name each once.")

        def decide(desk: Desk) -> None:
            flows = [desk.draw(id) for id in ids]
            if len(kinds := {one.definition.subject_type for one in flows}) > 1:
                raise Refused(
                    f"These flows are for different subjects ({', '.join(sorted(kinds))}): order those of one."
                )
            for place, flow in enumerate(flows):
                flow.become(flow.definition.replace(ordering=len(flows) - place), reason)

        desk = self._change(decide, reason, context)
        return [desk.drawn[str(id)].definition for id in ids]

    def restore(
        self, id: int | str, *, expected: int | None = None, reason: str | None = None, context: Context = NOBODY
    ) -> FlowDefinition:
        """Bring an archived flow back; it is the default again only where there is none now. Raises ``FlowTaken``."""

        def decide(desk: Desk) -> None:
            flow = desk.draw(id, expected)
            before = flow.definition
            has_other = desk.has_default(before.family, id)
            flow.become(before.replace(deleted=False, is_default=before.is_default and not has_other), reason)

        return self._change(decide, reason, context).drawn[str(id)].definition

    def load(self, id: int | str) -> DefinedFlow:
        """The stream of a flow as it is at this moment."""
        return self._repository.get(DefinedFlow, flow_stream(id))

    # -- how --------------------------------------------------------------------------------------

    def change(self, decide: Callable[[Desk], Sequence[Aggregate[Any]]], reason: str | None, context: Context) -> None:
        """Change flows together with other aggregates, those that ``decide`` returns: it is asked again when too late.

        Raises what ``decide`` raises, ``BadFlow``, ``FlowTaken``.
        """
        while True:
            desk = Desk(self._shelves.now(), self._repository)
            beside = [one for one in decide(desk) if one.pending]
            changed = self._settled(desk, reason)
            if not (changed or beside) or self._save(desk.shelf, changed, context, beside):
                return

    def _change(self, decide: Decide, reason: str | None, context: Context) -> Desk:
        while True:
            desk = Desk(self._shelves.now(), self._repository)
            decide(desk)
            changed = self._settled(desk, reason)
            if not changed or self._save(desk.shelf, changed, context):
                return desk

    def _settled(self, desk: Desk, reason: str | None) -> list[DefinedFlow]:
        desk.settle(reason)
        changed = [one for one in desk.drawn.values() if one.pending]
        for one in changed:
            self._check(one)
        return changed

    def _save(
        self,
        shelf: Shelf,
        changed: Sequence[DefinedFlow],
        context: Context,
        beside: Sequence[Aggregate[Any]] = (),
    ) -> bool:
        """Whether nobody was faster."""
        catalogue = self._catalogue(shelf)
        if catalogue is None:
            return False
        catalogue.note(tuple(one.id for one in changed))
        try:
            self._repository.save(*changed, *beside, catalogue, context=context)
        except VersionConflict:
            return False
        return True

    def _catalogue(self, shelf: Shelf) -> FlowCatalogue | None:
        if shelf.version == 0:
            return FlowCatalogue.create(id=CATALOGUE)
        catalogue = self._repository.get(FlowCatalogue, CATALOGUE)
        return catalogue if catalogue.version == shelf.version else None

    # -- checked ----------------------------------------------------------------------------------

    def problems(self, definition: FlowDefinition) -> tuple[Problem, ...]:
        """All that is wrong with the graph of a definition, as far as this program knows tasks, statuses and work."""
        statuses = self._statuses(definition.subject_type)
        return definition.problems(tasks=self._tasks, statuses=statuses, works=self._works(definition))

    def _check(self, flow: DefinedFlow) -> None:
        """What is active holds together; a draft may be incomplete, and one that is put away may be anything."""
        definition = flow.definition
        if definition.status and not definition.deleted:
            self._refuse_bad(definition)

    def _refuse_bad(self, definition: FlowDefinition) -> None:
        if _has_graph(definition) and (found := self.problems(definition)):
            raise BadFlow(*(f"{definition.id}: {one}" for one in found))


def _refuse_doubles(changed: Iterable[FlowDefinition], members: Iterable[FlowDefinition]) -> None:
    places: dict[tuple[Family, int], list[int | str]] = defaultdict(list)
    for one in members:
        places[one.family, one.version].append(one.id)
    for one in changed:
        others = [id for id in places[one.family, one.version] if id != one.id]
        if others:
            raise FlowTaken(one.id, others[0], f"version {one.version} for the same subjects")


def plain(flow: FlowDefinition) -> FlowDefinition:
    """The definition that a ``Flow`` of some program says."""
    return flow.definition if isinstance(flow, Flow) else flow


def _has_graph(definition: FlowDefinition) -> bool:
    """Whether there is more than the START state that every flow begins with: some are there to be picked only."""
    return bool(definition.transitions) or len(definition.states) != 1 or not definition.states[0].is_start


def _with_graph(desk: Desk, wanted: FlowDefinition) -> FlowDefinition | None:
    """The newest version of a flow that has this graph already."""
    same = [one for one in _versions(desk.definitions(), wanted) if graph_of(one) == graph_of(wanted)]
    return max(same, key=lambda one: one.version, default=None)


def _versions(definitions: Iterable[FlowDefinition], of: FlowDefinition) -> list[FlowDefinition]:
    return [one for one in definitions if one.family == of.family and not one.deleted and one.version > of.version]


def _numbered(id: str) -> Iterator[str]:
    yield id
    number = 2
    while True:
        yield f"{id}-{number}"
        number += 1
