"""Stories: what led to what, through all the streams that take part."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from eventflow.dashboard.desk import Desk, Page
from eventflow.errors import NotFound
from eventflow.views import stories
from eventflow_projections import Story
from eventflow_projections.stories import STREAMS

EVENTS = 1_000
"""Events of a story on its page."""

LONGEST = 200
"""Characters of what a story can be called by."""


def ask(desk: Desk) -> Page:
    """A box to say which story is meant; what it is called by is looked for."""
    id = desk.asked("id").strip()
    return _told(desk, id) if id else Page("trace.html", "Story", {"id": "", "stories": []})


def story(desk: Desk) -> Page:
    """The stories that an id, a position or a name means."""
    return _told(desk, str(desk.request.path_params["id"]))


def _told(desk: Desk, id: str) -> Page:
    if len(id) > LONGEST:
        raise NotFound(f"No story is called by more than {LONGEST} characters.")
    found = stories.meant(desk.app.log, desk.app.stories, id, lambda said: _stream(desk, said), events=EVENTS)
    told = [_seen(desk, one) for one in found]
    told = [one for one in told if one["events"]]
    if not told:
        raise NotFound(f"No event in this log belongs to a story {id}.")
    return Page("trace.html", "Story", {"id": id, "stories": told})


def _seen(desk: Desk, story: Story) -> dict[str, Any]:
    """A story without the streams that this person does not see."""
    told = stories.document(story)
    if not desk.scope:
        return told
    seen = _within(desk, story.streams)
    events = [one for one in told["events"] if one["stream"] in seen]
    return {**told, "streams": [one for one in story.streams if one in seen], "events": events}


def _within(desk: Desk, streams: Sequence[UUID]) -> set[UUID]:
    """Those that this person sees, asked for so many at a time as a filter has room for."""
    found: set[UUID] = set()
    for at in range(0, len(streams), STREAMS):
        ids = ",".join(map(str, streams[at : at + STREAMS]))
        found.update(desk.app.items.ids(desk.narrowed(f"id:{ids}")))
    return found


def _stream(desk: Desk, id: str) -> UUID:
    """The item that an id or its beginning means. Raises ``NotFound``."""
    try:
        return UUID(id)
    except ValueError:
        pass
    is_beginning = len(id) >= 4 and not set(id.lower()) - set("0123456789abcdef-")
    found = desk.app.items.page(desk.narrowed(f"id:{id}*"), limit=2).rows if is_beginning else ()
    if len(found) != 1:
        many = "Several items have ids that begin" if found else "There is no item whose id begins"
        raise NotFound(f'{many} with "{id}", and no story is called so.')
    return found[0].id


PAGES = (("/trace", ask), ("/trace/{id}", story))
