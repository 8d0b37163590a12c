"""A flow in one version: for whom it is, when it may be picked, and its graph."""

from __future__ import annotations

from typing import Annotated, NamedTuple, Self

from pydantic import Field, model_validator

from eventflow.picking.graph import Graph
from eventflow.picking.values import Attributes, FlowId, Instant, Name, Names, ShortText, Text, Value


class Family(NamedTuple):
    """What the versions of a flow have in common; among them one may be the default."""

    subject_type: str
    subject_scope: str | None
    subject_collection: str | None
    environment: str | None
    channel: str | None


class Selection(Value):
    """What a flow in one version is picked by.

    ``subject_type`` is what it is for; scope, collection, environment and channel narrow that, and ``None`` is no
    value rather than every value: a query that asks for one does not find it. It is in force when ``status`` is true,
    between ``active_from`` and ``active_to`` (both inclusive, ``None`` is open). ``rollout_pct`` is the share of
    subjects that it admits, ``None`` everybody. Of several that fit, a higher ``version`` is preferred, then the
    default, then a higher ``ordering``. ``attributes`` is whatever else there is to be chosen by.
    """

    id: FlowId
    subject_type: Name
    subject_scope: Text | None = None
    subject_collection: Text | None = None
    version: Annotated[int, Field(ge=1)] = 1
    is_default: bool = False
    status: bool = True
    active_from: Instant | None = None
    active_to: Instant | None = None
    channel: ShortText | None = None
    environment: ShortText | None = None
    ordering: Annotated[int, Field(ge=0)] = 0
    rollout_pct: Annotated[int, Field(ge=0, le=100)] | None = None
    deleted: bool = False
    attributes: Attributes = Field(default_factory=dict)
    names: Names = Field(default_factory=dict)
    descriptions: Names = Field(default_factory=dict)

    @property
    def family(self) -> Family:
        """What it shares with its other versions."""
        return Family(self.subject_type, self.subject_scope, self.subject_collection, self.environment, self.channel)

    def name(self, *locales: str) -> str:
        """What it is called in the first of these languages that it has a name in, else in any, else its id."""
        spoken = (self.names[one] for one in (*locales, *self.names) if one in self.names)
        return next(spoken, str(self.id))

    @model_validator(mode="after")
    def _window_is_open(self) -> Self:
        if self.active_from is not None and self.active_to is not None and self.active_from > self.active_to:
            raise ValueError(f"active_to ({self.active_to.isoformat()}) is before active_from")
        return self


class FlowDefinition(Graph, Selection):
    """A flow in one version, frozen: what it is picked by, and its states and transitions."""

    def _subject_type(self) -> str:
        return self.subject_type
