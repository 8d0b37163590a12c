"""Projections: how far behind the log each of them is, and what stopped it."""

from __future__ import annotations

from eventflow.dashboard.desk import Desk, Page


def index(desk: Desk) -> Page:
    """Every projection of the application."""
    desk.check_all()
    values = {"projections": desk.app.projections.status(), "log": desk.app.log.last_position()}
    return Page("projections.html", "Projections", values)


PAGES = (("/projections", index),)
