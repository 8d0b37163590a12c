"""The menu beside every page."""

from __future__ import annotations

from typing import NamedTuple

from eventflow.dashboard.desk import Desk


class Entry(NamedTuple):
    """A line of the menu; ``waiting`` is how much waits there for somebody, in a colour."""

    label: str
    url: str
    is_here: bool
    waiting: int | None = None
    colour: str = "gray"


class Section(NamedTuple):
    """Some lines under a heading."""

    heading: str
    entries: list[Entry]


def menu(desk: Desk) -> list[Section]:
    """The menu as this person sees it."""
    categories = [_entry(desk, _named(one), "items", one) for one in desk.app.aggregates]
    watching = Section("Observe", [_entry(desk, "Overview"), *categories])
    if desk.scope:
        return [watching]
    operating = [_entry(desk, _named(one), one) for one in ("queues", "workers", "schedules")]
    set_up = [_entry(desk, _named(one), one) for one in ("flows", "projections", "settings")]
    return [watching, Section("Operate", operating), Section("Configure", set_up)]


def _entry(desk: Desk, label: str, *parts: str) -> Entry:
    path = "/" + "/".join(parts)
    return Entry(label, desk.url(*parts), desk.path == path or (bool(parts) and desk.path.startswith(f"{path}/")))


def _named(category: str) -> str:
    return category.replace("_", " ").replace("-", " ").capitalize()
