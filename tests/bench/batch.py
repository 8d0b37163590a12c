"""How long it takes to bring very many failed items back: from the batch's beginning to the last item's restart.

The items have failed and stand in the log and in the read side before the clock starts. A worker is not part of it:
what is measured is the batch, not the work that it begins.

    python -m tests.bench.batch [--items 100000] [--json] [--sqlite]
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from tempfile import TemporaryDirectory

from eventflow.app import Eventflow
from eventflow.model.aggregate import Aggregate
from eventflow.model.batch import Course
from eventflow.model.reaction import task
from eventflow.settings import Settings
from tests.services import fresh_database


class Status(StrEnum):
    """A document's life."""

    QUEUED = "queued"
    WRITING = "writing"
    WRITTEN = "written"
    ERROR = "error"


class Document(
    Aggregate[Status], category="document", initial=Status.QUEUED, defibrillate={Status.ERROR: Status.QUEUED}
):
    """The item."""

    number: int


@task(Document, on=Status.QUEUED, processing=Status.WRITING, complete=Status.WRITTEN, failed=Status.ERROR)
def write(document: Document) -> None:
    """Never called here."""


@contextmanager
def a_database(*, sqlite: bool) -> Iterator[str]:
    """Where the log is kept."""
    if not sqlite:
        with fresh_database() as dsn:
            yield dsn
        return
    with TemporaryDirectory() as folder:
        yield f"sqlite:///{Path(folder) / 'log.db'}"


def fail(app: Eventflow, count: int) -> None:
    """So many items that have failed, three events each."""
    for start in range(0, count, 500):
        documents = [Document.create(number=number) for number in range(start, min(start + 500, count))]
        for one in documents:
            one.change_status(Status.WRITING)
            one.change_status(Status.ERROR)
        app.save(*documents)
    app.projections.catch_up()


def measured(count: int, *, sqlite: bool) -> dict[str, float]:
    """Seconds and items per second."""
    with (
        a_database(sqlite=sqlite) as dsn,
        Eventflow(Settings(database=dsn), aggregates=[Document], reactions=[write]) as app,
    ):
        fail(app, count)
        began = time.perf_counter()
        batch = app.defibrillate_where("category:document status:error")
        app.projections.catch_up()
        while app.batches.get(batch.id).status is Course.RUNNING:
            app.batches.move([batch.id])
        took = time.perf_counter() - began
        assert app.batches.get(batch.id).done == count
        return {"items": count, "seconds": round(took, 2), "rate": round(count / took)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--items", type=int, default=100_000)
    parser.add_argument("--sqlite", action="store_true")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    figures = measured(options.items, sqlite=options.sqlite)
    if options.json:
        print(json.dumps(figures))
    else:
        print(f"{figures['items']} items in {figures['seconds']} s: {figures['rate']} items/s")


if __name__ == "__main__":
    main()
