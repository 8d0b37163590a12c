"""The first page: how much stands where, what needs somebody, what comes in."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from eventflow.dashboard.desk import Desk, Page
from eventflow.model.status import FAILED, LOADING
from eventflow.views.attention import needs
from eventflow.views.workers import workers
from eventflow_projections import Count, Metrics

DAYS = 30
"""Days that the chart of what came in goes back."""


def overview(desk: Desk) -> Page:
    """How the whole application stands; of a part only what failed, as the sums are of all."""
    if desk.scope:
        values: dict[str, Any] = {"figures": {}, "needs": [], "categories": [], "days": []}
    else:
        counts = Metrics(desk.app.database).counts()
        values = {
            "figures": _figures(desk, counts),
            "needs": needs(desk.app),
            "categories": _categories(desk, counts),
            "days": _days(desk),
        }
    return Page("overview.html", "Overview", {**values, "failures": _failures(desk)})


def _figures(desk: Desk, counts: Sequence[Count]) -> dict[str, int]:
    """A few numbers that say how it goes."""
    groups: dict[str | None, int] = defaultdict(int)
    for one in counts:
        if one.category in desk.app.aggregates:
            groups[desk.looks.of(one.category, one.status).group] += one.population
    alive = [one for one in workers(desk.app) if one["fresh"]]
    standing = desk.app.projections.status()
    return {
        "items": sum(groups.values()),
        "in work": groups[LOADING],
        "failed": groups[FAILED],
        "workers": len(alive),
        "log": desk.app.log.last_position(),
        "behind": max((one.lag for one in standing), default=0),
    }


def _categories(desk: Desk, counts: Sequence[Count]) -> list[dict[str, Any]]:
    """Of each category how many items stand in which status."""
    found: dict[str, list[tuple[Any, int]]] = defaultdict(list)
    for one in counts:
        if one.population:
            found[one.category].append((desk.looks.of(one.category, one.status), one.population))
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
    begun, failed = defaultdict[Any, int](int), defaultdict[Any, int](int)
    initial = {name: str(kind.initial.value) for name, kind in desk.app.aggregates.items() if kind.initial is not None}
    for one in Metrics(desk.app.database).per_day(since):
        if initial.get(one.category) == one.status:
            begun[one.day] += one.entered
        if desk.looks.is_failed(one.category, one.status):
            failed[one.day] += one.entered
    days = [since + timedelta(days=number) for number in range(DAYS)]
    return [{"day": day, "begun": begun[day], "failed": failed[day]} for day in days]


PAGES = (("/", overview),)
