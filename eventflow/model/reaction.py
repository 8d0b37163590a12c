"""Work that is bound to a status: tasks, and endpoints that speak HTTP.

::

    @task(Document, on=Status.QUEUED, processing=Status.PROCESSING, complete=Status.COMPLETE, failed=Status.ERROR)
    def generate(document: Document) -> Written:
        return Written(content=f"# {document.title}")

    generate(a_document)        # still a plain function

The decorators make values; they register nothing. Only the composition root connects them, and ``composition`` tells
it everything that does not fit together. Values first, wiring last: starlette's ``routes=``, not a global broker.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from enum import Enum
from functools import WRAPPER_ASSIGNMENTS, cached_property
from typing import Any, Generic, Protocol, TypedDict, TypeVar, Unpack, cast, overload

from eventflow.model import vocabulary
from eventflow.model.aggregate import Aggregate
from eventflow.model.annotations import events_in, nearby, returned
from eventflow.model.event import Event
from eventflow.model.exchange import AsyncExchange, Exchange
from eventflow.model.limits import Concurrency
from eventflow.model.masking import Masker
from eventflow.model.retry import Retry
from eventflow.model.transition import Transition

A = TypeVar("A", bound=Aggregate[Any])
R = TypeVar("R")
Told = TypeVar("Told", bound=Event | Sequence[Event] | None)

Command = Transition[Any, ..., Event]
LONG_ENOUGH = timedelta(minutes=10)


class Options(TypedDict, total=False):
    """What ``task`` and ``endpoint`` take beside the four steps."""

    retry: Retry
    queue: str
    priority: int
    after: timedelta | None
    time_limit: timedelta
    masker: Masker | None
    record_limit: int | None
    host: str | Callable[[Any], str | None] | None
    concurrency: Concurrency[Any] | None
    flow: str | Sequence[str] | None
    name: str | None


@dataclass(frozen=True, eq=False, kw_only=True)
class Reaction(Generic[A, R]):
    """A function bound to a status of an aggregate: what ``@task`` and ``@endpoint`` make.

    ``processing``, ``complete`` and ``failed`` are each a status, or a command of the aggregate whose own event is
    recorded then. Without ``processing`` the claim leaves the status as it is. Work begins so long ``after`` the status
    was announced; of two that are due, the one with the lower ``priority`` goes first.
    Of a request or response with more than ``record_limit`` bytes the beginning is recorded. What limits the ``host``
    that it speaks to is asked before an attempt begins, and so is ``concurrency``: how many go on at a time. With a
    ``flow`` it is for items that are bound to it (or to one of several) and goes before the one that is for all.
    """

    function: Callable[[A], Any]
    name: str
    aggregate: type[A]
    on: Enum
    processing: Enum | Command | None
    complete: Enum | Command
    failed: Enum | Command
    retry: Retry = Retry()
    queue: str = "default"
    priority: int = 0
    after: timedelta | None = None
    time_limit: timedelta = LONG_ENOUGH
    masker: Masker | None = None
    record_limit: int | None = None
    host: str | Callable[[A], str | None] | None = None
    concurrency: Concurrency[A] | None = None
    flow: str | Sequence[str] | None = None
    names: Mapping[str, Any] = field(default_factory=dict, repr=False)
    says: Callable[..., Any] | None = field(default=None, repr=False)
    """Whose annotation tells the result, where it is not the function's own."""

    def __post_init__(self) -> None:
        for attribute in WRAPPER_ASSIGNMENTS:
            object.__setattr__(self, attribute, getattr(self.function, attribute, None))
        object.__setattr__(self, "__wrapped__", self.function)

    def __call__(self, document: A, /) -> Any:
        """Call the function, as if it had never been decorated."""
        return self.function(document)

    @cached_property
    def returns(self) -> tuple[type[Event], ...]:
        """The event classes that its annotation names; none while that cannot be read, which is told at composition."""
        try:
            return events_in(self.annotation())
        except Exception:  # noqa: BLE001  # an annotation may be any expression; the composition is told what is wrong with it
            return ()

    def annotation(self) -> Any:
        """What it says it returns, or ``UNSAID``. Raises ``NameError`` and the like when that cannot be read."""
        return returned(self.says or self.function, self.names)

    @cached_property
    def allowed(self) -> frozenset[type[Event]]:
        """The event classes it may return: those, and all that its aggregate knows."""
        return frozenset((*self.returns, *vocabulary.known_events(self.aggregate)))

    @property
    def working(self) -> Enum:
        """The status while an attempt is under way."""
        return self.on if self.processing is None else target(self.processing)

    @property
    def flows(self) -> tuple[str | None, ...]:
        """The flows whose items it is for; ``None`` alone when it is for all."""
        return (self.flow,) if self.flow is None or isinstance(self.flow, str) else tuple(self.flow)

    @cached_property
    def is_async(self) -> bool:
        """Whether it runs on an event loop, beside hundreds of others, and not in a thread of its own."""
        return inspect.iscoroutinefunction(self.function) or inspect.isasyncgenfunction(self.function)

    def __repr__(self) -> str:
        kind = type(self).__name__.removesuffix("Reaction").removeprefix("Async").lower()
        return f"<{kind} {self.name} on {self.aggregate.category} {self.on}>"


