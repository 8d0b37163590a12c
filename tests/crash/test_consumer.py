"""The RabbitMQ consumer: what is done is acknowledged, and a queue that was deleted is listened to again."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from uuid import uuid4

import pytest

from eventflow.runtime import consumer
from eventflow.runtime.broker import Broker
from eventflow.runtime.job import Job
from tests.crash import brokers
from tests.services import RABBITMQ
from tests.waiting import until


@pytest.fixture
def url() -> Iterator[str]:
    with brokers.a_namespace(RABBITMQ) as url:
        yield url


def jobs(count: int) -> list[Job]:
    return [Job("draft", uuid4(), 1, 1, number) for number in range(count)]


def test_what_is_done_is_acknowledged_though_a_neighbour_is_slow(url: str) -> None:
    broker, release = Broker(url, ["default"]), threading.Event()
    done: list[Job] = []
    first, *others = jobs(30)

    def handle(job: Job) -> None:
        if job == first:
            release.wait()
        done.append(job)

    broker.send("default", [first, *others])
    broker.start(handle, threads=2)  # of four messages that RabbitMQ hands out at a time, the slow one keeps one
    until(lambda: len(done) == 29, "the others are done")
    release.set()
    until(lambda: len(done) == 30, "all are done")
    broker.stop(5)

    assert broker.depth("default") == 0
    broker.close()


def test_a_stop_says_what_was_done_and_gives_back_what_was_not(url: str) -> None:
    broker, release = Broker(url, ["default"]), threading.Event()
    done: list[Job] = []

    def handle(job: Job) -> None:
        if len(done) == 3:
            release.wait()
        done.append(job)

    broker.send("default", jobs(20))
    broker.start(handle, threads=1)
    until(lambda: len(done) == 3, "three are done")
    stopping = threading.Thread(target=broker.stop, args=(5,))
    stopping.start()
    release.set()
    stopping.join()

    assert broker.depth("default") + len(done) == 20
    broker.close()


def test_a_consumer_that_rabbitmq_has_forgotten_listens_again(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consumer, "SILENCE", 0.1)
    broker = Broker(url, ["default"])
    done: list[Job] = []
    broker.start(done.append, threads=1)
    broker.send("default", jobs(1))
    until(lambda: len(done) == 1, "the consumer listens")

    brokers.delete(url)
    other = Broker(url, ["default"])
    other.depth("default")  # declares it
    other.send("default", jobs(1))

    until(lambda: len(done) == 2, "the consumer listens again")
    broker.stop(5)
    broker.close()
    other.close()
