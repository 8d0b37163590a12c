"""Workers: who is alive, and who has fallen silent."""

from __future__ import annotations

from eventflow.dashboard.desk import Desk, Page
from eventflow.views.workers import workers


def index(desk: Desk) -> Page:
    """Every worker that has not signed off."""
    desk.check_all()
    return Page("workers.html", "Workers", {"workers": workers(desk.app), "lease": desk.app.settings.lease})


PAGES = (("/workers", index),)
