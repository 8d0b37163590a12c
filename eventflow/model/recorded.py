"""What the log says of an event: a header that always stays, and the event behind it, read when touched."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

from eventflow.model.event import Event


class Kind(StrEnum):
    """What the body of an event is about, where it is about more than a status."""

    REQUEST = "request"
    RESPONSE = "response"
    CALLBACK = "callback"
    EXCEPTION = "exception"
    PROBE = "probe"


class Phase(StrEnum):
    """What an event means for the work on its stream; an event without a phase is a mere fact.

    ``ANNOUNCED``: the stream now stands in a status, whoever reacts to it may claim it.
    ``CLAIMED``: a worker began an attempt. ``DEFERRED``: the next attempt is due at a later time. ``ERASED``: what the
    stream held is gone, nothing is to be done with it, and nothing follows.
    """

    ANNOUNCED = "announced"
    CLAIMED = "claimed"
    DEFERRED = "deferred"
    ERASED = "erased"


class Header(NamedTuple):
    """What stays in the database for ever; nobody needs a body to know where a stream stands."""

    position: int
    stream: UUID
    version: int
    category: str
    name: str
    status: str
    previous: str | None
    phase: str | None
    kind: str | None
    recorded_at: datetime
    reaction: str | None
    attempt: int | None
    owner: UUID | None
    due: datetime | None
    error: str | None
    correlation: UUID | None
    causation: int | None
    actor: str | None
    tenant: str | None
    flow: str | None
    schema: int
    append: UUID
    codec: str
    size: int
    digest: bytes
    hash: bytes


class Head(NamedTuple):
    """Where a stream ends: what the next append expects, and what its hash continues."""

    version: int
    hash: bytes


NOWHERE = Head(0, b"")
"""The head of a stream that has no event yet."""


class Draft(NamedTuple):
    """An event that was decided on and is not in the log yet; ``version`` is the one it will have in its stream.

    What is to be ``due`` some time ``after`` it is recorded says so: the log has the clock, the model has none.
    ``flow`` is the one that its stream is bound to from this event on.
    """

    event: Event
    status: str
    previous: str | None = None
    phase: Phase | None = None
    kind: Kind | None = None
    reaction: str | None = None
    attempt: int | None = None
    owner: UUID | None = None
    due: datetime | None = None
    error: str | None = None
    stream: UUID = UUID(int=0)
    version: int = 0
    after: timedelta | None = None
    flow: str | None = None

    @property
    def name(self) -> str:
        """The event's name, without the category that a header puts before it."""
        return self.event.event_name

    @property
    def originator_id(self) -> UUID:
        """The stream, by the name the ``eventsourcing`` protocols give it."""
        return self.stream

    @property
    def originator_version(self) -> int:
        """The version in the stream, by the name the ``eventsourcing`` protocols give it."""
        return self.version


class Cause(NamedTuple):
    """What leads to the next event of a stream when nobody says otherwise: its last event that has a phase.

    A stream that begins is a story of its own, called by its id, and has no cause.
    """

    correlation: UUID | None = None
    position: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """Who appends, on whose behalf and because of what.

    ``causation`` is the position of the event that led to this append, ``correlation`` names the whole
    story it belongs to. What is not said here goes on as the stream did (``Cause``).
    """

    correlation: UUID | None = None
    causation: int | None = None
    actor: str | None = None
    tenant: str | None = None


class Recorded:
    """A header and its event; the body is decoded when ``event`` is first touched.

    Raises ``UnknownEvent`` or ``DamagedBody`` then, so that damage is met by who needs the body only. One that
    ``is_archived`` has its body elsewhere than in the database. Of one that was ``erased`` that is the header that says
    when and by whom; touching its event raises ``Erased``.
    """

    __slots__ = ("_event", "_load", "erased", "header", "is_archived")

    def __init__(
        self,
        header: Header,
        load: Callable[[], Event],
        *,
        is_archived: bool = False,
        erased: Header | None = None,
    ) -> None:
        self.header, self.is_archived, self.erased = header, is_archived, erased
        self._load: Callable[[], Event] = load
        self._event: Event | None = None

    @property
    def event(self) -> Event:
        """The event as it was appended, upcast to the present version of its class."""
        if self._event is None:
            self._event = self._load()
        return self._event

    @property
    def originator_id(self) -> UUID:
        """The stream, by the name the ``eventsourcing`` protocols give it."""
        return self.header.stream

    @property
    def originator_version(self) -> int:
        """The version in the stream, by the name the ``eventsourcing`` protocols give it."""
        return self.header.version

    def __repr__(self) -> str:
        return f"<{self.header.name} v{self.header.version} at {self.header.position}>"
