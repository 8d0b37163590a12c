"""What stays in the database is not looked at every minute, and what becomes old is found all the same."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from random import Random
from typing import Any
from uuid import uuid4

import pytest

from eventflow.runtime.archiving.ages import Ages
from eventflow.runtime.archiving.compress import Compressor, Errand
from eventflow.runtime.archiving.floor import AGAIN, Floor
from eventflow.store.archive.hot import Hot, Standing
from eventflow.store.archive.selection import Selection
from tests.archive.words import Invoice, Order, Shop

ORDERS_STAY = Errand(ages=Ages(timedelta(minutes=10), {"order": None}))
ORDERS_STAY_LONGER = Errand(ages=Ages(timedelta(minutes=10), {"order": timedelta(minutes=50)}))


@pytest.fixture
def looked_at(monkeypatch: pytest.MonkeyPatch) -> list[Standing]:
    """Every body that somebody looked at."""
    seen: list[Standing] = []
    bodies = Hot.bodies

    def watched(hot: Hot, *said: Any, **more: Any) -> Iterator[Standing]:
        for one in bodies(hot, *said, **more):
            seen.append(one)
            yield one

    monkeypatch.setattr(Hot, "bodies", watched)
    return seen


def left(compressor: Compressor, errand: Errand, floor: Floor) -> int:
    """How many bodies a look finds."""
    return sum(one.events for one in compressor.run(errand, floor=floor))


def test_what_stays_for_good_is_looked_at_once_an_hour(shop: Shop, looked_at: list[Standing]) -> None:
    shop.orders(3)
    shop.order(kind=Invoice)
    shop.clock.forward(minutes=20)
    compressor, floor = shop.compressor(), Floor()

    assert left(compressor, ORDERS_STAY, floor) == 3
    looked_at.clear()
    shop.order(kind=Invoice)
    shop.clock.forward(minutes=20)

    assert left(compressor, ORDERS_STAY, floor) == 3
    assert not [one for one in looked_at if one.category == "order"]
    shop.clock.forward(seconds=AGAIN.total_seconds())
    assert left(compressor, ORDERS_STAY, floor) == 0
    assert len([one for one in looked_at if one.category == "order"]) == 9


@pytest.mark.parametrize("errand", [ORDERS_STAY, ORDERS_STAY_LONGER], ids=["for good", "longer"])
def test_whoever_remembers_finds_what_others_find(shop: Shop, errand: Errand) -> None:
    chance, compressor, floor = Random(7), shop.compressor(many=8), Floor()
    kinds: list[type[Order | Invoice]] = [Order, Invoice]

    for _ in range(12):
        for kind in chance.choices(kinds, k=chance.randint(0, 3)):
            shop.order(chance.randint(0, 2), kind=kind)
        shop.clock.forward(minutes=chance.randint(1, 20))
        ready = compressor.ready(errand).events

        assert left(compressor, errand, floor) == ready
        assert compressor.ready(errand) == (0, 0, 0)


def test_a_range_that_was_given_up_is_found_within_the_hour(shop: Shop) -> None:
    stream, floor = shop.order(kind=Invoice), Floor()
    shop.order()
    shop.clock.forward(minutes=20)
    other, mine = shop.compressor(), shop.compressor()
    [body, *_] = shop.hot.bodies(0, 3, stream=stream)
    id = uuid4()
    assert other._catalogue.claim(
        id, "theirs", body.position, body.position + 2, lease=timedelta(minutes=5), actor=None, reason=None
    )
    assert left(mine, ORDERS_STAY, floor) == 0

    other._catalogue.retire(id)

    shop.clock.forward(seconds=AGAIN.total_seconds())
    assert left(mine, ORDERS_STAY, floor) == 3


def test_what_is_ready_is_counted_for_each_category_by_its_own_age(shop: Shop) -> None:
    orders, invoice = shop.orders(2), shop.order(kind=Invoice)
    shop.clock.forward(minutes=20)
    compressor = shop.compressor()

    def ready(ages: Ages, **chosen: Any) -> tuple[int, int]:
        return compressor.ready(Errand(Selection(**chosen), ages))[:2]

    minutes = {name: timedelta(minutes=name) for name in (10, 30)}
    assert ready(Ages(minutes[10])) == (9, 3)
    assert ready(Ages(minutes[10], {"order": minutes[30]})) == (3, 1)
    assert ready(Ages(minutes[30], {"order": minutes[10]})) == (6, 2)
    assert ready(Ages(minutes[10], {"order": None}), category="order") == (0, 0)
    assert ready(Ages(minutes[10]), category="eventflow_archive") == (0, 0)
    assert ready(Ages(minutes[10]), stream=orders[0]) == (3, 1)
    assert ready(Ages(minutes[10], {"order": minutes[30]}), stream=invoice) == (3, 1)
    assert ready(Ages(minutes[10]), lo=2, hi=4) == (3, 2)
