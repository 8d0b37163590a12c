"""A disk with no room left: whoever appends is told, work in hand waits, and all goes on when there is room."""

from __future__ import annotations

from contextlib import closing
from datetime import timedelta

import pytest

from eventflow.app import Eventflow
from eventflow.errors import StorageFull
from eventflow.store.sqlite.database import SQLiteDatabase
from tests.crash.histories import Histories
from tests.crash.program import Order
from tests.peer import Peer
from tests.waiting import until
from tests.walks.library import Document


@pytest.fixture
def engines() -> str:
    """A file of our own."""
    return "sqlite"


def pages(app: Eventflow, most: int | None = None) -> int:
    """How many pages the file may have, after setting that; 0 stands for as many as there are."""
    assert isinstance(app.database, SQLiteDatabase)
    with app.database.transaction() as transaction:
        if most == 0:
            most = transaction.execute("PRAGMA page_count")[0][0]
        return int(transaction.execute(f"PRAGMA max_page_count = {most}")[0][0])


def test_work_waits_for_room_on_the_disk_and_goes_on(order: Order, peer: Peer) -> None:
    with closing(order.application()) as app:
        histories = Histories(app)
        app.save(*(Document.create(title=f"easy {number}") for number in range(100)))
        worker = app.worker()
        worker.start()
        until(lambda: histories.ended() >= 10, "work is going on")

        pages(app, 0)
        with pytest.raises(StorageFull, match=r"No room is left for .*/log\.db: .*make room and try again"):
            fill(app)
        assert histories.ended() < 100
        pages(app, 1 << 30)

        until(lambda: histories.ended() == len(histories.of), "every document has ended")
        worker.stop(timedelta(seconds=5))
        histories.check(peer)


def fill(app: Eventflow) -> None:
    while True:
        app.save(Document.create(title="easy " + "x" * 5000))
