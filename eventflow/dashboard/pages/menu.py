"""The menu beside every page."""

from __future__ import annotations

from typing import NamedTuple

from eventflow.dashboard.desk import Desk
from eventflow.dashboard.pages.status import COLOURS
from eventflow.views.runs import has_runs


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
    watched = [_entry(desk, "Overview"), *categories, *_runs(desk), _entry(desk, "Stories", "trace")]
    if desk.scope:
        return [Section("Observe", watched), Section("Operate", [_failed(desk)])]
    watching = Section("Observe", [*watched, _entry(desk, "Log", "log")])
    rooms = ("batches", "queues", "workers", "schedules", "archive")
    operating = [_failed(desk), *_status(desk), *(_entry(desk, _named(one), one) for one in rooms)]
    set_up = [_entry(desk, _named(one), one) for one in ("flows", "projections", "settings")]
    return [watching, Section("Operate", operating), Section("Configure", set_up)]


def _failed(desk: Desk) -> Entry:
    """What failed, with how much of what this person sees."""
    return _entry(desk, "Failed", "failed")._replace(waiting=desk.app.items.failed(desk.scope) or None, colour="red")


def _runs(desk: Desk) -> list[Entry]:
    """Runs, with how many are not over in the colour of the gravest; not for who sees a part, as that is of all."""
    if not has_runs(desk.app):
        return []
    entry = _entry(desk, "Runs", "runs")
    if desk.scope:
        return [entry]
    badge = desk.app.runs.badge()
    return [entry._replace(waiting=badge.amount or None, colour=COLOURS[badge.colour])]


def _status(desk: Desk) -> list[Entry]:
    is_there = (has_runs(desk.app) or desk.app.commands.all()) and not desk.scope
    return [_entry(desk, "Status", "status")] if is_there else []


def _entry(desk: Desk, label: str, *parts: str) -> Entry:
    path = "/" + "/".join(parts)
    return Entry(label, desk.url(*parts), desk.path == path or (bool(parts) and desk.path.startswith(f"{path}/")))


def _named(category: str) -> str:
    return category.replace("_", " ").replace("-", " ").capitalize()
