"""What flows call by name: restrictions, validations and actions, written as functions of the subject and the move.

::

    class Limit(BaseModel):
        most: int = 1000

    @restriction(Order, config=Limit)
    def within_limit(order: Order, move: Move) -> Verdict:
        return allow() if order.total <= move.config.most else deny("too_much", "Ask a manager.")

    class Approval(BaseModel):
        by: str

    approval = validation(Order)(Approval)

    @action(Order)
    def stamp(order: Order, move: Move) -> Stamped:
        move.say("stamped")
        return Stamped(by=move.payload["by"])

The decorators make values; the application is given them in ``flow_tasks=[...]``, and definitions name them.
"""

from __future__ import annotations

import inspect
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from pydantic import BaseModel

from eventflow.model.aggregate import Aggregate
from eventflow.model.annotations import events_in, nearby, returned
from eventflow.model.event import Event, snake_case
from eventflow.picking.definition import FlowDefinition
from eventflow.picking.parts import KnownTask, State, TaskKind, Transition

A = TypeVar("A", bound=Aggregate[Any])
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a restriction says. Made by ``allow`` and ``deny``."""

    code: str | int | None = None
    message: str | None = None

    @property
    def allowed(self) -> bool:
        """Whether the transition may be made, as far as this restriction is concerned."""
        return self.code is None


def allow() -> Verdict:
    """The transition may be made."""
    return Verdict()


def deny(code: str | int, message: str | None = None) -> Verdict:
    """The transition may not be made: a code for programs, and for people why.

    >>> deny("too_much").allowed
    False
    """
    return Verdict(code, message)


@dataclass
class Move:
    """A transition on its way, as its tasks see it; ``config`` is that of the task that is called.

    ``payload`` is what was sent along, once the validations have had their say what they made of it. Tasks add to
    ``messages`` and ``data`` by ``say`` and ``tell``; they are in the result whatever becomes of the transition.
    """

    flow: FlowDefinition
    transition: Transition
    origin: State
    target: State
    payload: Mapping[str, Any]
    actor: str | None = None
    config: Any = None
    messages: list[str] = field(default_factory=list)
    data: dict[str, Any] = field(default_factory=dict)

    def say(self, *messages: str) -> None:
        """Something for whoever asked for the transition."""
        self.messages.extend(messages)

    def tell(self, **data: Any) -> None:
        """The same for programs; what is told twice is told as it was said last."""
        self.data.update(data)


@dataclass(frozen=True, eq=False, kw_only=True)
class FlowTask(Generic[T]):
    """Something that a definition can bind to a transition or a state: what the decorators make.

    It is called ``name`` in definitions. ``config`` is the pydantic model of its settings, ``aggregate`` what it is
    for (``None``: any subject). An action that runs ``later`` is a message of its own, sent when the transition is in
    the log.
    """

    function: T
    name: str
    kind: TaskKind
    aggregate: type[Aggregate[Any]] | None = None
    config: type[BaseModel] | None = None
    later: bool = False
    title: str | None = None
    description: str | None = None
    icon: str | None = None
    tags: Sequence[str] = ()
    names: Mapping[str, Any] = field(default_factory=dict, repr=False)

    def __call__(self, document: Any, move: Move) -> Any:
        """Call the function, as if it had never been decorated."""
        function: Any = self.function
        return function(document, move)

    @property
    def known(self) -> KnownTask:
        """What checks of graphs have to know of it."""
        return KnownTask(self.kind, None if self.aggregate is None else self.aggregate.category, self.config)

    @property
    def returns(self) -> tuple[type[Event], ...]:
        """The event classes that its annotation names; those of an action are events of its aggregate."""
        try:
            return events_in(returned(self.function, self.names)) if self.kind == "action" else ()  # type: ignore[arg-type]
        except Exception:  # noqa: BLE001  # an annotation may be any expression; the composition is told what is wrong
            return ()

    def settings(self, config: Mapping[str, Any]) -> Any:
        """The settings of a binding: an instance of ``config``, or as they are. Raises ``ValidationError``."""
        return dict(config) if self.config is None else self.config.model_validate(config)

    def described(self) -> dict[str, Any]:
        """What there is to say of it, for whoever puts a flow together."""
        function: Any = self.function
        return {
            "task": self.name,
            "kind": self.kind,
            "subject_type": None if self.aggregate is None else self.aggregate.category,
            "title": self.title or self.name.replace("_", " ").capitalize(),
            "description": self.description or _first_line(function),
            "icon": self.icon,
            "tags": list(self.tags),
            "later": self.later,
            "config": None if self.config is None else self.config.model_json_schema(),
        }


def restriction(
    aggregate: type[A] | None = None, **options: Any
) -> Callable[[Callable[[A, Move], Verdict]], FlowTask[Callable[[A, Move], Verdict]]]:
    """Make a function a restriction: it says ``allow()`` or ``deny(code, message)``. Whatever else it says denies."""
    return _making("restriction", aggregate, options)


def validation(aggregate: type[Aggregate[Any]] | None = None, **options: Any) -> Callable[[T], FlowTask[T]]:
    """Make a pydantic model what is asked of the payload of a transition; or a function that chooses the model."""
    return _making("validation", aggregate, options)


def action(
    aggregate: type[A] | None = None, **options: Any
) -> Callable[[Callable[[A, Move], Any]], FlowTask[Callable[[A, Move], Any]]]:
    """Make a function what happens in a transition: it returns an event, several, or nothing.

    They are recorded in the append of the transition, before it. With ``later=True`` it is called by a worker once
    that is in the log, at least once, and returns nothing.
    """
    return _making("action", aggregate, options)


def _making(kind: TaskKind, aggregate: Any, options: Mapping[str, Any]) -> Callable[[T], FlowTask[T]]:
    def make(function: T) -> FlowTask[T]:
        told: Any = function
        name = options.get("name") or snake_case(told.__name__)
        rest = {key: value for key, value in options.items() if key != "name"}
        return FlowTask(function=function, name=name, kind=kind, aggregate=aggregate, names=nearby(told), **rest)

    return make


def is_model(function: Any) -> bool:
    """Whether a validation is a model itself, and not a function that chooses one."""
    return isinstance(function, type) and issubclass(function, BaseModel)


def problems(tasks: Sequence[Any], aggregates: Sequence[Any]) -> Iterator[str]:
    """What is wrong with the tasks of an application, each with what to do about it."""
    by_name = defaultdict(list)
    for one in tasks:
        if not isinstance(one, FlowTask):
            called = getattr(one, "__name__", one)
            yield f"{called} is no task of flows. Decorate it with @restriction, @validation or @action."
            continue
        by_name[one.name].append(one)
        if one.aggregate is not None and one.aggregate not in aggregates:
            yield f"{one.name}: {one.aggregate.__name__} is not among aggregates=[...]."
        if one.later and one.kind != "action":
            yield f"{one.name}: a {one.kind} is asked before the transition; only an action can run later=True."
        if not is_model(one.function) and not _takes_two(one.function):
            yield f"{one.name}: a {one.kind} is called with the subject and the move."
    for name, several in by_name.items():
        if len(several) > 1:
            yield f'{len(several)} tasks of flows are called "{name}". Give them different name=.'


def _takes_two(function: Any) -> bool:
    try:
        inspect.signature(function).bind(None, None)
    except (TypeError, ValueError):
        return False
    return True


def _first_line(function: Any) -> str | None:
    """What a function or class says of itself: never what is said of a class that it is made from."""
    return inspect.cleandoc(function.__doc__ or "").partition("\n")[0] or None
