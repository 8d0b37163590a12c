"""Endpoint calls per second of one worker process against a peer that takes 200 ms, by threads and by coroutines.

Both run on PostgreSQL and RabbitMQ with everything that belongs to a call: the claim, the recorded request, the
recorded answer with its outcome. The peer is a process of its own that answers every call after 200 ms, however many
are open. So eight threads can at best make 40 calls a second; on the event loop 200 calls are open at a time.
The clock runs from the first call that arrives at the peer until another session sees every item complete.

    python -m tests.bench.endpoints [--quick] [--json]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import os
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from typing import Any

import psycopg

from eventflow.app import Eventflow
from eventflow.model.aggregate import Aggregate
from eventflow.model.event import Event
from eventflow.model.exchange import AsyncExchange, Exchange, Request
from eventflow.model.reaction import EndpointReaction, endpoint
from eventflow.settings import Settings
from tests.bench.items import a_namespace
from tests.services import RABBITMQ, fresh_database

SPAWN = multiprocessing.get_context("spawn")
THREADS = 8
PLACES = 200
TAKES = 0.2


class Status(StrEnum):
    """An article's life."""

    QUEUED = "queued"
    SENDING = "sending"
    COMPLETE = "complete"
    ERROR = "error"


class Published(Event):
    """The peer took it."""

    url: str


class Article(Aggregate[Status], category="article", initial=Status.QUEUED):
    """The item."""

    number: int
    url: str = ""


def by_threads(peer: str) -> EndpointReaction[Any, Any]:
    @endpoint(Article, on=Status.QUEUED, processing=Status.SENDING, complete=Status.COMPLETE, failed=Status.ERROR)
    def send(article: Article) -> Exchange[Published]:
        response = yield Request("POST", f"{peer}/articles", json={"number": article.number})
        return Published(url=response.json()["url"])

    return send


def by_coroutines(peer: str) -> EndpointReaction[Any, Any]:
    @endpoint(Article, on=Status.QUEUED, processing=Status.SENDING, complete=Status.COMPLETE, failed=Status.ERROR)
    async def send(article: Article) -> AsyncExchange[Published]:
        response = yield Request("POST", f"{peer}/articles", json={"number": article.number})
        yield Published(url=response.json()["url"])

    return send


WAYS = {"threads": by_threads, "async": by_coroutines}


def application(way: str, dsn: str, namespace: str, peer: str) -> Eventflow:
    broker = f"{RABBITMQ}?namespace={namespace}"
    settings = Settings(database=dsn, broker=broker, max_in_flight=100_000, threads=THREADS, async_concurrency=PLACES)
    return Eventflow(settings, aggregates=[Article], reactions=[WAYS[way](peer)])


# -- the processes -------------------------------------------------------------------------------


def answers(port: Any, first: Any) -> None:
    """The peer: HTTP in as few lines as it takes, so that it is not what is measured."""
    content = b'{"url": "u"}'
    answer = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(content) + content

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                if first.value == 0.0:
                    first.value = time.time()
                length = next(one for one in head.lower().split(b"\r\n") if one.startswith(b"content-length:"))
                await reader.readexactly(int(length.partition(b":")[2]))
                await asyncio.sleep(TAKES)
                writer.write(answer)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    async def listen() -> None:
        server = await asyncio.start_server(serve, "127.0.0.1", 0, backlog=1000)
        port.value = server.sockets[0].getsockname()[1]
        await server.serve_forever()

    asyncio.run(listen())


def works(way: str, dsn: str, namespace: str, peer: str, ready: Any, stop: Any) -> None:
    worker = application(way, dsn, namespace, peer).worker()
    ready.set()
    worker.start()
    stop.wait()
    os._exit(0)


@contextmanager
def a_peer() -> Iterator[tuple[str, Any]]:
    """Its address, and when it was called first."""
    port, first = SPAWN.Value("i", 0), SPAWN.Value("d", 0.0)
    process = SPAWN.Process(target=answers, args=(port, first), daemon=True)
    process.start()
    try:
        while port.value == 0:
            time.sleep(0.01)
        yield f"http://127.0.0.1:{port.value}", first
    finally:
        process.kill()
        process.join()


def calls(way: str, count: int) -> float:
    """Calls per second."""
    with fresh_database() as dsn, a_namespace() as namespace, a_peer() as (peer, first):
        with application(way, dsn, namespace, peer) as app:
            app.save(*(Article.create(number=number) for number in range(count)))
            app.relay()
            app.projections.catch_up()
        ready, stop = SPAWN.Event(), SPAWN.Event()
        process = SPAWN.Process(target=works, args=(way, dsn, namespace, peer, ready, stop), daemon=True)
        process.start()
        try:
            _until_complete(dsn, count, process)
            return count / float(time.time() - first.value)
        finally:
            stop.set()
            process.join(10)


def _until_complete(dsn: str, count: int, process: Any) -> None:
    counting = "SELECT count(*) FROM eventflow.events WHERE status = 'complete'"
    with psycopg.connect(dsn, autocommit=True) as connection:
        end = time.time() + 120
        while (done := connection.execute(counting).fetchone()[0]) < count:  # type: ignore[index]
            if time.time() > end or not process.is_alive():
                raise SystemExit(f"only {done} of {count} calls were made")
            time.sleep(0.02)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer rounds and calls; ends within 45 s")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    rounds, count = (1, 800) if options.quick else (3, 2000)
    rates: dict[str, list[float]] = {way: [] for way in WAYS}
    for _ in range(rounds):
        rates["threads"].append(calls("threads", count // 8))
        rates["async"].append(calls("async", count))
    medians = {way: statistics.median(some) for way, some in rates.items()}
    ratio = medians["async"] / medians["threads"]
    if options.json:
        print(json.dumps({"takes": TAKES, "rates": rates, "ratios": {"endpoints": round(ratio, 3)}}))
        return
    for way, rate in medians.items():
        print(f"{way:12} {rate:8.0f} calls/s   ({', '.join(f'{one:.0f}' for one in sorted(rates[way]))})")
    print(f"{'ratio':12} {ratio:8.2f}")


if __name__ == "__main__":
    main()
