"""Whoever holds a lock is killed, paused, or cut off from the database: somebody else has it after the lease."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta

import pytest

from eventflow.app import Eventflow
from eventflow.errors import LockHeld
from eventflow.model.lock import CommandState, lock_id
from tests.crash.holders import Holder, an_app
from tests.services import PrivatePostgres
from tests.waiting import until

KEY = "import-invoices"


@pytest.fixture
def app(url: str) -> Iterator[Eventflow]:
    """An application in the process of the test."""
    with an_app(url) as app:
        yield app


@pytest.fixture
def begin(url: str) -> Iterator[Callable[[], Holder]]:
    """Begins processes that hold the lock; what still runs in the end is killed."""
    with ExitStack() as begun:

        def begin() -> Holder:
            holder = Holder(url, KEY)
            begun.callback(holder.close)
            return holder

        yield begin


def taken(app: Eventflow) -> int:
    """The token under which this process has taken the lock, as soon as it may."""
    tokens: list[int] = []

    def take() -> bool:
        try:
            tokens.append(app.locks.take(KEY))
        except LockHeld:
            return False
        return True

    until(take, "the lock is taken over")
    return tokens[0]


def story(app: Eventflow) -> list[str]:
    return [one.header.name.partition(":")[2] for one in app.history(lock_id(KEY))]


def test_a_holder_that_is_killed_is_followed_by_another_with_a_higher_token(
    app: Eventflow, begin: Callable[[], Holder]
) -> None:
    holder = begin()
    named = app.lockboard.status(KEY).holder

    holder.kill()
    token = taken(app)

    assert named is not None
    assert named.endswith(f":{holder.pid}")
    assert token > holder.token
    assert story(app) == ["created", "taken", "found_stale", "taken"]


def test_a_holder_that_wakes_too_late_is_refused_by_check_and_behind_its_fence(
    app: Eventflow, begin: Callable[[], Holder]
) -> None:
    holder = begin()
    assert (holder.asks("check"), holder.asks("early")) == ("held", "held")
    end = app.log.last_position()

    holder.pause()
    token = taken(app)
    holder.resume()

    assert (holder.asks("late"), holder.asks("check"), holder.asks("later")) == ("lock_lost",) * 3
    assert holder.asks("end") == "lock_lost"
    assert [one.name for one in app.log.tail(end) if one.category == "document"] == []
    assert app.lockboard.get(KEY).token == token
    assert app.lockboard.get(KEY).is_held


def test_a_holder_that_is_killed_is_seen_as_locked_until_somebody_clears_it(
    app: Eventflow, begin: Callable[[], Holder]
) -> None:
    holder = begin()
    holder.kill()

    until(app.locks.watch, "somebody notices")
    assert app.lockboard.status(KEY).state is CommandState.LOCKED
    assert app.locks.clear(KEY, reason="the machine is gone") is not None

    assert app.lockboard.status(KEY).state is CommandState.IDLE


def test_a_lock_outlives_a_restart_of_the_database_and_is_given_back_when_it_is_there_again() -> None:
    with PrivatePostgres() as server, an_app(server.url, timedelta(seconds=30)) as app:
        with app.lock(KEY) as lock:
            server.restart("immediate")
            lock.check()
        with app.lock(KEY):
            server.stop("immediate")
            server.start()

        assert not app.lockboard.get(KEY).is_held
        assert app.lockboard.status(KEY).state is CommandState.IDLE
