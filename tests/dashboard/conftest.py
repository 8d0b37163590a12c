"""A shop that was open for a while, on either database, and browsers in front of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple
from uuid import UUID

import pytest

from eventflow import Eventflow
from eventflow.dashboard import Dashboard
from eventflow.settings import Settings
from tests.dashboard.shop import Browser, Order, Parcel, pack
from tests.services import fresh_database, fresh_schema


class Shop(NamedTuple):
    """The shop's application, an order that was packed and one that was lost."""

    app: Eventflow
    packed: UUID
    lost: UUID


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """A PostgreSQL database for the tests of a module."""
    with fresh_database() as dsn:
        yield dsn


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def shop(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """A shop with orders in several statuses; its tests do not change what others look at."""
    folder = tmp_path_factory.mktemp("shop")
    objects = (folder / "objects").as_uri()
    if request.param == "sqlite":
        with opened(Settings(database=f"sqlite:///{folder / 'log.db'}", objects=objects)) as found:
            yield found
        return
    with (
        fresh_schema(request.getfixturevalue("server")) as dsn,
        opened(Settings(database=dsn, objects=objects)) as found,
    ):
        yield found


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
