"""Reactions as classes: a class for each task and each endpoint, for those who like it so.

::

    class Publish(Endpoint[Document]):
        on = Status.WRITTEN
        processing, complete, failed = Status.SENDING, Status.COMPLETE, Status.ERROR
        url = "https://press.example/articles"

        def build_payload(self, document: Document) -> dict[str, str]:
            return {"text": document.content}

        def process_response(self, document: Document, response: Response) -> Published:
            return Published(url=response.json()["url"])

    app = Eventflow(aggregates=[Document], reactions=[Publish])

What such a class says becomes a ``Reaction`` when the application is composed, the same value that the decorators make;
nothing behind that point knows the difference. One instance serves all threads: keep nothing in it that changes.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from enum import Enum
from types import MappingProxyType
from typing import Any, ClassVar, Generic, Literal, cast, get_args

from pydantic import BaseModel
from typing_extensions import TypeVar

from eventflow.errors import Misconfigured
from eventflow.model.aggregate import Aggregate
from eventflow.model.annotations import nearby
from eventflow.model.event import Event, snake_case
from eventflow.model.exchange import ABSENT, AsyncExchange, Exchange, Request, Response, Timeout
from eventflow.model.masking import Masker
from eventflow.model.multipart import File
from eventflow.model.reaction import AsyncEndpointReaction, EndpointReaction, Options, Reaction, TaskReaction
from eventflow.model.transition import Transition

A = TypeVar("A", bound=Aggregate[Any])
R = TypeVar("R", default=Event | Sequence[Event] | None)
T = TypeVar("T")

PayloadAs = Literal["query", "json", "form", "multipart", "content"]

STEPS = ("on", "processing", "complete", "failed")


class Handler(Generic[A, R]):
    """What a class says of its work: inherit from ``Task`` or ``Endpoint``.

    ``on``, ``processing``, ``complete`` and ``failed`` are what they are for ``@task``: statuses, or commands of the
    aggregate. ``name`` is what the log calls it (the class in snake case unless it says otherwise). Every other option
    of ``@task`` is an attribute of the same name; the masker is called ``sanitizer``.
    """

    on: Enum
    processing: Enum | Callable[[A], Event] | None = None
    complete: Enum | Callable[[A, R], Event] | Callable[[A], Event]
    failed: Enum | Callable[[A, str], Event]
    name: str | None = None
    sanitizer: Masker | None = None

    _reaction: ClassVar[type[Reaction[Any, Any]]] = Reaction
    _names: ClassVar[Mapping[str, Any]] = MappingProxyType({})

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        cls._names = {**cls._names, **nearby(cls)}

    def as_reaction(self) -> Reaction[Any, Any]:
        """The reaction that it becomes. Raises ``Misconfigured``."""
        return reaction_of(cast("AnyReaction", self))


class Task(Handler[A, R]):
    """A task as a class: ``Task[Document]``, or ``Task[Document, str]`` for a command that completes with a text.

    ::

        class Typeset(Task[Document]):
            on, processing = Status.QUEUED, Status.PROCESSING
            complete, failed = Status.COMPLETE, Status.ERROR

            def handle(self, document: Document) -> Written:
                return Written(content=f"# {document.title}")

        Typeset()(a_document)       # called by hand, in a test
    """

    _reaction = TaskReaction

    def handle(self, document: A, /) -> R:
        """What is done with the document: returns an event, several, or nothing."""
        raise NotImplementedError

    def __call__(self, document: A, /) -> R:
        """The same."""
        return self.handle(document)


class AsyncTask(Handler[A, R]):
    """The same with ``async def handle``: it runs on the event loop of the worker, beside hundreds of others."""

    _reaction = TaskReaction

    async def handle(self, document: A, /) -> R:
        """What is done with the document: returns an event, several, or nothing."""
        raise NotImplementedError

    async def __call__(self, document: A, /) -> R:
        """The same."""
        return await self.handle(document)


class Asking(Handler[A, R]):
    """What is asked, and what becomes of the answer: inherit from ``Endpoint`` or ``AsyncEndpoint``.

    ``url``, ``method``, ``headers``, ``timeout`` (30 s for each piece of the answer), ``connect_timeout`` (10 s),
    ``raise_for_status`` and ``payload_as`` are each an attribute, or a method that takes the document. What
    ``build_payload`` returns goes into the query of a GET and is JSON otherwise; ``payload_as`` says ``"query"``,
    ``"json"``, ``"form"``, ``"multipart"`` (values that are a ``File`` are files) or ``"content"`` (text or bytes as
    they are). With ``raise_for_status = False`` the refusals, too, come to ``process_response``.

    Whoever has more to say overrides ``request``, or ``handle`` with a conversation of several requests.
    """

    url: str | Callable[[A], str]
    method: str | Callable[[A], str] = "POST"
    headers: Mapping[str, str] | Callable[[A], Mapping[str, str]] = MappingProxyType({})
    payload_as: PayloadAs | Callable[[A], PayloadAs | None] | None = None
    timeout: timedelta | Callable[[A], timedelta | None] | None = None
    connect_timeout: timedelta | Callable[[A], timedelta | None] | None = None
    raise_for_status: bool | Callable[[A], bool] = True

    def build_payload(self, document: A, /) -> Any:  # noqa: ARG002  # for whoever overrides it
        """What is said beside the address; nothing unless overridden."""
        return None

    def process_response(self, document: A, response: Response, /) -> R:
        """What becomes of the answer: returns an event, several, or nothing."""
        raise NotImplementedError

    def request(self, document: A, /) -> Request:
        """What is asked. Raises ``Refused`` when that is no request."""
        method = _said(self.method, document).upper()
        way = _said(self.payload_as, document) or ("query" if method == "GET" else "json")
        return Request(
            method,
            _said(self.url, document),
            headers=_said(self.headers, document),
            timeout=_patience(_said(self.connect_timeout, document), _said(self.timeout, document)),
            **_body(self.build_payload(document), way),
        )


class Endpoint(Asking[A, R]):
    """An endpoint as a class; what it may say is told in ``Asking``.

    ::

        class Publish(Endpoint[Document]):
            on, processing = Status.WRITTEN, Status.SENDING
            complete, failed = Status.COMPLETE, Status.ERROR
            url = "https://press.example/articles"

            def process_response(self, document: Document, response: Response) -> Published:
                return Published(url=response.json()["url"])

        play(Publish()(a_document), answer)     # played by hand, in a test
    """

    _reaction = EndpointReaction

    def handle(self, document: A, /) -> Exchange[R]:
        """The conversation: one request, and what becomes of its answer."""
        request = self.request(document)
        response = yield request
        if _said(self.raise_for_status, document):
            response.raise_for_status(request)
        return self.process_response(document, response)

    def __call__(self, document: A, /) -> Exchange[R]:
        """Begin the conversation; ``play`` it with answers given by hand."""
        return self.handle(document)


class AsyncEndpoint(Asking[A, R]):
    """The same on the event loop of the worker: while it waits for its answer it takes up no thread."""

    _reaction = AsyncEndpointReaction

    async def handle(self, document: A, /) -> AsyncExchange[R]:
        """The conversation: one request, and what becomes of its answer."""
        request = self.request(document)
        response = yield request
        if _said(self.raise_for_status, document):
            response.raise_for_status(request)
        yield self.process_response(document, response)

    def __call__(self, document: A, /) -> AsyncExchange[R]:
        """Begin the conversation; ``play`` it with answers given by hand."""
        return self.handle(document)


CONVERSATIONS: tuple[Any, ...] = (Endpoint.handle, AsyncEndpoint.handle)
"""The conversations that an endpoint inherits; they end in whatever its ``process_response`` returns."""

AnyReaction = Reaction[Any, Any] | Handler[Any, Any] | type[Handler[Any, Any]]
"""What ``reactions=[...]`` takes: a decorated function, a class, or an instance of one."""


def reaction_of(one: AnyReaction) -> Reaction[Any, Any]:
    """The reaction that is meant. Raises ``Misconfigured`` for a class that cannot become one."""
    if isinstance(one, Reaction):
        return one
    handler = made(one, "reactions") if isinstance(one, type) else one
    aggregate = owner_of(type(handler), __name__)
    return handler._reaction(
        function=handler.handle,  # type: ignore[attr-defined]  # of a task and of an endpoint
        says=_teller(handler),
        aggregate=aggregate,
        names=handler._names,
        **{step: step_of(handler, step) for step in STEPS},
        **_options(handler),
    )


def owner_of(kind: type, module: str) -> type[Aggregate[Any]]:
    """The aggregate a class was given in brackets; of those that inherit from a class of this module.

    Raises ``Misconfigured`` for one that was given none.
    """
    for one in kind.__mro__:
        for base in vars(one).get("__orig_bases__", ()):
            for argument in get_args(base):
                if isinstance(argument, type) and issubclass(argument, Aggregate):
                    return argument
    name, base = kind.__name__, next(one.__name__ for one in kind.__mro__ if one.__module__ == module)
    raise Misconfigured(f"{name} does not say whose it is. Write class {name}({base}[Document]).")


def made(kind: type[T], given: str) -> T:
    """One of this class, which was ``given`` as one of the callbacks, say. Raises ``Misconfigured``."""
    try:
        return kind()
    except Exception as error:
        name = kind.__name__
        raise Misconfigured(f"{name}() fails: {error}. Give an instance of it: {given}=[{name}(...)].") from error


def _teller(handler: Handler[Any, Any]) -> Callable[..., Any] | None:
    if isinstance(handler, (Endpoint, AsyncEndpoint)) and type(handler).handle in CONVERSATIONS:
        return handler.process_response
    return None


def step_of(handler: object, name: str) -> Any:
    """What a class says of a step: a status, a command, or a method that chooses."""
    # A command is a descriptor: asked of the instance it would be bound to it.
    plain = inspect.getattr_static(handler, name, None)
    return plain if isinstance(plain, Transition) else getattr(handler, name, None)


def _options(handler: Handler[Any, Any]) -> dict[str, Any]:
    said = {name: getattr(handler, name) for name in Options.__annotations__ if hasattr(handler, name)}
    return {**said, "name": handler.name or snake_case(type(handler).__name__), "masker": handler.sanitizer}


def _said(what: T | Callable[[A], T], document: A) -> T:
    return what(document) if callable(what) else what


def _patience(connect: timedelta | None, read: timedelta | None) -> Timeout | None:
    if connect is None and read is None:
        return None  # the application's
    usual = Timeout()
    return Timeout(connect=connect or usual.connect, read=read or usual.read)


def _body(payload: Any, way: PayloadAs) -> dict[str, Any]:
    if payload is None or payload is ABSENT:
        return {}
    if isinstance(payload, BaseModel):
        payload = payload.model_dump(mode="json")
    if way == "multipart":
        files = {name: value for name, value in payload.items() if _has_files(value)}
        return {"files": files, "form": {name: value for name, value in payload.items() if name not in files}}
    return {"params" if way == "query" else way: payload}


def _has_files(value: Any) -> bool:
    return isinstance(value, File) or (
        isinstance(value, (list, tuple)) and bool(value) and all(isinstance(one, File) for one in value)
    )
