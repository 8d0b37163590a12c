"""What led to what, through all the streams of a story."""

from __future__ import annotations

from uuid import UUID

import pytest
from hypothesis import given

from eventflow.errors import NotFound
from eventflow.model.recorded import Header
from eventflow.store.database import Database
from eventflow_projections import Projections, Stories, standard
from eventflow_projections.stories import tree
from tests.projections.headers import HeaderLog, logs, stream

STORY = UUID(int=17)


class Told:
    """A log of headers, as stories look at it."""

    def __init__(self, log: HeaderLog) -> None:
        self.headers = log.of


def kept(database: Database, log: HeaderLog) -> Stories:
    projections = Projections(database, log, standard())
    projections.create()
    projections.catch_up()
    return Stories(database, Told(log))


def drawn(headers: list[Header]) -> list[tuple[int, int]]:
    return [(step.header.position, step.depth) for step in tree(headers)]


def test_a_story_is_told_through_all_its_streams(database: Database) -> None:
    log = HeaderLog()
    log.say(0, "queued", correlation=STORY)
    log.say(1, "queued", correlation=stream(1))
    log.say(2, "queued", correlation=STORY, causation=1)
    log.say(1, correlation=STORY, name="noted")
    log.say(2, "complete", correlation=STORY, causation=3)

    story = kept(database, log).of(STORY)

    assert [(step.header.position, step.depth) for step in story.steps] == [(1, 0), (3, 1), (5, 1), (4, 0)]
    assert story.streams == [stream(0), stream(2), stream(1)]
    assert not story.is_cut


def test_a_stream_whose_story_is_its_own_has_no_row_and_is_found(database: Database) -> None:
    log = HeaderLog()
    log.say(0, "queued", correlation=stream(0))
    log.say(0, "complete", correlation=stream(0), causation=1)

    stories = kept(database, log)

    assert database.query("SELECT * FROM stories") == []
    assert len(stories.of(stream(0)).steps) == 2
    assert stories.through(stream(0)) == [stream(0)]


def test_what_nobody_told_is_not_found(database: Database) -> None:
    with pytest.raises(NotFound, match="No event in this log belongs"):
        kept(database, HeaderLog()).of(STORY)


def test_a_long_story_is_cut_and_says_so(database: Database) -> None:
    log = HeaderLog()
    log.many(5, correlation=STORY)
    stories = kept(database, log)

    assert (len(stories.of(STORY, events=3).steps), stories.of(STORY, events=3).is_cut) == (3, True)
    assert (len(stories.of(STORY, streams=2).streams), stories.of(STORY, streams=2).is_cut) == (2, True)
    assert (len(stories.of(STORY).steps), stories.of(STORY).is_cut) == (5, False)


def test_facts_stand_below_what_led_to_them_and_statuses_go_on() -> None:
    log = HeaderLog()
    log.say(0, "queued")
    log.say(0, "processing", phase="claimed", causation=1)
    log.say(0, name="request_sent", causation=2)
    log.say(1, "queued", causation=2)
    log.say(0, "complete", causation=2)
    log.say(1, "complete", causation=4)

    assert drawn(log.headers) == [(1, 0), (2, 0), (3, 1), (4, 1), (6, 1), (5, 0)]


def test_a_line_of_very_many_retries_is_drawn() -> None:
    log = HeaderLog()
    for position in range(5_000):
        log.say(0, "processing", causation=position or None)

    assert [depth for _, depth in drawn(log.headers)] == [0] * 5_000


@given(logs())
def test_every_event_is_told_once_and_behind_what_led_to_it(log: HeaderLog) -> None:
    earlier = [one for one in log.headers if one.causation is None or one.causation < one.position]
    places = {position: place for place, (position, _) in enumerate(drawn(earlier))}

    assert sorted(places) == [one.position for one in earlier]
    assert all(places[one.position] > places[one.causation] for one in earlier if one.causation in places)
