"""Batches on their pages: how far each is, what it refused, and how it is steered."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import uuid4

import pytest

from eventflow import Eventflow
from eventflow.dashboard import Dashboard
from eventflow.model.batch import Batch
from tests.dashboard.conftest import near
from tests.dashboard.shop import Browser
from tests.dashboard.test_access import Allowing, Narrow
from tests.dashboard.test_items import CROSS, moved, opened


@pytest.fixture
def app(url: str) -> Iterator[Eventflow]:
    """On each database."""
    with opened(url) as app:
        yield app


@pytest.fixture
def browser(app: Eventflow) -> Browser:
    """Somebody in front of it."""
    return near(Dashboard(app, access=Allowing("view", "batches.suspend", "batches.resume", "batches.cancel")))


def begun(app: Eventflow, **said: object) -> Batch:
    """A batch over all that failed."""
    return app.defibrillate_where("category:order status:lost", reason=CROSS, actor="eve", **said)  # type: ignore[arg-type]


def test_there_is_none_and_the_page_says_how_to_begin_one(browser: Browser) -> None:
    assert "There is none yet" in browser.page("/batches")


def test_how_far_it_is_is_drawn_and_said(app: Eventflow, browser: Browser) -> None:
    batch = begun(app, limit=2)
    moved(app)
    for path in ("/batches", f"/batch/{batch.id}"):
        page = browser.page(path)
        assert page.one("svg.progress")["aria-label"] == "2 done, 0 refused, of 2"
        assert ("eve" in page, CROSS in page.text, page.all("main script")) == (True, True, [])
    known = browser.facts(f"/batch/{batch.id}")["batch"]
    assert (known["by"], known["reason"], known["done"], known["status"]) == ("eve", CROSS, 2, "finished")


def test_what_it_refused_is_told_with_the_reason(app: Eventflow, browser: Browser) -> None:
    first, *_ = app.items.ids("status:lost")
    batch = begun(app)
    app.projections.catch_up()
    app.defibrillate(first)
    app.batches.step()  # the read side has not seen yet that somebody was faster
    facts = browser.facts(f"/batch/{batch.id}")
    assert (facts["batch"]["done"], facts["batch"]["refused"]) == (3, 1)
    assert [one["id"] for one in facts["refusals"]] == [str(first)]
    assert "gone on since the batch began" in browser.page(f"/batch/{batch.id}")


def test_canaries_are_told_and_waited_for(app: Eventflow, browser: Browser) -> None:
    batch = begun(app, canaries=[1, 2])
    moved(app)
    page = browser.page(f"/batch/{batch.id}")
    assert "1 are waited for" in page
    app.drain()
    moved(app)
    assert "canaries failed again" in browser.page(f"/batch/{batch.id}")  # its boxes are still missing


def test_it_is_suspended_resumed_and_cancelled(app: Eventflow, browser: Browser) -> None:
    batch = begun(app)
    path = f"/batch/{batch.id}"
    assert browser.page(path).texts(".act summary") == ["Suspend", "Cancel"]
    page = browser.submit(f"{path}/suspend", reason="the peer is slow")
    assert (page.texts(".act summary"), "It rests: the peer is slow" in page) == (["Resume", "Cancel"], True)
    assert browser.submit(f"{path}/resume").told == "It goes on."
    assert browser.submit(f"{path}/cancel").all(".act") == []
    assert [one.header.actor for one in app.history(batch.id)] == ["eve", "ann", "ann", "ann"]
    assert browser.post(f"{path}/resume").status_code == 409


def test_lists_are_paged(app: Eventflow, browser: Browser) -> None:
    for _ in range(26):
        begun(app)
    app.projections.catch_up()
    first = browser.page("/batches")
    assert (len(first.rows()), len(first.follow(browser, "Older").rows())) == (25, 1)


def test_a_batch_that_is_not_there_is_not_found(browser: Browser) -> None:
    assert browser.get(f"/batch/{uuid4()}").status_code == 404


def test_who_sees_a_part_sees_none_and_who_may_not_steers_none(app: Eventflow) -> None:
    batch = begun(app)
    narrow, looking = (near(Dashboard(app, access=one)) for one in (Narrow(), Allowing("view")))
    for path in ("/batches", f"/batch/{batch.id}"):
        assert narrow.get(path).status_code == 403
    assert narrow.post(f"/batch/{batch.id}/cancel").status_code == 403
    assert looking.page(f"/batch/{batch.id}").all(".act") == []
    assert looking.post(f"/batch/{batch.id}/cancel").status_code == 403
    assert str(app.batches.get(batch.id).status) == "running"
