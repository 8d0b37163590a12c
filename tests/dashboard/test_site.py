"""What holds of every page: headers, addresses, refusals, answers for programs."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlsplit

import pytest
from starlette.applications import Starlette
from starlette.routing import Mount

from eventflow.dashboard import Dashboard
from eventflow.dashboard.drawing import assets
from tests.dashboard.conftest import Shop
from tests.dashboard.shop import Browser, Seen

ELSEWHERE = ("http://", "https://", "//")


def walked(browser: Browser, start: str = "/") -> dict[str, Seen]:
    """Every page that links lead to from a first one; of those that differ in what they are asked, one."""
    found: dict[str, Seen] = {}
    asked, waiting = set(), [start]
    while waiting:
        path = waiting.pop()
        question = urlsplit(path)
        kind = question.path, *sorted(name for name, _ in parse_qsl(question.query))
        if kind in asked:
            continue
        asked.add(kind)
        answer = browser.get(path, headers={"accept": "text/html"})
        assert answer.status_code == 200, (path, answer.text)
        found[path] = Seen(answer.text)
        links = [str(one["href"]).partition("#")[0] for one in found[path].all("a[href]")]
        waiting += [one for one in links if one and "upto=" not in one]
    return found


@pytest.fixture(scope="module")
def pages(somewhere: Browser) -> dict[str, Seen]:
    """Every page there."""
    return walked(somewhere)


def test_every_link_leads_somewhere_and_nothing_is_loaded_from_elsewhere(
    somewhere: Browser, pages: dict[str, Seen]
) -> None:
    assert len(pages) > 10
    links = {link for page in pages.values() for link in page.links()}
    assert [one for one in links if one.startswith(ELSEWHERE)] == []
    for one in links:
        if "/static/" in one:
            assert somewhere.get(one).headers["cache-control"].endswith("immutable")


def test_no_page_has_styles_or_scripts_of_its_own(pages: dict[str, Seen]) -> None:
    for path, page in pages.items():
        assert page.all("[style], style, script:not([src])") == [], path
        assert [one for tag in page.all("*") for one in tag.attrs if one.startswith("on")] == [], path


def test_every_page_has_a_title_one_heading_and_names_for_its_fields(pages: dict[str, Seen]) -> None:
    for path, page in pages.items():
        assert len(page.all("h1")) == 1, path
        assert page.one("head title").get_text(), path
        ids = [str(one["id"]) for one in page.all("[id]")]
        assert len(ids) == len(set(ids)), path
        for field in page.all("input:not([type=hidden]), select, textarea"):
            assert field.find_parent("label") or page.all(f"label[for='{field.get('id')}']"), (path, field)


def test_pages_are_not_kept_framed_or_guessed_at(browser: Browser) -> None:
    headers = browser.get("/").headers
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert headers["cache-control"] == "no-store"
    assert headers["x-content-type-options"] == "nosniff"


def test_every_page_answers_programs_with_its_facts(somewhere: Browser, pages: dict[str, Seen]) -> None:
    for path in pages:
        answer = somewhere.get(path, headers={"accept": "application/json"})
        assert answer.status_code == 200, path
        assert isinstance(answer.json(), dict), path


def test_what_was_recorded_is_shown_as_text_and_never_as_markup(browser: Browser, shop: Shop) -> None:
    page = browser.page(f"/item/{shop.packed}")
    assert "<script>alert('hello')</script>" in page
    assert page.all("main script") == []


@pytest.mark.parametrize(
    ("path", "status", "said"),
    [
        ("/nothing", 404, "no such page"),
        ("/items/ordr", 404, 'Did you mean "order"?'),
        ("/item/7f9c24e5-2f0b-4c1e-9d55-0a1b2c3d4e5f", 404, "7f9c24e5"),
        ("/log/99999", 404, "the log ends at"),
        ("/items/order?after=!", 400, "a cursor"),
    ],
)
def test_what_is_not_there_is_said_on_a_page_and_to_programs(
    browser: Browser, path: str, status: int, said: str
) -> None:
    assert said in browser.page(path, status)
    answer = browser.get(path, headers={"accept": "application/json"})
    assert (answer.status_code, said in answer.json()["message"]) == (status, True)


def test_it_works_wherever_it_is_mounted(shop: Shop) -> None:
    outer = Starlette(routes=[Mount("/deep/ops", Dashboard(shop.app))])
    browser = Browser(outer, base_url="http://localhost", client=("127.0.0.1", 1))
    pages = walked(browser, "/deep/ops/")
    assert len(pages) > 10
    assert all(link.startswith(("/deep/ops/", "#")) for page in pages.values() for link in page.links())


def test_a_form_of_another_site_does_nothing(browser: Browser, shop: Shop) -> None:
    path, before = f"/item/{shop.lost}/defibrillate", shop.app.log.last_position()
    for headers in (
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"origin": "http://evil.example"},
    ):
        assert browser.post(path, headers=headers).status_code == 403
    assert shop.app.log.last_position() == before


def test_a_form_that_is_too_large_is_refused(browser: Browser, shop: Shop) -> None:
    answer = browser.post(f"/item/{shop.lost}/defibrillate", content=b"reason=" + b"x" * 100_000)
    assert answer.status_code == 413


def test_pages_are_small_and_so_is_what_they_load(browser: Browser) -> None:
    for path in walked(browser):
        assert len(browser.get(path).content) < 60_000, path
    assert len(assets()["dashboard.css"].content) < 14 * 1024
    assert assets()["dashboard.js"].content.count(b"\n") < 150
