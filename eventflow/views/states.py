"""An item as it was: its state at a version, what differs between two, how long it stood where."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import ValidationError

from eventflow.app import Eventflow
from eventflow.errors import Erased, Refused, StreamNotFound, UnknownEvent
from eventflow.model.recorded import Header, Phase
from eventflow.views import documents

FOLDED = 10_000
"""Events that are folded for one look at the past."""

SPANS = 200
"""Times in a status that are told, the latest ones."""


def at(app: Eventflow, id: UUID, version: int) -> dict[str, Any]:
    """The item as its events up to a version add up: ``status`` and ``fields``, or why that cannot be told.

    A snapshot is begun with only if it is not newer than that. Raises ``Refused`` for very many events.
    """
    try:
        document = _folded(app, id, version)
    except (*documents.UNREAD, Erased) as error:
        return {"version": version, "status": None, "fields": None, "unreadable": str(error)}
    except ValidationError as error:
        told = f"What was recorded then does not fit its class any more: {error}"
        return {"version": version, "status": None, "fields": None, "unreadable": told}
    return {
        "version": version,
        "status": str(document.status.value),
        "fields": document.model_dump(round_trip=True),
    }


def _folded(app: Eventflow, id: UUID, version: int) -> Any:
    head = app.log.head(id)
    if head is None:
        raise StreamNotFound(id)
    if head.phase == Phase.ERASED:
        raise app.log.gone(id)
    kind = app.vocabulary.aggregates.get(head.category)
    if kind is None:
        raise UnknownEvent(head.name, sorted(app.aggregates))
    snapshot = app.log.snapshots.get(id)
    if snapshot is not None and (snapshot.version > version or not kind.reads(snapshot)):
        snapshot = None
    after = snapshot.version if snapshot else 0
    if version - after > FOLDED:
        raise Refused(f"More than {FOLDED} events lead to version {version}: that takes longer than a look may.")
    return kind.replay(app.log.read_whole(id, after, version), snapshot)


def differences(before: Any, after: Any, path: str = "") -> Iterator[dict[str, Any]]:
    """What differs: each field by its path, with what it was ``before`` and is ``after``, if it was there.

    Any: values may be of any shape.

    >>> list(differences({"a": {"b": 1}, "c": 2}, {"a": {"b": 3}}))
    [{'field': 'a.b', 'before': 1, 'after': 3}, {'field': 'c', 'before': 2}]
    """
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for name in {**before, **after}:
            inner = f"{path}.{name}" if path else str(name)
            if name in before and name in after:
                yield from differences(before[name], after[name], inner)
            elif name in before:
                yield {"field": inner, "before": before[name]}
            else:
                yield {"field": inner, "after": after[name]}
    elif before != after:
        yield {"field": path, "before": before, "after": after}


def spans(headers: Sequence[Header], now: datetime) -> list[dict[str, Any]]:
    """The times that an item stood in its statuses, the oldest first; the last one goes on (``until`` is None)."""
    entered = [one for at, one in enumerate(headers) if at == 0 or one.status != headers[at - 1].status]
    ends = [*(one.recorded_at for one in entered[1:]), None]
    told = [
        {
            "status": one.status,
            "since": one.recorded_at,
            "until": end,
            "lasted": max(((end or now) - one.recorded_at).total_seconds(), 0.0),
        }
        for one, end in zip(entered, ends, strict=True)
    ]
    return told[-SPANS:]
