"""Definitions of flows as streams: one for each, and one more that all changes go through.

What a definition says is a ``FlowDefinition``; that it changed, who wanted it and why is an event. The stream of the
catalogue grows with every change of any definition, in the same append: its version is what two who publish at once
fight for, and its positions are the moments to which the catalogue can be turned back.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Any, ClassVar
from uuid import UUID, uuid5

from pydantic import JsonValue, model_validator

from eventflow.errors import Refused
from eventflow.model.aggregate import Aggregate, folds
from eventflow.model.event import Event
from eventflow.picking.definition import FlowDefinition
from eventflow.picking.parts import State, Transition
from eventflow.picking.values import FlowId, Instant, Listed

NAMES = UUID("7d1f6a4e-3b0c-4a86-8a0f-52c9d1e6b7a3")
"""The space of names in which the streams of flows have their ids."""


class Flow(FlowDefinition):
    """A flow as it is written down in code, to be published: ``Flow(subject_type="order", states=[...], ...)``.

    Without an ``id`` it is called by what it is for and its version, ``order/eu@2``. Raises pydantic's
    ``ValidationError`` for what does not fit.
    """

    id: FlowId = ""

    @model_validator(mode="before")
    @classmethod
    def _called(cls, said: Any) -> Any:
        if isinstance(said, Mapping) and said.get("id") in (None, ""):
            return {**said, "id": called(said)}
        return said

    @property
    def definition(self) -> FlowDefinition:
        """The same as a plain definition."""
        return FlowDefinition(**{name: getattr(self, name) for name in FlowDefinition.model_fields})


def called(said: Mapping[str, Any]) -> str:
    """What a flow is called that nobody gave an id.

    >>> called({"subject_type": "order", "subject_scope": "eu", "channel": "web", "version": 2})
    'order/eu/channel=web@2'
    """
    parts = [
        str(said.get("subject_type", "flow")),
        *([str(said["subject_scope"])] if said.get("subject_scope") else []),
    ]
    for name in ("subject_collection", "environment", "channel"):
        parts += [f"{name.removeprefix('subject_')}={said[name]}"] if said.get(name) else []
    return f"{'/'.join(parts)}@{said.get('version', 1)}"


def flow_stream(id: int | str) -> UUID:
    """The stream of a flow: the same for the same id; ``7`` and ``"7"`` are the same one, as they are in a header."""
    return uuid5(NAMES, f"flow/{id}")


CATALOGUE = uuid5(NAMES, "catalogue")
"""The one stream that every change of a definition goes through."""


class Availability(StrEnum):
    """Whether a flow is to be had."""

    ACTIVE = "active"
    INACTIVE = "inactive"
    ARCHIVED = "archived"


class FlowChange(Event):
    """Something about a flow is different from here on; ``says()`` are the fields of the definition that are."""

    beside: ClassVar[frozenset[str]] = frozenset({"reason"})

    reason: str | None = None

    def says(self) -> dict[str, Any]:
        """The changed fields with their values."""
        return {name: getattr(self, name) for name in type(self).model_fields if name not in self.beside}


class FlowActivated(FlowChange):
    """It may be picked."""

    def says(self) -> dict[str, Any]:
        """It is active."""
        return {"status": True}


class FlowDeactivated(FlowChange):
    """It is not picked any more; whoever goes by it goes on."""

    def says(self) -> dict[str, Any]:
        """It is not active."""
        return {"status": False}


class DefaultSet(FlowChange):
    """It is the default among its kind, or is it no longer."""

    is_default: bool


class WindowSet(FlowChange):
    """It is in force between these instants, both inclusive; nothing is open."""

    active_from: Instant | None = None
    active_to: Instant | None = None


class RolloutSet(FlowChange):
    """It admits this share of subjects, or everybody."""

    rollout_pct: int | None = None


class OrderingSet(FlowChange):
    """It is preferred to those with a lower ordering."""

    ordering: int


class FlowUpdated(FlowChange):
    """Other fields of the definition were changed to these."""

    changes: dict[str, JsonValue]

    def says(self) -> dict[str, Any]:
        """Those."""
        return dict(self.changes)


class GraphChanged(FlowChange):
    """It has other states and transitions; nobody goes by it yet."""

    states: Listed[State] = ()
    transitions: Listed[Transition] = ()


class FlowArchived(FlowChange):
    """It is put away; whoever goes by it goes on."""

    def says(self) -> dict[str, Any]:
        """It is deleted."""
        return {"deleted": True}


class FlowRestored(FlowChange):
    """It is back from where it was put away."""

    def says(self) -> dict[str, Any]:
        """It is not deleted."""
        return {"deleted": False}


class TakenIntoUse(Event):
    """The first subject is about to be bound to it: its graph stays as it is from here on."""


CHANGES: tuple[type[FlowChange], ...] = (
    FlowActivated,
    FlowDeactivated,
    DefaultSet,
    WindowSet,
    RolloutSet,
    OrderingSet,
    FlowUpdated,
    GraphChanged,
    FlowArchived,
    FlowRestored,
)


class DefinedFlow(
    Aggregate[Availability],
    category="eventflow_flow",
    initial=Availability.INACTIVE,
    events=(*CHANGES, TakenIntoUse),
):
    """The stream of one definition; ``in_use`` says that subjects are bound to it."""

    definition: FlowDefinition
    in_use: bool = False

    @classmethod
    def define(cls, definition: FlowDefinition, reason: str | None = None, **beside: Any) -> DefinedFlow:
        """A new one; ``beside`` is what else there is to say of how it came about."""
        said = {name: value for name, value in {"reason": reason, **beside}.items() if value is not None}
        made = cls.create(
            id=flow_stream(definition.id), status=availability(definition), definition=definition, body=said or None
        )
        # Nobody works on definitions: nothing of them is announced.
        made.__dict__["_pending"] = tuple(draft._replace(phase=None) for draft in made.pending)
        return made

    def become(self, definition: FlowDefinition, reason: str | None = None) -> None:
        """Record what is different in this definition: one event for each kind of change, none when nothing is.

        Raises ``Refused`` for another id, and for another graph or subject type once subjects are bound to it.
        """
        if definition.id != self.definition.id:
            raise Refused(f'The flow "{self.definition.id}" keeps its id; duplicate it to have another.')
        if self.in_use:
            self._keep(definition)
        for event in differences(self.definition, definition, reason):
            # The status goes with the event that says so, whatever the order.
            after = self.definition.replace(**event.says())
            self.record(event, status=availability(after), phase=None)

    def take_into_use(self) -> None:
        """Keep the graph from here on as it is."""
        if not self.in_use:
            self.record(TakenIntoUse(), status=self.status, phase=None)

    def _keep(self, definition: FlowDefinition) -> None:
        if graph_of(definition) != graph_of(self.definition):
            raise Refused(
                f'Subjects are bound to the flow "{definition.id}": its states and transitions stay as they are.'
                " Publish the changed graph as another version."
            )
        for name in ("subject_type", "version"):
            if getattr(definition, name) != getattr(self.definition, name):
                raise Refused(f'Subjects are bound to the flow "{definition.id}": its {name} stays as it is.')

    @folds(TakenIntoUse)
    def _used(self, _: TakenIntoUse) -> Mapping[str, Any]:
        return {"in_use": True}

    def _changed(self, event: FlowChange) -> Mapping[str, Any]:
        return {"definition": self.definition.replace(**event.says())}


# One method for all of them: what changes, the event says itself.
DefinedFlow._folding.update(dict.fromkeys(CHANGES, DefinedFlow._changed))


def graph_of(definition: FlowDefinition) -> tuple[tuple[State, ...], tuple[Transition, ...]]:
    """The states and transitions of a definition."""
    return definition.states, definition.transitions


def availability(definition: FlowDefinition) -> Availability:
    """Whether a definition is to be had."""
    if definition.deleted:
        return Availability.ARCHIVED
    return Availability.ACTIVE if definition.status else Availability.INACTIVE


def differences(before: FlowDefinition, after: FlowDefinition, reason: str | None = None) -> Iterator[FlowChange]:
    """The events that lead from one definition to another, each about a matter of its own."""

    def changed(*names: str) -> bool:
        return any(getattr(before, name) != getattr(after, name) for name in names)

    if changed("states", "transitions"):
        yield GraphChanged(states=after.states, transitions=after.transitions, reason=reason)
    if changed(*PLAIN):
        said = after.model_dump(mode="json", include={name for name in PLAIN if changed(name)})
        yield FlowUpdated(changes=said, reason=reason)
    if changed("ordering"):
        yield OrderingSet(ordering=after.ordering, reason=reason)
    if changed("active_from", "active_to"):
        yield WindowSet(active_from=after.active_from, active_to=after.active_to, reason=reason)
    if changed("rollout_pct"):
        yield RolloutSet(rollout_pct=after.rollout_pct, reason=reason)
    if changed("is_default"):
        yield DefaultSet(is_default=after.is_default, reason=reason)
    if changed("status"):
        yield (FlowActivated if after.status else FlowDeactivated)(reason=reason)
    if changed("deleted"):
        yield (FlowArchived if after.deleted else FlowRestored)(reason=reason)


SPECIAL = frozenset({"id", "states", "transitions", "ordering", "active_from", "active_to", "rollout_pct"}) | {
    "is_default",
    "status",
    "deleted",
}
PLAIN = tuple(name for name in FlowDefinition.model_fields if name not in SPECIAL)
"""The fields that have no event of their own."""


def begun(definition: FlowDefinition) -> FlowDefinition:
    """The same with a START state, if it has no state at all."""
    if definition.states or definition.transitions:
        return definition
    return definition.replace(states=(State(key="start", type="start"),))


class Open(StrEnum):
    """The catalogue is always open."""

    OPEN = "open"


class CatalogueChanged(Event):
    """These definitions changed, in the same append."""

    flows: tuple[UUID, ...]


class FlowCatalogue(
    Aggregate[Open], category="eventflow_flow_catalogue", initial=Open.OPEN, events=(CatalogueChanged,)
):
    """The stream that every change of a definition goes through."""

    def note(self, flows: tuple[UUID, ...]) -> None:
        """These changed."""
        self.record(CatalogueChanged(flows=flows))


# It changes no field: who wants to append to a long catalogue need not read what it says.
FlowCatalogue._inert |= {f"{FlowCatalogue.category}:{CatalogueChanged.event_name}"}
