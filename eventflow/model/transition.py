"""Commands: from which statuses, to which one, and the event they decide on."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from enum import Enum
from functools import update_wrapper
from types import MappingProxyType
from typing import Any, Concatenate, Generic, ParamSpec, Protocol, TypeVar, overload

from eventflow.errors import TransitionRefused, WrongResult
from eventflow.model.annotations import events_in, nearby, returned, strangers_in
from eventflow.model.event import Event


class Subject(Protocol):
    """What a command needs of its aggregate."""

    @property
    def status(self) -> Any:
        """Where it stands."""

    def record(self, event: Event, *, status: Any = None) -> None:
        """Take an event in."""


A = TypeVar("A", bound=Subject)
P = ParamSpec("P")
E = TypeVar("E", bound=Event)


class Transition(Generic[A, P, E]):
    """A command as it stands on the class: ``Document.approve`` knows its ``sources``, ``to``, ``name``, ``function``.

    On an instance it is an ordinary method: ``document.approve(by="Ann")`` checks the status, lets the function decide,
    records the event and returns it. Raises ``TransitionRefused`` in any other status. Made by ``@transition``.
    """

    def __init__(
        self,
        function: Callable[Concatenate[A, P], E],
        sources: tuple[Enum, ...],
        to: Enum,
        names: Mapping[str, Any] = MappingProxyType({}),
    ) -> None:
        self.function = function
        self.sources = sources
        self.to = to
        self.names = names
        self.name = function.__name__
        self.qualified = function.__qualname__
        self.owner: type[Any] | None = None
        update_wrapper(self, function)

    def __set_name__(self, owner: type[Any], name: str) -> None:
        if self.owner is not None:
            return  # a class that says complete = Document.write borrows the command, it does not become its owner
        self.owner = owner
        self.name = name
        self.qualified = f"{owner.__name__}.{name}"

    @overload
    def __get__(self, document: None, owner: type[Any]) -> Transition[A, P, E]: ...
    @overload
    def __get__(self, document: A, owner: type[Any]) -> Callable[P, E]: ...
    def __get__(self, document: A | None, owner: type[Any]) -> Transition[A, P, E] | Callable[P, E]:
        return self if document is None else _Bound(self, document)

    def __call__(self, document: A, /, *args: P.args, **kwargs: P.kwargs) -> E:
        """Decide and record: what ``document.approve(...)`` does."""
        event = self.decide(document, *args, **kwargs)
        document.record(event, status=self.to)
        return event

    def decide(self, document: A, /, *args: P.args, **kwargs: P.kwargs) -> E:
        """The event this command would record, without recording it.

        Raises ``TransitionRefused`` in a status that is not among the sources, ``WrongResult`` when the function
        returns anything else than an event.
        """
        if self.sources and document.status not in self.sources:
            allowed = [str(one.value) for one in self.sources]
            raise TransitionRefused(self.qualified, str(document.status.value), allowed)
        event = self.function(document, *args, **kwargs)
        if not isinstance(event, Event):
            raise WrongResult(self.qualified, "an event", event)
        return event

    @property
    def returns(self) -> tuple[type[Event], ...]:
        """The event classes that its annotation names."""
        return () if self.unreadable else events_in(returned(self.function, self.names))

    @property
    def unreadable(self) -> str | None:
        """Why its annotation cannot be read, if so."""
        try:
            strangers = strangers_in(returned(self.function, self.names))
        except Exception as error:  # noqa: BLE001  # an annotation may be any expression
            return f"what it returns cannot be read: {error}"
        return f"it returns {strangers[0]!r}, which is no event." if strangers else None

    @property
    def arguments(self) -> inspect.Signature:
        """What the command takes beside its document."""
        signature = inspect.signature(self.function)
        return signature.replace(
            parameters=list(signature.parameters.values())[1:], return_annotation=inspect.Signature.empty
        )

    def __repr__(self) -> str:
        return f"<command {self.qualified}>"


class _Bound(Generic[A, P, E]):
    """A command on its document, with the looks of the method it was written as."""

    def __init__(self, command: Transition[A, P, E], document: A) -> None:
        self.__self__ = document
        self.__func__ = command
        self.__wrapped__ = command.function.__get__(document)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> E:
        return self.__func__(self.__self__, *args, **kwargs)

    def __repr__(self) -> str:
        return f"<bound command {self.__func__.qualified}>"


def transition(*sources: Enum, to: Enum) -> Callable[[Callable[Concatenate[A, P], E]], Transition[A, P, E]]:
    """Make a method of an aggregate a command that leads from one of ``sources`` (none: from anywhere) to ``to``.

    The method decides and returns the event; only the fold changes fields::

        @transition(Status.WRITTEN, to=Status.APPROVED)
        def approve(self, by: str) -> Approved:
            return Approved(by=by)
    """

    def decorate(function: Callable[Concatenate[A, P], E]) -> Transition[A, P, E]:
        return Transition(function, sources, to, nearby(function))

    return decorate
