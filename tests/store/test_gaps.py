"""Nobody who follows the log skips an event, whatever the number of writers and whatever happens to the server."""

from __future__ import annotations

import random
from collections.abc import Iterator
from multiprocessing.synchronize import Event as Signal
from threading import Event, Thread
from uuid import uuid4

import pytest

from eventflow.errors import Unavailable, VersionConflict
from eventflow.store.database import open_database
from eventflow.store.log import Log, open_log
from tests.processes import forked
from tests.services import PrivatePostgres
from tests.store.words import appended, end, some, vocabulary
from tests.waiting import until

WRITERS = 8


@pytest.fixture(scope="module")
def server() -> Iterator[PrivatePostgres]:
    with PrivatePostgres() as server:
        yield server


class Follower(Thread):
    """Reads the tail until it has been told to stop and nothing is left. Keeps what it saw."""

    def __init__(self, url: str) -> None:
        super().__init__(daemon=True)
        self._url = url
        self.seen: list[int] = []
        self.enough = Event()
        self.outages = 0

    def run(self) -> None:
        with open_database(self._url) as database:
            log, checkpoint = open_log(database, vocabulary()), 0
            while True:
                last_round = self.enough.is_set()
                try:
                    found = log.tail(checkpoint, limit=500)
                except Unavailable:
                    self.outages += 1
                    self.enough.wait(0.05)
                    continue
                self.seen.extend(header.position for header in found)
                if found:
                    checkpoint = found[-1].position
                elif last_round:
                    return


def test_no_event_is_skipped_and_none_is_seen_twice_while_the_server_crashes(server: PrivatePostgres) -> None:
    with open_database(server.url):
        follower = Follower(server.url)
        follower.start()
    ready, go, stop = forked.Semaphore(0), forked.Event(), forked.Event()
    counts = forked.Array("q", WRITERS)
    writers = [
        forked.Process(target=write, args=(server.url, index, ready, go, stop, counts), daemon=True)
        for index in range(WRITERS)
    ]
    for writer in writers:
        writer.start()
    for _ in writers:
        assert ready.acquire(timeout=60)
    go.set()

    until(lambda: min(counts[:]) > 50)
    server.restart("immediate")
    before = counts[:]
    until(lambda: all(now > then + 50 for now, then in zip(counts[:], before, strict=True)))
    stop.set()
    for writer in writers:
        writer.join(timeout=30)
    follower.enough.set()
    follower.join(timeout=30)

    assert [writer.exitcode for writer in writers] == [0] * WRITERS
    with open_database(server.url) as database:
        positions = [position for (position,) in database.query("SELECT position FROM events ORDER BY position")]
        streams = database.query("SELECT count(*), max(version) FROM events GROUP BY stream")
    assert follower.seen == positions
    assert len(positions) >= sum(counts[:])
    assert all(count == version for count, version in streams)


def write(url: str, index: int, ready: object, go: Signal, stop: Signal, counts: list[int]) -> None:
    """Append batches of 1 to 20 events to ever new and some old streams until told to stop."""
    chance = random.Random(index)
    with open_database(url) as database:
        log = open_log(database, vocabulary())
        ready.release()  # type: ignore[attr-defined]  # a semaphore of another process
        go.wait(timeout=60)
        while not stop.is_set():
            counts[index] += _append_to_a_new_stream(log, chance)


def _append_to_a_new_stream(log: Log, chance: random.Random) -> int:
    stream, first, second = uuid4(), chance.randint(1, 20), chance.randint(1, 20)
    try:
        headers = log.append(appended(stream, some(first)))
        log.append(appended(stream, some(second), end(headers)))
    except (Unavailable, VersionConflict):
        # The outcome is unknown; whatever was written has to be seen like the rest.
        return 0
    return first + second
