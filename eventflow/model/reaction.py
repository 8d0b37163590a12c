"""Work that is bound to a status: tasks, and endpoints that speak HTTP.

::

    @task(Document, on=Status.QUEUED, processing=Status.PROCESSING, complete=Status.COMPLETE, failed=Status.ERROR)
    def generate(document: Document) -> Written:
        return Written(content=f"# {document.title}")

    generate(a_document)        # still a plain function

The decorators make values; they register nothing. Only the composition root connects them, and ``check`` tells it
everything that does not fit together. Values first, wiring last: starlette's ``routes=`` rather than a global broker.
"""

from __future__ import annotations

import inspect
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from enum import Enum
from functools import WRAPPER_ASSIGNMENTS, cached_property
from typing import Any, Generic, TypedDict, TypeVar, Unpack, cast, overload

from eventflow.model import vocabulary
from eventflow.model.aggregate import Aggregate, commands
from eventflow.model.annotations import UNSAID, events_in, nearby, parts, read, result_of, returned, strangers_in
from eventflow.model.event import Event
from eventflow.model.exchange import Exchange
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
    time_limit: timedelta
    masker: Masker | None
    name: str | None


@dataclass(frozen=True, eq=False, kw_only=True)
class Reaction(Generic[A, R]):
    """A function bound to a status of an aggregate: what ``@task`` and ``@endpoint`` make.

    ``processing``, ``complete`` and ``failed`` are each a status, or a command of the aggregate whose own event is
    recorded then. Without ``processing`` the claim leaves the status as it is.
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
    time_limit: timedelta = LONG_ENOUGH
    masker: Masker | None = None
    names: Mapping[str, Any] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        for attribute in WRAPPER_ASSIGNMENTS:
            object.__setattr__(self, attribute, getattr(self.function, attribute, None))
        object.__setattr__(self, "__wrapped__", self.function)

    def __call__(self, document: A, /) -> Any:
        """Call the function, as if it had never been decorated."""
        return self.function(document)

    @cached_property
    def returns(self) -> tuple[type[Event], ...]:
        """The event classes that its annotation names; none while that cannot be read, which ``check`` tells."""
        try:
            return events_in(returned(self.function, self.names))
        except Exception:  # noqa: BLE001  # an annotation may be any expression; _result_problems says what is wrong with it
            return ()

    @cached_property
    def allowed(self) -> frozenset[type[Event]]:
        """The event classes it may return: those, and all that its aggregate knows."""
        return frozenset((*self.returns, *vocabulary.known_events(self.aggregate)))

    @property
    def working(self) -> Enum:
        """The status while an attempt is under way."""
        return self.on if self.processing is None else target(self.processing)

    def __repr__(self) -> str:
        return f"<{type(self).__name__.lower()} {self.name} on {self.aggregate.category} {self.on}>"


class Task(Reaction[A, R]):
    """A reaction that computes: the function returns an event, several, or nothing (or what ``complete=`` takes)."""

    def __call__(self, document: A, /) -> R:
        """Call the function, as if it had never been decorated."""
        return cast(R, self.function(document))


class Endpoint(Reaction[A, R]):
    """A reaction that speaks HTTP: the function is a conversation that ends in what a task would return."""

    def __call__(self, document: A, /) -> Exchange[R]:
        """Begin the conversation; ``play`` it with answers given by hand."""
        return cast(Exchange[R], self.function(document))


class TaskFor(Generic[A]):
    """What ``@task(...)`` gives before it meets its function."""

    def __init__(self, options: Mapping[str, Any]) -> None:
        self._options = options

    def __call__(self, function: Callable[[A], Told], /) -> Task[A, Told]:
        """The task this function becomes."""
        return Task(**_named(self._options, function), function=function, names=nearby(function))


class EndpointFor(Generic[A]):
    """What ``@endpoint(...)`` gives before it meets its function."""

    def __init__(self, options: Mapping[str, Any]) -> None:
        self._options = options

    def __call__(self, function: Callable[[A], Exchange[Told]], /) -> Endpoint[A, Told]:
        """The endpoint this function becomes."""
        return Endpoint(**_named(self._options, function), function=function, names=nearby(function))


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
) -> Callable[[Callable[[A], R]], Task[A, R]]: ...
@overload
def task(
    aggregate: type[A],
    *,
    on: Enum,
    processing: Enum | Callable[[A], Event] | None,
    complete: Callable[[A], Event],
    failed: Enum | Callable[[A, str], Event],
    **options: Unpack[Options],
) -> Callable[[Callable[[A], None]], Task[A, None]]: ...
def task(
    aggregate: type[Any], *, on: Any, processing: Any = None, complete: Any = None, failed: Any = None, **options: Any
) -> Any:
    """Bind a function to a status: it is called with the aggregate, in a worker, whenever one stands ``on`` it.

    The work is claimed by going to ``processing`` (``None``: the status stays). What the function returns goes with the
    step to ``complete``: an event, several, or nothing when that is a status; what the command takes when it is one.
    When attempts are spent, the error goes with the step to ``failed`` (a command is given its message). A pair that
    does not fit is an error of the type checker, and a problem that ``check`` tells.
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
) -> Callable[[Callable[[A], Exchange[R]]], Endpoint[A, R]]: ...
@overload
def endpoint(
    aggregate: type[A],
    *,
    on: Enum,
    processing: Enum | Callable[[A], Event] | None,
    complete: Callable[[A], Event],
    failed: Enum | Callable[[A, str], Event],
    **options: Unpack[Options],
) -> Callable[[Callable[[A], Exchange[None]]], Endpoint[A, None]]: ...
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


