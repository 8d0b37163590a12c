"""The archive: how much is where, who is at work, and what was done about it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from eventflow.app import Eventflow
from eventflow.model.archive import Operation
from eventflow.model.recorded import Recorded
from eventflow.runtime.archiving.compress import Errand
from eventflow.views import documents

CATEGORY = f"category:{Operation.category}"


def standing(app: Eventflow) -> dict[str, Any]:
    """How much is archived, in the database, restored, old enough to leave; and what is being made or removed."""
    found, near = app.archives.standing(), app.restorer.amount()
    ready = app.archives.ready(Errand(ages=app.ages()))
    return {
        "archived": found.archived._asdict(),
        "hot": found.hot,
        "disk": found.disk,
        "restored": near._asdict(),
        "ready": ready._asdict(),
        "unfinished": [one._asdict() for one in found.unfinished],
        "replaced": [{"key": one.key, "until": one.lease_until} for one in found.replaced],
        "last": found.last.sealed_at if found.last else None,
    }


def operations(app: Eventflow, positions: Sequence[int]) -> list[dict[str, Any]]:
    """What was done, by whom, when and why, of the operations that began at these positions, in this order."""
    found = {one.header.position: _operation(one) for one in app.log.at_each(positions)} if positions else {}
    return [found[one] for one in positions if one in found]


def _operation(recorded: Recorded) -> dict[str, Any]:
    header, told = recorded.header, documents.body(recorded)
    fields = (told["body"] or {}).get("fields", {})
    known = {name: fields.get(name) for name in ("chosen", "bodies", "size", "freed", "lo", "hi", "key", "reason")}
    return {"id": header.stream, "deed": header.status, "at": header.recorded_at, "by": header.actor, **known}
