"""What it costs that bodies can be erased: the same events through an application, enciphered and not.

* ``ratios.object_bytes``: bytes of the segments, enciphered by plain; each body is compressed by itself before that;
* ``ratios.database_bytes``: bytes of the database before anything leaves it;
* ``ratios.append_rate``, ``ratios.archive_rate``: events per second, enciphered by plain;
* ``erase``: milliseconds to erase one stream whose bodies are archived.

    python -m tests.bench.erasure [--quick] [--json]
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from eventflow.app import Eventflow
from eventflow.settings import Settings
from tests.bench.through_the_app import Document, fill, through_the_app

ERASABLE = "EVENTFLOW_ERASABLE"


@contextmanager
def erasable(*, are: bool) -> Iterator[None]:
    """Whether what programs write meanwhile can be erased."""
    os.environ[ERASABLE] = str(are)
    try:
        yield
    finally:
        del os.environ[ERASABLE]


def compared(events: int) -> dict[str, Any]:
    """The same events in plain and enciphered."""
    found = {}
    for name, are in (("plain", False), ("enciphered", True)):
        with erasable(are=are):
            found[name] = through_the_app(events, "sqlite")["sqlite"]
    plain, secret = found["plain"], found["enciphered"]
    ratios = {
        "object_bytes": secret["archive"]["object_mib"] / plain["archive"]["object_mib"],
        "database_bytes": secret["database_mib"]["before"] / plain["database_mib"]["before"],
        "append_rate": secret["append"]["events_per_second"] / plain["append"]["events_per_second"],
        "archive_rate": secret["archive"]["events_per_second"] / plain["archive"]["events_per_second"],
    }
    return {**found, "ratios": {name: round(ratio, 2) for name, ratio in ratios.items()}}


def erasing(streams: int) -> dict[str, float]:
    """Milliseconds for a stream, when all bodies are in the archive."""
    with TemporaryDirectory() as folder, erasable(are=True):
        place = Path(folder)
        settings = Settings(database=f"sqlite:///{place}/log.db", objects=(place / "objects").as_uri())
        with Eventflow(settings, aggregates=[Document]) as app:
            fill(app, streams * 12)
            app.archive(older_than=timedelta(0))
            app.projections.catch_up()
            ids = list(app.items.ids("category:document", limit=streams))
            times = sorted(_timed(app, id) for id in ids)
    return {
        "streams": len(times),
        "p50": round(statistics.median(times), 1),
        "p99": round(times[-len(times) // 100], 1),
    }


def _timed(app: Eventflow, id: Any) -> float:
    begun = time.perf_counter()
    app.erase(id, reason="a benchmark")
    return (time.perf_counter() - begun) * 1000


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="end within 45 seconds")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    arguments = parser.parse_args()
    found = compared(6_000 if arguments.quick else 60_000)
    found["erase"] = erasing(100 if arguments.quick else 500)
    if arguments.json:
        print(json.dumps({"bench": "erasure", **found}))
        return
    for name in ("plain", "enciphered"):
        one = found[name]
        print(
            f"{name:>11}  {one['append']['events_per_second']:>7,} events/s appended,"
            f" {one['archive']['events_per_second']:>7,} archived, {one['archive']['object_mib']:>6} MiB of segments,"
            f" {one['database_mib']['before']:>6} MiB of database"
        )
    print(f"{'erase':>11}  {found['erase']['p50']} ms p50, {found['erase']['p99']} ms p99")


if __name__ == "__main__":
    main()