def check(reactions: Sequence[Any], aggregates: Sequence[Any]) -> list[str]:
    """Everything that does not fit together in a composition, each with what to do about it; nothing if all is well."""
    known = [one for one in reactions if isinstance(one, Reaction)]
    strangers = [_called(one) for one in reactions if not isinstance(one, Reaction)]
    return [
        *(f"{name} is no reaction. Decorate it with @task or @endpoint." for name in strangers),
        *vocabulary.problems(aggregates, known),
        *(f"{one.name}: {problem}" for one in known for problem in _problems(one, aggregates)),
        *_doubled_names(known),
        *_doubled_statuses(known),
    ]


def _problems(reaction: Reaction[Any, Any], aggregates: Sequence[Any]) -> Iterator[str]:
    aggregate = reaction.aggregate
    if aggregate not in aggregates:
        yield f"{aggregate.__name__} is not among aggregates=[...]."
    statuses = [*_status_problems(reaction)]
    yield from statuses
    if not statuses:
        yield from _loops(reaction)
        yield from _command_problems(reaction)
    yield from _result_problems(reaction)
    yield from _option_problems(reaction)


def _status_problems(reaction: Reaction[Any, Any]) -> Iterator[str]:
    for role in ("on", "processing", "complete", "failed"):
        step = getattr(reaction, role)
        if isinstance(step, Transition) and role != "on":
            continue
        if step is None and role != "processing":
            yield f"{role}= is missing."
        elif callable(step) and not isinstance(step, Enum):
            yield f"{role}={_called(step)} is no command. Decorate it with @transition."
        elif step is not None and (problem := vocabulary.status_problem(reaction.aggregate, role, step)):
            yield problem


def _loops(reaction: Reaction[Any, Any]) -> Iterator[str]:
    for role in ("complete", "failed"):
        if target(getattr(reaction, role)) is reaction.on:
            yield f"{role}= leads back to on={reaction.on!s}: it would start again for ever."
    if reaction.processing is not None and reaction.working is reaction.on:
        yield f"processing= is on={reaction.on!s} itself. Leave processing=None if the status shall stay."


