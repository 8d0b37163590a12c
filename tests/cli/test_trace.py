"""The tree of a story, on the command line."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID, uuid4

from eventflow.cli.exits import Code
from tests.cli.shop import Order
from tests.cli.words import Shop

PARENT = "00-4f0cb1a5000040008000000000000001-00f067aa0ba902b7-01"
TRACE = UUID("4f0cb1a5-0000-4000-8000-000000000001")


def shopping(shop: Shop, *titles: str, **story: Any) -> list[Order]:
    orders = [Order.create(title=title) for title in titles]
    with shop.opened() as app:
        app.save(*orders, **story)
        app.drain()
    return orders


def test_an_item_tells_its_story_below_what_led_to_it(shop: Shop) -> None:
    [vase] = shopping(shop, "broken vase")

    told = shop.says("trace", str(vase.id)).stdout

    first, *lines = told.splitlines()
    assert first.startswith(f"story {vase.id}: 3 events of 1 stream")
    assert [line.split("  ")[1].split(" ")[0] for line in lines[:3]] == ["#1", "#2", "#3"]
    assert "created → new" in lines[0] and "→ packing" in lines[1] and "→ failed" in lines[2]
    assert "broken vase is broken" in lines[3]


def test_a_story_goes_through_several_streams_whatever_it_is_called_by(shop: Shop) -> None:
    whales, shells = shopping(shop, "whales", "shells", traceparent=PARENT)

    answers = [shop.knows("trace", id) for id in (str(TRACE), PARENT, str(whales.id), str(shells.id)[:9], "2")]

    [story] = answers[0]["stories"]
    assert all(answer == answers[0] for answer in answers)
    assert story["correlation"] == str(TRACE)
    assert set(story["streams"]) == {str(whales.id), str(shells.id)}
    assert len(story["events"]) == 6 and story["cut"] is False
    assert {event["correlation"] for event in story["events"]} == {str(TRACE)}


def test_a_story_is_found_by_the_text_it_was_named_with(shop: Shop) -> None:
    shopping(shop, "whales", correlation="order-17")

    [story] = shop.knows("trace", "order-17")["stories"]

    assert len(story["events"]) == 3


def test_an_item_that_takes_part_in_two_stories_tells_both(shop: Shop) -> None:
    [order] = shopping(shop, "whales")
    with shop.opened() as app:
        again = app.get(Order, order.id)
        again.touch()
        app.save(again, correlation="audit")

    stories = shop.knows("trace", str(order.id), alone=True)["stories"]

    assert [len(story["events"]) for story in stories] == [3, 1]
    assert "because of #3, another story" in shop.says("trace", str(order.id)).stdout


def test_an_id_that_begins_with_digits_is_no_position(shop: Shop) -> None:
    order = Order.create(id=UUID("88671698-0000-4000-8000-000000000001"), title="whales")
    with shop.opened() as app:
        app.save(order)
        app.drain()

    [story] = shop.knows("trace", "88671698")["stories"]

    assert story["correlation"] == str(order.id)


def test_what_is_not_there_is_not_found(shop: Shop) -> None:
    shopping(shop, "whales")

    for unknown in (str(uuid4()), "4711", "abcdef", PARENT):
        result = shop.says("trace", unknown, "--json")
        assert result.exit_code == Code.NOT_FOUND, unknown
        assert json.loads(result.stderr)["error"]["code"] == "not_found"


def test_what_is_neither_an_id_nor_a_name_is_a_mistake(shop: Shop) -> None:
    shopping(shop, "whales")

    assert shop.says("trace", "order-18").exit_code == Code.USAGE
