"""Projections on a real log: the documentation's example, writers and runners at once, programs that are killed."""

from __future__ import annotations

import doctest
import threading
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from enum import StrEnum
from signal import SIGKILL
from uuid import UUID, uuid4

import pytest

from eventflow.model.aggregate import Aggregate
from eventflow.model.event import Event
from eventflow.model.recorded import NOWHERE, Context, Draft, Head, Phase
from eventflow.model.vocabulary import Vocabulary
from eventflow.store.database import Database, open_database
from eventflow.store.log import Append, Log, open_log
from eventflow_projections import History, Items, Metrics, Projection, Projections, projection, standard
from tests.processes import forked
from tests.projections.headers import rows


class Status(StrEnum):
    """A document's life."""

    QUEUED = "queued"
    PROCESSING = "processing"
    COMPLETE = "complete"


class Written(Event):
    """The document has its text."""

    text: str


class Document(Aggregate[Status], category="document", initial=Status.QUEUED, events=(Written,)):
    """What is told about."""


@pytest.fixture
def log(database: Database) -> Log:
    return open_log(database, Vocabulary.of([Document], []))


def the_example() -> Projection:
    """``Callers`` as it stands in the docstring of ``Projection``."""
    found = doctest.DocTestFinder(recurse=False).find(projection.Projection, "Projection", projection)
    assert not doctest.DocTestRunner().run(found[0], clear_globs=False).failed
    example = found[0].globs["Callers"]()
    assert isinstance(example, Projection)
    return example


def steps(*statuses: str) -> list[Draft]:
    before: Sequence[str | None] = (None, *statuses)
    return [
        Draft(event=Written(text="…"), status=status, previous=previous, phase=Phase.ANNOUNCED)
        for status, previous in zip(statuses, before, strict=False)
    ]


def test_the_example_of_the_documentation_counts_callers(database: Database, log: Log) -> None:
    projections = Projections(database, log, [the_example()])
    projections.create()
    log.append(Append(uuid4(), "document", NOWHERE, steps("queued", "complete"), Context(actor="anna")))
    log.append(Append(uuid4(), "document", NOWHERE, steps("queued"), Context(actor="ben")))

    projections.catch_up()

    assert rows(database, ["callers"]) == {"callers": [("anna", 2), ("ben", 1)]}


def test_what_was_appended_can_be_read_after_waiting_for_it(database: Database, log: Log) -> None:
    projections = Projections(database, log, standard())
    projections.create()
    stream = uuid4()
    *_, last = log.append(Append(stream, "document", NOWHERE, steps("queued", "processing")))
    follower = threading.Thread(target=Projections(database, log, standard()).catch_up)
    follower.start()

    projections.wait_for(last.position, timeout=timedelta(seconds=20))

    follower.join()
    assert Items(database).get(stream).status == "processing"
    assert {one.lag for one in projections.status()} == {0}


def test_writers_and_runners_at_once_leave_rows_that_equal_the_log(database: Database, log: Log) -> None:
    Projections(database, log, standard()).create()
    streams: dict[UUID, str] = {}
    writing = threading.Event()
    writing.set()

    def write() -> None:
        for number in range(30):
            stream = uuid4()
            first = log.append(Append(stream, "document", NOWHERE, steps("queued", "processing")))
            if number % 3:
                complete = steps("queued", "processing", "complete")[2:]
                log.append(Append(stream, "document", Head(2, first[-1].hash), complete))
            streams[stream] = "complete" if number % 3 else "processing"

    def run() -> None:
        mine = Projections(database, log, standard(), batch=7)
        seen = log.bell.count
        while writing.is_set():
            mine.step_all()
            seen = log.bell.wait(seen, 0.01)
        mine.catch_up()

    writers = [threading.Thread(target=write) for _ in range(4)]
    runners = [threading.Thread(target=run) for _ in range(2)]
    for thread in (*writers, *runners):
        thread.start()
    for thread in writers:
        thread.join()
    writing.clear()
    for thread in runners:
        thread.join()

    assert {one.id: one.status for one in Items(database).page(limit=1000).rows} == streams
    assert Metrics(database).population("document") == {"complete": 80, "processing": 40}
    lengths = {one: len(History(database).of(one).rows) for one in streams}
    assert lengths == {one: 3 if status == "complete" else 2 for one, status in streams.items()}
    assert all(Projections(database, log, standard()).verify(one.name).equal for one in standard())


def keep_until_killed(url: str) -> None:
    """A program that keeps the projections, in batches so small that it is always in the middle of one."""
    with open_database(url) as database:
        projections = Projections(database, open_log(database, Vocabulary.of([Document], [])), standard(), batch=1)
        while projections.step_all():
            pass


def test_after_a_program_was_killed_the_next_one_goes_on(url: str, database: Database, log: Log) -> None:
    projections = Projections(database, log, standard())
    projections.create()
    told = steps("queued", "processing", "complete")
    for _ in range(20):
        log.append(*(Append(uuid4(), "document", NOWHERE, told) for _ in range(100)))

    for _ in range(3):
        kill_in_the_middle(url, projections)
    projections.catch_up()

    assert Metrics(database).population("document") == {"complete": 2000}
    assert all(projections.verify(one.name).equal for one in standard())


def kill_in_the_middle(url: str, projections: Projections) -> None:
    goal = projections.status()[0].position + 40
    program = forked.Process(target=keep_until_killed, args=(url,))
    program.start()
    wait_until(lambda: projections.status()[0].position >= goal)
    program.kill()
    program.join()
    assert program.exitcode == -SIGKILL


def wait_until(holds: Callable[[], bool], seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline
        threading.Event().wait(0.005)
