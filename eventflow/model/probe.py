"""What looks after objects that stand in a status for too long.

::

    Probe(Order, statuses=[Status.SENDING], grace=timedelta(hours=1))
    Probe(Order, statuses=[Status.SENT], grace="PT24H", then=Order.remind)

A probe is an event on the object (kind ``probe``) and at most one within each grace, for as long as the object stays.
What comes of it is a command like any other: ``then`` calls it, in the same append.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Any, Generic, TypeVar

from pydantic import TypeAdapter, ValidationError

from eventflow.errors import Misconfigured
from eventflow.model.aggregate import Aggregate, spell
from eventflow.model.recorded import Header, Kind
from eventflow.model.vocabulary import status_problem

A = TypeVar("A", bound=Aggregate[Any])

NAME = re.compile(r"[a-z][a-z0-9_-]*\Z")
_DURATION = TypeAdapter(timedelta)


@dataclass(frozen=True, kw_only=True)
class _Said(Generic[A]):
    statuses: Sequence[Enum]
    grace: timedelta | float | str
    batch: int = 200
    every: timedelta = timedelta(minutes=1)
    then: Callable[[A], object] | None = None
    name: str = ""


@dataclass(frozen=True)
class Probe(_Said[A]):
    """Probes objects of ``aggregate`` that have stood in one of ``statuses`` for the ``grace``.

    ``grace`` is a ``timedelta``, seconds, or an ISO 8601 duration such as ``"PT1H"``. It counts from when the status
    was entered, and then from the last probe of this ``name``. ``batch`` objects at most are probed ``every`` so often,
    those that wait longest first. ``then`` is called with the object after the probe was recorded on it: it may call
    commands, and return another aggregate, which is begun in the same append. Raises ``Misconfigured`` for a grace that
    is none.
    """

    aggregate: type[A]

    def __post_init__(self) -> None:
        object.__setattr__(self, "grace", _duration(self.grace))
        object.__setattr__(self, "name", self.name or str(getattr(self.aggregate, "category", "")))

    @property
    def patience(self) -> timedelta:
        """The grace as a length of time."""
        assert isinstance(self.grace, timedelta)
        return self.grace

    @property
    def spelt(self) -> list[str]:
        """The statuses as they stand in headers."""
        return [spell(one) for one in self.statuses]

    def since(self, headers: Iterable[Header]) -> datetime | None:
        """Since when the stream with these headers waits for this probe; nothing when it is in another status."""
        since, status = None, ""
        for header in headers:
            status = header.status
            if entered(header) or (header.kind == Kind.PROBE and header.reaction == self.name):
                since = header.recorded_at
        return since if status in self.spelt else None

    def is_due(self, headers: Iterable[Header], now: datetime) -> bool:
        """Whether it is time for this probe."""
        since = self.since(headers)
        return since is not None and now - since >= self.patience


def entered(header: Header) -> bool:
    """Whether a stream came into its status with this event."""
    return header.version == 1 or (header.previous is not None and header.previous != header.status)


def problems(probes: Sequence[Any], aggregates: Sequence[Any]) -> list[str]:
    """Everything about these probes that does not fit, each with what to do about it."""
    strangers = [
        f"{one!r} is no Probe. Write Probe(Order, statuses=[...], grace=...)." for one in probes if not _is(one)
    ]
    known = [one for one in probes if _is(one)]
    names = [one.name for one in known]
    doubled = [f'{names.count(name)} probes are called "{name}". Give them different name=.' for name in _twice(names)]
    return [*strangers, *(f"The probe {one.name}: {why}" for one in known for why in _wrong(one, aggregates)), *doubled]


def _wrong(probe: Probe[Any], aggregates: Sequence[Any]) -> Iterator[str]:
    if probe.aggregate not in aggregates:
        yield f"{getattr(probe.aggregate, '__name__', probe.aggregate)} is not among aggregates=[...]."
        return
    if not probe.statuses:
        yield "statuses= is empty: nothing would ever be probed."
    yield from (why for one in probe.statuses if (why := status_problem(probe.aggregate, "statuses", one)))
    if probe.patience <= timedelta(0):
        yield f"grace={probe.grace!r} is no time at all."
    if probe.batch < 1 or probe.every <= timedelta(0):
        yield f"batch={probe.batch!r} and every={probe.every!r} must be more than nothing."
    if not NAME.match(probe.name):
        yield f"name={probe.name!r}: small letters, digits, - and _ are allowed."


def _is(one: object) -> bool:
    return isinstance(one, Probe)


def _twice(names: Sequence[str]) -> list[str]:
    return sorted({name for name in names if names.count(name) > 1})


def _duration(said: timedelta | float | str) -> timedelta:
    """A length of time from what was said of it.

    >>> _duration("PT1H30M"), _duration(90)
    (datetime.timedelta(seconds=5400), datetime.timedelta(seconds=90))
    """
    try:
        return _DURATION.validate_python(said)
    except ValidationError:
        raise Misconfigured(
            f'grace={said!r} is no length of time: wanted is a timedelta, seconds, or a duration such as "PT1H".'
        ) from None
