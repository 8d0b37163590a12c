"""The log: its end, live, and each event with everything that was recorded of it."""

from __future__ import annotations

from typing import Any

from eventflow.dashboard.desk import Desk, Page
from eventflow.dashboard.pages import filters
from eventflow.dashboard.pages.items import check_seen, told
from eventflow.errors import BadFilter, NotFound
from eventflow.views import documents
from eventflow.views.histories import ROOM
from eventflow.views.selection import FIELDS, selection
from eventflow.views.tails import Wanted, tail

EVENTS = 50
"""Events of the log on one page."""

LOOK = 20_000
"""Positions that one page looks back for what is wanted."""


def end(desk: Desk) -> Page:
    """The events at the end of the log, or before a position, the latest first."""
    desk.check_all()
    where, last = desk.asked("where"), desk.app.log.last_position()
    values = {"where": where, "last": last, "suggested": filters.suggestions(where, fields=FIELDS)}
    try:
        wanted = selection(where)
    except BadFilter as error:
        return Page("log.html", "Log", {**values, "events": [], "older": 0, "looked": 0, **filters.told(error)}, 400)
    return Page("log.html", "Log", {**values, **_before(desk, last, wanted)})


def _before(desk: Desk, last: int, wanted: Wanted) -> dict[str, Any]:
    upto = desk.asked_number("upto", last, most=max(last, 1))
    found = tail(desk.app.log, upto, EVENTS, wanted, look=LOOK)
    events = [documents.facts(one) for one in reversed(found.headers)]
    return {"events": events, "older": found.before, "looked": upto - found.before}


def event(desk: Desk) -> Page:
    """The event at a position."""
    position = desk.request.path_params["position"]
    last = desk.app.log.last_position()
    recorded = desk.app.log.at(position) if position <= last else None
    if recorded is None:
        raise NotFound(f"There is no event at position {position}; the log ends at {last}.")
    check_seen(desk, recorded.header.stream)
    values = {"event": told(desk, recorded), "last": last, "room": ROOM}
    return Page("event.html", f"Event {position}", values)


PAGES = (("/log", end), ("/log/{position:int}", event))
