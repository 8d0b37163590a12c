"""Lists of items: filters, what is wrong with them, and what is done to many at once."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote
from uuid import UUID, uuid4

import pytest

from eventflow import Aggregate, Eventflow, Retry, task
from eventflow.dashboard import Dashboard
from eventflow.settings import Settings
from tests.dashboard import shop
from tests.dashboard.conftest import near
from tests.dashboard.shop import Browser, OrderStatus
from tests.dashboard.test_access import Allowing, Narrow

CROSS = "<script>alert(1)</script>"


class Order(
    Aggregate[OrderStatus],
    category="order",
    initial=OrderStatus.PLACED,
    defibrillate={OrderStatus.LOST: OrderStatus.PLACED},
    cancelled={OrderStatus.LOST: OrderStatus.GONE},
):
    """What somebody wants to have."""

    number: int


@task(
    Order,
    on=OrderStatus.PLACED,
    processing=OrderStatus.PACKING,
    complete=OrderStatus.PACKED,
    failed=OrderStatus.LOST,
    retry=Retry(attempts=1, after=timedelta(0)),
)
def pack(order: Order) -> None:
    """Put it in boxes; every second one cannot be."""
    if order.number % 2:
        raise LookupError(f"There is no box for {order.number} {CROSS}")


class Room(NamedTuple):
    """A shop whose odd orders have failed."""

    app: Eventflow
    browser: Browser
    failed: list[UUID]

    def statuses(self) -> list[str]:
        """Where those stand that had failed."""
        return [str(self.app.get(Order, id).status) for id in self.failed]


def opened(url: str, orders: int = 8) -> Eventflow:
    """The shop with so many orders, each of which had its turn."""
    app = Eventflow(Settings(database=url, broker="embedded://"), aggregates=[Order], reactions=[pack])
    app.save(*(Order.create(number=number) for number in range(orders)), actor="ann")
    app.drain()
    return app


@pytest.fixture
def room(url: str) -> Iterator[Room]:
    """On each database."""
    with opened(url) as app:
        yield Room(app, near(Dashboard(app)), list(app.items.ids("status:lost")))


@pytest.fixture
def many(tmp_path: Path) -> Iterator[Room]:
    """More than a page of them."""
    with opened(f"sqlite:///{tmp_path / 'log.db'}", 60) as app:
        yield Room(app, near(Dashboard(app)), list(app.items.ids("status:lost")))


def moved(app: Eventflow) -> None:
    """Every batch has come as far as it can."""
    app.projections.catch_up()
    while app.batches.step():
        app.projections.catch_up()


class TestFilters:
    """What is typed into the box."""

    @pytest.mark.parametrize(
        ("where", "said", "at"),
        [
            ("stats:lost", 'Did you mean "status"?', 0),
            ("status:lost age>soon", "an age such as 90s", 16),
            ('error:"no end', 'a closing "', 6),
            (CROSS, "a term such as status:error", 0),
        ],
    )
    def test_what_is_wrong_is_told_beside_the_box(self, room: Room, where: str, said: str, at: int) -> None:
        path = f"/items/order?where={quote(where)}"
        page = room.browser.page(path, 400)
        assert page.one("#where")["value"] == where
        assert said in page.one("#wrong .error").get_text()
        typed, caret = page.one("#wrong pre").get_text().split("\n")
        assert (typed, caret.index("^")) == (where, at)
        assert (len(page.all("h1")), page.all("main script"), page.rows()) == (1, [], [])
        answer = room.browser.get(path, headers={"accept": "application/json"})
        assert (answer.status_code, answer.json()["error"], answer.json()["at"]) == (400, "bad_filter", at)

    def test_its_conditions_are_shown_and_each_can_be_dropped(self, room: Room) -> None:
        page = room.browser.page("/items/order?where=status:lost+attempt:1+-error:nothing")
        assert page.texts(".chips code") == ["status:lost", "attempt:1", "-error:nothing"]
        dropped = room.browser.page(str(page.all(".chips a")[0]["href"]))
        assert dropped.one("#where")["value"] == "attempt:1 -error:nothing"
        assert room.browser.page(str(dropped.all(".chips a")[0]["href"])).texts(".chips code") == ["-error:nothing"]

    def test_fields_statuses_and_reactions_are_suggested(self, room: Room) -> None:
        options = [str(one["value"]) for one in room.browser.page("/items/order").all("#terms option")]
        assert {"status:lost", "reaction:pack", "error:", "age:"} <= set(options)
        page = room.browser.page("/items/order?where=status:lost")
        assert "status:lost fingerprint:" in [str(one["value"]) for one in page.all("#terms option")]

    def test_columns_are_there_when_they_have_something_to_say(self, room: Room) -> None:
        assert not {"Due", "Tenant"} & set(room.browser.page("/items/order").texts("th"))
        order = Order.create(number=2)
        order.touch(after=timedelta(days=2))
        room.app.save(order)
        room.app.projections.catch_up()
        assert "Due" in room.browser.page("/items/order").texts("th")

    def test_what_an_error_says_is_text(self, room: Room) -> None:
        page = room.browser.page("/items/order?where=status:lost")
        assert (CROSS in page.text, page.all("main script")) == (True, [])

    def test_a_filter_cannot_widen_what_somebody_sees(self, room: Room) -> None:
        browser = near(Dashboard(room.app, access=Narrow()))
        for where in ("status:packed", "-status:lost", "status:lost,packed", "category:order status:packed"):
            rows = browser.page(f"/items/order?where={where}").rows()
            assert all("Lost" in row for row in rows)


class TestAFewAtOnce:
    """Rows that were ticked."""

    def test_they_are_restarted_each_by_its_actor_and_with_the_reason(self, room: Room) -> None:
        first, second, *rest = room.failed
        browser = near(Dashboard(room.app, access=Allowing("view", "items.defibrillate")))
        page = browser.submit("/items/order/defibrillate", id=[first, second], reason="again", where="status:lost")
        assert page.told == "2 restarted."
        assert page.one("#where")["value"] == "status:lost"
        assert room.statuses() == ["placed", "placed", *("lost" for _ in rest)]
        last = room.app.history(first)[-1]
        assert (last.header.actor, last.event.reason) == ("ann", "again")  # type: ignore[attr-defined]

    def test_they_are_cancelled(self, room: Room) -> None:
        page = room.browser.submit("/items/order/cancel", id=room.failed[:1])
        assert (page.told, room.statuses()[0]) == ("1 cancelled.", "gone")

    def test_those_that_cannot_be_are_left_and_the_reason_is_told(self, room: Room) -> None:
        [packed] = room.app.items.ids("status:packed", limit=1)
        told = room.browser.submit("/items/order/defibrillate", id=[packed, room.failed[0], uuid4()]).told
        assert told.startswith(f"1 restarted. 2 are left as before, {str(packed)[:8]}: ")
        assert room.app.get(Order, packed).version == 3

    @pytest.mark.parametrize("chosen", [[], ["nothing"], [CROSS]])
    def test_nothing_chosen_is_told(self, room: Room, chosen: list[str]) -> None:
        answer = room.browser.post("/items/order/defibrillate", data={"id": chosen})
        assert answer.status_code == 422
        assert CROSS not in answer.text

    def test_what_somebody_does_not_see_is_left_alone(self, room: Room) -> None:
        browser = near(Dashboard(room.app, access=Packed()))
        told = browser.submit("/items/order/defibrillate", id=room.failed[0]).told
        assert told.startswith("0 restarted. 1 is left as before")
        assert room.statuses()[0] == "lost"

    def test_who_may_not_has_no_boxes_and_is_refused(self, room: Room) -> None:
        browser = near(Dashboard(room.app, access=Allowing("view")))
        assert browser.page("/items/order").all("input[type=checkbox]") == []
        for action in ("defibrillate", "cancel"):
            assert browser.post(f"/items/order/{action}", data={"id": str(room.failed[0])}).status_code == 403
        assert set(room.statuses()) == {"lost"}


class TestManyAtOnce:
    """More than a page, or all that pass."""

    def test_all_that_pass_are_restarted_by_a_batch(self, room: Room) -> None:
        page = room.browser.submit(
            "/items/order/defibrillate",
            all="1",
            where="status:lost",
            reason="the boxes are here",
            canaries="1, 2",
            rate="50",
            limit="3",
        )
        batch = room.browser.facts(f"/batch/{page.one('h1 .id')['title']}")["batch"]
        assert page.told.startswith("A batch has begun, over 3 items")
        assert (batch["where"], batch["reason"], batch["total"]) == (
            "category:order status:lost",
            "the boxes are here",
            3,
        )
        assert (batch["canaries"], batch["rate"], batch["limit"]) == ([1, 2], 50.0, 3)

    def test_more_than_a_page_of_ticked_ones_is_a_batch_of_exactly_these(self, many: Room) -> None:
        told = many.browser.submit("/items/order/defibrillate", id=many.failed[:26]).told
        assert told.startswith("A batch has begun, over 26 items")
        moved(many.app)
        [batch] = many.browser.facts("/batches")["batches"]
        assert (batch["status"], batch["done"]) == ("finished", 26)
        assert many.statuses() == ["placed"] * 26 + ["lost"] * 4

    def test_more_than_a_page_is_not_cancelled_at_once(self, many: Room) -> None:
        answer = many.browser.post("/items/order/cancel", data={"all": "1", "where": "status:lost"})
        assert (answer.status_code, "At most 25" in answer.text) == (409, True)
        assert set(many.statuses()) == {"lost"}
        for where, told in ((f"id:{many.failed[0]}", "1 cancelled."), ("status:gone tenant:nobody", "0 cancelled.")):
            assert many.browser.submit("/items/order/cancel", all="1", where=where).told == told

    def test_a_batch_is_about_what_its_beginner_sees(self, room: Room) -> None:
        browser = near(Dashboard(room.app, access=Packed()))
        page = browser.submit("/items/order/defibrillate", all="1", where="status:lost")
        assert page.told.startswith("A batch has begun, over 0 items")
        assert page.one("h1").get_text() == "Order"  # batches are about the whole log

    @pytest.mark.parametrize(
        "field",
        [{"canaries": "one"}, {"canaries": "0"}, {"rate": "fast"}, {"rate": "-1"}, {"rate": "nan"}, {"limit": "1.5"}],
    )
    def test_numbers_that_are_none_are_told(self, many: Room, field: dict[str, str]) -> None:
        answer = many.browser.post("/items/order/defibrillate", data={"all": "1", **field})
        assert (answer.status_code, "above zero" in answer.text) == (422, True)

    def test_a_filter_that_cannot_be_read_begins_nothing(self, room: Room) -> None:
        answer = room.browser.post("/items/order/defibrillate", data={"all": "1", "where": "stats:lost"})
        assert (answer.status_code, "At character 1" in answer.text) == (400, True)
        assert room.browser.facts("/batches")["batches"] == []


class Packed(Narrow):
    """Shows what was packed."""

    def scope(self, person: object) -> str:
        """What was packed."""
        return "status:packed"


class TestOneItem:
    """Its past, and what is done to it."""

    @pytest.fixture(params=["before", "archived"])
    def lost(self, request: pytest.FixtureRequest, url: str, tmp_path: Path) -> Iterator[Room]:
        """An order that failed and was put into boxes at last; its bodies are here, or have left."""
        settings = Settings(database=url, broker="embedded://", objects=(tmp_path / "objects").as_uri())
        with Eventflow(settings, aggregates=[shop.Order], reactions=[shop.pack]) as app:
            order = shop.Order.create(customer="Ann")
            app.save(order)
            app.drain()
            if request.param == "archived":
                app.archive(older_than=timedelta(0))
            yield Room(app, near(Dashboard(app)), [order.id])

    def test_its_state_at_a_version_is_told_whatever_it_is_now(self, lost: Room) -> None:
        path = f"/item/{lost.failed[0]}"
        states = [lost.browser.facts(f"{path}?at={version}")["past"] for version in (1, 2, 3)]
        assert [one["status"] for one in states] == ["placed", "packing", "packed"]
        assert [one["fields"]["boxes"] for one in states] == [0, 0, 2]
        page = lost.browser.page(f"{path}?at=2")
        assert "State at version 2" in page
        assert "State at version 3" in page.follow(lost.browser, "Next")

    def test_two_versions_are_compared(self, lost: Room) -> None:
        path = f"/item/{lost.failed[0]}?diff=1..3"
        found = lost.browser.facts(path)["difference"]
        assert found["status"] == {"before": "placed", "after": "packed"}
        note = {"field": "note", "before": "", "after": "<script>alert('hello')</script>"}
        assert found["fields"] == [{"field": "boxes", "before": 0, "after": 2}, note]
        page = lost.browser.page(path)
        assert [row[0] for row in page.rows() if row[0] in ("boxes", "note")] == ["boxes", "note"]
        assert page.all("main script") == []
        assert lost.browser.facts(f"/item/{lost.failed[0]}?diff=2..2")["difference"]["fields"] == []

    @pytest.mark.parametrize("asked", ["at=0", "at=4", "at=x", "diff=1", "diff=1..9", "diff=0..1", "diff=a..b"])
    def test_versions_that_there_are_not_are_told(self, room: Room, asked: str) -> None:
        assert room.browser.get(f"/item/{room.failed[0]}?{asked}").status_code == 422

    def test_the_past_of_what_cannot_be_read_says_why(self, lost: Room) -> None:
        id = lost.failed[0]
        lost.app.archive(older_than=timedelta(0))
        for key in list(lost.app.objects.list()):
            lost.app.objects.delete(key)
        page = lost.browser.page(f"/item/{id}?at=2&diff=1..2")
        assert len([one for one in page.texts("section > .unreadable") if "Put the object back" in one]) == 2

    def test_how_long_it_stood_where_is_drawn_and_told(self, lost: Room) -> None:
        page = lost.browser.page(f"/item/{lost.failed[0]}")
        spans = lost.browser.facts(f"/item/{lost.failed[0]}")["spans"]
        assert [one["status"] for one in spans] == ["placed", "packing", "packed"]
        assert abs(sum(one["width"] for one in spans) - 1000) < 1
        assert spans[-1]["until"] is None
        assert len(page.all("#head svg rect")) == len(page.all("#head .twin tbody tr")) == 3

    def test_it_is_touched(self, room: Room) -> None:
        [packed] = room.app.items.ids("status:packed", limit=1)
        told = room.browser.submit(f"/item/{packed}/touch").told
        assert told == "It was announced once more as packed."
        assert room.app.history(packed)[-1].header.name == "order:touched"
        assert room.browser.post(f"/item/{packed}/wake").status_code == 409  # nothing was put aside

    def test_what_was_put_aside_is_woken(self, tmp_path: Path) -> None:
        with Eventflow(
            Settings(database=f"sqlite:///{tmp_path / 'log.db'}", broker="embedded://"),
            aggregates=[Order],
            reactions=[later],
        ) as app:
            order = Order.create(number=1)
            app.save(order)
            app.drain()
            browser = near(Dashboard(app))
            page = browser.page(f"/item/{order.id}")
            assert "Wake" in page.texts(".act summary")
            assert browser.submit(f"/item/{order.id}/wake").told == "It is due now."
            assert app.history(order.id)[-1].header.name == "order:woken"


@task(
    Order,
    on=OrderStatus.PLACED,
    processing=OrderStatus.PACKING,
    complete=OrderStatus.PACKED,
    failed=OrderStatus.LOST,
    retry=Retry(attempts=3, after=timedelta(days=1)),
)
def later(order: Order) -> None:
    """Fail, and be tried again tomorrow."""
    raise LookupError("not today")
