"""One event of the log, with everything that was recorded of it."""

from __future__ import annotations

from eventflow.dashboard.desk import Desk, Page
from eventflow.dashboard.pages.items import check_seen, told
from eventflow.errors import NotFound
from eventflow.views.histories import ROOM


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


PAGES = (("/log/{position:int}", event),)
