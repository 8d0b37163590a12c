"""Appends per second through the public log, beside the default recorder of the event sourcing library.

Both write events of about 300 bytes, one per append, into the same PostgreSQL from the threads of one process. Ours
does the whole of it (names, packing, digest, hash chain, header columns); theirs is handed finished bytes. The two take
turns, and the median of the rounds counts.

    python -m tests.bench.append [--quick] [--json]
"""

from __future__ import annotations

import argparse
import json
import statistics
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from enum import StrEnum
from uuid import UUID, uuid4

from eventsourcing.persistence import StoredEvent
from eventsourcing.postgres import PostgresFactory
from eventsourcing.utils import Environment
from psycopg.conninfo import conninfo_to_dict

from eventflow.model.aggregate import Aggregate
from eventflow.model.event import Event
from eventflow.model.recorded import NOWHERE, Context, Draft, Head, Phase
from eventflow.model.vocabulary import Vocabulary
from eventflow.store.database import open_database
from eventflow.store.log import Append, Log, open_log
from tests.services import fresh_database

WRITERS = (1, 4, 8, 16)
STREAMS = 100

Operation = Callable[[], object]


class Status(StrEnum):
    """Where a document stands."""

    WRITTEN = "written"


class Written(Event):
    """About 300 bytes when packed."""

    content: str
    author: str
    pages: int
    document: UUID


class Document(Aggregate[Status], category="document", initial=Status.WRITTEN, events=(Written,)):
    """What the events are about."""

    content: str = ""


CONTENT = "".join(chr(97 + (i * 7919) % 26) for i in range(230))
"""Too short to be compressed, like most events."""


def ours(log: Log) -> Operation:
    """Append to a hundred streams in turn."""
    heads: dict[UUID, Head] = {uuid4(): NOWHERE for _ in range(STREAMS)}
    streams, turn = list(heads), iter(range(10**9))
    context = Context(correlation=uuid4(), causation=1, actor="bench")

    def append() -> None:
        number = next(turn)
        stream = streams[number % STREAMS]
        event = Written(content=CONTENT, author="somebody", pages=number, document=stream)
        draft = Draft(event=event, status="written", previous="written", phase=Phase.ANNOUNCED)
        (header,) = log.append(Append(stream, "document", heads[stream], (draft,), context))
        heads[stream] = Head(header.version, header.hash)

    return append


def theirs(factory: PostgresFactory) -> Callable[[], Operation]:
    """The same with the library's recorder."""
    recorder = factory.application_recorder()
    state = b"x" * 300

    def begin() -> Operation:
        versions = {uuid4(): 0 for _ in range(STREAMS)}
        streams, turn = list(versions), iter(range(10**9))

        def append() -> None:
            stream = streams[next(turn) % STREAMS]
            versions[stream] += 1
            recorder.insert_events([StoredEvent(stream, versions[stream], "tests.bench:Document.Written", state)])

        return append

    return begin


def rate(begin: Callable[[], Operation], writers: int, seconds: float) -> float:
    """Operations per second of ``writers`` threads."""
    counts, stop, errors = [0] * writers, threading.Event(), []
    ready = threading.Barrier(writers + 1)

    def work(index: int, operation: Operation) -> None:
        try:
            for _ in range(5):
                operation()
            ready.wait()
            while not stop.is_set():
                operation()
                counts[index] += 1
        except Exception as error:  # noqa: BLE001 - raised again in the main thread
            errors.append(error)
            ready.abort()

    threads = [threading.Thread(target=work, args=(index, begin())) for index in range(writers)]
    for thread in threads:
        thread.start()
    ready.wait()
    begun, before = time.perf_counter(), sum(counts)
    stop.wait(seconds)
    took, done = time.perf_counter() - begun, sum(counts) - before
    stop.set()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
    return done / took


def factory_for(url: str, writers: int) -> PostgresFactory:
    """The library's own way into the database, with a connection for each writer."""
    known = conninfo_to_dict(url)
    settings = {
        "PERSISTENCE_MODULE": "eventsourcing.postgres",
        "POSTGRES_DBNAME": str(known["dbname"]),
        "POSTGRES_HOST": str(known.get("host", "127.0.0.1")),
        "POSTGRES_PORT": str(known.get("port", "5432")),
        "POSTGRES_USER": str(known.get("user", "postgres")),
        "POSTGRES_PASSWORD": str(known.get("password", "postgres")),
        "POSTGRES_POOL_SIZE": str(writers),
        "POSTGRES_MAX_OVERFLOW": "2",
    }
    return PostgresFactory(Environment("bench", settings))


def measure(rounds: int, seconds: float) -> dict[int, tuple[float, float]]:
    """Appends per second of the library and of ours, by the number of threads."""
    found: dict[int, tuple[list[float], list[float]]] = {writers: ([], []) for writers in WRITERS}
    with ExitStack() as stack:
        url = stack.enter_context(fresh_database("eventflow_bench"))
        database = stack.enter_context(open_database(url))
        log = open_log(database, Vocabulary.of([Document]))
        library = factory_for(url, max(WRITERS))
        stack.callback(library.close)
        other = theirs(library)
        for _ in range(rounds):
            for writers in WRITERS:
                found[writers][0].append(rate(other, writers, seconds))
                found[writers][1].append(rate(lambda: ours(log), writers, seconds))
    return {writers: (statistics.median(a), statistics.median(b)) for writers, (a, b) in found.items()}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="end within 45 seconds")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    arguments = parser.parse_args()
    rounds, seconds = (3, 1.2) if arguments.quick else (7, 2.5)
    found = measure(rounds, seconds)
    ratios = {f"append_{writers}": round(b / a, 2) for writers, (a, b) in found.items()}
    if arguments.json:
        rates = {str(writers): {"library": round(a), "eventflow": round(b)} for writers, (a, b) in found.items()}
        print(json.dumps({"bench": "append", "rounds": rounds, "seconds": seconds, "rates": rates, "ratios": ratios}))
        return
    print(f"{'threads':>7}  {'library/s':>9}  {'eventflow/s':>11}  {'ratio':>5}")
    for writers, (a, b) in found.items():
        print(f"{writers:>7}  {a:>9,.0f}  {b:>11,.0f}  {b / a:>4.1f}×")


if __name__ == "__main__":
    main()
