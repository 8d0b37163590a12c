"""Where an aggregate stood at a version, so that a replay need not begin at its first event."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from eventflow.model.standing import Standing


class Snapshot(BaseModel):
    """The fields of an aggregate and the head of its stream, at one version.

    ``flow`` is the flow that it is bound to, ``place`` the state of that flow which its last move led to.
    ``correlation`` and ``position`` are those of its last event with a phase: what the next one is caused by.
    ``shape`` is the fingerprint of the aggregate's fields when it was taken: one of another shape is not read
    (``Aggregate.reads``), the replay then begins at the first event.
    """

    model_config = ConfigDict(frozen=True, ser_json_bytes="base64", val_json_bytes="base64")

    stream: UUID
    category: str
    version: int
    hash: bytes
    status: str
    standing: Standing
    fields: dict[str, Any]
    shape: str = ""
    correlation: UUID | None = None
    position: int | None = None
    flow: str | None = None
    place: str | None = None
