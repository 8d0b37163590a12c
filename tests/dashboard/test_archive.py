"""The archive as a whole: how it stands, what was done, and what is done from its page."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

import pytest

from eventflow import Eventflow
from eventflow.dashboard import Dashboard
from eventflow.dashboard.pages import archive
from eventflow.settings import Settings
from eventflow.testing import Clock
from tests.dashboard.conftest import near
from tests.dashboard.shop import Browser, Order, Parcel, pack
from tests.dashboard.test_access import Allowing, Narrow
from tests.services import a_free_port

CROSS = "<script>alert(1)</script>"
DEEDS = ("compress", "restore", "purge", "verify", "gc")


class Store(NamedTuple):
    """A shop whose bodies are old, and Ann in front of its archive."""

    app: Eventflow
    browser: Browser
    clock: Clock


@pytest.fixture
def store(url: str, tmp_path: Path) -> Iterator[Store]:
    """On each database; nothing has left yet."""
    clock = Clock()
    settings = Settings(database=url, broker="embedded://", objects=(tmp_path / "objects").as_uri())
    with Eventflow(settings, aggregates=[Order, Parcel], reactions=[pack], clock=clock) as app:
        app.save(Order.create(customer="Ann"), Order.create(customer="Ben"), Parcel.create())
        app.drain()
        clock.forward(days=3)
        allowed = Allowing("view", *(f"archive.{deed}" for deed in DEEDS))
        yield Store(app, near(Dashboard(app, access=allowed)), clock)


def test_how_it_stands_is_said_as_on_the_command_line(store: Store) -> None:
    before = store.browser.facts("/archive")["standing"]
    assert (before["archived"]["events"], before["hot"], before["ready"]["events"]) == (0, 7, 7)
    assert "Nothing has left yet" in store.browser.page("/archive")
    store.app.archive()
    after = store.browser.facts("/archive")["standing"]
    assert (after["archived"]["events"], after["hot"], after["restored"]["events"]) == (7, 1, 0)


def test_bodies_leave_come_near_and_go_again_and_it_is_known_who_did_it_and_why(store: Store) -> None:
    page = store.browser.submit("/archive/compress", reason="it is old")
    assert page.told == "7 bodies have left, in 1 segments."
    assert store.browser.submit("/archive/restore", hours=5, category="order", reason=CROSS).told.startswith("6 bodies")
    assert store.app.restorer.amount().events == 6
    assert store.browser.submit("/archive/purge", reason="done").told.startswith("6 restored bodies are gone")
    store.app.projections.catch_up()

    found = store.browser.facts("/archive")["operations"]
    assert [(one["deed"], one["bodies"], one["by"], one["reason"]) for one in found] == [
        ("purged", 6, "ann", "done"),
        ("restored", 6, "ann", CROSS),
        ("compressed", 7, "ann", "it is old"),
    ]
    page = store.browser.page("/archive")
    assert (CROSS in page.text, page.all("main script")) == (True, [])
    assert [row[2].partition(" #")[0] for row in page.rows()] == ["all", "the category order", "all"]


def test_a_category_and_an_age_can_be_chosen(store: Store) -> None:
    assert store.browser.submit("/archive/compress", older="30d").told.startswith("0 bodies")
    assert store.browser.submit("/archive/compress", older="2d", category="parcel").told.startswith("1 bodies")
    assert store.app.archives.catalogue.totals().events == 1


@pytest.mark.parametrize(
    ("deed", "said", "status", "told"),
    [
        ("compress", {"older": "soon"}, 422, "30d, 12h"),
        ("compress", {"older": CROSS}, 422, "30d, 12h"),
        ("compress", {"category": "ordr"}, 404, "Did you mean"),
        ("restore", {"hours": "0"}, 422, "no number of hours"),
        ("restore", {}, 422, "no number of hours"),
    ],
)
def test_what_makes_no_sense_is_told(store: Store, deed: str, said: dict[str, str], status: int, told: str) -> None:
    answer = store.browser.post(f"/archive/{deed}", data=said)
    assert (answer.status_code, told in answer.text, CROSS in answer.text) == (status, True, False)
    assert store.app.archives.catalogue.totals().events == 0


def test_it_is_verified_and_the_first_damage_is_named(store: Store) -> None:
    [done] = store.app.archive()
    assert store.browser.submit("/archive/verify").told == "1 segments are whole."
    store.app.objects.put(done.key, store.app.objects.get(done.key)[:-50])
    told = store.browser.submit("/archive/verify").told
    assert told.startswith(f"1 are damaged, the first is {done.key}")


def test_leavings_are_removed(store: Store) -> None:
    store.app.archive()
    assert store.browser.submit("/archive/gc").told.startswith("0 objects are gone")


def test_what_takes_longer_than_a_page_may_is_said_with_the_words_of_the_command_line(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archive, "BODIES", 3)
    answer = store.browser.post("/archive/compress", data={"category": "order", "older": "1d"})
    assert answer.status_code == 409
    assert "eventflow archive compress --category order --older-than 1d" in answer.text
    store.app.archive()
    for deed, words in (("restore", "restore --for 12h"), ("verify", "verify")):
        answer = store.browser.post(f"/archive/{deed}", data={"hours": "12"})
        assert (answer.status_code, f"eventflow archive {words}" in answer.text) == (409, True)


def test_an_object_storage_that_is_out_of_reach_is_told_and_nothing_is_lost(tmp_path: Path) -> None:
    objects = f"s3://key:secret@127.0.0.1:{a_free_port()}/bucket?secure=false&timeout=1"
    settings = Settings(database=f"sqlite:///{tmp_path / 'log.db'}", objects=objects)
    with Eventflow(settings, aggregates=[Order], clock=(clock := Clock())) as app:
        app.save(Order.create(customer="Ann"))
        clock.forward(days=3)
        browser = near(Dashboard(app))
        answer = browser.post("/archive/compress")
        assert (answer.status_code, "out of reach" in answer.text) == (503, True)
        assert browser.facts("/archive")["standing"]["hot"] == 1


def test_who_may_not_has_no_buttons_and_is_refused(store: Store) -> None:
    browser = near(Dashboard(store.app, access=Allowing("view")))
    assert browser.page("/archive").all(".act") == []
    for deed in DEEDS:
        assert browser.post(f"/archive/{deed}", data={"hours": "1"}).status_code == 403
    assert store.app.archives.catalogue.totals().events == 0


def test_it_is_about_everything_and_not_for_who_sees_a_part(store: Store) -> None:
    browser = near(Dashboard(store.app, access=Narrow()))
    assert browser.get("/archive").status_code == 403
    for deed in DEEDS:
        assert browser.post(f"/archive/{deed}", data={"hours": "1"}).status_code == 403


def test_what_leaves_by_itself_is_told_as_well(store: Store) -> None:
    store.app.archive()
    store.app.restore(lasts=timedelta(hours=1))
    store.clock.forward(hours=2)
    store.app.ticks.run("purge")
    store.app.projections.catch_up()
    [newest, *_] = store.browser.facts("/archive")["operations"]
    assert (newest["deed"], newest["bodies"]) == ("purged", 7)
