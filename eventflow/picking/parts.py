"""What the graph of a flow is made of: states, transitions, and the tasks that are bound to them.

A transition says from where to where it leads. Without ``from_`` it can be taken in every state but START and the
terminal ones; without ``to`` the subject stays where it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import BaseModel, Field

from eventflow.picking.values import Attributes, Listed, Name, Names, Text, Value

START = "start"

TaskKind = Literal["restriction", "validation", "action"]
"""A restriction allows or denies, a validation looks at what was sent along, an action does something."""


class TaskBinding(Value):
    """A task that is run with a transition, or on entering or leaving a state: its name, its kind, its settings.

    Tasks are run in the order in which they are listed; what is not ``enabled`` is not run.
    """

    task: Name
    kind: TaskKind
    config: Attributes = Field(default_factory=dict)
    enabled: bool = True


class Place(Value):
    """Where a state is drawn."""

    x: float
    y: float


class State(Value):
    """A state: its key within the flow, the subject's status that it stands for, and what happens at its door.

    ``color``, ``icon`` and ``position`` are for drawings; ``look()`` says what is drawn when they are not given.
    """

    key: Name
    type: Literal["start", "state"] = "state"
    status: Text | None = None
    is_terminal: bool = False
    color: Annotated[str, Field(pattern=r"^#([0-9a-fA-F]{3}|[0-9a-fA-F]{6})$")] | None = None
    icon: Text | None = None
    position: Place | None = None
    names: Names = Field(default_factory=dict)
    on_enter: Listed[TaskBinding] = ()
    on_leave: Listed[TaskBinding] = ()

    @property
    def is_start(self) -> bool:
        """Whether subjects begin here."""
        return self.type == START

    @property
    def is_end(self) -> bool:
        """Whether subjects end here."""
        return self.is_terminal

    def look(self) -> Look:
        """What is drawn: as it was given, or as states of this kind are drawn."""
        usual = _START if self.is_start else _END if self.is_terminal else _MIDDLE
        return Look(self.color or usual.color, self.icon or usual.icon, self.position or usual.position)


@dataclass(frozen=True, slots=True)
class Look:
    """How a state is drawn."""

    color: str
    icon: str
    position: Place


_START = Look("#fff", "play", Place(x=0.0, y=0.0))
_MIDDLE = Look("#ddd", "circle", Place(x=0.0, y=0.0))
_END = Look("#000", "stop", Place(x=300.0, y=50.0))


class Transition(Value, serialize_by_alias=True):
    """A way from one state to another, by the keys of the states; in JSON its fields are ``from`` and ``to``.

    ``from_=None`` is a way from every state that is neither START nor terminal, ``to=None`` one that leaves the subject
    where it is. The key is what a transition is called by: small letters, digits and hyphens.
    """

    key: Annotated[str, Field(pattern=r"^[a-z0-9-]+$", max_length=255)]
    from_: Annotated[Name | None, Field(alias="from")] = None
    to: Name | None = None
    names: Names = Field(default_factory=dict)
    tasks: Listed[TaskBinding] = ()

    @property
    def is_generic_input(self) -> bool:
        """Whether it leads from everywhere."""
        return self.from_ is None

    @property
    def is_generic_output(self) -> bool:
        """Whether it leads nowhere else."""
        return self.to is None

    @property
    def is_self_loop(self) -> bool:
        """Whether it leads back to where it began."""
        return self.from_ is not None and self.from_ == self.to

    @property
    def is_specific(self) -> bool:
        """Whether it leads from one state to another one."""
        return self.from_ is not None and self.to is not None and self.from_ != self.to


@dataclass(frozen=True, slots=True)
class KnownTask:
    """A task that the application has, as far as a graph has to know it.

    ``subject_type`` is what it is made for, ``None`` for whatever there is; ``config`` is the pydantic model of its
    settings.
    """

    kind: TaskKind
    subject_type: str | None = None
    config: type[BaseModel] | None = None
