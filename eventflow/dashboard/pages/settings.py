"""Settings: how the application was set up, without secrets, whether all is well with it, and its versions."""

from __future__ import annotations

from eventflow.dashboard.desk import Desk, Page
from eventflow.views import findings
from eventflow.views.versions import versions


def index(desk: Desk) -> Page:
    """What was set, what was found, what is installed."""
    desk.check_all()
    values = {
        "settings": desk.app.settings.shown(),
        "findings": list(findings.of(desk.app)),
        "versions": versions(),
    }
    return Page("settings.html", "Settings", values)


PAGES = (("/settings", index),)
