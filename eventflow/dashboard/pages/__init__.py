"""The pages of the dashboard and what can be done on them, each with its path."""

from __future__ import annotations

from collections.abc import Callable

from eventflow.dashboard.desk import Desk, Done, Page
from eventflow.dashboard.pages import (
    archive,
    batches,
    events,
    failed,
    flows,
    item,
    items,
    overview,
    projections,
    queues,
    runs,
    schedules,
    settings,
    status,
    trace,
    workers,
)
from eventflow.dashboard.pages.menu import menu

__all__ = ["ACTIONS", "PAGES", "menu"]

PAGES: tuple[tuple[str, Callable[[Desk], Page]], ...] = (
    *overview.PAGES,
    *items.PAGES,
    *item.PAGES,
    *failed.PAGES,
    *batches.PAGES,
    *archive.PAGES,
    *events.PAGES,
    *trace.PAGES,
    *runs.PAGES,
    *status.PAGES,
    *queues.PAGES,
    *workers.PAGES,
    *schedules.PAGES,
    *flows.PAGES,
    *projections.PAGES,
    *settings.PAGES,
)
"""Each page: its path, and what answers."""

ACTIONS: tuple[tuple[str, str, Callable[[Desk], Done]], ...] = (
    *items.ACTIONS,
    *item.ACTIONS,
    *batches.ACTIONS,
    *archive.ACTIONS,
    *runs.ACTIONS,
    *status.ACTIONS,
    *queues.ACTIONS,
    *schedules.ACTIONS,
    *flows.ACTIONS,
)
"""Each action: the path that a form is sent to, the name by which access to it is asked for, and what does it."""
