"""Whatever is sent to the dashboard, it answers, and never that something went wrong inside."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

import anyio
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.types import Message
from starlette.websockets import WebSocketDisconnect

from eventflow.dashboard import Dashboard
from eventflow.dashboard.pages import ACTIONS, PAGES
from eventflow.settings import Settings
from tests.dashboard.conftest import Shop, near, opened
from tests.dashboard.shop import Browser

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "BREW")
FORM = b"application/x-www-form-urlencoded"
PATHS = [path for path, _ in PAGES] + [path for path, _, _ in ACTIONS] + ["/healthz", "/readyz", "/static/1/x.css", ""]
ODD = ["", "/", "//evil.example/", "/../etc", "%", "%zz", "\ufffd", "é", "?", "#", "a" * 900, "9" * 900, "0", "-1", ":"]


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """What is not understood does not get as far as a database."""
    folder: Path = tmp_path_factory.mktemp("shop")
    with opened(Settings(database=f"sqlite:///{folder / 'log.db'}", objects=folder.as_uri())) as found:
        yield found


def asked(dashboard: Dashboard, method: str = "GET", path: str = "/", **said: Any) -> tuple[int, dict[bytes, bytes]]:
    """The status and the headers of an answer, asked for as a server does: no library in front makes it decent."""
    headers, body = dict(said.pop("headers", {})), said.pop("body", b"")
    headers.setdefault(b"host", b"localhost")
    scope: dict[str, Any] = {
        "type": "http",
        "method": method,
        "path": path,
        "headers": list(headers.items()),
        "scheme": "http",
    }
    scope |= {"query_string": b"", "root_path": "", "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 80), **said}
    answers: list[Message] = []
    incoming = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> Message:
        return incoming.pop() if incoming else {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        answers.append(message)

    anyio.run(dashboard, scope, receive, send)
    return answers[0]["status"], dict(answers[0]["headers"])


segments = st.one_of(
    st.sampled_from([*ODD, "order", "items", "item", "log", str(uuid4())]),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
)
paths = st.one_of(
    st.lists(segments, max_size=4).map(lambda some: "/" + "/".join(some)),
    st.tuples(st.sampled_from(PATHS), segments).map(
        lambda pair: "/".join(pair[1] if one.startswith("{") else one for one in pair[0].split("/"))
    ),
)
queries = st.one_of(
    st.binary(max_size=60),
    st.tuples(st.sampled_from([b"where", b"after", b"upto", b"format", b"at"]), st.binary(max_size=30)).map(b"=".join),
)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    method=st.sampled_from(METHODS),
    path=paths,
    query=queries,
    headers=st.dictionaries(
        st.sampled_from([b"host", b"accept", b"cookie", b"origin", b"sec-fetch-site", b"authorization", b"forwarded"]),
        st.binary(max_size=30),
    ),
    body=st.binary(max_size=60),
    kind=st.one_of(st.just(FORM), st.binary(max_size=30)),
)
def test_no_request_is_too_odd_to_be_answered(
    shop: Shop, method: str, path: str, query: bytes, headers: Mapping[bytes, bytes], body: bytes, kind: bytes
) -> None:
    said = {b"host": b"localhost", **headers, b"content-type": kind}
    status, _ = asked(Dashboard(shop.app), method, path, query_string=query, headers=said, body=body)
    assert status < 500


NASTY = ["", "-1", "0", "1e999", "9" * 400, "NaN", "soon", "{", '"', "%", "é\ufffd", "a" * 400, "\u202e", "٣", "1,,2"]
FIELDS = "where all id chosen what reason for until hours step force canaries rate limit share version name key to verb"


def places(path: str, *found: str) -> list[str]:
    """The addresses that a path of the site stands for, with each of these in its open places."""
    filled = ("/".join(some if one.startswith("{") else one for one in path.split("/")) for some in found)
    return list(dict.fromkeys(filled))


@pytest.mark.parametrize(("path", "name"), [(path, name) for path, name, _ in ACTIONS])
def test_no_form_is_too_odd_to_be_answered(shop: Shop, path: str, name: str) -> None:
    dashboard = Dashboard(shop.app)
    for place in places(path, "order", "default", "dust", str(shop.lost), str(shop.packed), str(uuid4())):
        forms = [dict.fromkeys(FIELDS.split(), value) for value in NASTY] + [
            {one: "9" * 5000} for one in FIELDS.split()
        ]
        for form in forms:
            body = urlencode(form).encode()
            status, _ = asked(dashboard, "POST", place, headers={b"content-type": FORM}, body=body)
            assert status < 500, (place, form)


@pytest.mark.parametrize("path", [path for path, _ in PAGES])
def test_no_question_is_too_odd_to_be_answered(shop: Shop, path: str) -> None:
    dashboard = Dashboard(shop.app)
    for place in places(path, "order", str(shop.lost), str(uuid4()), "7"):
        for value in [*NASTY, "status:", "age>9999999999d", "id:x", "error:*", "after:9999-99-99"]:
            query = urlencode(dict.fromkeys([*QUERY.split(), *FIELDS.split()], value)).encode()[:8000]
            status, _ = asked(dashboard, "GET", place, query_string=query)
            assert status < 500, (place, value)
        for one in [*QUERY.split(), *FIELDS.split()]:
            status, _ = asked(dashboard, "GET", place, query_string=urlencode({one: "9" * 30}).encode())
            assert status < 500, (place, one)


QUERY = "after before upto at columns runs attempts days archived item query subject format position per"


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/items/order/", 307),
        ("/" + "9" * 2000, 414),
        ("/log/" + "9" * 900, 404),
        ("/items/order?where=" + "a" * 9000, 414),
        ("/items/order?where=a%00b", 400),
        ("/items/%ff%fe", 404),
        ("/items/%zz", 404),
        ("/items/order?where=%ff", 400),
        ("/item/not-an-id", 404),
    ],
)
def test_odd_addresses_are_told_what_is_wrong_with_them(shop: Shop, path: str, status: int) -> None:
    answer = near(Dashboard(shop.app)).get(path, follow_redirects=False)
    assert (answer.status_code, bool(answer.text) or status == 307) == (status, True)


@pytest.mark.parametrize("path", ["/items/order/", "//evil.example/", "//evil.example//"])
def test_a_slash_too_many_leads_to_the_page_and_never_to_another_site(shop: Shop, path: str) -> None:
    _, headers = asked(Dashboard(shop.app), path=path, query_string=b"where=status:lost")
    assert headers[b"location"] == f"/{path.strip('/')}?where=status:lost".encode()


@pytest.mark.parametrize(
    ("content", "kind", "status"),
    [
        (b'{"reason": "x"}', "application/json", 415),
        (b"--x\r\n", "multipart/form-data; boundary=x", 415),
        (b"reason=%00", FORM.decode(), 400),
        (b"reason=" + b"x" * 70_000, FORM.decode(), 413),
    ],
)
def test_what_is_no_form_does_nothing(shop: Shop, content: bytes, kind: str, status: int) -> None:
    before = shop.app.log.last_position()
    answer = near(Dashboard(shop.app)).post(
        f"/item/{shop.lost}/defibrillate", content=content, headers={"content-type": kind}
    )
    assert (answer.status_code, shop.app.log.last_position()) == (status, before)


def test_a_wrong_method_is_told_the_right_one(shop: Shop) -> None:
    browser = near(Dashboard(shop.app))
    for answer, allowed in (browser.put("/"), {"GET", "HEAD"}), (browser.get(f"/item/{shop.lost}/cancel"), {"POST"}):
        assert (answer.status_code, set(answer.headers["allow"].split(", "))) == (405, allowed)


def test_heads_are_as_those_of_the_pages(shop: Shop) -> None:
    browser = near(Dashboard(shop.app))
    for path in ("/", "/items/order", "/healthz", "/live"):
        assert browser.head(path).status_code == 200, path
    assert browser.head("/live").headers["content-type"].startswith("text/event-stream")


def test_what_is_no_request_is_declined(shop: Shop) -> None:
    with (
        Browser(Dashboard(shop.app), base_url="http://localhost") as browser,  # which begins with a lifespan
        pytest.raises(WebSocketDisconnect),
        browser.websocket_connect("/live"),
    ):
        pass
