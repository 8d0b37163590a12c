"""The events that every category has: what the library itself has to say about a stream.

They never change an aggregate's fields by their own names (an aggregate may well have a field ``body``); ``Created``
is the one that sets them all.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import Field

from eventflow.model.event import Event


class Created(Event):
    """The stream begins, with these fields; the body says whatever there is to say of it."""

    fields: dict[str, Any]
    body: dict[str, Any] | None = None

    def event_body(self) -> dict[str, Any]:
        """The fields; the body only where there is one."""
        return {"fields": self.fields} if self.body is None else {"fields": self.fields, "body": self.body}


class StatusChanged(Event):
    """The stream went to another status, or to the same one again; the body says whatever there is to say of it."""

    body: dict[str, Any] | None = None


class Touched(Event):
    """The present status was announced once more, so that whoever reacts to it does so again."""


class Defibrillated(Event):
    """A person restarted what had failed."""

    reason: str | None = None


class CalledOff(Event):
    """Somebody has no more use for it; what was being done about it is not waited for."""

    reason: str | None = None


class Claimed(Event):
    """An attempt began, and the status stayed as it was."""


class RetryStarted(Event):
    """A later attempt began."""


class PutAside(Event):
    """The handler can do nothing yet; it is called again then, or when somebody sends something."""

    until: datetime | None = None


class Woken(Event):
    """What was put aside is due now, for something was said to the item."""


class TakenUp(Event):
    """The handler was called again after it had waited."""


class RetryScheduled(Event):
    """An attempt failed and another one is due; the error is masked."""

    type: str
    message: str
    traceback: str | None = None
    attempt: int


class Interrupted(Event):
    """An attempt ended with its worker; it is tried again without counting as a failure."""

    reason: str


class Postponed(Event):
    """An attempt that had begun has to wait for another system; it is tried again without counting as a failure."""

    reason: str


class Spoken(Event):
    """What one side of a conversation said, masked.

    ``body`` is its text, or the beginning of it when ``truncated`` or ``binary`` says so (a binary one in hexadecimal
    digits); then ``size`` and ``sha256`` tell of the whole.
    """

    headers: dict[str, str] = Field(default_factory=dict)
    body: str | None = None
    size: int = 0
    sha256: str | None = None
    truncated: bool = False
    binary: bool = False


class Asked(Spoken):
    """A request, whoever made it."""

    method: str
    url: str


class RequestSent(Asked):
    """What was said to another system."""


class ResponseReceived(Spoken):
    """What another system answered."""

    status: int


class CallbackReceived(Asked):
    """What another system said of its own accord."""


class Probed(Event):
    """It has stood in its status since then, and the probe of that name took notice.

    ``error`` is why no more came of it.
    """

    probe: str
    since: datetime
    error: str | None = None


class Placing(Event):
    """It stands in a state of its flow from here on: ``place``, or where its flow begins when that is nothing."""

    place: str | None = None


class FlowRebound(Placing):
    """It goes on by another flow than the one it was bound to before; its header names the new one."""

    before: str | None = None
    reason: str | None = None


class FlowUnbound(Placing):
    """It goes by no flow any more."""

    before: str
    reason: str | None = None


class FlowMoved(Placing):
    """A transition of its flow was made, from one state to another or within one.

    ``messages`` and ``data`` are what its tasks had to say, ``payload`` is what it was made with; both masked.
    """

    transition: str
    origin: str
    completed: bool = False
    payload: dict[str, Any] = Field(default_factory=dict)
    messages: tuple[str, ...] = ()
    data: dict[str, Any] = Field(default_factory=dict)


class FlowMoveRefused(Event):
    """A transition of its flow was asked for and not made: a restriction denied it, or it did not fit.

    ``code`` says what kept it, ``errors`` what was wrong with it; the payload is masked.
    """

    transition: str
    code: str
    task: str | None = None
    errors: tuple[str, ...] = ()
    messages: tuple[str, ...] = ()
    data: dict[str, Any] = Field(default_factory=dict)
    payload: dict[str, Any] = Field(default_factory=dict)


class Erasure(Event, name="erased"):
    """What the stream held was erased: so many ``bodies``. The last event of a stream, and readable for ever."""

    bodies: int
    reason: str | None = None


LIBRARY: tuple[type[Event], ...] = (
    Created,
    StatusChanged,
    Touched,
    Defibrillated,
    CalledOff,
    Claimed,
    RetryStarted,
    PutAside,
    Woken,
    TakenUp,
    RetryScheduled,
    Interrupted,
    Postponed,
    RequestSent,
    ResponseReceived,
    Probed,
    CallbackReceived,
    FlowRebound,
    FlowUnbound,
    FlowMoved,
    FlowMoveRefused,
    Erasure,
)
"""The events that every category knows without naming them."""
