"""Items per second through one trivial task, beside a hand-written actor that keeps a status row and a history row.

Both run on PostgreSQL and RabbitMQ, in one worker process with eight threads; both have their work in the queue
and their read side up to date before the clock starts, which runs from the first task's start until another session
sees every item complete.
The baseline keeps no log, no leases and no promise of once; what the difference buys is in the README.

    python -m tests.bench.items [--quick] [--json]
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from typing import Any
from uuid import uuid4

import dramatiq
import psycopg
from dramatiq.brokers.rabbitmq import RabbitmqBroker
from psycopg_pool import ConnectionPool

from eventflow.app import Eventflow
from eventflow.model.aggregate import Aggregate
from eventflow.model.event import Event
from eventflow.model.reaction import task
from eventflow.settings import Settings
from tests.crash.brokers import delete
from tests.services import RABBITMQ, fresh_database

SPAWN = multiprocessing.get_context("spawn")
THREADS = 8


class Status(StrEnum):
    """A document's life."""

    QUEUED = "queued"
    PROCESSING = "processing"
    COMPLETE = "complete"
    ERROR = "error"


class Written(Event):
    """The task's result: 300 bytes."""

    content: str


class Document(Aggregate[Status], category="document", initial=Status.QUEUED):
    """The item."""

    number: int
    content: str = ""


def result(number: int) -> str:
    """300 bytes, different for every item."""
    head = f"{number}:"
    return head + "r" * (300 - len(head))


def application(dsn: str, namespace: str, begin: Callable[[], None]) -> Eventflow:
    """Ours."""

    @task(Document, on=Status.QUEUED, processing=Status.PROCESSING, complete=Status.COMPLETE, failed=Status.ERROR)
    def write(document: Document) -> Written:
        begin()
        return Written(content=result(document.number))

    broker = f"{RABBITMQ}?namespace={namespace}"
    settings = Settings(database=dsn, broker=broker, max_in_flight=100_000, threads=THREADS)
    return Eventflow(settings, aggregates=[Document], reactions=[write])


class Baseline:
    """Theirs: an actor, a status row, a history row, nothing else."""

    SCHEMA = """
        CREATE TABLE doc (id bigint PRIMARY KEY, status text NOT NULL, result text,
                          created timestamptz NOT NULL DEFAULT now(), updated timestamptz NOT NULL DEFAULT now());
        CREATE TABLE doc_history (id bigserial PRIMARY KEY, doc bigint NOT NULL, status text NOT NULL,
                                  at timestamptz NOT NULL DEFAULT now(), data text);
        CREATE INDEX ON doc_history (doc, id)
    """
    INSERT = """
        WITH u AS (INSERT INTO doc (id, status) VALUES (%(i)s, %(s)s))
        INSERT INTO doc_history (doc, status, data) VALUES (%(i)s, %(s)s, %(r)s)
    """
    UPDATE = """
        WITH u AS (UPDATE doc SET status = %(s)s, result = coalesce(%(r)s, result), updated = now() WHERE id = %(i)s)
        INSERT INTO doc_history (doc, status, data) VALUES (%(i)s, %(s)s, %(r)s)
    """

    def __init__(self, dsn: str, namespace: str, begin: Callable[[], None], connections: int) -> None:
        self.pool = ConnectionPool(
            dsn, min_size=connections, max_size=connections, kwargs={"autocommit": True}, open=True
        )
        self.broker = RabbitmqBroker(url=RABBITMQ)
        self.begin = begin
        self.actor = dramatiq.Actor(
            self.work, broker=self.broker, actor_name="doc", queue_name=f"{namespace}.default", priority=0, options={}
        )

    def put(self, statement: str, number: int, status: str, content: str | None = None) -> None:
        with self.pool.connection() as connection:
            connection.execute(statement, {"i": number, "s": status, "r": content})

    def submit(self, count: int) -> None:
        for number in range(count):
            self.put(self.INSERT, number, "queued")
            self.actor.send(number)

    def work(self, number: int) -> None:
        self.begin()
        self.put(self.UPDATE, number, "processing")
        self.put(self.UPDATE, number, "complete", result(number))


