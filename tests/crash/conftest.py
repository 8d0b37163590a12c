"""The engines of the crash tests, the peer, and workers that do not outlive their test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tests.cli.words import end_all
from tests.crash import brokers
from tests.crash.histories import Histories
from tests.crash.program import Order, Program
from tests.peer import Answer, Peer
from tests.services import RABBITMQ, REDIS

Start = Callable[..., Program]


@pytest.fixture(autouse=True)
def nothing_is_left() -> Iterator[None]:
    """What a test has begun ends with it, also when it failed."""
    yield
    end_all()


@pytest.fixture
def peer() -> Iterator[Peer]:
    """A real HTTP server that takes everything."""
    peer = Peer(lambda asked: Answer(body={"url": asked.key}))
    yield peer
    peer.close()


@pytest.fixture
def order(engines: str, peer: Peer, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Order]:
    """What the workers of this test are told; ``engines`` comes from the test."""
    diary = tmp_path / "diary"
    if engines == "sqlite":
        yield Order(f"sqlite:///{tmp_path / 'log.db'}", "embedded://", peer.url, diary)
        return
    name = f"crash_{uuid4().hex[:10]}"
    broker = {"rabbitmq": RABBITMQ, "redis": REDIS}[engines]
    postgres = request.getfixturevalue("postgres")
    with brokers.a_namespace(broker, name) as queues:
        yield Order(f"{postgres}?schema={name}", queues, peer.url, diary)


@pytest.fixture
def engines() -> str:
    """PostgreSQL with RabbitMQ, unless a test says otherwise."""
    return "rabbitmq"


@pytest.fixture
def histories(order: Order) -> Iterator[Histories]:
    """The log as the test sees it, through an application of its own that runs no worker."""
    with closing(order.application()) as app:
        yield Histories(app)


@pytest.fixture
def start(order: Order, histories: Histories) -> Iterator[Start]:
    """Starts workers, with changes to their order; what still runs in the end is killed."""
    with ExitStack() as started:

        def start(**changes: Any) -> Program:
            program = Program(type(order)(**{**order.__dict__, **changes}))
            started.callback(program.close)
            return program

        yield start
