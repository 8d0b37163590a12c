"""Batches: what sees to very many items or runs, how far it is; each can be steered."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

from eventflow.dashboard.desk import ROWS, Desk, Done, Page
from eventflow.model.recorded import Context
from eventflow.runtime.batches import Batches
from eventflow.views.batches import CATEGORY, RECENT, document, done_to, moves, refusals

REFUSED = 50
"""Refusals on one page."""


def index(desk: Desk) -> Page:
    """Every batch, the newest first."""
    desk.check_all()
    page = desk.app.items.page(CATEGORY, after=desk.asked("after") or None, limit=ROWS)
    found = [document(desk.app, desk.app.batches.get(one.id)) for one in page.rows]
    return Page("batches.html", "Batches", {"batches": found, "after": page.after})


def detail(desk: Desk) -> Page:
    """One batch: how far it is, why it rests, what it refused."""
    desk.check_all()
    batch = desk.app.batches.get(desk.request.path_params["id"])
    known = document(desk.app, batch)
    values = {
        "batch": known,
        "done_to": done_to(known),
        "refusals": refusals(desk.app, batch.id, REFUSED, recent=RECENT) if batch.refused else [],
        "can": {name: can and desk.may(f"batches.{name}") for name, can in moves(batch).items()},
    }
    return Page("batch.html", f"Batch {str(batch.id)[:8]}", values)


def suspend(desk: Desk) -> Done:
    """Let it rest."""
    return _steered(desk, Batches.suspend, "It rests; what was done stays so.")


def resume(desk: Desk) -> Done:
    """Let it go on."""
    return _steered(desk, Batches.resume, "It goes on.")


def cancel(desk: Desk) -> Done:
    """End it."""
    return _steered(desk, Batches.cancel, "It is over; what was done stays so.")


def _steered(desk: Desk, steer: Callable[..., None], told: str) -> Done:
    desk.check_all()
    id: UUID = desk.request.path_params["id"]
    steer(desk.app.batches, id, desk.said("reason"), context=Context(actor=desk.actor))
    return Done(told, f"/batch/{id}")


PAGES = (("/batches", index), ("/batch/{id:uuid}", detail))
ACTIONS = (
    ("/batch/{id:uuid}/suspend", "batches.suspend", suspend),
    ("/batch/{id:uuid}/resume", "batches.resume", resume),
    ("/batch/{id:uuid}/cancel", "batches.cancel", cancel),
)
