"""Lists of items."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from eventflow.app import Eventflow
from eventflow.dashboard.desk import ROWS, Desk, Page
from eventflow.errors import NotFound, StreamNotFound, did_you_mean
from eventflow.model.recorded import Recorded
from eventflow.views import histories
from eventflow.views.looks import Looks
from eventflow_projections import Metrics

COUNTED = 10_000
"""Beyond so many, "more" is said in place of a number."""


def index(desk: Desk) -> Page:
    """The items of a category that pass a filter, the newest first."""
    category = desk.request.path_params["category"]
    check_known(desk.app, category)
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


def told(desk: Desk, recorded: Recorded) -> dict[str, Any]:
    """An event as this person may see it, with its body wherever that lies."""
    return histories.whole(desk.app, recorded, desk.redacted)


def check_seen(desk: Desk, id: UUID) -> None:
    """Raise ``StreamNotFound`` for an item that this person does not see."""
    if desk.scope and not desk.app.items.count(desk.narrowed(f"id:{id}"), at_most=1):
        raise StreamNotFound(id)


def check_known(app: Eventflow, category: str) -> None:
    """Raise ``NotFound`` for a category that there is not."""
    if category not in app.vocabulary.aggregates:
        raise NotFound(f'There is no category "{category}".{did_you_mean(category, list(app.aggregates))}')


def _statuses(desk: Desk, category: str) -> list[tuple[Any, int]]:
    """How many stand in each status; not for who sees a part only, as the sums are of all."""
    if desk.scope:
        return []
    looks = Looks(desk.app)
    return [(looks.of(category, status), n) for status, n in Metrics(desk.app.database).population(category).items()]


PAGES = (("/items/{category}", index),)
