"""Switches: what an operator may pause, and the categories that belong to the library."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum

import pytest

from eventflow.errors import Misconfigured
from eventflow.model.aggregate import Aggregate
from eventflow.model.composition import check
from eventflow.model.switch import Handle, Switch, switch_id
from eventflow.model.system import SYSTEM
from eventflow.model.vocabulary import Vocabulary
from eventflow.testing import in_memory

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


class Life(StrEnum):
    """One status is enough."""

    NEW = "new"


class Grab(Aggregate[Life], category="eventflow_grab", initial=Life.NEW):
    """An application's class in a category of the library."""


class Order(Aggregate[Life], category="order", initial=Life.NEW):
    """An application's class in a category of its own."""


def a_switch() -> Switch:
    return Switch.create(id=switch_id("queue", "mail"), kind="queue", name="mail")


def test_a_switch_that_is_paused_says_why_and_until_when() -> None:
    switch = a_switch()

    switch.pause("the peer moves house", NOON)

    assert (switch.status, switch.reason, switch.until) == (Handle.PAUSED, "the peer moves house", NOON)


def test_the_header_alone_says_until_when_a_switch_is_paused() -> None:
    switch = a_switch()

    switch.pause(until=NOON)
    switch.trigger("once, to see")

    assert [(one.status, one.due) for one in switch.pending[1:]] == [("paused", NOON), ("paused", NOON)]
    assert switch.reason is None


def test_a_switch_that_goes_on_forgets_why_it_rested() -> None:
    switch = a_switch()
    switch.pause("moves house", NOON)

    switch.resume()

    assert (switch.status, switch.reason, switch.until) == (Handle.ON, None, None)


def test_the_same_thing_has_the_same_switch_everywhere() -> None:
    assert switch_id("queue", "mail") == switch_id("queue", "mail")
    assert len({switch_id("queue", "mail"), switch_id("tick", "mail"), switch_id("queue", "post")}) == 3


def test_a_category_of_the_library_is_refused_to_applications() -> None:
    [problem] = check([], [Grab, Order])

    assert problem.startswith('Grab cannot have the category "eventflow_grab"')
    with pytest.raises(Misconfigured, match="belongs to the library"):
        in_memory(aggregates=[Grab])


def test_what_the_library_keeps_for_itself_is_no_part_of_an_applications_vocabulary() -> None:
    words = Vocabulary.of([Order, *SYSTEM])

    assert list(words.lock()) == ["order"]
    assert words.resolve("eventflow_switch:paused").event_name == "paused"