class TaskReaction(Reaction[A, R]):
    """A reaction that computes: the function returns an event, several, or nothing (or what ``complete=`` takes)."""

    def __call__(self, document: A, /) -> R:
        """Call the function, as if it had never been decorated."""
        return cast(R, self.function(document))


class EndpointReaction(Reaction[A, R]):
    """A reaction that speaks HTTP: the function is a conversation that ends in what a task would return."""

    def __call__(self, document: A, /) -> Exchange[R]:
        """Begin the conversation; ``play`` it with answers given by hand."""
        return cast(Exchange[R], self.function(document))


class AsyncEndpointReaction(EndpointReaction[A, R]):
    """An endpoint on the event loop: an async generator, whose last ``yield`` is what the conversation ends in."""

    def __call__(self, document: A, /) -> AsyncExchange[R]:  # type: ignore[override]  # the same, but asynchronous
        """Begin the conversation; ``play`` it with answers given by hand."""
        return cast(AsyncExchange[R], self.function(document))


class TaskFor(Generic[A]):
    """What ``@task(...)`` gives before it meets its function."""

    def __init__(self, options: Mapping[str, Any]) -> None:
        self._options = options

    @overload
    def __call__(self, function: Callable[[A], Told], /) -> TaskReaction[A, Told]: ...
    @overload
    def __call__(
        self, function: Callable[[A], Coroutine[Any, Any, Told]], /
    ) -> TaskReaction[A, Coroutine[Any, Any, Told]]: ...
    def __call__(self, function: Callable[[A], Any], /) -> TaskReaction[A, Any]:
        """The task this function becomes."""
        return TaskReaction(**_named(self._options, function), function=function, names=nearby(function))


class EndpointFor(Generic[A]):
    """What ``@endpoint(...)`` gives before it meets its function."""

    def __init__(self, options: Mapping[str, Any]) -> None:
        self._options = options

    @overload
    def __call__(self, function: Callable[[A], Exchange[Told]], /) -> EndpointReaction[A, Told]: ...
    @overload
    def __call__(self, function: Callable[[A], AsyncExchange[Told]], /) -> AsyncEndpointReaction[A, Told]: ...
    def __call__(self, function: Callable[[A], Any], /) -> EndpointReaction[A, Any]:
        """The endpoint this function becomes."""
        kind = AsyncEndpointReaction if inspect.isasyncgenfunction(function) else EndpointReaction
        return kind(**_named(self._options, function), function=function, names=nearby(function))


class TaskWith(Protocol[A, R]):
    """What ``@task(...)`` gives when a command takes the result: the function has to return what that takes."""

    @overload
    def __call__(
        self, function: Callable[[A], Coroutine[Any, Any, R]], /
    ) -> TaskReaction[A, Coroutine[Any, Any, R]]: ...
    @overload
    def __call__(self, function: Callable[[A], R], /) -> TaskReaction[A, R]: ...


