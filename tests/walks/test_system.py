"""What the library keeps about its own work is not among the items of the application, unless it is asked for."""

from __future__ import annotations

from datetime import date

import pytest

from eventflow.app import Eventflow
from eventflow.model.switch import switch_id
from eventflow_projections import Metrics
from tests.walks.conftest import MakeApp
from tests.walks.library import Document, write


@pytest.fixture
def app(make_app: MakeApp) -> Eventflow:
    """With one document that was worked on, and a switch that was used."""
    app = make_app(aggregates=[Document], reactions=[write])
    app.save(Document.create(title="Whales"))
    app.switches.pause("queue", "mail", actor="ann")
    app.drain()
    return app


def test_items_are_those_of_the_application(app: Eventflow) -> None:
    assert [one.category for one in app.items.page().rows] == ["document"]
    assert [one.category for one in app.items.page("age<1d -status:error").rows] == ["document"]
    assert app.items.count() == len(list(app.items.ids())) == 1


def test_what_is_of_the_library_is_shown_to_who_asks_for_it(app: Eventflow) -> None:
    id = switch_id("queue", "mail")

    assert [one.id for one in app.items.page("category:eventflow_switch").rows] == [id]
    assert [one.id for one in app.items.page(f"id:{id}").rows] == [id]
    assert app.items.get(id).status == "paused"
    assert [one.header.name for one in app.history(id)] == ["eventflow_switch:created", "eventflow_switch:paused"]


def test_counters_are_those_of_the_application(app: Eventflow) -> None:
    metrics = Metrics(app.database)

    assert {one.category for one in metrics.counts()} == {"document"}
    assert {one.category for one in metrics.per_day(date(2000, 1, 1))} == {"document"}
    assert metrics.population("document") == {"written": 1}
    assert metrics.population("eventflow_switch") == {"paused": 1}
    assert {one.status for one in metrics.per_day(date(2000, 1, 1), "eventflow_switch")} == {"on", "paused"}


def test_what_the_library_keeps_starts_no_work(app: Eventflow) -> None:
    assert app.backlog() == []
    assert app.is_idle()
