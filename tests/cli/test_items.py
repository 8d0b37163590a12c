"""Looking at items and failures, with the application and without it."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from eventflow.cli.exits import Code
from tests.cli.shop import APP, Order
from tests.cli.words import Shop, document, says


def test_items_are_listed_the_newest_first(shop: Shop) -> None:
    first, second = shop.has("whales", "broken vase")

    found = shop.knows("items", "list")

    assert [item["id"] for item in found["items"]] == [str(second.id), str(first.id)]
    assert [item["status"] for item in found["items"]] == ["failed", "packed"]
    assert found["after"] is None


def test_a_page_ends_with_the_cursor_of_the_next_one(shop: Shop) -> None:
    orders = shop.has("a", "b", "c")

    first = shop.knows("items", "list", "--limit", "2")
    second = shop.knows("items", "list", "--limit", "2", "--after", first["after"])

    met = [item["id"] for page in (first, second) for item in page["items"]]
    assert met == [str(order.id) for order in reversed(orders)]


def test_a_filter_says_which_items(shop: Shop) -> None:
    _, vase = shop.has("whales", "broken vase")

    result = shop.says("items", "list", "--where", "status:failed error:broken")

    assert str(vase.id) in result.stdout
    assert len(result.stdout.splitlines()) == 2


def test_a_filter_that_is_none_is_a_usage_error_with_a_suggestion(shop: Shop) -> None:
    shop.has("whales")

    result = shop.says("items", "list", "--where", "stauts:failed")

    assert result.exit_code == Code.USAGE
    assert 'Did you mean "status"?' in result.stderr


@pytest.mark.parametrize(
    "arguments", [("items", "list"), ("failed", "list"), ("log", "tail"), ("projections", "status")]
)
def test_looking_works_with_the_database_alone(shop: Shop, arguments: tuple[str, ...]) -> None:
    shop.has("whales", "broken vase")

    with_app, alone = shop.says(*arguments), shop.says_alone(*arguments)

    assert alone.exit_code == 0, alone.output
    assert alone.stdout == with_app.stdout


def test_an_item_is_shown_with_its_fields_and_what_is_to_be_done_with_it(shop: Shop) -> None:
    [order] = shop.has("whales")

    found = shop.knows("items", "show", str(order.id))

    assert (found["status"], found["version"]) == ("packed", 3)
    assert found["fields"] == {"title": "whales", "weight": 6}
    assert found["standing"]["phase"] == "announced"


def test_without_the_application_an_item_is_shown_without_its_fields(shop: Shop) -> None:
    [order] = shop.has("whales")

    result = shop.says_alone("items", "show", str(order.id))

    assert result.exit_code == 0
    assert "packed" in result.stdout and "whales" not in result.stdout
    assert "--app" in result.stderr


def test_the_beginning_of_an_id_is_enough(shop: Shop) -> None:
    [order] = shop.has("whales")

    assert shop.knows("items", "show", str(order.id)[:8])["id"] == str(order.id)


def test_the_history_tells_bodies_also_to_those_who_do_not_know_the_events(shop: Shop) -> None:
    [order] = shop.has("whales")

    with_app = shop.knows("items", "history", str(order.id))
    alone = shop.knows("items", "history", str(order.id), alone=True)

    assert alone == with_app
    assert [event["name"] for event in alone["events"]] == ["order:created", "order:status_changed", "order:packed"]
    assert alone["events"][0]["body"]["fields"] == {"title": "whales", "weight": 0}
    assert alone["events"][0]["actor"] == "ann"
    assert alone["events"][2]["body"] == {"weight": 6}


def test_the_history_may_be_had_without_bodies(shop: Shop) -> None:
    [order] = shop.has("whales")

    result = shop.says("items", "history", str(order.id), "--no-bodies")

    assert "packed" in result.stdout and "whales" not in result.stdout
    assert "body" not in shop.knows("items", "history", str(order.id), "--no-bodies")["events"][0]


def test_what_the_log_quotes_cannot_steer_the_terminal(shop: Shop) -> None:
    [order] = shop.has("broken \x1b[2J\x07 vase")

    told = [
        shop.says(*one).stdout for one in (("items", "list"), ("items", "history", str(order.id)), ("failed", "list"))
    ]

    assert not [text for text in told if "\x1b[2J" in text or "\x07" in text]


def test_an_id_that_is_not_there_ends_with_not_found(shop: Shop) -> None:
    shop.has("whales")
    stranger = str(Order.create(title="other").id)

    for command in ("show", "history"):
        assert shop.says("items", command, stranger).exit_code == Code.NOT_FOUND
        assert shop.says_alone("items", command, stranger).exit_code == Code.NOT_FOUND
        assert shop.says("items", command, "what").exit_code == Code.USAGE


def test_failures_are_grouped_by_error(shop: Shop) -> None:
    shop.has("broken 1", "broken 2", "whales", "broken cup")

    found = shop.knows("failed", "list")

    assert found["items"] == 3
    assert [(group["count"], group["text"]) for group in found["groups"]] == [
        (2, "ValueError: broken <n> is broken"),
        (1, "ValueError: broken cup is broken"),
    ]
    one = found["groups"][0]["fingerprint"]
    assert len(shop.knows("items", "list", "--where", f"fingerprint:{one}")["items"]) == 2


def test_where_nothing_failed_that_is_said(shop: Shop) -> None:
    shop.has("whales")

    assert shop.says("failed", "list").stdout == "Nothing has failed.\n"
    assert shop.knows("failed", "list") == {"groups": [], "items": 0}


def test_items_that_are_behind_the_log_are_said_to_be(shop: Shop) -> None:
    shop.has("whales")
    with shop.opened() as app:
        app.save(Order.create(title="late"))

    result = shop.says("items", "list")

    assert "1 events behind the log" in result.stderr


def test_looking_makes_no_database(place: Path) -> None:
    result = says("--database", "sqlite:///typo.db", "items", "list")

    assert result.exit_code == Code.NOT_FOUND
    assert "typo.db" in result.stderr
    assert list(place.iterdir()) == []


def test_a_database_without_a_log_is_said_to_be_one(place: Path) -> None:
    (place / "empty.db").touch()

    assert says("--database", "sqlite:///empty.db", "log", "tail").exit_code == Code.NOT_FOUND


def test_a_log_whose_items_nobody_keeps_says_how_to_keep_them(place: Path) -> None:
    engine = ("--database", "sqlite:///new.db")
    assert says(*engine, "schema", "upgrade").exit_code == 0

    before = says(*engine, "items", "list")
    assert says(*engine, "projections", "rebuild", "current").exit_code == 0

    assert before.exit_code == Code.NOT_FOUND
    assert "eventflow projections rebuild current" in before.stderr
    assert document(says(*engine, "items", "list", "--json")) == {"items": [], "after": None}


def test_an_application_may_be_a_function_that_makes_one(shop: Shop) -> None:
    shop.has("whales")

    assert says("--app", APP, "--database", shop.database, "items", "list").exit_code == 0
    for name in ("room", "Order", "A_NUMBER", "ap"):
        result = says("--app", f"tests.cli.shop:{name}", "--database", shop.database, "items", "list")
        assert result.exit_code == Code.USAGE, name


def test_the_settings_of_a_folder_name_the_application_and_the_database(shop: Shop, place: Path) -> None:
    [order] = shop.has("whales")
    (place / "eventflow.toml").write_text(f'app = "{APP}"\ndatabase = "sqlite:///shop.db"\n', encoding="utf-8")

    found = json.loads(says("items", "show", str(order.id), "--json").stdout)

    assert found["fields"]["title"] == "whales"


def test_an_item_whose_work_is_put_off_says_until_when(shop: Shop) -> None:
    order = Order.create(title="whales")
    order.touch(after=timedelta(days=1))
    with shop.opened() as app:
        app.save(order)

    found = shop.knows("items", "show", str(order.id))

    assert datetime.fromisoformat(found["due"]) - datetime.fromisoformat(found["updated_at"]) == timedelta(days=1)
    assert shop.knows("items", "show", str(order.id), alone=True)["due"] == found["due"]
