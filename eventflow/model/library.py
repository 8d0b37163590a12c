"""The events that every category has: what the library itself has to say about a stream.

They never change an aggregate's fields by their own names (an aggregate may well have a field ``body``); ``Created``
is the one that sets them all.
"""

from __future__ import annotations

from typing import Any

from pydantic import Field

from eventflow.model.event import Event


class Created(Event):
    """The stream begins, with these fields."""

    fields: dict[str, Any]


class StatusChanged(Event):
    """The stream went to another status, or to the same one again; the body says whatever there is to say of it."""

    body: dict[str, Any] | None = None


class Touched(Event):
    """The present status was announced once more, so that whoever reacts to it does so again."""


class Defibrillated(Event):
    """A person restarted what had failed."""

    reason: str | None = None


class Claimed(Event):
    """An attempt began, and the status stayed as it was."""


class RetryStarted(Event):
    """A later attempt began."""


class RetryScheduled(Event):
    """An attempt failed and another one is due; the error is masked."""

    type: str
    message: str
    traceback: str | None = None
    attempt: int


class Interrupted(Event):
    """An attempt ended with its worker; it is tried again without counting as a failure."""

    reason: str


class RequestSent(Event):
    """What was said to another system, masked.

    ``body`` is its text, or the beginning of it when ``truncated`` or ``binary`` says so (a binary one in hexadecimal
    digits); then ``size`` and ``sha256`` tell of the whole.
    """

    method: str
    url: str
    headers: dict[str, str] = Field(default_factory=dict)
    body: str | None = None
    size: int = 0
    sha256: str | None = None
    truncated: bool = False
    binary: bool = False


class ResponseReceived(Event):
    """What another system answered, masked; its body is kept like the one of ``RequestSent``."""

    status: int
    headers: dict[str, str] = Field(default_factory=dict)
    body: str | None = None
    size: int = 0
    sha256: str | None = None
    truncated: bool = False
    binary: bool = False


LIBRARY: tuple[type[Event], ...] = (
    Created,
    StatusChanged,
    Touched,
    Defibrillated,
    Claimed,
    RetryStarted,
    RetryScheduled,
    Interrupted,
    RequestSent,
    ResponseReceived,
)
"""The events that every category knows without naming them."""