def _command_problems(reaction: Reaction[Any, Any]) -> Iterator[str]:
    own = commands(reaction.aggregate)
    for role, start, samples in (
        ("processing", reaction.on, ((),)),
        ("complete", reaction.working, (("result",), ())),
        ("failed", reaction.working, (("message",),)),
    ):
        command = getattr(reaction, role)
        if not isinstance(command, Transition):
            continue
        if own.get(command.name) is not command:
            yield f"{role}={command.qualified} is a command of another aggregate than {reaction.aggregate.__name__}."
        elif command.sources and start not in command.sources:
            allowed = " or ".join(str(one) for one in command.sources)
            yield f"{role}={command.qualified} needs {allowed}, but the status is {start} then."
        if not any(_takes(command, sample) for sample in samples):
            wanted = {"processing": "nothing", "complete": "the result", "failed": "the message"}[role]
            yield f"{role}={command.qualified}{command.arguments} is called with {wanted} only."


def _takes(command: Command, sample: tuple[str, ...]) -> bool:
    try:
        command.arguments.bind(*sample)
    except TypeError:
        return False
    return True


def _result_problems(reaction: Reaction[Any, Any]) -> Iterator[str]:
    speaks = inspect.isgeneratorfunction(reaction.function)
    if isinstance(reaction, Endpoint) and not speaks:
        yield "an endpoint yields requests, this function yields none. Use @task."
    if isinstance(reaction, Task) and speaks:
        yield "a task returns its result, this function yields. Use @endpoint for requests."
    try:
        annotation = returned(reaction.function, reaction.names)
    except Exception as error:  # noqa: BLE001  # an annotation may be any expression
        yield f"what it returns cannot be read: {error}"
        return
    if annotation is UNSAID:
        yield "it does not say what it returns. Annotate it, so that the log knows its events."
    elif isinstance(reaction.complete, Transition):
        yield from _pair_problems(reaction.complete, result_of(annotation))
    elif strangers := strangers_in(annotation):
        wanted = "an event, several or None"
        yield f"it returns {_called(strangers[0])}, but complete={reaction.complete!s} takes {wanted}."


def _pair_problems(command: Command, result: Any) -> Iterator[str]:
    first = next(iter(command.arguments.parameters.values()), None)
    if first is None:
        return
    try:
        wanted = read(first.annotation, command.function, command.names)
    except Exception:  # noqa: BLE001  # unreadable: the type checker has to do
        return
    fits = parts(wanted)
    plain = all(isinstance(one, type) for one in (*fits, *parts(result)))
    if first.annotation is not first.empty and plain and not all(issubclass(one, fits) for one in parts(result)):
        yield f"it returns {_called(result)}, but complete={command.qualified} takes {_called(wanted)}."


def _option_problems(reaction: Any) -> Iterator[str]:
    if not isinstance(reaction.retry, Retry):
        yield f"retry={reaction.retry!r} is no Retry. Write retry=Retry(attempts=5, after=timedelta(seconds=30))."
    if not isinstance(reaction.time_limit, timedelta) or reaction.time_limit <= timedelta(0):
        yield f"time_limit={reaction.time_limit!r} is no positive timedelta."
    if not (isinstance(reaction.queue, str) and vocabulary.NAME.match(reaction.queue.replace("-", "_"))):
        yield f"queue={reaction.queue!r}: small letters, digits, - and _ are allowed."
    if not reaction.name.isidentifier():
        yield f"name={reaction.name!r}: letters, digits and _ are allowed."


def _doubled_names(reactions: Sequence[Reaction[Any, Any]]) -> Iterator[str]:
    by_name = defaultdict(list)
    for one in reactions:
        by_name[one.name].append(one)
    for name, several in by_name.items():
        if len(several) > 1:
            yield f'{len(several)} reactions are called "{name}". Give them different name=.'


def _doubled_statuses(reactions: Sequence[Reaction[Any, Any]]) -> Iterator[str]:
    by_status = defaultdict(list)
    for one in reactions:
        by_status[one.aggregate, str(getattr(one.on, "value", one.on))].append(one.name)
    for (aggregate, status), names in by_status.items():
        if len(names) > 1:
            category = getattr(aggregate, "category", aggregate)
            yield f'{" and ".join(names)} both react to "{status}" of {category}. One status starts one reaction.'


def _named(options: Mapping[str, Any], function: Callable[..., Any]) -> dict[str, Any]:
    return {**options, "name": options.get("name") or function.__name__}


def _called(one: Any) -> str:
    return str(getattr(one, "__name__", one))
