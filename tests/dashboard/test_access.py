"""Who gets in, and what they may see and do there."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from starlette.requests import HTTPConnection
from starlette.responses import Response

from eventflow.dashboard import VIEW, Access, Asked, Basic, Behind, Dashboard, Person, Token
from eventflow.settings import Settings
from tests.dashboard.conftest import Shop, near, opened
from tests.dashboard.shop import Browser, Order

FAR = ("192.0.2.7", 50000)
HTML = {"accept": "text/html"}


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """Who gets in does not depend on the database."""
    folder: Path = tmp_path_factory.mktemp("shop")
    with opened(Settings(database=f"sqlite:///{folder / 'log.db'}", objects=folder.as_uri())) as found:
        yield found


def far(shop: Shop, access: Access | None = None) -> Browser:
    """A browser elsewhere."""
    return Browser(Dashboard(shop.app, access=access), base_url="http://ops.example", client=FAR)


class TestWithoutAnAccess:
    """Nobody said who may get in."""

    def test_this_machine_is_let_in(self, shop: Shop) -> None:
        assert near(Dashboard(shop.app)).get("/").status_code == 200

    @pytest.mark.parametrize("path", ["/", "/items/order", "/live", "/nothing", "/log/1"])
    def test_nobody_is_let_in_from_elsewhere_and_is_told_why(self, shop: Shop, path: str) -> None:
        answer = far(shop).get(path)
        assert (answer.status_code, "access=" in answer.text) == (403, True)

    def test_a_name_that_was_made_to_lead_here_does_not_get_a_page_in(self, shop: Shop) -> None:
        browser = Browser(Dashboard(shop.app), base_url="http://evil.example", client=("127.0.0.1", 1))
        assert browser.get("/").status_code == 403

    def test_whoever_comes_over_a_proxy_is_not_from_here(self, shop: Shop) -> None:
        answer = near(Dashboard(shop.app)).get("/", headers={"x-forwarded-for": "192.0.2.7"})
        assert answer.status_code == 403


class TestNamesAndPasswords:
    """HTTP says who it is."""

    def test_the_right_ones_open(self, shop: Shop) -> None:
        browser = far(shop, Basic({"ann": "whale"}))
        answer = browser.get("/", auth=("ann", "whale"))
        assert (answer.status_code, ">ann<" in answer.text) == (200, True)

    @pytest.mark.parametrize(
        "header",
        [
            "",
            "Basic",
            "Basic !!!",
            "Bearer whale",
            "Basic " + base64.b64encode(b"ann").decode(),
            "Basic " + base64.b64encode(b"ann:wal").decode(),
            "Basic " + base64.b64encode(b"bob:whale").decode(),
            "Basic " + base64.b64encode(b"\xff:whale").decode(),
        ],
    )
    def test_others_are_asked_for_them(self, shop: Shop, header: str) -> None:
        answer = far(shop, Basic({"ann": "whale"})).get("/", headers={"authorization": header})
        assert (answer.status_code, answer.headers["www-authenticate"][:5]) == (401, "Basic")


class TestBehindAProxy:
    """A proxy says who it is."""

    def test_whoever_the_proxy_names_is_let_in(self, shop: Shop) -> None:
        browser = far(shop, Behind(proxies=[FAR[0]]))
        assert ">ann<" in browser.get("/", headers={"x-forwarded-user": "ann"}).text

    def test_the_header_of_somebody_else_is_not_believed(self, shop: Shop) -> None:
        browser = far(shop, Behind(proxies=["10.0.0.1"]))
        assert browser.get("/", headers={"x-forwarded-user": "ann"}).status_code == 401


class TestAToken:
    """A secret word opens."""

    def test_it_is_brought_once_in_the_address_and_kept(self, shop: Shop) -> None:
        access = Token(name="ann")
        browser = far(shop, access)
        assert browser.get("/").status_code == 401
        answer = browser.get(f"/items/order?where=status:lost&token={access.token}", follow_redirects=False)
        assert (answer.status_code, answer.headers["location"]) == (303, "/items/order?where=status%3Alost")
        assert browser.get("/items/order").status_code == 200

    def test_another_one_does_not_open(self, shop: Shop) -> None:
        assert far(shop, Token("right")).get("/?token=wrong").status_code == 401


class TestWhatTheApplicationSays:
    """The application that this is a part of decides."""

    def test_it_may_send_people_to_log_in(self, shop: Shop) -> None:
        def who(request: HTTPConnection) -> Person | Response | None:
            return Person("ann") if "session" in request.cookies else Response("", 303, {"location": "/login"})

        browser = far(shop, Asked(who))
        assert browser.get("/", follow_redirects=False).headers["location"] == "/login"
        browser.cookies.set("session", "1")
        assert browser.get("/").status_code == 200

    @pytest.mark.parametrize("path", ["/", f"/item/{UUID(int=0)}", "/live"])
    def test_who_may_not_look_sees_no_page(self, shop: Shop, path: str) -> None:
        answer = far(shop, Allowing()).get(path)
        assert (answer.status_code, "not allowed" in answer.text) == (403, True)

    def test_who_may_only_look_has_no_buttons_and_is_refused(self, shop: Shop) -> None:
        browser = far(shop, Allowing(VIEW))
        assert browser.page(f"/item/{shop.lost}").all(".act") == []
        assert browser.submit(f"/item/{shop.lost}/defibrillate").one(".error").get_text().startswith("items.defibril")
        assert shop.app.get(Order, shop.lost).version == 3

    def test_who_sees_a_part_meets_nothing_else(self, shop: Shop) -> None:
        browser = far(shop, Narrow())
        assert ["Lost" in row for row in browser.page("/items/order").rows()] == [True]
        assert browser.page("/items/order?where=status:packed").rows() == []
        assert browser.get(f"/item/{shop.packed}").status_code == 404
        assert browser.get(f"/item/{shop.lost}").status_code == 200

    def test_who_sees_a_part_can_do_nothing_to_the_rest(self, shop: Shop) -> None:
        before = shop.app.get(Order, shop.packed).version
        assert far(shop, Narrow()).post(f"/item/{shop.packed}/cancel").status_code == 404
        assert shop.app.get(Order, shop.packed).version == before

    def test_bodies_and_fields_are_shown_as_it_redacts_them(self, shop: Shop) -> None:
        page = far(shop, Discreet()).page(f"/item/{shop.packed}")
        assert ("Ann" not in page.html, "somebody" in page) == (True, True)


class Allowing(Access):
    """Lets everybody in to do a few things."""

    def __init__(self, *actions: str) -> None:
        self._actions = actions

    def authenticate(self, request: HTTPConnection) -> Person:
        """Ann, always."""
        return Person("ann")

    def may(self, person: Person, action: str, resource: str | None = None) -> bool:
        """These things."""
        return action in self._actions


class Narrow(Allowing):
    """Shows what was lost."""

    def may(self, person: Person, action: str, resource: str | None = None) -> bool:
        """All of it."""
        return True

    def scope(self, person: Person) -> str:
        """What was lost."""
        return "status:lost"


class Discreet(Allowing):
    """Shows no names."""

    def may(self, person: Person, action: str, resource: str | None = None) -> bool:
        """All of it."""
        return True

    def redact(self, person: Person, body: dict[str, Any]) -> dict[str, Any]:
        """Without the customer, wherever that is said."""
        return {
            name: "somebody" if name == "customer" else self.redact(person, one) if isinstance(one, dict) else one
            for name, one in body.items()
        }
