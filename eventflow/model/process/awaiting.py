"""What a step may wait for before it is called, with no worker waiting with it.

::

    class Order(Process, name="order", version=1):
        parcel: UUID | None = None

        @step(awaits=Signal("approved", within=timedelta(days=3), late="go_on"))
        def approve(self, approval: Approval | None) -> Self: ...

        @step(awaits=Moment(after=timedelta(hours=1)))
        def cool_down(self) -> None: ...

        @step(awaits=Child(lambda order: Shipment(order=order.id)))
        def ship(self, end: Ended) -> Self: ...

        @step(awaits=RunEnd("parcel"))
        def arrive(self) -> None: ...

The step is called once what it waits for is there, with that if it takes a second argument. A wait that is not over
``within`` its time is late, and ``late`` says what follows then.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal, get_args

from pydantic import TypeAdapter, ValidationError

from eventflow.errors import BadInput
from eventflow.model.annotations import UNSAID, read
from eventflow.model.process.status import RunStatus

Late = Literal["fail", "go_on", "abandon"]
"""What follows a wait that was not over in time: an error for a person to see to, a step that is called with ``None``
in place of what did not come, or a run that is given up."""

Failing = Literal["fail", "wait", "tell"]
"""What follows when a child does not end well: the step fails; it waits on, for a person may restart the child; or it
is called all the same and looks itself."""


@dataclass(frozen=True, kw_only=True)
class Awaited:
    """Something to wait for: for ever, or ``within`` some time."""

    within: timedelta | None = None
    late: Late = "fail"

    def problems(self) -> Iterator[str]:
        """What is wrong with it."""
        if self.within is not None and not _is_long(self.within, timedelta(microseconds=1)):
            yield f"within={self.within!r} is no positive timedelta."
        if self.late not in get_args(Late):
            yield f"late={self.late!r}: wanted is {_choices(Late)}."
        if self.late != "fail" and self.within is None:
            yield f'late="{self.late}" says what follows a wait that was too long; say within=timedelta(...) as well.'


@dataclass(frozen=True)
class Signal(Awaited):
    """Something that is said to the run from outside, by this name; the step is given its data.

    What was said before the wait began is not lost, and the same said twice counts once.
    """

    name: str

    def problems(self) -> Iterator[str]:
        """What is wrong with it."""
        if not _is_name(self.name):
            yield f"Signal({self.name!r}): a name of letters, digits, - and _ is wanted."
        yield from super().problems()


@dataclass(frozen=True)
class Moment(Awaited):
    """A time: so long ``after`` the step's turn came, or ``until`` one that the process knows (a field, a function)."""

    after: timedelta | None = None
    until: datetime | str | Callable[[Any], datetime] | None = field(default=None, kw_only=True)

    def problems(self) -> Iterator[str]:
        """What is wrong with it."""
        if (self.after is None) == (self.until is None):
            yield "Moment: say either after=timedelta(...) or until=..., one of them."
        if self.after is not None and not _is_long(self.after, timedelta(0)):
            yield f"Moment(after={self.after!r}) is no timedelta from zero on."
        if isinstance(self.until, datetime) and self.until.tzinfo is None:
            yield f"Moment(until={self.until}) has no time zone. Give an aware datetime."
        if self.within is not None:
            yield "Moment: a time comes by itself, within= means nothing to it."

    def due(self, process: Any, since: datetime) -> datetime:
        """When it is over. Raises ``BadInput`` when the process does not know an aware datetime there."""
        if self.after is not None:
            return since + self.after
        found = _asked(self.until, process)
        if not isinstance(found, datetime) or found.tzinfo is None:
            raise BadInput(f"The step waits until an aware datetime, but until= came to {found!r}.")
        return found


