"""Steps: methods of a process, functions of one, or classes of their own.

::

    class Release(Process, name="release", version=1):
        document: UUID
        pages: int = 0

        @step
        def typeset(self) -> Self:
            return self.learn(pages=12)

        @step(retry=Retry(attempts=5, after=timedelta(minutes=1)), undo="recall")
        def announce(self) -> None: ...

A step gives back nothing, the process wiser than it was, or ``Done`` with what there is to say about it.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from types import MethodType
from typing import Any, ClassVar, Generic, TypeVar, cast, overload

from eventflow.errors import Misconfigured, Refused
from eventflow.model.event import snake_case
from eventflow.model.process.awaiting import Awaited
from eventflow.model.process.calling import Calls, Doable, Handling
from eventflow.model.process.fan import Each
from eventflow.model.retry import Retry

P = TypeVar("P")
F = TypeVar("F", bound=Callable[..., Any])

LONG_ENOUGH = timedelta(minutes=10)
"""How long one attempt of a step may take."""

START, FINISH = "__start__", "__finish__"
"""The keys of ``started`` and ``finished`` of a process, where it has them."""


@dataclass(frozen=True, kw_only=True)
class Done(Generic[P]):
    """What a step gives back that has something to say: the wiser ``process`` if it is one, a message, details."""

    message: str | None = None
    details: Mapping[str, Any] = field(default_factory=dict)
    process: P | None = None


@dataclass(frozen=True, eq=False, kw_only=True)
class Step:
    """One step as its process knows it. On an instance it is the method that it was made of.

    ``key`` is what the log calls it, ``title`` what people see. ``undo`` names what takes back what it did. A ``light``
    step does nothing that others could see: its success may share a commit with that of the step behind it. It is
    called once what it ``awaits`` is there; with ``over`` it is called for each of several items. What it ``calls`` is
    a task or an endpoint of an aggregate.
    """

    function: Callable[..., Any]
    key: str
    title: str
    retry: Retry | None = None
    undo: str | Callable[[Any], Any] | None = None
    time_limit: timedelta = LONG_ENOUGH
    light: bool = False
    awaits: Awaited | None = None
    over: Each | None = None
    calls: Calls | None = None
    options: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """What was said and means nothing: told at composition."""

    def __get__(self, process: Any, kind: type[Any] | None = None) -> Any:
        return self if process is None else MethodType(self.function, process)

    def __call__(self, process: Any) -> Any:
        """Do it, once and by hand."""
        return self.function(process)


@overload
def step(function: F, /) -> F: ...
@overload
def step(
    *,
    key: str | None = None,
    title: str | None = None,
    retry: Retry | None = None,
    undo: str | Callable[[Any], Any] | None = None,
    time_limit: timedelta = LONG_ENOUGH,
    light: bool = False,
    awaits: Awaited | None = None,
    over: str | Each | None = None,
    **options: Any,
) -> Callable[[F], F]: ...
def step(function: Callable[..., Any] | None = None, /, **options: Any) -> Any:
    """Make a method a step of its process, or a function that takes a process one that may be listed.

    The steps of a process are done in the order in which they stand in its class. ``key`` is what the log calls it (the
    name of the function unless it is said), ``retry`` in place of that of the process, ``time_limit`` that of one
    attempt. A step that ``awaits`` something (``Signal``, ``Moment``, ``Child``, ``RunEnd``) is called once that is
    there, and no worker waits with it. One that goes ``over`` the items of a field, or ``Each`` of them, is
    called with each.
    """
    if function is None:
        return lambda one: _stepped(one, options)
    return _stepped(function, {})


def _stepped(function: Callable[[Any], Any], options: Mapping[str, Any]) -> Step:
    known = {name: value for name, value in options.items() if name in KNOWN}
    key = known.pop("key", None) or function.__name__
    title = known.pop("title", None) or in_words(key)
    if isinstance(known.get("over"), str):
        known["over"] = Each(known["over"])
    rest = {name: value for name, value in options.items() if name not in KNOWN}
    return Step(function=function, key=key, title=title, options=rest, **known)


def calls(
    reaction: Doable | Handling | type[Handling],
    *,
    of: str | Callable[[Any], Any],
    key: str | None = None,
    title: str | None = None,
    retry: Retry | None = None,
    undo: str | Callable[[Any], Any] | None = None,
    time_limit: timedelta | None = None,
) -> Step:
    """A step that does the task or endpoint of a document, whose id is in the field ``of``.

    A function that was decorated, a class, or an instance of one: whatever ``reactions=[...]`` takes. It is
    called by the name of the reaction unless ``key`` says otherwise, and has its retry and time limit.
    """
    made = _made(reaction)
    name = key or str(getattr(made, "name", None) or getattr(made, "__name__", made))
    return Step(
        function=_not_by_hand,
        key=name,
        title=title or in_words(name),
        retry=retry or getattr(made, "retry", None),
        undo=undo,
        time_limit=_limit(made) if time_limit is None else time_limit,
        calls=Calls(made, of),
    )


def _made(said: Any) -> Any:
    """The reaction that is meant; what cannot be made into one stays as it is, and is told at composition."""
    if not hasattr(said, "as_reaction"):
        return said
    try:
        one = said() if isinstance(said, type) else said
    except Exception:  # noqa: BLE001  # making one is user code: whatever it raises, it is no task
        return said
    try:
        return one.as_reaction()
    except Misconfigured:
        return said


def _limit(reaction: Any) -> timedelta:
    # What is no reaction is told at composition.
    return getattr(reaction, "time_limit", LONG_ENOUGH)


def _not_by_hand(process: Any) -> None:
    raise Refused(f"A worker does this step of {type(process).__name__}; by hand, call the task with its document.")


class StepTask(Generic[P]):
    """A step as a class: made with the process, and called once.

    ::

        class Typeset(StepTask[Release]):
            retry = Retry(attempts=3)

            def handle(self) -> Release:
                return self.process.learn(pages=12)

        class Release(Process, name="release", version=1):
            steps = [Typeset, announce]

    What ``@step`` takes are attributes of the same names.
    """

    key: ClassVar[str | None] = None
    title: ClassVar[str | None] = None
    retry: ClassVar[Retry | None] = None
    undo: ClassVar[str | Callable[[Any], Any] | None] = None
    time_limit: ClassVar[timedelta] = LONG_ENOUGH
    light: ClassVar[bool] = False
    awaits: ClassVar[Awaited | None] = None

    def __init__(self, process: P) -> None:
        self.process = process

    def handle(self) -> P | Done[P] | None:
        """What is to be done."""
        raise NotImplementedError


def step_of(one: Any) -> Step | None:
    """The step that is meant by what stands in a list of steps; nothing when that is none."""
    if isinstance(one, Step):
        return one
    if isinstance(one, type):
        return _of_class(one) if issubclass(one, StepTask) and one is not StepTask else None
    return _stepped(one, {}) if inspect.isfunction(one) else None


def _of_class(task: type[StepTask[Any]]) -> Step:
    key = task.key or snake_case(task.__name__)
    return Step(
        function=lambda process: task(process).handle(),
        key=key,
        title=task.title or in_words(key),
        retry=task.retry,
        undo=task.undo,
        time_limit=task.time_limit,
        light=task.light,
        awaits=task.awaits,
    )


def in_words(key: str) -> str:
    """A key as people read it.

    >>> in_words("announce_it"), in_words("__start__")
    ('Announce it', 'Start')
    """
    return key.strip("_").replace("_", " ").replace("-", " ").capitalize()


KNOWN = frozenset(cast("dict[str, Any]", Step.__dataclass_fields__)) - {"function", "options"}
"""What every step may say of itself."""
