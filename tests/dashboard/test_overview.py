"""The first page: how much stands where, and what came in on each day."""

from __future__ import annotations

from tests.dashboard.conftest import Shop
from tests.dashboard.shop import Browser


def test_new_items_are_counted_by_day_beside_those_that_failed(shop: Shop, browser: Browser) -> None:
    days = browser.facts("/")["days"]
    assert (len(days), sum(one["begun"] for one in days), sum(one["failed"] for one in days)) == (30, 2, 1)
    assert days[-1]["begun"] + days[-2]["begun"] == 2  # midnight may lie between
    assert len(browser.page("/").all("svg.trend")) == 1


def test_each_category_says_how_many_stand_in_which_status(shop: Shop, browser: Browser) -> None:
    orders = next(one for one in browser.facts("/")["categories"] if one["category"] == "order")
    assert orders["total"] == shop.app.items.count("category:order") == 2
    assert sorted((look[0], amount) for look, amount in orders["statuses"]) == [("lost", 1), ("packed", 1)]
    assert len(browser.page("/").all("svg.partition rect")) == 2


def test_statuses_have_the_label_and_the_colour_that_their_enum_says(browser: Browser) -> None:
    page = browser.page("/items/order?where=status:lost")
    [badge] = [one for one in page.all("tbody .badge") if one.get_text() == "Lost"]
    assert "c-red" in (badge.get("class") or [])
