"""What failed, by the kind of error."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from eventflow import Eventflow
from eventflow.dashboard import Dashboard
from tests.dashboard.conftest import near
from tests.dashboard.shop import Browser
from tests.dashboard.test_access import Allowing
from tests.dashboard.test_items import Order, Packed, moved, opened


@pytest.fixture
def app(url: str) -> Iterator[Eventflow]:
    """On each database."""
    with opened(url) as app:
        yield app


@pytest.fixture
def browser(app: Eventflow) -> Browser:
    """Somebody in front of it."""
    return near(Dashboard(app))


def test_errors_that_differ_in_numbers_are_one_kind_with_its_first_and_last(app: Eventflow, browser: Browser) -> None:
    [group] = browser.facts("/failed")["groups"]
    assert (group["count"], group["category"], group["status"]) == (4, "order", "lost")
    assert "There is no box for <n>" in group["text"]
    ends = sorted(app.items.get(id).updated_at for id in app.items.ids("status:lost"))
    assert group["first"][:19] == ends[0].isoformat()[:19]
    assert group["last"][:19] == ends[-1].isoformat()[:19]
    page = browser.page("/failed")
    assert "4 items wait for somebody, with 1 kind of errors" in page
    assert ("<script>alert(<n>)" in page.text, page.all("main script")) == (True, [])


def test_a_kind_leads_to_its_items(browser: Browser) -> None:
    link = browser.page("/failed").one("td.error a")
    assert len(browser.page(str(link["href"])).rows()) == 4


def test_all_of_a_kind_are_brought_back_as_a_batch(app: Eventflow, browser: Browser) -> None:
    form = browser.page("/failed").one(".act form")
    said = {str(one["name"]): str(one.get("value", "")) for one in form.select("input")}
    page = browser.submit(str(form["action"]), **{**said, "reason": "there are boxes"})
    assert page.told.startswith("A batch has begun, over 4 items")
    moved(app)
    assert {str(app.get(Order, id).status) for id in app.items.ids("category:order position>0")} == {"packed", "placed"}


def test_the_menu_says_how_many_failed(app: Eventflow, browser: Browser) -> None:
    assert browser.page("/").one(".menu .count").get_text() == "4"
    for id in list(app.items.ids("status:lost")):
        app.cancel(id)
    app.projections.catch_up()
    assert browser.page("/").all(".menu .count") == []
    assert "Nothing has failed" in browser.page("/failed")


def test_a_filter_narrows_them_and_a_bad_one_is_told_beside_it(browser: Browser) -> None:
    assert browser.facts("/failed?where=age>1d")["groups"] == []
    assert "passes this filter" in browser.page("/failed?where=category:parcel")
    assert 'Did you mean "error"?' in browser.page("/failed?where=eror:x", 400).one("#wrong").get_text()


def test_who_sees_a_part_is_told_of_that_part(app: Eventflow) -> None:
    browser = near(Dashboard(app, access=Packed()))
    assert browser.facts("/failed")["groups"] == []
    assert browser.page("/failed").all(".menu .count") == []


def test_who_may_not_bring_back_has_no_button(app: Eventflow) -> None:
    assert near(Dashboard(app, access=Allowing("view"))).page("/failed").all(".act") == []
