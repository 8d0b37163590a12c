"""Items: lists of them, one of them with its whole history, and what can be done with it."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from eventflow.app import Eventflow
from eventflow.dashboard.desk import ROWS, Desk, Done, Page
from eventflow.errors import NotFound, StreamNotFound, did_you_mean
from eventflow.model.recorded import Recorded
from eventflow.views import documents
from eventflow.views.items import shown
from eventflow.views.looks import Looks
from eventflow_projections import Metrics

STEPS = 50
"""Events of a history on one page."""

COUNTED = 10_000
"""Beyond so many, "more" is said in place of a number."""


def index(desk: Desk) -> Page:
    """The items of a category that pass a filter, the newest first."""
    category = desk.request.path_params["category"]
    _check_known(desk.app, category)
    where = desk.asked("where")
    narrowed = desk.narrowed(f"category:{category} {where}")
    page = desk.app.items.page(narrowed, after=desk.asked("after") or None, limit=ROWS)
    values = {
        "category": category,
        "where": where,
        "rows": page.rows,
        "after": page.after,
        "count": desk.app.items.count(narrowed, at_most=COUNTED),
        "counted": COUNTED,
        "statuses": _statuses(desk, category),
    }
    return Page("items.html", category.replace("_", " ").capitalize(), values)


def detail(desk: Desk) -> Page:
    """One item as the log has it now, and what happened to it, the latest first."""
    id = desk.request.path_params["id"]
    check_seen(desk, id)
    item = shown(desk.app.database, desk.app.log, id, desk.app)
    upto = desk.asked_number("upto", item["version"], most=item["version"])
    recorded = desk.app.log.read_whole(id, max(upto - STEPS, 0), upto)
    if item["fields"] is not None:
        item["fields"] = desk.redacted(item["fields"])
    values = {
        "item": item,
        "events": [told(desk, one) for one in reversed(recorded)],
        "older": upto - STEPS if upto > STEPS else None,
        "can": _possible(desk, id, item["category"]),
        "story": next((one.header.correlation for one in recorded if one.header.correlation), None),
    }
    return Page("item.html", f"{item['category']} {str(id)[:8]}", values)


def told(desk: Desk, recorded: Recorded) -> dict[str, Any]:
    """An event as this person may see it, with its body wherever that lies."""
    document = documents.document(recorded)
    if document["body"] is not None:
        document["body"] = desk.redacted(document["body"])
    return {**document, **documents.conversation(document["body"]), "is_archived": recorded.is_archived}


def check_seen(desk: Desk, id: UUID) -> None:
    """Raise ``StreamNotFound`` for an item that this person does not see."""
    if desk.scope and not desk.app.items.count(desk.narrowed(f"id:{id}"), at_most=1):
        raise StreamNotFound(id)


def defibrillate(desk: Desk) -> Done:
    """Restart one item that failed."""
    id = desk.request.path_params["id"]
    check_seen(desk, id)
    header = desk.app.defibrillate(id, reason=desk.said("reason"), actor=desk.actor)
    return Done(f"Restarted: it is {header.status} now.", f"/item/{id}")


def cancel(desk: Desk) -> Done:
    """Let go of one item."""
    id = desk.request.path_params["id"]
    check_seen(desk, id)
    header = desk.app.cancel(id, reason=desk.said("reason"), actor=desk.actor)
    return Done(f"Cancelled: it is {header.status} now.", f"/item/{id}")


def _check_known(app: Eventflow, category: str) -> None:
    if category not in app.vocabulary.aggregates:
        raise NotFound(f'There is no category "{category}".{did_you_mean(category, list(app.aggregates))}')


def _statuses(desk: Desk, category: str) -> list[tuple[Any, int]]:
    """How many stand in each status; not for who sees a part only, as the sums are of all."""
    if desk.scope:
        return []
    looks = Looks(desk.app)
    return [(looks.of(category, status), n) for status, n in Metrics(desk.app.database).population(category).items()]


def _possible(desk: Desk, id: UUID, category: str) -> dict[str, bool]:
    """What this person can do with the item now."""
    kind, head = desk.app.aggregates.get(category), desk.app.log.head(id)
    if kind is None or head is None:
        return {"defibrillate": False, "cancel": False}
    status = kind.statuses.get(head.status)
    return {
        "defibrillate": status in kind.restarts and desk.may("items.defibrillate", category),
        "cancel": status in kind.cancellations and desk.may("items.cancel", category),
    }


PAGES = (("/items/{category}", index), ("/item/{id:uuid}", detail))
ACTIONS = (
    ("/item/{id:uuid}/defibrillate", "items.defibrillate", defibrillate),
    ("/item/{id:uuid}/cancel", "items.cancel", cancel),
)
