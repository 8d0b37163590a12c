"""Batches: what each does, how far it is, what it refused."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from eventflow.app import Eventflow
from eventflow.model.batch import Batch, Course, ItemRefused
from eventflow.model.process.deed import PAST

CATEGORY = f"category:{Batch.category}"

RECENT = 2_000
"""Events of a batch that are looked through for what it refused."""


def document(app: Eventflow, batch: Batch) -> dict[str, Any]:
    """A batch as programs are told of it."""
    [begun] = app.log.read(batch.id, upto=1)
    return {
        "id": batch.id,
        "status": str(batch.status),
        "does": batch.deed.verb if batch.of == "runs" else "defibrillate",
        "steps": batch.deed.steps,
        "force": batch.deed.force,
        "where": batch.where,
        "total": batch.total,
        "done": batch.done,
        "refused": batch.refused,
        "canaries": batch.canaries,
        "stage": batch.stage,
        "waiting_for": batch.watched if batch.is_watching else (),
        "rate": batch.rate,
        "limit": batch.limit,
        "reason": batch.why,
        "rests_because": batch.resting,
        "began_at": begun.header.recorded_at,
        "by": begun.header.actor,
    }


def done_to(known: dict[str, Any]) -> str:
    """What was done to each item, in a word or two."""
    return PAST.get(known["does"], "brought back")


def moves(batch: Batch) -> dict[str, bool]:
    """How a batch can be steered where it stands."""
    return {
        "suspend": batch.status is Course.RUNNING,
        "resume": batch.status is Course.SUSPENDED,
        "cancel": not batch.is_over,
    }


def refusals(app: Eventflow, id: UUID, limit: int, *, recent: int | None = None) -> list[dict[str, Any]]:
    """What a batch left as it is and why, the first ones first; of the ``recent`` events of its stream only."""
    head = app.log.head(id)
    after = 0 if recent is None or head is None else max(head.version - recent, 0)
    refused = f"{Batch.category}:{ItemRefused.event_name}"
    positions = [one.position for one in app.log.headers(id, after) if one.name == refused][:limit]
    found = [one.event.event_body() for one in app.log.at_each(positions)] if positions else []
    return [{"id": one["item"], "reason": one["why"]} for one in found]
