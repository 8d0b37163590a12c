"""Reading the log: its end, one event, figures, hash chains."""

from __future__ import annotations

import json
import signal
import sqlite3
from pathlib import Path

import pytest

from eventflow.cli.exits import Code
from tests.cli.shop import Order
from tests.cli.words import Shop, ended


def lines(shop: Shop, *arguments: str) -> list[dict[str, object]]:
    result = shop.says("log", "tail", *arguments, "--json")
    assert result.exit_code == 0, result.output
    return [json.loads(line) for line in result.stdout.splitlines()]


def damage(shop: Shop, statement: str, **values: object) -> None:
    connection = sqlite3.connect(shop.folder / "shop.db")
    connection.execute(statement, values)
    connection.commit()
    connection.close()


def test_the_tail_shows_the_last_headers_one_json_document_per_line(shop: Shop) -> None:
    shop.has("a", "b")

    found = lines(shop, "--limit", "4")

    assert [one["position"] for one in found] == [3, 4, 5, 6]
    assert found[-1]["name"] == "order:packed"
    assert "body" not in found[-1]


def test_one_may_go_on_behind_a_position(shop: Shop) -> None:
    shop.has("a", "b")

    assert [one["position"] for one in lines(shop, "--after", "1", "--limit", "2")] == [2, 3]
    assert lines(shop, "--after", "6") == []


@pytest.mark.parametrize(
    ("where", "names"),
    [
        ("status:failed", ["order:status_changed"]),
        ("name:packed", ["order:packed"]),
        ("name:order:packed", ["order:packed"]),
        ("name:cre*", ["order:created", "order:created"]),
        ("category:order -status:packing,new", ["order:packed", "order:status_changed"]),
        ("error:BROKEN", ["order:status_changed"]),
        ("actor:ann status:new", ["order:created", "order:created"]),
        ("category:parcel", []),
    ],
)
def test_a_filter_says_which_headers(shop: Shop, where: str, names: list[str]) -> None:
    shop.has("whales", "broken vase")

    assert sorted(str(one["name"]) for one in lines(shop, "--where", where)) == sorted(names)


def test_the_last_of_many_are_found_although_few_pass(shop: Shop) -> None:
    shop.has("broken first", *(f"order {number}" for number in range(400)))

    found = lines(shop, "--where", "status:failed", "--limit", "3")

    assert [one["status"] for one in found] == ["failed"]


@pytest.mark.parametrize("where", ["stats:failed", "status", ":failed", "status: failed", "-"])
def test_a_filter_that_is_none_is_a_usage_error(shop: Shop, where: str) -> None:
    result = shop.says("log", "tail", "--where", where)

    assert result.exit_code == Code.USAGE
    assert "of the filter" in result.stderr


def test_a_follower_sees_what_is_appended_until_it_is_interrupted(shop: Shop) -> None:
    shop.has("before")
    follower = shop.begins("log", "tail", "--follow", "--limit", "1", "--json")
    assert follower.stdout is not None
    assert json.loads(follower.stdout.readline())["position"] == 3

    with shop.opened() as app:
        app.save(Order.create(title="after"))
    seen = json.loads(follower.stdout.readline())
    follower.send_signal(signal.SIGINT)

    assert (seen["position"], seen["name"]) == (4, "order:created")
    assert ended(follower)[0] == Code.INTERRUPTED


def test_one_event_is_shown_whole(shop: Shop) -> None:
    shop.has("whales")

    found = shop.knows("log", "show", "3")

    assert (found["name"], found["body"]) == ("order:packed", {"weight": 6})
    assert len(found["hash"]) == 64
    assert shop.knows("log", "show", "3", alone=True) == found


def test_a_stream_is_shown_by_its_headers(shop: Shop) -> None:
    [order] = shop.has("whales")

    found = shop.knows("log", "show", str(order.id))

    assert [header["version"] for header in found["headers"]] == [1, 2, 3]


def test_a_place_without_an_event_is_not_found(shop: Shop) -> None:
    shop.has("whales")

    result = shop.says("log", "show", "99")

    assert result.exit_code == Code.NOT_FOUND
    assert "ends at 3" in result.stderr


def test_the_figures_say_what_there_is(shop: Shop) -> None:
    shop.has("whales", "broken vase")

    found = shop.knows("log", "stats", alone=True)

    assert (found["events"], found["streams"], found["last"]) == (6, 2, 6)
    assert {one["name"]: one["events"] for one in found["names"]} == {
        "order:created": 2, "order:status_changed": 3, "order:packed": 1,
    }  # fmt: skip
    assert found["bytes"] == sum(one["bytes"] for one in found["names"]) > 0
    assert found["chains"] == {"checked": 2, "damaged": []}


def test_an_unbroken_log_is_verified(shop: Shop) -> None:
    orders = shop.has("whales", "broken vase")

    assert shop.knows("log", "verify", "--all", alone=True) == {"streams": 2, "erased": 0, "damaged": []}
    assert shop.knows("log", "verify", str(orders[0].id))["streams"] == 1


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE events SET status = 'packed' WHERE stream = :stream AND version = 2",
        "UPDATE bodies SET state = x'80' WHERE position = (SELECT max(position) FROM events WHERE stream = :stream)",
        "DELETE FROM events WHERE stream = :stream AND version = 2",
    ],
)
def test_what_was_changed_afterwards_is_found(shop: Shop, statement: str) -> None:
    whales, vase = shop.has("whales", "broken vase")
    damage(shop, statement, stream=str(vase.id))

    result = shop.says_alone("log", "verify", "--all", "--json")

    assert result.exit_code == Code.DAMAGED
    assert [one["stream"] for one in json.loads(result.stdout)["damaged"]] == [str(vase.id)]
    assert shop.says_alone("log", "stats").exit_code == Code.DAMAGED
    assert shop.says_alone("log", "verify", str(whales.id)).exit_code == 0


def test_a_body_that_cannot_be_read_does_not_hide_the_others(shop: Shop) -> None:
    [order] = shop.has("whales")
    damage(shop, "UPDATE bodies SET state = x'c1' WHERE position = 1")

    events = shop.knows("items", "history", str(order.id))["events"]

    assert events[0]["body"] is None and "cannot be read" in events[0]["unreadable"]
    assert events[2]["body"] == {"weight": 6}


def test_a_log_is_verified_by_stream_or_as_a_whole(shop: Shop, place: Path) -> None:
    shop.has("whales")

    assert shop.says("log", "verify").exit_code == Code.USAGE
