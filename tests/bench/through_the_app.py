"""Archiving through an application: appended by it, compressed by it, the room given back by it.

Each step is a process of its own, so that its peak of memory is its own: ``fill`` appends the corpus, ``compress`` lets
every body leave, ``tidy`` gives the room back to the disk. Bytes are those of all tables and indexes on PostgreSQL and
of the files on SQLite, whose write-ahead log is brought into them when a step ends.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from enum import StrEnum
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psycopg

from eventflow.app import Eventflow
from eventflow.model.aggregate import Aggregate
from eventflow.model.event import Event
from eventflow.model.recorded import Kind
from eventflow.settings import Settings
from tests.bench.corpus import Corpus, Fact
from tests.services import fresh_database

MIB = 1024 * 1024

TOGETHER = 100
"""Streams that are appended at a time."""


class Status(StrEnum):
    """All there is."""

    OPEN = "open"


class Said(Event):
    """Whatever was said."""

    said: dict[str, Any]


class Document(Aggregate[Status], category="document", initial=Status.OPEN, events=(Said,)):
    """What it is about; it keeps nothing of what is said."""


def through_the_app(events: int, *databases: str) -> dict[str, Any]:
    """What so many events come to on ``sqlite`` and ``postgresql``."""
    return {name: _on(name, events) for name in databases}


def in_words(found: dict[str, Any]) -> str:
    """The figures for people."""
    lines = []
    for name, one in found.items():
        archive, disk = one["archive"], one["database_mib"]
        lines.append(
            f"{name:>20}  {one['events']:,} events archived through the application, {archive['events_per_second']:,} a"
            f" second, in {archive['objects']} objects, with {archive['peak_mib']} MiB of memory at most"
        )
        lines.append(
            f"{'':>20}  its database: {disk['before']} MiB, {disk['after']} MiB when they had left,"
            f" {disk['given_back']} MiB when room was given back"
        )
    return "\n".join(lines)


def _on(name: str, events: int) -> dict[str, Any]:
    with TemporaryDirectory() as folder, _address(name, Path(folder)) as database:
        objects = (Path(folder) / "objects").as_uri()
        filled = _step("fill", database, objects, events)
        before = _bytes(database)
        compressed = _step("compress", database, objects)
        after = _bytes(database)
        tidied = _step("tidy", database, objects)
        return {
            "events": compressed["events"],
            "append": {
                "events_per_second": round(filled["events"] / filled["seconds"]),
                "peak_mib": filled["peak_mib"],
            },
            "archive": {
                "events_per_second": round(compressed["events"] / compressed["seconds"]),
                "events_per_cpu_second": round(compressed["events"] / compressed["cpu"]),
                "peak_mib": compressed["peak_mib"],
                "objects": compressed["objects"],
                "objects_per_10000": round(compressed["objects"] / compressed["events"] * 10_000, 2),
                "object_mib": round(compressed["size"] / MIB, 1),
            },
            "database_mib": {"before": before, "after": after, "given_back": _bytes(database)},
            "give_back_seconds": tidied["seconds"],
        }


@contextmanager
def _address(name: str, folder: Path) -> Iterator[str]:
    if name == "sqlite":
        yield f"sqlite:///{folder}/log.db"
        return
    with fresh_database("eventflow_bench") as url:
        yield url


def _bytes(database: str) -> float:
    """MiB on the disk."""
    if database.startswith("sqlite"):
        file = Path(database.removeprefix("sqlite:///"))
        return round(sum(one.stat().st_size for one in file.parent.glob(f"{file.name}*")) / MIB, 1)
    with psycopg.connect(database) as connection:
        found = connection.execute("SELECT sum(pg_total_relation_size(relid)) FROM pg_stat_user_tables").fetchone()
    assert found is not None
    return round(int(found[0]) / MIB, 1)


# -- the steps


def fill(app: Eventflow, events: int) -> dict[str, int]:
    """Append the corpus."""
    made = 0
    for some in _some(Corpus().stories(events), TOGETHER):
        documents = []
        for facts in some:
            documents.append(document := Document.create())
            for fact in facts:
                document.record(Said(said=fact.body), kind=Kind(fact.kind) if fact.kind else None)
            made += len(facts) + 1
        app.save(*documents)
    return {"events": made}


def _some(stories: Iterator[list[Fact]], count: int) -> Iterator[list[list[Fact]]]:
    while some := list(islice(stories, count)):
        yield some


def compress(app: Eventflow, events: int) -> dict[str, int]:
    """Let everything leave."""
    done = app.archive(older_than=timedelta(0), reason="a benchmark")
    return {"events": sum(one.events for one in done), "objects": len(done), "size": sum(one.size for one in done)}


def tidy(app: Eventflow, events: int) -> dict[str, int]:
    """Give the room back to the disk."""
    before, after = app.archives.give_back()
    return {"before": before, "after": after}


STEPS: dict[str, Callable[[Eventflow, int], dict[str, int]]] = {"fill": fill, "compress": compress, "tidy": tidy}


def _step(name: str, database: str, objects: str, events: int = 0) -> dict[str, Any]:
    command = [sys.executable, "-m", "tests.bench.through_the_app", name, database, objects, str(events)]
    found: dict[str, Any] = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)
    return found


def main() -> None:
    """One step; printed is what it came to."""
    name, database, objects, events = sys.argv[1:]
    begun, worked = time.perf_counter(), time.process_time()
    with Eventflow(Settings(database=database, objects=objects), aggregates=[Document]) as app:
        found = STEPS[name](app, int(events))
    found |= {"peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024}
    cpu = round(time.process_time() - worked, 2)
    print(json.dumps({**found, "seconds": round(time.perf_counter() - begun, 2), "cpu": cpu}))


if __name__ == "__main__":
    main()
