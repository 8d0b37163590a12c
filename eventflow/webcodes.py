"""What errors are called on the web, wherever they come to it."""

from __future__ import annotations

from eventflow.errors import (
    BadFilter,
    BadInput,
    BodyMissing,
    Conflict,
    Erased,
    EventflowError,
    Malformed,
    NotAllowed,
    NotFound,
    Refused,
    SignatureRefused,
    Unavailable,
    WrongContent,
)

STATUS: tuple[tuple[type[EventflowError], int], ...] = (
    (BodyMissing, 500),
    (NotFound, 404),
    (SignatureRefused, 401),
    (NotAllowed, 403),
    (Erased, 410),
    (WrongContent, 415),
    (Malformed, 400),
    (BadFilter, 400),
    (BadInput, 422),
    (Refused, 409),
    (Conflict, 409),
    (Unavailable, 503),
)
"""The status of each kind of error; the first that fits."""


def status_of(error: EventflowError) -> int:
    """The HTTP status that tells of an error; 500 for what is nobody's fault who asked.

    >>> status_of(NotAllowed("To look")), status_of(EventflowError("?"))
    (403, 500)
    """
    return next((status for kind, status in STATUS if isinstance(error, kind)), 500)
