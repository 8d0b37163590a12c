"""Who is alive, and since when it has been silent."""

from __future__ import annotations

from typing import Any

from eventflow.app import Eventflow
from eventflow.store import figures
from eventflow.store.workers import Workers


def workers(app: Eventflow) -> list[dict[str, Any]]:
    """Every worker that has not signed off, the longest silent first; ages are by the clock of the database."""
    found = Workers(app.database).all()
    now = figures.clock(app.database) if found else None
    return [{**one._asdict(), "silent": now - one.beat_at if now else None} for one in found]
