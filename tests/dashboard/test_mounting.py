"""The dashboard as a part of other applications, whatever they are made of."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Mount
from starlette.types import ASGIApp, Receive, Scope, Send

from eventflow.dashboard import Basic, Dashboard, mounted_at
from eventflow.settings import Settings
from tests.dashboard.conftest import Shop, opened
from tests.dashboard.shop import Browser
from tests.dashboard.test_site import walked


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """Where it is mounted does not depend on the database."""
    folder: Path = tmp_path_factory.mktemp("shop")
    with opened(Settings(database=f"sqlite:///{folder / 'log.db'}", objects=folder.as_uri())) as found:
        yield found


async def bare(scope: Scope, receive: Receive, send: Send) -> None:
    """An application of no framework: it says where it was asked for what."""
    await PlainTextResponse(f"bare {scope['root_path']} {scope['path']}")(scope, receive, send)


def hosts(shop: Shop) -> dict[str, ASGIApp]:
    """The dashboard below /ops of applications of several kinds."""
    dashboard = Dashboard(shop.app)

    async def stripping(scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"].removeprefix("/ops")
        await dashboard({**scope, "path": path, "root_path": "/ops"}, receive, send)

    return {
        "Starlette": Starlette(routes=[Mount("/ops", dashboard)]),
        "a bare application": mounted_at("/ops", dashboard, bare),
        "a proxy that cuts the prefix off": stripping,
    }


@pytest.mark.parametrize("host", ["Starlette", "a bare application", "a proxy that cuts the prefix off"])
def test_every_link_stays_below_where_it_is_mounted(shop: Shop, host: str) -> None:
    browser = Browser(hosts(shop)[host], base_url="http://localhost", client=("127.0.0.1", 1))
    pages = walked(browser, "/ops/")
    assert len(pages) > 10
    assert all(link.startswith(("/ops/", "#")) for page in pages.values() for link in page.links())
    assert [one.get_text().strip() for one in pages["/ops/"].all("[aria-current]")] == ["Overview"]


@pytest.mark.parametrize("host", ["Starlette", "a bare application", "a proxy that cuts the prefix off"])
def test_an_action_leads_back_below_where_it_is_mounted(shop: Shop, host: str) -> None:
    browser = Browser(hosts(shop)[host], base_url="http://localhost", client=("127.0.0.1", 1))
    answer = browser.post(f"/ops/item/{shop.packed}/cancel", follow_redirects=False)
    assert answer.status_code in (303, 409)
    assert answer.headers.get("location", "/ops/").startswith("/ops/")


def test_the_rest_of_the_host_is_left_alone(shop: Shop) -> None:
    browser = Browser(hosts(shop)["a bare application"], base_url="http://localhost", client=("127.0.0.1", 1))
    assert [browser.get(path).text for path in ("/", "/opsy", "/x/ops")] == ["bare  /", "bare  /opsy", "bare  /x/ops"]


def test_a_host_may_itself_be_mounted(shop: Shop) -> None:
    inner = mounted_at("/ops", Dashboard(shop.app), bare)
    browser = Browser(Starlette(routes=[Mount("/shop", inner)]), base_url="http://localhost", client=("127.0.0.1", 1))
    assert browser.get("/shop/orders").text == "bare /shop /shop/orders"
    assert all(link.startswith(("/shop/ops/", "#")) for link in browser.page("/shop/ops/").links())


def test_the_address_without_its_slash_leads_to_the_first_page(shop: Shop) -> None:
    browser = Browser(hosts(shop)["a bare application"], base_url="http://localhost", client=("127.0.0.1", 1))
    assert browser.get("/ops", follow_redirects=False).headers["location"] == "/ops/"


def test_it_asks_for_names_and_passwords_by_itself(shop: Shop) -> None:
    guarded = mounted_at("/ops", Dashboard(shop.app, access=Basic({"ann": "whale"})), bare)
    browser = Browser(guarded, base_url="http://shop.example", client=("192.0.2.7", 1))
    assert (browser.get("/").status_code, browser.get("/ops/").status_code) == (200, 401)
    assert browser.get("/ops/", auth=("ann", "whale")).status_code == 200
