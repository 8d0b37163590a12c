"""Flows, on their pages."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from eventflow import Eventflow
from eventflow.dashboard import Dashboard
from eventflow.model.flows.flow import Flow
from eventflow.settings import Settings
from tests.cli.flow_shop import Order, cheap
from tests.dashboard.conftest import near
from tests.dashboard.shop import Browser
from tests.dashboard.test_access import Allowing
from tests.dashboard.test_site import walked

STATES: Any = [{"key": "new", "type": "start", "status": "new"}, {"key": "sent", "status": "sent", "is_terminal": True}]
SEND: Any = [{"key": "send", "from": "new", "to": "sent", "tasks": [{"task": "cheap", "kind": "restriction"}]}]


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Eventflow]:
    """A shop with two flows, one of them for some only."""
    settings = Settings(database=f"sqlite:///{tmp_path / 'log.db'}")
    with Eventflow(settings, aggregates=[Order], flow_tasks=[cheap]) as found:
        flows = [
            Flow(subject_type="order", states=STATES, transitions=SEND, names={"en": "<b>Orders</b>"}),
            Flow(subject_type="order", version=2, rollout_pct=0, states=STATES, transitions=SEND),
        ]
        found.flows.publish(*flows, actor="ann", reason="we sell")
        yield found


@pytest.fixture
def browser(app: Eventflow) -> Browser:
    """Somebody in front of it."""
    return near(Dashboard(app))


def test_definitions_are_listed_with_their_shares(browser: Browser) -> None:
    rows = browser.page("/flows").rows()
    assert [(row[0].split()[0], row[3], row[4]) for row in rows] == [
        ("order@1", "Active", "everybody"),
        ("order@2", "Active", "0 %"),
    ]


def test_a_flow_is_drawn_and_tells_who_changed_it_and_why(browser: Browser) -> None:
    page = browser.page("/flows/order@1")
    assert page.texts(".drawing svg text") == ["send", "new", "sent"]
    assert page.all("main b b, main svg b") == []
    assert "<b>Orders</b>" in page
    assert [("ann" in one, "we sell" in one) for one in page.texts(".event")] == [(True, True)]


def test_every_link_of_their_pages_leads_somewhere(browser: Browser) -> None:
    assert {"/flows", "/flows/explain", "/flows/order%401"} <= {path.replace("@", "%40") for path in walked(browser)}


def test_it_is_activated_and_deactivated_with_a_reason(app: Eventflow, browser: Browser) -> None:
    assert browser.submit("/flows/order@2/deactivate", reason="too early").told == "order@2 is not picked any more."
    assert not app.flows.get("order@2").status
    assert "too early" in browser.page("/flows/order@2")
    assert browser.submit("/flows/order@2/activate").told == "order@2 is active."
    assert app.flows.get("order@2").status


def test_its_share_is_set_for_the_version_that_was_seen(app: Eventflow, browser: Browser) -> None:
    assert browser.submit("/flows/order@2/share", share="30", version="1").told == "order@2 admits 30 %."
    assert app.flows.get("order@2").rollout_pct == 30
    assert browser.post("/flows/order@2/share", data={"share": "40", "version": "1"}).status_code == 409
    for said in ("101", "-1", "many"):
        assert browser.post("/flows/order@2/share", data={"share": said}).status_code == 422
    assert app.flows.get("order@2").rollout_pct == 30
    assert browser.submit("/flows/order@2/share").told == "order@2 admits everybody."


def test_a_share_that_is_raised_is_shown_and_stopped(app: Eventflow, browser: Browser) -> None:
    app.flows.rollout("order@2", to=100, by=10, every=timedelta(hours=1), actor="ann")
    assert "Raise it no further" in browser.page("/flows/order@2")
    app.projections.catch_up()
    assert browser.page("/flows").rows()[-1][:4] == ["order@2", "running", "0 %", "100 %"]
    assert browser.submit("/flows/order@2/stop", reason="it is late").told == "order@2 keeps the share that it has."
    assert "it is late" in browser.page("/flows")
    assert "Raise it no further" not in browser.page("/flows/order@2")


def test_an_item_leads_to_the_flow_that_it_is_bound_to(app: Eventflow, browser: Browser) -> None:
    order = Order.create()
    app.save(order)
    assert browser.facts(f"/item/{order.id}")["flow"] == {"id": "order@1", "name": "<b>Orders</b>"}
    page = browser.page(f"/item/{order.id}")
    assert page.all("main b b, main dd > b") == []
    assert "order@1" in page.follow(browser, "<b>Orders</b>")


def test_why_an_item_got_its_flow_is_explained(app: Eventflow, browser: Browser) -> None:
    order = Order.create(total=7)
    app.save(order)
    page = browser.page(f"/flows/explain?item={order.id}")
    assert "order@1 is picked" in page
    assert browser.facts(f"/flows/explain?item={order.id}")["explanation"] == app.flows.why(order.id).data()


def test_why_a_subject_would_get_a_flow_is_explained(browser: Browser) -> None:
    query = json.dumps({"subject_type": "order", "version_equals": 2, "rollout_key": {"attr": "id"}})
    answer = browser.get("/flows/explain", params={"query": query, "subject": '{"id": "7"}'}, headers=JSON)
    [step] = answer.json()["explanation"]["steps"]
    assert {one["flow"]: one["constraint"] for one in step["dropped"]}["order@2"] == "rollout"


JSON = {"accept": "application/json"}


@pytest.mark.parametrize(
    ("query", "status"),
    [("item=7", 422), ("item=7f9c24e5-2f0b-4c1e-9d55-0a1b2c3d4e5f", 404), ("query=%7B", 422), ("query=[]", 422)],
)
def test_a_question_that_is_none_is_told_so(browser: Browser, query: str, status: int) -> None:
    assert browser.get(f"/flows/explain?{query}").status_code == status


def test_a_flow_that_is_not_there_is_not_found(browser: Browser) -> None:
    answer = browser.get("/flows/ordr@1")
    assert (answer.status_code, browser.post("/flows/ordr@1/activate").status_code) == (404, 404)


def test_who_may_only_look_changes_nothing(app: Eventflow) -> None:
    browser = Browser(Dashboard(app, access=Allowing("view")), base_url="http://ops.example")
    assert browser.page("/flows/order@2").all(".act") == []
    for action in ("activate", "deactivate", "share", "stop"):
        assert browser.post(f"/flows/order@2/{action}").status_code == 403
