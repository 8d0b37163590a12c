"""Stories through several streams, and the log they are told in."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple
from urllib.parse import quote
from uuid import UUID

import pytest

from eventflow import Eventflow
from eventflow.dashboard import Dashboard
from eventflow.settings import Settings
from tests.dashboard.conftest import near
from tests.dashboard.shop import Browser, Order, Parcel, pack
from tests.dashboard.test_access import Allowing, Narrow

CROSS = "<script>alert(1)</script>"
TRACEPARENT = "00-4f0cb1a5000040008000000000000001-00f067aa0ba902b7-01"


class Told(NamedTuple):
    """An application, a lost order and the parcel that was meant for it, one story."""

    app: Eventflow
    browser: Browser
    order: UUID
    parcel: UUID


@pytest.fixture
def told(url: str) -> Iterator[Told]:
    """On each database."""
    with Eventflow(Settings(database=url, broker="embedded://"), aggregates=[Order, Parcel], reactions=[pack]) as app:
        order, parcel = Order.create(customer="Nobody"), Parcel.create()
        app.save(order, actor=CROSS)
        app.save(parcel, correlation=order.id, actor="ann")
        app.drain()
        yield Told(app, near(Dashboard(app)), order.id, parcel.id)


class TestStories:
    """What led to what."""

    def test_a_story_goes_through_all_its_streams_in_the_order_of_causes(self, told: Told) -> None:
        [story] = told.browser.facts(f"/trace/{told.order}")["stories"]
        assert story["streams"] == [str(told.order), str(told.parcel)]
        assert {one["stream"] for one in story["events"]} == {str(told.order), str(told.parcel)}
        assert story["events"][0]["depth"] == 0
        page = told.browser.page(f"/trace/{told.order}")
        assert (len(page.all(".story li")), CROSS in page.text, page.all("main script")) == (
            len(story["events"]),
            True,
            [],
        )

    def test_items_and_events_lead_to_it(self, told: Told) -> None:
        for path in (f"/item/{told.parcel}", "/log/2"):
            page = told.browser.page(path).follow(told.browser, str(told.order))
            assert str(told.order) in page.one("#stories h2").get_text()

    @pytest.mark.parametrize("how", ["item", "beginning", "position", "elsewhere"])
    def test_it_is_found_by_whatever_it_is_called(self, told: Told, how: str) -> None:
        id = {
            "item": str(told.parcel),
            "beginning": str(told.parcel)[:8],
            "position": "2",
            "elsewhere": TRACEPARENT,
        }[how]
        if how == "elsewhere":
            told.app.save(Parcel.create(), traceparent=TRACEPARENT)
            told.app.projections.catch_up()
        found = told.browser.facts(f"/trace?id={quote(id)}")["stories"]
        assert len(found) == 1
        if how != "elsewhere":
            assert found[0]["correlation"] == str(told.order)

    @pytest.mark.parametrize("id", ["nothing", "99999", CROSS, "x" * 300, "0000", "9" * 18, "9" * 19, "9" * 32])
    def test_what_is_no_story_is_not_found(self, told: Told, id: str) -> None:
        page = told.browser.page(f"/trace?id={quote(id)}", 404)
        assert page.all("main script") == []

    def test_nothing_asked_says_what_a_story_is(self, told: Told) -> None:
        assert "of one story" in told.browser.page("/trace")

    def test_who_sees_a_part_is_told_that_part_of_it(self, told: Told) -> None:
        browser = near(Dashboard(told.app, access=Narrow()))
        [story] = browser.facts(f"/trace/{told.order}")["stories"]
        assert {one["stream"] for one in story["events"]} == {str(told.order)}
        other = Parcel.create()
        told.app.save(other)
        told.app.projections.catch_up()
        assert browser.get(f"/trace/{other.id}").status_code == 404


class TestTheLog:
    """Its end, live."""

    def test_its_end_is_shown_the_latest_first(self, told: Told) -> None:
        facts = told.browser.facts("/log")
        positions = [one["position"] for one in facts["events"]]
        assert positions == list(range(facts["last"], 0, -1))
        page = told.browser.page("/log")
        assert (CROSS in page.text, page.all("main script")) == (True, [])
        assert page.one("#log").has_attr("data-live")

    def test_it_is_filtered_by_what_headers_say(self, told: Told) -> None:
        events = told.browser.facts("/log?where=category:parcel")["events"]
        assert [(one["category"], one["stream"]) for one in events] == [("parcel", str(told.parcel))]
        assert told.browser.facts("/log?where=name:created+-category:parcel")["events"][0]["stream"] == str(told.order)
        assert "None of the" in told.browser.page("/log?where=category:nothing")

    def test_a_bad_filter_is_told_beside_the_box(self, told: Told) -> None:
        page = told.browser.page("/log?where=nam:created", 400)
        assert 'Did you mean "name"?' in page.one("#wrong .error").get_text()

    def test_it_is_paged_backwards_to_its_beginning(self, told: Told) -> None:
        told.app.save(*(Parcel.create() for _ in range(120)))
        page, seen = told.browser.page("/log"), []
        while True:
            seen += [row[0] for row in page.rows()]
            if not page.all("a[rel=next]"):
                break
            page = page.follow(told.browser, "Older")
            assert not page.one("#log").has_attr("data-live")
        last = told.app.log.last_position()
        assert seen == [f"#{one}" for one in range(last, 0, -1)]

    @pytest.mark.parametrize("upto", ["-1", "x", "999999999"])
    def test_a_position_that_is_none_is_told(self, told: Told, upto: str) -> None:
        assert told.browser.get(f"/log?upto={upto}").status_code == 422

    def test_it_is_about_everything_and_not_for_who_sees_a_part(self, told: Told) -> None:
        assert near(Dashboard(told.app, access=Narrow())).get("/log").status_code == 403
        assert "Log" not in near(Dashboard(told.app, access=Narrow())).page("/").texts(".menu a")
        assert near(Dashboard(told.app, access=Allowing("view"))).get("/log").status_code == 200
