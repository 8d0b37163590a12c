"""One item as the log has it now: where it stands, what is to be done with it, what it holds."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from pydantic import ValidationError

from eventflow.app import Eventflow
from eventflow.errors import Erased, StreamNotFound
from eventflow.model.recorded import Header, Phase
from eventflow.model.standing import Standing
from eventflow.store.database import Database
from eventflow.store.log import Log
from eventflow.store.work import Work
from eventflow.views import documents


def shown(database: Database, log: Log, stream: UUID, app: Eventflow | None = None) -> dict[str, Any]:
    """What there is to know of an item; its fields with its application only. Raises ``StreamNotFound``."""
    known = outside(database, headers_of(log, stream), app)
    return {**known, "fields": None if known["erased"] or app is None else fields(app, stream)}


def held(app: Eventflow, stream: UUID) -> dict[str, Any]:
    """What an item holds under ``fields``, or under ``unreadable`` why that cannot be told now."""
    try:
        return {"fields": fields(app, stream)}
    except (*documents.UNREAD, Erased) as error:
        return {"fields": None, "unreadable": str(error)}
    except ValidationError as error:
        return {"fields": None, "unreadable": f"What is recorded does not fit its class any more: {error}"}


def fields(app: Eventflow, stream: UUID) -> dict[str, Any]:
    """What an item holds. Raises whatever keeps it from being loaded."""
    return app.find(stream).model_dump(round_trip=True)


def headers_of(log: Log, stream: UUID) -> list[Header]:
    """All headers of an item. Raises ``StreamNotFound``."""
    headers = log.headers(stream)
    if not headers:
        raise StreamNotFound(stream)
    return headers


def outside(database: Database, headers: Sequence[Header], app: Eventflow | None = None) -> dict[str, Any]:
    """What the headers of an item, all of them, say of it; no body is read."""
    last, standing = headers[-1], standing_of(headers)
    is_erased = last.phase == Phase.ERASED
    return {
        "id": last.stream,
        "category": last.category,
        "status": last.status,
        "version": last.version,
        "created_at": headers[0].recorded_at,
        "updated_at": last.recorded_at,
        "error": next((one.error for one in reversed(headers) if one.phase), None),
        "due": _due(app, headers, standing),
        "waits": _waits(database, last.stream),
        "standing": standing._asdict(),
        "erased": {"at": last.recorded_at, "by": last.actor} if is_erased else None,
    }


def standing_of(headers: Sequence[Header]) -> Standing:
    """What the headers of a stream say of the work on it."""
    standing = Standing()
    for header in headers:
        standing = standing.after(header)
    return standing


def _due(app: Eventflow | None, headers: Sequence[Header], standing: Standing) -> datetime | None:
    """When the work on it begins, if that was put off; a delay of the reaction itself is known to its program only."""
    last = next((one for one in reversed(headers) if one.phase), None)
    task = app.routes.standing(last) if app is not None and last is not None else None
    return standing.due if task is None else task.due


def _waits(database: Database, stream: UUID) -> str | None:
    """What limit keeps the work on it from being begun, and until when."""
    held = Work(database).held(stream)
    return None if held is None else f"{held.what}, looked at again {held.due.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
