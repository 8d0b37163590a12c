"""A stretch of a history as documents: every header, and the bodies as far as people want to see them at once.

Bodies that lie in the archive come together, in one burst; those that are large stay where they are. What is wrong with
a body is told in its place.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic_core import to_json

from eventflow.app import Eventflow
from eventflow.errors import StreamNotFound
from eventflow.model.recorded import Recorded
from eventflow.views import documents

LARGE = 16 * 1024
"""Bytes of a body, as JSON, above which it is not shown among others."""

ROOM = 256 * 1024
"""Bytes of all bodies, as JSON, that are shown at once."""

Redact = Callable[[dict[str, Any]], dict[str, Any]]

IN_DATABASE, IN_ARCHIVE, RESTORED = "database", "archive", "restored"


def stretch(app: Eventflow, id: UUID, after: int, upto: int, redact: Redact) -> list[dict[str, Any]]:
    """The events of a stream with versions above ``after``, up to and with ``upto``, the latest first.

    Each says where its body ``lies``. A body that is too large is ``None``, and ``withheld`` has its bytes. Raises
    ``StreamNotFound``.
    """
    recorded = app.log.read(id, after, upto)
    if not recorded:
        raise StreamNotFound(id)
    telling = _Telling(app, id, _together(app, recorded), redact)
    return [telling.event(one) for one in reversed(recorded)]


def whole(app: Eventflow, recorded: Recorded, redact: Redact) -> dict[str, Any]:
    """One event with its body, however large that is; ``length`` has its bytes as JSON."""
    return _Telling(app, recorded.header.stream, [recorded], redact, large=None).event(recorded)


def length_of(body: Any) -> int:
    """The bytes of a body as JSON. Any: it may be of any shape."""
    return len(to_json(body, fallback=str, bytes_mode="base64", inf_nan_mode="strings"))


class _Telling:
    """One stretch on its way to documents. Holds how much room is left, and what was asked for once."""

    def __init__(
        self, app: Eventflow, id: UUID, recorded: Sequence[Recorded], redact: Redact, *, large: int | None = LARGE
    ) -> None:
        self._redact, self._large, self._room = redact, large, ROOM
        self._read = {one.header.position: one for one in recorded}
        self._copies = _copies(app, id, recorded)
        self._gone = documents.erased(app.log.gone(id)) if any(one.erased for one in recorded) else {}

    def event(self, recorded: Recorded) -> dict[str, Any]:
        header = recorded.header
        told = {**documents.facts(header), **self._place(recorded)}
        if recorded.erased is not None:
            return {**told, **self._gone}
        if self._large is not None and header.size > self._large:
            return {**told, "body": None, "withheld": header.size}
        return {**told, **self._body(self._read[header.position])}

    def _place(self, recorded: Recorded) -> dict[str, Any]:
        if not recorded.is_archived:
            return {"lies": IN_DATABASE}
        until = self._copies.get(recorded.header.version)
        return {"lies": IN_ARCHIVE} if until is None else {"lies": RESTORED, "until": until}

    def _body(self, recorded: Recorded) -> dict[str, Any]:
        told = documents.body(recorded)
        if told["body"] is None:
            return told
        body = self._redact(told["body"])
        length = length_of(body)
        if self._large is not None:
            if length > min(self._large, self._room):
                return {"body": None, "withheld": length}
            self._room -= length
        return {"body": body, "length": length, **documents.conversation(body)}


def _together(app: Eventflow, recorded: Sequence[Recorded]) -> Sequence[Recorded]:
    """The same with the archived bodies at hand that are to be shown; the others are not fetched."""
    far = [one.header.position for one in recorded if one.is_archived and one.header.size <= LARGE]
    if not far:
        return recorded
    near = {one.header.position: one for one in app.log.at_each(far)}
    return [near.get(one.header.position, one) for one in recorded]


def _copies(app: Eventflow, id: UUID, recorded: Sequence[Recorded]) -> Mapping[int, datetime]:
    versions = [one.header.version for one in recorded if one.is_archived]
    return app.restorer.copies(id, min(versions), max(versions)) if versions else {}
