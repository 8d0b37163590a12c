"""Events per second through a projection, beside the `eventsourcing` library's ProjectionRunner.

Both keep one row per stream in PostgreSQL, by an upsert, from the same story: ten events per stream, each with a new
status, 300 bytes of body. The library applies an event per transaction; here a batch is folded in memory and written
with one statement. Clocks run from the first event applied to the last, so that starting up counts for neither.

    python -m tests.bench.project [--quick] [--json]
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Sequence
from contextlib import closing
from enum import StrEnum
from threading import Event as Signal
from typing import Any
from urllib.parse import unquote, urlsplit
from uuid import UUID, uuid4

import psycopg
from eventsourcing.application import Application
from eventsourcing.domain import Aggregate as LibraryAggregate
from eventsourcing.domain import event
from eventsourcing.persistence import Tracking
from eventsourcing.postgres import PostgresTrackingRecorder
from eventsourcing.projection import Projection as LibraryProjection
from eventsourcing.projection import ProjectionRunner as LibraryRunner

from eventflow.model.aggregate import Aggregate
from eventflow.model.event import Event
from eventflow.model.recorded import NOWHERE, Draft, Phase
from eventflow.model.vocabulary import Vocabulary
from eventflow.store.database import Database, open_database
from eventflow.store.log import Append, Log, open_log
from eventflow_projections import Projection, Projections, standard
from eventflow_projections.current import Current
from tests.services import fresh_database

PER_STREAM = 10
STATUSES = ("queued", "processing", "written", "sending", "complete")
NOTE = "x" * 280


class Status(StrEnum):
    """A document's life."""

    QUEUED = "queued"
    PROCESSING = "processing"
    WRITTEN = "written"
    SENDING = "sending"
    COMPLETE = "complete"


class Moved(Event):
    """One step of the story."""

    note: str


class Document(Aggregate[Status], category="document", initial=Status.QUEUED, events=(Moved,)):
    """The item."""


def _status(number: int) -> str:
    return STATUSES[number % len(STATUSES)]


# The library.


class LibraryDocument(LibraryAggregate):
    """The item, as the library has it."""

    def __init__(self) -> None:
        self.status = "queued"

    @event("Moved")
    def move(self, status: str, note: str) -> None:
        """One step of the story."""
        self.status = status


class Shop(Application[UUID]):
    """The library's log."""


class View(PostgresTrackingRecorder):
    """One row per stream, written together with the tracking record."""

    UPSERT = """
        INSERT INTO bench_items (stream, status, version, position, updated_at) VALUES (%s, %s, %s, %s, %s)
            ON CONFLICT (stream) DO UPDATE
           SET status = excluded.status, version = excluded.version, position = excluded.position,
               updated_at = excluded.updated_at
    """

    def put(self, row: Sequence[Any], tracking: Tracking) -> None:
        """Write a row and where it came from."""
        with self.datastore.transaction(commit=True) as cursor:
            cursor.execute(self.UPSERT, row, prepare=True)
            self._insert_tracking(cursor, tracking)


class Watched(LibraryProjection[View]):
    """Keeps the view, and notes when the first and the last event were applied."""

    name = "watched"
    first: float
    last: float
    goal: int
    done: Signal

    def process_event(self, domain_event: Any, tracking: Tracking) -> None:
        """Apply one event."""
        stream, version = domain_event.originator_id, domain_event.originator_version
        status = getattr(domain_event, "status", "queued")
        position = tracking.notification_id
        if position == 1:
            Watched.first = time.perf_counter()
        self.view.put((stream, status, version, position, domain_event.timestamp), tracking)
        if position == self.goal:
            Watched.last = time.perf_counter()
            self.done.set()


def _environment(dsn: str) -> dict[str, str]:
    parts = urlsplit(dsn)
    return {
        "PERSISTENCE_MODULE": "eventsourcing.postgres",
        "POSTGRES_DBNAME": parts.path.lstrip("/"),
        "POSTGRES_HOST": parts.hostname or "127.0.0.1",
        "POSTGRES_PORT": str(parts.port or 5432),
        "POSTGRES_USER": unquote(parts.username or "postgres"),
        # The library insists on one; a server that trusts does not look at it.
        "POSTGRES_PASSWORD": unquote(parts.password or "unused"),
    }


