"""A process that is killed while it saves under keys: whoever comes after it with the same keys repeats nothing."""

from __future__ import annotations

from collections import Counter
from contextlib import closing
from multiprocessing.connection import Connection
from uuid import UUID

from eventflow.app import Eventflow
from eventflow.settings import Settings
from tests.processes import forked
from tests.walks.library import Document

ALL = 60
SOME = 15


def save_under(app: Eventflow, number: int) -> tuple[int, UUID]:
    """Where the document of this number is, and which one it is."""
    position = app.save(Document.create(title=str(number)), key=f"order-{number}")
    header = app.taken(f"order-{number}")
    assert header is not None
    return position, header.stream


def save_until_killed(url: str, told: Connection) -> None:
    """What the process does that is killed: it says what it saved."""
    with closing(Eventflow(Settings(database=url), aggregates=[Document])) as app:
        for number in range(ALL):
            told.send(save_under(app, number))


def test_what_a_killed_process_saved_under_a_key_is_not_saved_again(url: str) -> None:
    with closing(Eventflow(Settings(database=url), aggregates=[Document])) as app:
        heard, told = forked.Pipe(duplex=False)
        child = forked.Process(target=save_until_killed, args=(url, told))
        child.start()
        before = [heard.recv() for _ in range(SOME)]
        child.kill()
        child.join()

        after = [save_under(app, number) for number in range(ALL)]

        assert after[:SOME] == before
        assert set(Counter(header.stream for header in app.log.tail(0, 10_000)).values()) == {1}
        assert len(app.log.tail(0, 10_000)) == ALL
        heard.close()
        told.close()
