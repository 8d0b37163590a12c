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
    watching = [_entry(desk, "Overview"), *categories]
    return [Section("Observe", watching)]


def _entry(desk: Desk, label: str, *parts: str) -> Entry:
    return Entry(label, desk.url(*parts), desk.path == "/" + "/".join(parts))


def _named(category: str) -> str:
    return category.replace("_", " ").replace("-", " ").capitalize()
