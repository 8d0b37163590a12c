"""Stories: which one is meant, and what led to what in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID

from eventflow.errors import NotFound
from eventflow.model.recorded import Header
from eventflow.model.tracing import correlation_in, correlation_of
from eventflow.store.log import Log
from eventflow.views import documents
from eventflow_projections import Stories, Story
from eventflow_projections.stories import EVENTS


def meant(
    log: Log, stories: Stories, id: str, stream: Callable[[str], UUID], *, events: int = EVENTS
) -> Iterator[Story]:
    """The stories that somebody means who says this.

    A correlation id (or the text it was made of), an item, a position in the log, or a traceparent of other systems.
    ``stream`` finds the item that an id means, and raises ``NotFound``, which is raised when no story is called so
    either. Of each so many ``events`` are told.
    """
    if (traced := correlation_in(id)) is not None:
        yield stories.of(traced, events=events)
    # The beginning of an id may consist of digits, too: then there is mostly no such position.
    elif id.isdecimal() and len(id) < 19 and (found := log.at(int(id))) is not None:
        yield _around(stories, found.header, events)
    elif id.isdecimal() and len(id) < 4:
        raise NotFound(f"There is no event at position {id}.")
    else:
        yield from _named(stories, id, stream, events)


def document(story: Story) -> dict[str, Any]:
    """A story as programs are told of it."""
    events = [{**documents.facts(step.header), "depth": step.depth} for step in story.steps]
    return {"correlation": story.correlation, "streams": story.streams, "events": events, "cut": story.is_cut}


def _around(stories: Stories, header: Header, events: int) -> Story:
    return stories.of(header.correlation or header.stream, also=[header.stream], events=events)


def _named(stories: Stories, id: str, stream: Callable[[str], UUID], events: int) -> Iterator[Story]:
    try:
        found = stream(id)
    except NotFound as error:
        # Neither an id nor the beginning of one: it may be a name that a story was given.
        try:
            yield stories.of(correlation_of(id), events=events)
        except NotFound:
            raise error from error.__cause__
    else:
        for correlation in stories.through(found) or [found]:
            yield stories.of(correlation, also=[found], events=events)
