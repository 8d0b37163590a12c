"""Whatever happens in whatever order: one holder at a time, tokens that grow, and a stream that agrees with its row."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eventflow.app import Eventflow
from eventflow.errors import LockHeld, LockLost
from eventflow.model.lock import Fence, Lock, WentWrong, lock_id
from eventflow.testing import in_memory
from tests.walks.library import Document

ALIVE, DEAD = timedelta(hours=1), timedelta(hours=-1)
DEEDS = st.lists(
    st.tuples(
        st.sampled_from(["take", "take dying", "release", "beat", "watch", "clear", "save", "err"]),
        st.integers(1, 6),
    ),
    max_size=25,
)

_keys = count()


@pytest.fixture(scope="module")
def app() -> Iterator[Eventflow]:
    """One application for all examples: each has a key of its own."""
    with in_memory(aggregates=[Document], projections=[]) as app:
        yield app


class Truth:
    """What should be so: who has the lock, whether it lives, and how many takings there were."""

    def __init__(self) -> None:
        self.holder: int | None = None
        self.takings, self.dies = 0, False

    def take(self, *, dies: bool) -> bool:
        """Whether it may be taken; it is then."""
        if self.holder is not None and not self.dies:
            return False
        self.takings += 1
        self.holder, self.dies = self.takings, dies
        return True


@settings(max_examples=60)
@given(DEEDS)
def test_one_holds_a_lock_at_a_time_and_only_the_last_one_may_write(
    app: Eventflow, deeds: list[tuple[str, int]]
) -> None:
    key, truth = f"key-{next(_keys)}", Truth()

    for deed, token in deeds:
        _do(app, key, deed, token, truth)
        _agree(app, key, truth)


def _do(app: Eventflow, key: str, deed: str, token: int, truth: Truth) -> None:
    holds = truth.holder == token
    if deed.startswith("take"):
        dies = deed == "take dying"
        with _refused(LockHeld, unless=truth.take(dies=dies)):
            assert app.locks.take(key, lease=DEAD if dies else ALIVE) == truth.takings
    elif deed == "release":
        assert app.locks.release(key, token) is holds
        truth.holder = None if holds else truth.holder
    elif deed == "beat":
        assert app.locks.beat(key, token) is holds
    elif deed == "watch":
        app.locks.watch()
    elif deed == "clear":
        assert (app.locks.clear(key, force=True) is not None) is (truth.holder is not None)
        truth.holder = None
    elif deed == "save":
        with _refused(LockLost, unless=holds):
            app.repository.save(Document.create(title="x"), fence=Fence(key, token))
    else:
        app.locks.err(key, token, f"error of {token}")


def _agree(app: Eventflow, key: str, truth: Truth) -> None:
    lock, lease = app.lockboard.get(key), app.lockboard.lease(key)
    assert lock.token == truth.takings
    assert lock.is_held is (truth.holder is not None)
    assert (lease is not None and lease.is_held) is lock.is_held
    assert lease is None or lease.token == truth.takings
    recorded = app.log.read(lock_id(key))
    errors = sum(isinstance(one.event, WentWrong) for one in recorded)
    assert len(lock.mishaps) + len(lock.earlier) == min(errors, 10)
    assert not recorded or Lock.replay(recorded) == lock


@contextmanager
def _refused(error: type[Exception], *, unless: bool) -> Iterator[None]:
    """What is done here is refused, unless it is not to be."""
    if unless:
        yield
        return
    with pytest.raises(error):
        yield