def fill_library(dsn: str, events: int) -> None:
    """Write the story into the library's log."""
    with closing(Shop(_environment(dsn))) as shop:
        for _ in range(events // PER_STREAM // 50):
            documents = [LibraryDocument() for _ in range(50)]
            for document in documents:
                for number in range(1, PER_STREAM):
                    document.move(_status(number), NOTE)
            shop.save(*documents)


def library(dsn: str, events: int) -> float:
    """Events per second through the library's runner."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("DROP TABLE IF EXISTS bench_items, watched_tracking")
        connection.execute(
            "CREATE TABLE bench_items"
            " (stream uuid PRIMARY KEY, status text, version int, position bigint, updated_at timestamptz)"
        )
    Watched.goal, Watched.done = events, Signal()
    runner = LibraryRunner(application_class=Shop, projection_class=Watched, view_class=View, env=_environment(dsn))
    with runner:
        if not Watched.done.wait(120):
            raise SystemExit("The library's runner did not come to the end of its log.")
    return (events - 1) / (Watched.last - Watched.first)


# The same here.


def fill(log: Log, events: int) -> None:
    """Write the story into the log."""
    for _ in range(events // PER_STREAM // 50):
        log.append(*(Append(uuid4(), "document", NOWHERE, _story()) for _ in range(50)))


def _story() -> list[Draft]:
    return [
        Draft(
            event=Moved(note=NOTE),
            status=_status(number),
            previous=_status(number - 1) if number else None,
            phase=Phase.ANNOUNCED,
        )
        for number in range(PER_STREAM)
    ]


def ours(database: Database, log: Log, projections: Sequence[Projection], events: int) -> float:
    """Events per second through projections that begin at the first event."""
    together = Projections(database, log, projections)
    together.create()
    _start_again(database)
    began = time.perf_counter()
    applied = together.catch_up()
    took = time.perf_counter() - began
    if applied != events * len(projections):
        raise SystemExit(f"{applied} headers were applied, {events * len(projections)} were to be.")
    return events / took


def _start_again(database: Database) -> None:
    with database.transaction() as transaction:
        for number, tables in transaction.execute("SELECT number, tables FROM projections"):
            for table in tables.split():
                transaction.execute(f"TRUNCATE {table}__{number}")
        transaction.execute("UPDATE projections SET position = 0")


# Side by side.


def measure(rounds: int, library_events: int, events: int) -> dict[str, list[float]]:
    """Events per second of each contender, one figure per round; the rounds take turns."""
    found: dict[str, list[float]] = {"library": [], "current": [], "standard": []}
    with fresh_database() as dsn, closing(open_database(dsn)) as database:
        log = open_log(database, Vocabulary.of([Document], []))
        fill_library(dsn, library_events)
        fill(log, events)
        for _ in range(rounds):
            found["library"].append(library(dsn, library_events))
            found["current"].append(ours(database, log, [Current()], events))
            found["standard"].append(ours(database, log, standard(), events))
    return found


def report(found: dict[str, list[float]]) -> dict[str, Any]:
    """The medians and their ratios."""
    speed = {name: statistics.median(figures) for name, figures in found.items()}
    return {
        "events_per_second": {name: round(figure) for name, figure in speed.items()},
        "rounds": {name: [round(figure) for figure in figures] for name, figures in found.items()},
        "ratios": {
            "project": round(speed["current"] / speed["library"], 1),
            "project_standard": round(speed["standard"] / speed["library"], 1),
        },
    }


def _table(result: dict[str, Any]) -> str:
    speed, ratios = result["events_per_second"], result["ratios"]
    lines = [
        ("the library's ProjectionRunner", speed["library"], 1.0),
        ("current", speed["current"], ratios["project"]),
        ("current, history, metrics together", speed["standard"], ratios["project_standard"]),
    ]
    return "\n".join(f"{name:36} {figure:>10,} events/s {ratio:>7.1f} x" for name, figure, ratio in lines)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="end within 45 seconds")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    options = parser.parse_args()
    found = measure(3, 2_000, 20_000) if options.quick else measure(5, 10_000, 100_000)
    result = report(found)
    print(json.dumps(result) if options.json else _table(result))


if __name__ == "__main__":
    main()
