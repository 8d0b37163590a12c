"""The engines on which every walk is walked, and the peer that it talks to."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from eventflow.app import Eventflow
from eventflow.settings import Settings
from eventflow.testing import Clock
from tests.crash.brokers import a_namespace
from tests.peer import Peer
from tests.services import RABBITMQ, REDIS, fresh_schema

MakeApp = Callable[..., Eventflow]


@pytest.fixture(params=["sqlite-stub", "postgres-rabbitmq", "postgres-redis"])
def settings(request: pytest.FixtureRequest, tmp_path: Path, postgres: str) -> Iterator[Settings]:
    """One set of engines: embedded, or PostgreSQL with either broker."""
    objects = (tmp_path / "objects").as_uri()
    if request.param == "sqlite-stub":
        database = f"sqlite:///{tmp_path / 'log.db'}?synchronous=normal"
        yield Settings(database=database, broker="embedded://", objects=objects)
        return
    broker = RABBITMQ if request.param == "postgres-rabbitmq" else REDIS
    with fresh_schema(postgres) as dsn, a_namespace(broker) as queues:
        yield Settings(database=dsn, broker=queues, objects=objects)


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def lasting(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, postgres: str
) -> Iterator[Settings]:
    """One log for all tests of a module, on each database: each of them has names of its own."""
    if request.param == "sqlite":
        folder = tmp_path_factory.mktemp("lasting")
        yield Settings(database=f"sqlite:///{folder / 'log.db'}?synchronous=normal", snapshot_every=20)
        return
    with fresh_schema(postgres) as dsn:
        yield Settings(database=dsn, snapshot_every=20)


@pytest.fixture
def place(url: str) -> Settings:
    """A log that several applications open."""
    return Settings(database=url, broker="embedded://")


@pytest.fixture
def clock() -> Clock:
    """A clock that is turned by hand."""
    return Clock()


@pytest.fixture
def peer() -> Iterator[Peer]:
    """A real HTTP server."""
    peer = Peer()
    yield peer
    peer.close()


@pytest.fixture
def make_app(settings: Settings, clock: Clock) -> Iterator[MakeApp]:
    """Applications on the engines at hand; each is closed at the end."""
    with ExitStack() as opened:

        def make(**composition: Any) -> Eventflow:
            return opened.enter_context(Eventflow(settings, **{"clock": clock, **composition}))

        yield make