# -- the worker processes ------------------------------------------------------------------------


def stamp(started: Any) -> Callable[[], None]:
    """Writes down when the first task of all began."""

    def begin() -> None:
        if started.value == 0.0:
            with started.get_lock():
                started.value = started.value or time.time()

    return begin


def our_worker(dsn: str, namespace: str, started: Any, ready: Any, stop: Any) -> None:
    worker = application(dsn, namespace, stamp(started)).worker()
    ready.set()
    worker.start()
    stop.wait()
    os._exit(0)


def their_worker(dsn: str, namespace: str, started: Any, ready: Any, stop: Any) -> None:
    baseline = Baseline(dsn, namespace, stamp(started), THREADS)
    baseline.pool.wait()
    ready.set()
    dramatiq.Worker(baseline.broker, worker_threads=THREADS).start()
    stop.wait()
    os._exit(0)


def drained(target: Callable[..., None], dsn: str, namespace: str, count: int, counting: str) -> float:
    """Items per second from the first task's start until all are seen complete."""
    started, ready, stop = SPAWN.Value("d", 0.0), SPAWN.Event(), SPAWN.Event()
    process = SPAWN.Process(target=target, args=(dsn, namespace, started, ready, stop), daemon=True)
    process.start()
    try:
        with psycopg.connect(dsn, autocommit=True) as connection:
            end = time.time() + 120
            while (done := connection.execute(counting).fetchone()[0]) < count:  # type: ignore[index]
                if time.time() > end or not process.is_alive():
                    raise SystemExit(f"only {done} of {count} items were completed")
                time.sleep(0.02)
            return count / float(time.time() - started.value)
    finally:
        stop.set()
        process.join(10)


# -- the two sides -------------------------------------------------------------------------------


@contextmanager
def a_namespace() -> Iterator[str]:
    """A prefix for queues, which are deleted at the end."""
    namespace = f"bench-{uuid4().hex[:8]}"
    yield namespace
    delete(f"{RABBITMQ}?namespace={namespace}")


def ours(count: int) -> float:
    with fresh_database() as dsn, a_namespace() as namespace:
        with application(dsn, namespace, lambda: None) as app:
            documents = [Document.create(number=number) for number in range(count)]
            for start in range(0, count, 500):
                app.save(*documents[start : start + 500])
            app.relay()
            app.projections.catch_up()
        return drained(
            our_worker, dsn, namespace, count, "SELECT count(*) FROM eventflow.events WHERE status = 'complete'"
        )


def theirs(count: int) -> float:
    with fresh_database() as dsn, a_namespace() as namespace:
        with psycopg.connect(dsn, autocommit=True) as connection:
            connection.execute(Baseline.SCHEMA)
        baseline = Baseline(dsn, namespace, lambda: None, 1)
        baseline.submit(count)
        baseline.pool.close()
        baseline.broker.close()
        return drained(their_worker, dsn, namespace, count, "SELECT count(*) FROM doc WHERE status = 'complete'")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer rounds; ends within 45 s")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--items", type=int, default=2000)
    options = parser.parse_args()
    rounds = 2 if options.quick else 5
    rates: dict[str, list[float]] = {"eventflow": [], "baseline": []}
    for _ in range(rounds):
        rates["baseline"].append(theirs(options.items))
        rates["eventflow"].append(ours(options.items))
    medians = {side: statistics.median(some) for side, some in rates.items()}
    ratio = medians["eventflow"] / medians["baseline"]
    if options.json:
        print(json.dumps({"items": options.items, "rates": rates, "ratios": {"items": round(ratio, 3)}}))
        return
    for side, rate in medians.items():
        print(f"{side:12} {rate:8.0f} items/s   ({', '.join(f'{one:.0f}' for one in sorted(rates[side]))})")
    print(f"{'ratio':12} {ratio:8.2f}")


if __name__ == "__main__":
    main()
