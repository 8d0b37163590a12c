"""The first page: how much stands where, what needs somebody, what comes in."""

from __future__ import annotations

from collections import defaultdict
from datetime import timedelta
from typing import Any

from eventflow.dashboard.desk import Desk, Page
from eventflow.views.looks import Looks
from eventflow_projections import Metrics

DAYS = 30
"""Days that the chart of what came in goes back."""


def overview(desk: Desk) -> Page:
    """How the whole application stands."""
    if desk.scope:
        return Page("overview.html", "Overview", {"categories": [], "failures": _failures(desk), "days": []})
    values = {"categories": _categories(desk), "failures": _failures(desk), "days": _days(desk)}
    return Page("overview.html", "Overview", values)


def _categories(desk: Desk) -> list[dict[str, Any]]:
    """Of each category how many items stand in which status."""
    found: dict[str, list[tuple[Any, int]]] = defaultdict(list)
    looks = Looks(desk.app)
    for one in Metrics(desk.app.database).counts():
        if one.population:
            found[one.category].append((looks.of(one.category, one.status), one.population))
    return [
        {"category": category, "total": sum(amount for _, amount in found[category]), "statuses": found[category]}
        for category in desk.app.aggregates
    ]


def _failures(desk: Desk) -> list[Any]:
    return desk.app.items.failures(desk.scope, limit=5)


def _days(desk: Desk) -> list[dict[str, Any]]:
    """How many items were begun and how many failed on each of the last days, the oldest first."""
    today = desk.now.date()
    since = today - timedelta(days=DAYS - 1)
    looks, begun, failed = Looks(desk.app), defaultdict[Any, int](int), defaultdict[Any, int](int)
    initial = {name: str(kind.initial.value) for name, kind in desk.app.aggregates.items() if kind.initial is not None}
    for one in Metrics(desk.app.database).per_day(since):
        if initial.get(one.category) == one.status:
            begun[one.day] += one.entered
        if looks.is_failed(one.category, one.status):
            failed[one.day] += one.entered
    days = [since + timedelta(days=number) for number in range(DAYS)]
    return [{"day": day, "begun": begun[day], "failed": failed[day]} for day in days]


PAGES = (("/", overview),)
