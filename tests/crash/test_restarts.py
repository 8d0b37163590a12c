"""RabbitMQ, Redis and PostgreSQL stopped, killed and emptied while work goes on: all ends, nothing twice, nothing lost.

The servers are real and of our own; so are the workers. What a proxy can do is in ``test_outages``.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from pathlib import Path
from uuid import uuid4

import pytest

from tests.crash import brokers
from tests.crash.histories import Histories
from tests.crash.program import Order, Program
from tests.peer import Answer, Peer
from tests.servers import PrivateRabbitMQ, PrivateRedis
from tests.services import RABBITMQ, PrivatePostgres
from tests.waiting import until
from tests.walks.library import Document, Status

SHARE = 350
"""Documents of each shop that come in at a time: more than its workers bring to their end in a moment."""

AWAY = 2.0
"""How long a server stays away at least, in seconds: longer than a lease."""

Blow = Callable[[], object]


class Servers:
    """Servers of our own. Holds those that were started."""

    def __init__(self, opened: ExitStack) -> None:
        with ThreadPoolExecutor(3) as together:
            rabbitmq, redis, postgres = (
                together.submit(opened.enter_context, one()) for one in (PrivateRabbitMQ, PrivateRedis, PrivatePostgres)
            )
        self.rabbitmq: PrivateRabbitMQ = rabbitmq.result()  # type: ignore[assignment]
        self.redis: PrivateRedis = redis.result()  # type: ignore[assignment]
        self.postgres: PrivatePostgres = postgres.result()  # type: ignore[assignment]


@pytest.fixture(scope="module")
def servers() -> Iterator[Servers]:
    """RabbitMQ, Redis and PostgreSQL, nobody else's."""
    with ExitStack() as opened:
        yield Servers(opened)


class Shop:
    """One log with its broker, two workers and the documents they are to bring to their end. Holds all of them."""

    def __init__(self, opened: ExitStack, database: str, broker: str, folder: Path) -> None:
        name = f"restarts_{uuid4().hex[:10]}"
        self._peer = Peer(lambda asked: Answer(body={"url": asked.key}))
        opened.callback(self._peer.close)
        self.order = Order(f"{database}?schema={name}", f"{broker}?namespace={name}", self._peer.url, folder / name)
        self.items = 0
        self.histories = Histories(opened.enter_context(closing(self.order.application())))
        self.workers = [Program(self.order) for _ in range(2)]
        for worker in self.workers:
            opened.callback(worker.close)
            worker.begun()

    def open(self) -> None:
        """Let some documents in."""
        self.histories.app.save(*(Document.create(title=f"easy {number}") for number in range(SHARE)))
        self.items += SHARE

    def is_at_work(self) -> bool:
        """Whether half of what came in has ended."""
        return self.histories.ended() >= self.items / 2

    def check(self) -> None:
        """Every document has ended well, once."""
        until(lambda: self.histories.ended() == self.items, "every document has ended")
        assert all(worker.runs for worker in self.workers)
        assert self.histories.statuses() == {Status.COMPLETE: self.items}
        self.histories.check(self._peer)


@pytest.fixture
def opened() -> Iterator[ExitStack]:
    with ExitStack() as opened:
        yield opened


def strike(shops: Sequence[Shop], *blows: Blow) -> None:
    """Each blow falls in the middle of work: when some of it was done, and a moment after more came in."""
    for shop in shops:
        shop.open()
    for blow in blows:
        for shop in shops:
            until(shop.is_at_work, "work is going on")
        for shop in shops:
            shop.open()
        blow()
    for shop in shops:
        shop.check()


def a_while() -> None:
    threading.Event().wait(AWAY)


def in_turn(*steps: Blow) -> Blow:
    return lambda: [step() for step in steps]


def test_brokers_stopped_killed_and_flushed_in_the_middle_lose_nothing(
    servers: Servers, opened: ExitStack, tmp_path: Path, postgres: str
) -> None:
    rabbitmq, redis = servers.rabbitmq, servers.redis
    shops = [Shop(opened, postgres, broker, tmp_path) for broker in (rabbitmq.url, redis.url)]
    stopped = in_turn(redis.flush, rabbitmq.stop, rabbitmq.start, redis.flush)
    killed = in_turn(redis.kill, rabbitmq.kill, rabbitmq.start, redis.start)

    strike(shops, stopped, killed)


def test_postgresql_stopped_and_crashed_in_the_middle_loses_nothing(
    servers: Servers, opened: ExitStack, tmp_path: Path
) -> None:
    shop = Shop(opened, servers.postgres.url, RABBITMQ, tmp_path)
    opened.callback(lambda: brokers.delete(shop.order.broker))
    server = servers.postgres
    blows = [in_turn(lambda mode=mode: server.stop(mode), a_while, server.start) for mode in ("fast", "immediate")]  # type: ignore[misc]

    strike([shop], *blows)


def test_everything_stopped_in_one_story_loses_nothing(servers: Servers, opened: ExitStack, tmp_path: Path) -> None:
    rabbitmq, redis, postgres = servers.rabbitmq, servers.redis, servers.postgres
    shops = [Shop(opened, postgres.url, broker, tmp_path) for broker in (rabbitmq.url, redis.url)]
    crashed = in_turn(redis.flush, rabbitmq.kill, lambda: postgres.stop("immediate"), rabbitmq.start, postgres.start)
    stopped = in_turn(lambda: postgres.restart("fast"), redis.kill, rabbitmq.stop, redis.start, rabbitmq.start)

    strike(shops, crashed, stopped)