class EndpointWith(Protocol[A, R]):
    """What ``@endpoint(...)`` gives when a command takes what the conversation ends in."""

    @overload
    def __call__(self, function: Callable[[A], Exchange[R]], /) -> EndpointReaction[A, R]: ...
    @overload
    def __call__(self, function: Callable[[A], AsyncExchange[R]], /) -> AsyncEndpointReaction[A, R]: ...


@overload
def task(
    aggregate: type[A],
    *,
    on: Enum,
    processing: Enum | Callable[[A], Event] | None,
    complete: Enum,
    failed: Enum | Callable[[A, str], Event],
    **options: Unpack[Options],
) -> TaskFor[A]: ...
@overload
def task(
    aggregate: type[A],
    *,
    on: Enum,
    processing: Enum | Callable[[A], Event] | None,
    complete: Callable[[A, R], Event],
    failed: Enum | Callable[[A, str], Event],
    **options: Unpack[Options],
) -> TaskWith[A, R]: ...
@overload
def task(
    aggregate: type[A],
    *,
    on: Enum,
    processing: Enum | Callable[[A], Event] | None,
    complete: Callable[[A], Event],
    failed: Enum | Callable[[A, str], Event],
    **options: Unpack[Options],
) -> TaskWith[A, None]: ...
def task(
    aggregate: type[Any], *, on: Any, processing: Any = None, complete: Any = None, failed: Any = None, **options: Any
) -> Any:
    """Bind a function to a status: it is called with the aggregate, in a worker, whenever one stands ``on`` it.

    The work is claimed by going to ``processing`` (``None``: the status stays). What the function returns goes with the
    step to ``complete``: an event, several, or nothing when that is a status; what the command takes when it is one.
    When attempts are spent, the error goes with the step to ``failed`` (a command is given its message). A pair that
    does not fit is an error of the type checker, and a problem that is told at composition.
    """
    steps = {"on": on, "processing": processing, "complete": complete, "failed": failed}
    return TaskFor[Any]({"aggregate": aggregate, **steps, **options})


@overload
def endpoint(
    aggregate: type[A],
    *,
    on: Enum,
    processing: Enum | Callable[[A], Event] | None,
    complete: Enum,
    failed: Enum | Callable[[A, str], Event],
    **options: Unpack[Options],
) -> EndpointFor[A]: ...
@overload
def endpoint(
    aggregate: type[A],
    *,
    on: Enum,
    processing: Enum | Callable[[A], Event] | None,
    complete: Callable[[A, R], Event],
    failed: Enum | Callable[[A, str], Event],
    **options: Unpack[Options],
) -> EndpointWith[A, R]: ...
@overload
def endpoint(
    aggregate: type[A],
    *,
    on: Enum,
    processing: Enum | Callable[[A], Event] | None,
    complete: Callable[[A], Event],
    failed: Enum | Callable[[A, str], Event],
    **options: Unpack[Options],
) -> EndpointWith[A, None]: ...
def endpoint(
    aggregate: type[Any], *, on: Any, processing: Any = None, complete: Any = None, failed: Any = None, **options: Any
) -> Any:
    """Bind a conversation to a status: like ``task``, for a generator that yields requests and is sent the responses.

    Both sides are recorded, masked by ``masker`` (or else by the application's), and every request carries an
    idempotency key that stays the same for every attempt.
    """
    steps = {"on": on, "processing": processing, "complete": complete, "failed": failed}
    return EndpointFor[Any]({"aggregate": aggregate, **steps, **options})


def target(step: Enum | Command) -> Enum:
    """The status that a step leads to, be it a status itself or a command.

    >>> from enum import Enum
    >>> target(Enum("Status", "QUEUED DONE").DONE).name
    'DONE'
    """
    return step.to if isinstance(step, Transition) else step


def _named(options: Mapping[str, Any], function: Callable[..., Any]) -> dict[str, Any]:
    return {**options, "name": options.get("name") or function.__name__}
