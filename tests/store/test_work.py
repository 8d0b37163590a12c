"""The standing work: what the broker has, what waits, and what was put off while it was being sent."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from eventflow.store.database import Database
from eventflow.store.limits import Places
from eventflow.store.work import Due, Task, Work

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)  # it stands still: no order may rest on the time that has passed


@pytest.fixture
def work(database: Database) -> Work:
    return Work(database)


def waiting(work: Work) -> Due:
    """One item of work, not sent yet."""
    task = Task(uuid4(), "document", "queued", 1, "announced", "write", 1, None, None, 1)
    work.move("relay", 0, 1, [task], [], [], NOW)
    (due,) = work.due(["write"], NOW, 10)
    return due


def test_what_was_sent_is_not_due(work: Work) -> None:
    due = waiting(work)

    work.sent([due], NOW)

    assert work.due(["write"], NOW, 10) == []
    assert work.in_flight() == {"write": 1}


def put_off(work: Work, due: Due) -> None:
    assert work.postpone(due.stream, due.version, NOW, "rate press.example")


def put_off_and_called(work: Work, due: Due) -> None:
    places, owner = Places(work._database, work), uuid4()
    assert places.take("one", uuid4(), 1, owner, most=0, due=NOW) is None
    assert places.take("one", due.stream, due.version, owner, most=0, due=NOW + timedelta(minutes=1)) is False
    places.leave("one", uuid4(), owner, NOW)


def given_back(work: Work, due: Due) -> None:
    work.release(due.stream, due.version)


@pytest.mark.parametrize("act", [put_off, put_off_and_called, given_back])
def test_what_came_back_as_fast_as_it_was_sent_is_due_again(work: Work, act: Callable[[Work, Due], None]) -> None:
    due = waiting(work)

    act(work, due)  # by a worker, before the relay has written down that it was sent
    work.sent([due], NOW)

    (again,) = work.due(["write"], NOW, 10)
    assert again[:5] == due[:5]
    work.sent([again], NOW)
    assert work.due(["write"], NOW, 10) == []
