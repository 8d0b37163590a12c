"""Commands: functions that an operator or the scheduler runs, one at a time for each of them.

::

    @command("import-invoices", every=timedelta(hours=1), params=("north", "south"), title="Invoices")
    def import_invoices(app: Eventflow, lock: Held, param: str) -> str: ...

    app = Eventflow(aggregates=[...], commands=[import_invoices, Spacer(), sweep])

The decorator makes a value; it registers nothing. A ``Spacer`` parts commands where people see them. What a function
wants it says by the names of its parameters: ``app``, ``lock`` and ``param``, all of them or none.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import WRAPPER_ASSIGNMENTS
from typing import Any, Generic, ParamSpec, TypeVar

from eventflow.errors import NotFound, did_you_mean
from eventflow.model.lock import key_of

P = ParamSpec("P")
T = TypeVar("T")

NAME = re.compile(r"[a-z][a-z0-9_.-]*\Z")
PARAM = re.compile(r"[A-Za-z0-9_.-]+\Z")
NAMED = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
GIVEN = ("app", "lock", "param")
"""What a function may ask for."""


@dataclass(frozen=True, eq=False)
class Command(Generic[P, T]):
    """A function that is run under a lock of its own: what ``@command`` makes.

    Each of ``params`` is run by itself, under a key of its own. With ``every`` the scheduler runs all of them in that
    rhythm. ``title`` is what operators read; ``lease`` how long the runner may be silent before another takes over.
    """

    function: Callable[P, T]
    name: str
    title: str
    every: timedelta | None = None
    params: tuple[str, ...] = ()
    lease: timedelta | None = None

    def __post_init__(self) -> None:
        for attribute in WRAPPER_ASSIGNMENTS:
            object.__setattr__(self, attribute, getattr(self.function, attribute, None))
        object.__setattr__(self, "__wrapped__", self.function)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> T:
        """Call the function, as if it had never been decorated: under no lock."""
        return self.function(*args, **kwargs)

    def lines(self) -> list[tuple[str | None, str, str]]:
        """What operators see of it: for each param (or for none) the param, the key and the title."""
        if not self.params:
            return [(None, self.name, self.title)]
        return [(one, key_of(self.name, one), f"{self.title} ({one})") for one in self.params]

    def key(self, param: str | None = None) -> str:
        """The key under which it runs. Raises ``NotFound`` for a param that it does not have, or has to have."""
        known = [one for one, _, _ in self.lines()]
        if param in known:
            return key_of(self.name, param)
        if param is None:
            raise NotFound(f'"{self.name}" runs with one of its params: {", ".join(self.params)}.')
        near = did_you_mean(param, self.params)
        there = f"There is {', '.join(self.params)}." if self.params else "It has none."
        raise NotFound(f'"{self.name}" has no param "{param}".{near} {there}')

    def call(self, **given: Any) -> T:
        """Call the function with what it asks for of all that is given."""
        asked = inspect.signature(self.function).parameters
        return self.function(**{name: value for name, value in given.items() if name in asked})  # type: ignore[call-arg]

    def __repr__(self) -> str:
        return f"<command {self.name}>"


@dataclass(frozen=True, slots=True)
class Spacer:
    """A gap between commands that are shown to people, at its place among them."""


Listed = Command[..., Any] | Spacer
"""What an application may name among its commands."""


def groups(listed: Sequence[Listed]) -> list[list[Command[..., Any]]]:
    """The commands in the order in which they were given, parted by spacers; none of these is empty.

    >>> groups([Spacer()])
    []
    """
    found: list[list[Command[..., Any]]] = [[]]
    for one in listed:
        if isinstance(one, Spacer):
            found.append([])
        else:
            found[-1].append(one)
    return [one for one in found if one]


def command(
    name: str | None = None,
    *,
    every: timedelta | None = None,
    params: Sequence[str] = (),
    title: str | None = None,
    lease: timedelta | None = None,
) -> Callable[[Callable[P, T]], Command[P, T]]:
    """Make a function a command. Without a ``name`` it is called as the function is, with dashes.

    What it returns (a text, a number, nothing) is recorded as the result of the run.
    """

    def make(function: Callable[P, T]) -> Command[P, T]:
        own = name or function.__name__.replace("_", "-")
        return Command(
            function, own, title or own, every, (params,) if isinstance(params, str) else tuple(params), lease
        )

    return make


def problems(commands: Sequence[Any]) -> list[str]:
    """Everything about these commands that does not fit, each with what to do about it."""
    strangers = [
        f"{one!r} is no command. Decorate it with @command(); a gap between commands is Spacer()."
        for one in commands
        if not _is(one) and not isinstance(one, Spacer)
    ]
    known: list[Command[Any, Any]] = [one for one in commands if _is(one)]
    keys = [key for one in known for _, key, _ in one.lines()]
    doubled = [
        f'{keys.count(key)} commands run under the key "{key}". Give them different names or params.'
        for key in sorted({key for key in keys if keys.count(key) > 1})
    ]
    return [*strangers, *(f"The command {one.name}: {why}" for one in known for why in _wrong(one)), *doubled]


def _wrong(command: Command[Any, Any]) -> Iterator[str]:
    if not NAME.match(command.name):
        yield f"name={command.name!r}: small letters, digits, dots, - and _ are allowed."
    yield from (
        f"params={one!r}: letters, digits, dots, - and _ are allowed."
        for one in command.params
        if not PARAM.match(str(one))
    )
    for what in ("every", "lease"):
        length = getattr(command, what)
        if length is not None and not (isinstance(length, timedelta) and length > timedelta(0)):
            yield f"{what}={length!r} is no positive timedelta."
    if inspect.iscoroutinefunction(command.function):
        yield "it is a coroutine. A command has a thread of its own: write def, and asyncio.run(...) inside."
    yield from _misnamed(command)


def _misnamed(command: Command[Any, Any]) -> Iterator[str]:
    parameters = inspect.signature(command.function).parameters.values()
    for one in parameters:
        if (
            one.default is one.empty
            and one.kind in (one.POSITIONAL_OR_KEYWORD, one.KEYWORD_ONLY)
            and one.name not in GIVEN
        ):
            yield f"it asks for {one.name}. It may ask for {', '.join(GIVEN)}; everything else needs a default."
        if one.kind is one.POSITIONAL_ONLY:
            yield f"{one.name} can only be given by place. Leave out the / behind it."
    if command.params and not any(one.name == "param" for one in parameters):
        yield "it has params=, but its function does not ask for param."
    if not command.params and any(one.name == "param" and one.default is one.empty for one in parameters):
        yield "its function asks for param, but there is no params=."


def _is(one: object) -> bool:
    return isinstance(one, Command)
