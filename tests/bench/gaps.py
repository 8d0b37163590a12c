"""Does a follower see every event? Ours beside the two modes of the event sourcing library's recorder.

Eight processes append batches of 1 to 20 events, one follower reads by position; in the end the positions that are in
the table and that it never saw are counted. The library's default locks the table and skips nothing; with its database
functions it keeps the sequence without the lock, and a position that is committed late is passed by.

    python -m tests.bench.gaps [--quick] [--json]
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import random
import threading
import time
from collections.abc import Callable
from multiprocessing.synchronize import Event
from typing import Any
from uuid import uuid4

import psycopg
from eventsourcing.persistence import StoredEvent
from eventsourcing.postgres import PostgresFactory
from eventsourcing.utils import Environment
from psycopg.conninfo import conninfo_to_dict

from eventflow.store.database import open_database
from eventflow.store.recorder import Recorder
from tests.services import fresh_database

SPAWN = multiprocessing.get_context("spawn")
WRITERS = 8
MODES = ("library, default", "library, database functions", "eventflow")

Read = Callable[[int], list[int]]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="end within 45 seconds")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    arguments = parser.parse_args()
    seconds = 4.0 if arguments.quick else 12.0
    found = {mode: measure(mode, seconds) for mode in MODES}
    if arguments.json:
        ratios = {f"skipped_{mode.rpartition(' ')[2]}": result["skipped"] for mode, result in found.items()}
        print(json.dumps({"bench": "gaps", "seconds": seconds, "modes": found, "ratios": ratios}))
        return
    print(f"{'mode':<28}  {'events':>8}  {'events/s':>8}  {'seen':>8}  {'skipped':>7}  {'twice':>5}")
    for mode, result in found.items():
        print(
            f"{mode:<28}  {result['events']:>8,}  {result['events'] / seconds:>8,.0f}  {result['seen']:>8,}"
            f"  {result['skipped']:>7,}  {result['twice']:>5,}"
        )


def measure(mode: str, seconds: float) -> dict[str, int]:
    """What was written and what the follower saw of it."""
    with fresh_database("eventflow_bench") as url:
        table = prepare(mode, url)
        ready, go, stop = SPAWN.Semaphore(0), SPAWN.Event(), SPAWN.Event()
        writers = [SPAWN.Process(target=write, args=(mode, url, index, ready, go, stop)) for index in range(WRITERS)]
        for writer in writers:
            writer.start()
        for _ in writers:
            ready.acquire()
        seen: list[int] = []
        enough = threading.Event()
        follower = threading.Thread(target=follow, args=(mode, url, seen, enough))
        follower.start()
        go.set()
        time.sleep(seconds)
        stop.set()
        for writer in writers:
            writer.join()
        enough.set()
        follower.join()
        with psycopg.connect(url) as connection:
            there = {position for (position,) in connection.execute(table)}
    skipped, twice = len(there - set(seen)), len(seen) - len(set(seen))
    return {"events": len(there), "seen": len(seen), "skipped": skipped, "twice": twice}


def prepare(mode: str, url: str) -> Any:
    """Make the tables; says where the positions are."""
    if mode == "eventflow":
        open_database(url).close()
        return "SELECT position FROM eventflow.events"
    factory = library(url, mode, create=True)
    factory.application_recorder()
    factory.close()
    return "SELECT notification_id FROM bench_events"


def library(url: str, mode: str, *, create: bool = False) -> PostgresFactory:
    """The library's way into the database, in one of its modes."""
    known = conninfo_to_dict(url)
    settings = {
        "PERSISTENCE_MODULE": "eventsourcing.postgres",
        "POSTGRES_DBNAME": str(known["dbname"]),
        "POSTGRES_HOST": str(known.get("host", "127.0.0.1")),
        "POSTGRES_PORT": str(known.get("port", "5432")),
        "POSTGRES_USER": str(known.get("user", "postgres")),
        "POSTGRES_PASSWORD": str(known.get("password", "postgres")),
        "POSTGRES_ENABLE_DB_FUNCTIONS": "y" if "functions" in mode else "n",
        "CREATE_TABLE": "y" if create else "n",
    }
    return PostgresFactory(Environment("bench", settings))


def write(mode: str, url: str, index: int, ready: Any, go: Event, stop: Event) -> None:
    """Append batches until told to stop."""
    chance = random.Random(index)
    if mode == "eventflow":
        with open_database(url) as database:
            _write(database.recorder(), chance, ready, go, stop)
        return
    factory = library(url, mode)
    _write(factory.application_recorder(), chance, ready, go, stop)
    factory.close()


def _write(recorder: Any, chance: random.Random, ready: Any, go: Event, stop: Event) -> None:
    ready.release()
    go.wait()
    while not stop.is_set():
        stream, count = uuid4(), chance.choice((1, 1, 1, 2, 5, 20))
        recorder.insert_events([StoredEvent(stream, version + 1, "t", b"x" * 300) for version in range(count)])


def follow(mode: str, url: str, seen: list[int], enough: threading.Event) -> None:
    """Read by position until told to stop and nothing is left."""
    if mode == "eventflow":
        with open_database(url) as database:
            recorder: Recorder = database.recorder()
            _follow(lambda after: [header.position for header in recorder.tail(after, 500)], seen, enough)
        return
    factory = library(url, mode)
    theirs = factory.application_recorder()
    _follow(
        lambda after: [one.id for one in theirs.select_notifications(after, 500, inclusive_of_start=False)],
        seen,
        enough,
    )
    factory.close()


def _follow(read: Read, seen: list[int], enough: threading.Event) -> None:
    checkpoint = 0
    while True:
        last_round = enough.is_set()
        found = read(checkpoint)
        seen.extend(found)
        if found:
            checkpoint = found[-1]
        elif last_round:
            return


if __name__ == "__main__":
    main()
