"""A shop that was open for a while, on either database, and browsers in front of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import NamedTuple
from uuid import UUID, uuid4

import pytest

from eventflow import Eventflow
from eventflow.dashboard import Dashboard
from eventflow.settings import Settings
from tests.dashboard.house import CHANNELS, COMMANDS, PROCESSES, Bind, Ink, Release, Sell, missing
from tests.dashboard.shop import Browser, Order, Parcel, pack


class Shop(NamedTuple):
    """The shop's application, an order that was packed and one that was lost."""

    app: Eventflow
    packed: UUID
    lost: UUID


class House(NamedTuple):
    """The printing house's application, an order, and runs of which each stands somewhere else."""

    app: Eventflow
    order: UUID
    good: UUID
    bad: UUID
    retrying: UUID
    waiting: UUID
    fanned: UUID
    held: UUID


Places = Callable[[], Settings]


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def places(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Places:
    """Where an application may be opened: each time somewhere new, in one of the databases."""
    server = request.getfixturevalue("postgres") if request.param == "postgres" else None

    def place() -> Settings:
        folder = tmp_path_factory.mktemp("place")
        dsn = f"sqlite:///{folder / 'log.db'}" if server is None else f"{server}?schema=place_{uuid4().hex}"
        return Settings(database=dsn, objects=(folder / "objects").as_uri())

    return place


@pytest.fixture(scope="module")
def shop(places: Places) -> Iterator[Shop]:
    """A shop with orders in several statuses; its tests do not change what others look at."""
    with opened(places()) as found:
        yield found


@pytest.fixture(scope="module")
def house(places: Places) -> Iterator[House]:
    """A printing house with runs in several statuses; its tests change only what they have begun themselves."""
    with at_work(places()) as found:
        yield found


@pytest.fixture(scope="module", params=["shop", "house"])
def somewhere(request: pytest.FixtureRequest, shop: Shop, house: House) -> Browser:
    """Somebody at the machine where one application or the other is shown."""
    return near(Dashboard((shop if request.param == "shop" else house).app))


@pytest.fixture(scope="module")
def browser(shop: Shop) -> Browser:
    """Somebody at the machine that the dashboard runs on."""
    return near(Dashboard(shop.app))


def near(dashboard: Dashboard) -> Browser:
    """A browser on the same machine."""
    return Browser(dashboard, base_url="http://localhost", client=("127.0.0.1", 50000))


@contextmanager
def opened(settings: Settings) -> Iterator[Shop]:
    """A shop with these settings, for a block."""
    with Eventflow(settings, aggregates=[Order, Parcel], reactions=[pack]) as app:
        orders = [Order.create(customer=name) for name in ("Ann", "Nobody")]
        app.save(*orders, actor="ann")
        app.drain()
        yield Shop(app, orders[0].id, orders[1].id)


@contextmanager
def at_work(settings: Settings) -> Iterator[House]:
    """A printing house with these settings, for a block."""
    with Eventflow(
        settings,
        aggregates=[Order, Parcel],
        reactions=[pack],
        processes=PROCESSES,
        commands=COMMANDS,
        channels=CHANNELS,
    ) as app:
        order = Order.create(customer="Ann")
        app.save(order, actor="ann")
        yield House(app, order.id, *_begun(app, order))


def _begun(app: Eventflow, order: Order) -> Iterator[UUID]:
    """Runs, one after the other, each as far as it comes; and commands, some of which fail."""
    for process, said in (
        (Release(title="Whales"), {"channel": "books", "subject": order, "reason": "the fair is near"}),
        (Release(title="broken vase"), {"channel": "books"}),
        (Ink(), {}),
        (Sell(), {"deadline": timedelta(days=3)}),
        (Bind(sheets=("a", "torn", "ccc")), {}),
        (Release(title="later"), {"channel": "books"}),
    ):
        yield app.processes.start(process, actor="ann", **said).id
        app.drain()
    app.run("import-invoices", "south", actor="ann")
    missing.add("north")
    for _ in range(2):
        with suppress(ValueError):
            app.run("import-invoices", "north", actor="ann")
    missing.clear()
    app.drain()
