"""Queues, workers, schedules, projections and settings, on their pages."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from eventflow import Eventflow
from eventflow.dashboard import Dashboard
from eventflow.errors import ProjectionStopped
from eventflow.runtime.switches import QUEUE, TICK
from eventflow.runtime.ticks import Tick
from eventflow.settings import Settings
from eventflow_projections import standard
from tests.dashboard.conftest import near
from tests.dashboard.shop import Browser, Order, Parcel, pack
from tests.dashboard.test_access import Allowing, Narrow
from tests.services import fresh_schema
from tests.walks.test_stopped_projections import Readers

PAGES = ("/queues", "/workers", "/schedules", "/flows", "/projections", "/settings")


def dust() -> int:
    """Dust three shelves."""
    return 3


@pytest.fixture(params=["sqlite", "postgres"])
def app(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Eventflow]:
    """A shop whose shelves are dusted every hour."""
    if request.param == "sqlite":
        with opened(f"sqlite:///{tmp_path / 'log.db'}") as found:
            yield found
        return
    with fresh_schema() as dsn, opened(dsn) as found:
        yield found


def opened(database: str) -> Eventflow:
    """The shop on a database."""
    settings = Settings(database=database, broker="embedded://")
    tick = Tick(name="dust", every=timedelta(hours=1), run=dust, purpose="dusts the shelves")
    return Eventflow(settings, aggregates=[Order, Parcel], reactions=[pack], ticks=[tick])


@pytest.fixture
def browser(app: Eventflow) -> Browser:
    """Somebody in front of it."""
    return near(Dashboard(app))


def test_what_waits_on_a_queue_is_shown(app: Eventflow, browser: Browser) -> None:
    app.save(Order.create(customer="Ann"), Order.create(customer="Ben"))
    app.relay()
    [queue] = browser.facts("/queues")["queues"]
    assert (queue["name"], queue["reactions"], queue["waiting"] + queue["sent"]) == ("default", ["pack"], 2)
    assert browser.page("/queues").rows()[0][:2] == ["default", "On"]


def test_a_queue_is_paused_with_a_reason_for_a_while_and_goes_on(app: Eventflow, browser: Browser) -> None:
    page = browser.submit("/queues/default/pause", reason="the shelves move", **{"for": "2h"})
    assert page.told.startswith("default is paused")
    assert "the shelves move" in page
    end = app.switches.ends_at(QUEUE, "default")
    assert end is not None and timedelta(minutes=119) < end - app.clock() <= timedelta(hours=2)

    assert browser.submit("/queues/default/resume").told == "default goes on."
    assert not app.switches.is_paused(QUEUE, "default")
    assert browser.submit("/queues/default/resume").told == "default was not paused."


@pytest.mark.parametrize("said", ["soon", "0s", "-1h", "9" * 400])
def test_what_is_no_length_of_time_pauses_nothing(app: Eventflow, browser: Browser, said: str) -> None:
    answer = browser.post("/queues/default/pause", data={"for": said})
    assert (answer.status_code, app.switches.is_paused(QUEUE, "default")) == (422, False)


@pytest.mark.parametrize("path", ["/queues/defalt/pause", "/schedules/dusk/trigger"])
def test_what_is_not_there_is_not_paused_and_the_nearest_is_named(browser: Browser, path: str) -> None:
    answer = browser.post(path)
    assert (answer.status_code, "Did you mean" in answer.text) == (404, True)


def test_a_tick_is_shown_triggered_paused_and_resumed(app: Eventflow, browser: Browser) -> None:
    app.tick()
    assert "dusts the shelves" in browser.page("/schedules")
    [tick] = [one for one in browser.facts("/schedules")["ticks"] if one["name"] == "dust"]
    assert (tick["every"], tick["done"], tick["error"], tick["paused"]) == (3600, 3, None, False)

    assert browser.submit("/schedules/dust/pause", reason="holidays").told == "dust is paused."
    assert app.switches.is_paused(TICK, "dust")
    assert browser.submit("/schedules/dust/resume").told == "dust goes on."
    assert browser.submit("/schedules/dust/trigger").told.startswith("dust is triggered")
    assert app.switches.wanted(TICK, "dust")


def test_workers_are_shown_with_their_last_sign_of_life(app: Eventflow, browser: Browser) -> None:
    assert "Nobody does the work" in browser.page("/workers")
    worker = app.worker()
    worker.start()
    try:
        [found] = browser.facts("/workers")["workers"]
        assert (found["name"], found["fresh"]) == (worker.name, True)
        assert "Alive" in browser.page("/workers")
    finally:
        worker.stop(timedelta(0))


def test_a_projection_that_stands_still_says_why(tmp_path: Path) -> None:
    settings = Settings(database=f"sqlite:///{tmp_path / 'other.db'}")
    with Eventflow(settings, aggregates=[Order], projections=[*standard(), Readers(content=False)]) as app:
        app.save(Order.create(customer="Ann"))
        with pytest.raises(ProjectionStopped):
            app.drain()
        rows = {row[0].split()[0]: row for row in near(Dashboard(app)).page("/projections").rows()}
    assert (rows["current"][1], rows["readers"][1]) == ("Up to date", "Stopped")
    assert "nobody reads this" in rows["readers"][0]
    assert "eventflow projections rebuild readers" in rows["readers"][0]


def test_settings_are_shown_without_what_is_secret_in_them() -> None:
    with fresh_schema() as dsn:
        database = dsn.replace("postgres@", "postgres:whale-song@")
        with Eventflow(Settings(database=database), aggregates=[Order]) as app:
            page = near(Dashboard(app)).page("/settings")
    assert ("whale-song" in page.html, "********@" in page) == (False, True)


def test_what_has_to_be_repaired_is_found(app: Eventflow, browser: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVENTFLOW_THREDS", "3")
    found = {one["name"]: one for one in browser.facts("/settings")["findings"]}
    assert (found["environment"]["state"], found["database"]["state"]) == ("warn", "ok")
    assert 'Did you mean "EVENTFLOW_THREADS"?' in browser.page("/settings")


@pytest.mark.parametrize("path", PAGES)
def test_who_sees_a_part_of_the_items_sees_none_of_these(app: Eventflow, path: str) -> None:
    browser = Browser(Dashboard(app, access=Narrow()), base_url="http://ops.example")
    assert browser.get(path).status_code == 403
    assert path not in browser.page("/").links()


def test_each_action_is_asked_for_by_its_name(app: Eventflow) -> None:
    browser = Browser(Dashboard(app, access=Allowing("view", "queues.pause")), base_url="http://ops.example")
    assert [one.get_text() for one in browser.page("/queues").all(".act summary")] == ["Pause"]
    assert browser.page("/schedules").all(".act") == []
    assert browser.post("/queues/default/resume").status_code == 403
    assert browser.post("/schedules/dust/trigger").status_code == 403
    assert browser.post("/queues/default/pause", follow_redirects=False).status_code == 303
    assert app.switches.is_paused(QUEUE, "default")


def test_what_needs_somebody_is_on_the_first_page_and_leads_to_where_it_is_seen_to(
    app: Eventflow, browser: Browser
) -> None:
    app.switches.pause(QUEUE, "default", actor="ann")
    app.save(Order.create(customer="Nobody"))
    page = browser.page("/")
    needs = {one.get_text(): one["href"] for one in page.all(".needs a")}
    assert needs == {
        "No worker is running: what is to be done waits.": "/workers",
        "The queue default is paused.": "/queues",
    }

    app.switches.resume(QUEUE, "default")
    app.drain()
    figures = browser.facts("/")["figures"]
    assert (figures["items"], figures["failed"], figures["in work"], figures["behind"]) == (1, 1, 0, 0)
