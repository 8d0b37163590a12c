"""What failed and waits for somebody, by the kind of error."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from eventflow.dashboard.desk import Desk, Page
from eventflow.dashboard.pages import filters
from eventflow_projections import ErrorGroup
from eventflow_projections.where import Condition, Text, Where

GROUPS = 50
"""Kinds of errors on one page."""


def index(desk: Desk) -> Page:
    """Every kind of error, the most frequent first."""
    where = desk.asked("where")
    if problem := filters.wrong(where):
        return Page("failed.html", "Failed", {"where": where, "groups": [], "items": 0, "chips": [], **problem}, 400)
    groups = [_told(desk, one) for one in desk.app.items.failures(desk.narrowed(where), limit=GROUPS)]
    values = {
        "where": where,
        "chips": filters.chips(desk, where),
        "groups": groups,
        "items": sum(one["count"] for one in groups),
    }
    return Page("failed.html", "Failed", values)


def _told(desk: Desk, group: ErrorGroup) -> dict[str, Any]:
    """A kind of error, with the filter that its items pass, and whether this person can bring them back."""
    kind = desk.app.aggregates.get(group.category)
    can = kind is not None and kind.statuses.get(group.status) in kind.restarts
    return {
        **asdict(group),
        "where": _where(group),
        "can": can and desk.may("items.defibrillate", group.category),
    }


def _where(group: ErrorGroup) -> str:
    named = {"status": group.status, "fingerprint": group.fingerprint}
    return str(Where(tuple(Condition(name, ":", (Text(value),)) for name, value in named.items())))


PAGES = (("/failed", index),)