@dataclass(frozen=True)
class RunEnd(Awaited):
    """The end of another run, whose id the process knows: a field, or a function of the process.

    SUCCESS, SKIPPED and ABORTED are ends; a run in ERROR may still be restarted.
    """

    of: str | Callable[[Any], Any]

    def problems(self) -> Iterator[str]:
        """What is wrong with it."""
        if not is_said(self.of):
            yield f"RunEnd({self.of!r}): wanted is the name of a field that holds the id of a run, or a function."
        yield from super().problems()

    def target(self, process: Any) -> Any:
        """The id of the run."""
        return _asked(self.of, process)


@dataclass(frozen=True)
class Child(Awaited):
    """The end of a run that is started for this step: of the process that ``begin`` makes of the one at hand.

    ``failing`` says what follows when the child does not end well. A child that nobody waits for any more is abandoned.
    """

    begin: Callable[[Any], Any]
    failing: Failing = field(default="fail", kw_only=True)

    def problems(self) -> Iterator[str]:
        """What is wrong with it."""
        if not is_said(self.begin) or isinstance(self.begin, str):
            yield f"Child({self.begin!r}): a function is wanted that makes a process of the one at hand."
        if self.failing not in get_args(Failing):
            yield f"Child(failing={self.failing!r}): wanted is {_choices(Failing)}."
        yield from super().problems()


@dataclass(frozen=True, slots=True)
class Ended:
    """How another run ended: its ``status``, what it came to know (``state``) and, if it failed, its ``error``."""

    run: Any
    process: str
    status: RunStatus
    state: Mapping[str, Any] = field(default_factory=dict)
    error: str | None = None

    @property
    def is_success(self) -> bool:
        """Whether it ended well; a run that was found needless did."""
        return self.status in (RunStatus.SUCCESS, RunStatus.SKIPPED)


def is_said(said: object) -> bool:
    """Whether something names a field, or is a function of the process."""
    return isinstance(said, str) or callable(said)


def _is_long(time: object, least: timedelta) -> bool:
    return isinstance(time, timedelta) and time >= least


def _is_name(name: object) -> bool:
    return isinstance(name, str) and name.replace("-", "_").isidentifier()


def _asked(said: Any, process: Any) -> Any:
    if isinstance(said, str):
        return getattr(process, said, None)
    return said(process) if callable(said) else said


def _choices(kinds: Any) -> str:
    return " or ".join(f'"{one}"' for one in get_args(kinds))


# -- what a step is given --------------------------------------------------------------------------


def takes_more(function: Callable[..., Any]) -> bool:
    """Whether a step takes what it waited for, beside its process.

    >>> takes_more(lambda process: None), takes_more(lambda process, letter: None)
    (False, True)
    """
    return _second(function) is not None


def fitted(function: Callable[..., Any], data: Any, names: Mapping[str, Any] | None = None) -> Any:
    """The data as the step's own annotation wants it. Raises ``BadInput`` when it does not fit.

    >>> def approve(process: object, by: int) -> None: ...
    >>> fitted(approve, "7")
    7
    """
    try:
        return TypeAdapter(wanted(function, names)).validate_python(data)
    except ValidationError as error:
        wrong = (f"{'.'.join(str(at) for at in one['loc']) or 'data'}: {one['msg']}" for one in error.errors())
        raise BadInput(*wrong) from error


def wanted(function: Callable[..., Any], names: Mapping[str, Any] | None = None) -> Any:
    """The type of what a step is given beside its process; anything when it does not say."""
    parameter = _second(function)
    kind: Any = UNSAID if parameter is None else _kind(parameter.annotation, function, names or {})
    return Any if kind is UNSAID else kind


def _second(function: Callable[..., Any]) -> inspect.Parameter | None:
    ways = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    found = [one for one in inspect.signature(function).parameters.values() if one.kind in ways]
    return found[1] if len(found) > 1 else None


def _kind(annotation: Any, function: Callable[..., Any], names: Mapping[str, Any]) -> Any:
    if annotation is inspect.Parameter.empty:
        return UNSAID
    try:
        return read(annotation, function, names)
    except Exception:  # noqa: BLE001  # an annotation may be any expression; one that cannot be read binds nobody
        return UNSAID
