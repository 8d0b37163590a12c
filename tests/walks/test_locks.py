"""Locks and what operators do with them: one at a time for each key, explained by the log, on both databases."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any
from uuid import uuid4

import pytest

from eventflow.app import Eventflow
from eventflow.errors import CommandDisabled, LockHeld, LockLost, NotAllowed, Refused
from eventflow.model.lock import CommandState, Lock, lock_id
from eventflow.model.people import People
from eventflow.model.recorded import Context
from eventflow.settings import Settings
from eventflow.testing import Clock
from tests.waiting import until
from tests.walks.library import Document

ALIVE, DEAD = timedelta(hours=1), timedelta(hours=-1)
"""A lease within which a holder is heard of, and one that is over when it begins."""

Open = Callable[..., Eventflow]


@pytest.fixture(scope="module")
def app(lasting: Settings) -> Iterator[Eventflow]:
    """An application that many tests share."""
    with an_app(lasting, clock=Clock(datetime(2026, 1, 1, tzinfo=UTC))) as app:
        yield app


@pytest.fixture
def another(lasting: Settings) -> Iterator[Open]:
    """Further applications on the same log, as another process would have them."""
    with ExitStack() as opened:
        yield lambda **composition: opened.enter_context(an_app(lasting, **composition))


@pytest.fixture
def key() -> str:
    """A key that nobody else uses."""
    return f"import-{uuid4().hex[:8]}"


def an_app(settings: Settings, **composition: Any) -> Eventflow:
    return Eventflow(settings, aggregates=[Document], projections=[], **composition)


def clock_of(app: Eventflow) -> Clock:
    assert isinstance(app.clock, Clock)
    return app.clock


def lasts(app: Eventflow, key: str, lease: timedelta) -> None:
    """The lease of a lock is so long, as if its holder had been silent for longer or shorter than that."""
    marks = ("%s", "%s") if app.database.dialect == "postgresql" else ("?", "?")
    with app.database.transaction() as transaction:
        transaction.execute(
            f"UPDATE locks SET lease_seconds = {marks[0]} WHERE key = {marks[1]}", (lease.total_seconds(), key)
        )


def story(app: Eventflow, key: str) -> list[str]:
    """What happened to a lock, by the names of the events."""
    return [one.header.name.partition(":")[2] for one in app.history(lock_id(key))]


def fails_once(app: Eventflow, key: str, text: str = "the bank is away") -> None:
    with pytest.raises(ValueError, match=text), app.lock(key, heed=False):
        raise ValueError(text)


def state(app: Eventflow, key: str) -> CommandState:
    return app.lockboard.status(key).state


# -- the truth table -------------------------------------------------------------------------------

ROWS = [
    # held, old, noticed, disabled, failed: nothing means any
    ((True, True, True, None, None), CommandState.LOCKED),
    ((True, True, False, None, None), CommandState.WORKING),
    ((True, False, None, None, None), CommandState.WORKING),
    ((False, None, None, True, None), CommandState.DISABLED),
    ((False, None, None, False, True), CommandState.ERROR),
    ((False, None, None, False, False), CommandState.IDLE),
]
CASES = [
    (held, old, noticed, disabled, failed)
    for held, old, noticed, failed in product((True, False), repeat=4)
    for disabled in ("none", "one", "all")
    if held or not (old or noticed)
]


def wanted(*facts: bool) -> CommandState:
    """The first row that fits."""
    fits = (
        status for row, status in ROWS if all(one is None or one is fact for one, fact in zip(row, facts, strict=True))
    )
    return next(fits)


@pytest.mark.parametrize(("held", "old", "noticed", "disabled", "failed"), CASES)
def test_a_command_stands_as_the_truth_table_says(
    app: Eventflow, key: str, held: bool, old: bool, noticed: bool, disabled: str, failed: bool
) -> None:
    if failed and not held:
        fails_once(app, key)
    if held:
        token = app.locks.take(key, lease=DEAD if old or noticed else ALIVE)
        if failed:
            app.locks.err(key, token, "the bank is away")
        if noticed:
            app.locks.watch()
        lasts(app, key, DEAD if old else ALIVE)
    if disabled != "none":
        app.lockboard.disable(key if disabled == "one" else None)

    try:
        assert state(app, key) is wanted(held, old, noticed, disabled != "none", failed)
    finally:
        app.lockboard.enable()


def test_a_key_that_nobody_ever_used_is_idle(app: Eventflow, key: str) -> None:
    status = app.lockboard.status(key)

    assert (status.state, status.holder, status.executed_at, status.mishaps) == (CommandState.IDLE, None, None, ())


# -- taking and giving back ------------------------------------------------------------------------


def test_a_lock_is_given_back_and_taken_again_with_a_higher_token(app: Eventflow, key: str) -> None:
    with app.lock(key) as first:
        assert state(app, key) is CommandState.WORKING
    with app.lock(key) as second:
        second.check()

    assert first.token < second.token
    assert state(app, key) is CommandState.IDLE
    assert story(app, key) == ["created", "taken", "released", "taken", "released"]


def test_who_wants_a_lock_that_is_held_is_told_who_has_it_since_when_and_until_when(
    app: Eventflow, another: Open, key: str
) -> None:
    with app.lock(key, lease=ALIVE), pytest.raises(LockHeld) as raised, another().lock(key):
        raise AssertionError("two hold it")

    assert raised.value.key == key
    assert raised.value.holder.endswith(f":{os.getpid()}")
    assert raised.value.until - raised.value.since >= ALIVE
    assert "released" in story(app, key)


def test_of_many_who_want_a_lock_at_once_one_has_it(another: Open, key: str) -> None:
    apps, together, inside, most = [another() for _ in range(2)], threading.Barrier(6), 0, 0
    counting, refused = threading.Lock(), []

    def want(app: Eventflow) -> None:
        nonlocal inside, most
        together.wait()
        for _ in range(3):
            try:
                with app.lock(key):
                    with counting:
                        inside += 1
                        most = max(most, inside)
                    time.sleep(0.002)
                    with counting:
                        inside -= 1
            except LockHeld as error:
                refused.append(error)

    threads = [threading.Thread(target=want, args=(apps[number % 2],)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    taken = story(apps[0], key).count("taken")
    assert most == 1
    assert taken + len(refused) == 18
    assert apps[0].lockboard.get(key).token == taken


def test_a_lock_is_given_back_when_its_block_raises_and_the_error_is_kept(app: Eventflow, key: str) -> None:
    with pytest.raises(ValueError, match="hunter2"), app.lock(key):
        raise ValueError("<b>no</b> answer, password=hunter2")

    status = app.lockboard.status(key)
    assert status.state is CommandState.ERROR
    assert [one.text for one in status.mishaps] == ["ValueError: no answer, password=********"]
    assert story(app, key)[-2:] == ["went_wrong", "released"]
    with app.lock(key) as lock:
        lock.check()


def test_an_interrupt_gives_the_lock_back_as_well(app: Eventflow, key: str) -> None:
    with pytest.raises(KeyboardInterrupt), app.lock(key):
        raise KeyboardInterrupt

    assert not app.lockboard.get(key).is_held


@pytest.mark.parametrize("bad", ["", " ", "two\nlines", "x" * 201, "<b>import</b>"])
def test_what_is_no_key_is_refused(app: Eventflow, bad: str) -> None:
    with pytest.raises(Refused, match="is no key for a lock"), app.lock(bad):
        raise AssertionError("it was taken")


def test_a_lock_is_kept_alive_for_longer_than_its_lease(app: Eventflow, key: str) -> None:
    with app.lock(key, lease=timedelta(seconds=0.3)) as lock:
        since = app.lockboard.status(key).since
        assert since is not None
        until(lambda: (app.lockboard.status(key).until or since) > since + timedelta(seconds=0.9))
        lock.check()

    assert story(app, key) == ["created", "taken", "released"]


def test_a_clock_that_is_wrong_takes_no_lock_from_anybody(another: Open, key: str) -> None:
    late, early = another(clock=lambda: datetime(2090, 1, 1, tzinfo=UTC)), another()

    with early.lock(key), pytest.raises(LockHeld), late.lock(key):
        raise AssertionError("two hold it")
    late.locks.watch()
    assert "found_stale" not in story(early, key)


def test_a_long_story_of_a_lock_is_read_from_its_snapshot(app: Eventflow, key: str) -> None:
    for _ in range(15):
        with app.lock(key):
            pass

    snapshot = app.log.snapshots.get(lock_id(key))
    assert snapshot is not None
    assert snapshot.version >= 20
    assert app.lockboard.get(key).token == 15


# -- holders that are gone -------------------------------------------------------------------------


def test_a_lock_whose_holder_is_silent_is_taken_over_and_the_log_says_so(app: Eventflow, key: str) -> None:
    lost = app.locks.take(key, lease=DEAD)

    with app.lock(key) as lock:
        assert lock.token > lost

    assert story(app, key) == ["created", "taken", "found_stale", "taken", "released"]


def test_that_a_holder_is_silent_is_told_once(app: Eventflow, another: Open, key: str) -> None:
    app.locks.take(key, lease=DEAD)
    apps = [app, another(), another()]

    threads = [threading.Thread(target=one.locks.watch) for one in apps]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    app.locks.watch()
    with app.lock(key):
        pass

    assert story(app, key).count("found_stale") == 1


def test_who_was_silent_and_is_not_followed_goes_on(app: Eventflow, key: str) -> None:
    token = app.locks.take(key, lease=DEAD)

    assert app.locks.beat(key, token)
    assert app.locks.release(key, token)


def test_who_has_lost_a_lock_is_refused_by_check_and_by_appends_behind_its_fence(
    app: Eventflow, another: Open, key: str
) -> None:
    late, tokens = Document.create(title="late"), []

    def wakes_too_late() -> None:
        with app.lock(key) as lock:
            tokens.append(lock.token)
            lasts(app, key, DEAD)
            another().locks.take(key)
            with pytest.raises(LockLost):
                app.save(late, fence=lock)
            lock.check()

    with pytest.raises(LockLost):
        wakes_too_late()

    assert app.log.head(late.id) is None
    assert app.lockboard.get(key).token == tokens[0] + 1
    assert app.lockboard.status(key).mishaps == ()  # of the run that goes on
    assert "is lost" in app.lockboard.status(key).earlier[-1].text


def test_what_is_saved_behind_a_fence_that_stands_is_saved_once_under_its_key(app: Eventflow, key: str) -> None:
    with app.lock(key) as lock:
        first = app.save(Document.create(title="once"), fence=lock, key=key)
        again = app.save(Document.create(title="twice"), fence=lock, key=key)

    assert again == first


def test_a_block_that_ends_well_behind_a_lost_lock_is_told_so(app: Eventflow, key: str) -> None:
    with pytest.raises(LockLost, match="before its block had ended"), app.lock(key):
        app.locks.clear(key, force=True)

    assert state(app, key) is CommandState.ERROR


def test_a_lock_that_is_cleared_says_by_whom_and_why(app: Eventflow, key: str) -> None:
    token = app.locks.take(key, lease=ALIVE)
    ann = Context(actor="ann")

    with pytest.raises(LockHeld):
        app.locks.clear(key, reason="it hangs", context=ann)
    was = app.locks.clear(key, reason="it hangs", force=True, context=ann)

    assert was is not None
    assert was.token == token
    broken = app.history(lock_id(key))[-1]
    assert (broken.header.name, broken.header.actor) == ("eventflow_lock:broken", "ann")
    assert getattr(broken.event, "reason", None) == "it hangs"
    assert app.locks.clear(key) is None
    assert not app.locks.beat(key, token)


def test_a_lock_whose_row_was_lost_is_not_lost(app: Eventflow, key: str) -> None:
    token = app.locks.take(key, lease=ALIVE)
    mark = "%s" if app.database.dialect == "postgresql" else "?"
    with app.database.transaction() as transaction:
        transaction.execute(f"DELETE FROM locks WHERE key = {mark}", (key,))

    with app.lock(key) as lock:
        assert lock.token > token


# -- what operators disable ------------------------------------------------------------------------


def test_what_is_disabled_is_not_run_until_it_is_enabled(app: Eventflow, key: str) -> None:
    app.lockboard.disable(key, reason="the bank moves", actor="ann")

    with pytest.raises(CommandDisabled) as raised, app.lock(key):
        raise AssertionError("it was taken")

    assert (raised.value.by, raised.value.reason) == ("ann", "the bank moves")
    with app.lock(key, heed=False):
        pass
    assert app.lockboard.enable(key, actor="ben")
    assert not app.lockboard.enable(key)
    with app.lock(key):
        pass


def test_all_are_disabled_at_once_and_what_runs_goes_on(app: Eventflow, another: Open, key: str) -> None:
    with app.lock(key) as lock:
        app.lockboard.disable()
        try:
            with pytest.raises(CommandDisabled), another().lock(f"{key}-other"):
                raise AssertionError("it was taken")
            lock.check()
            assert state(app, key) is CommandState.WORKING
        finally:
            app.lockboard.enable()


def test_a_disabling_ends_by_itself(app: Eventflow, key: str) -> None:
    clock = clock_of(app)
    app.lockboard.disable(key, until=clock() + timedelta(hours=2))

    clock.forward(minutes=119)
    assert state(app, key) is CommandState.DISABLED
    clock.forward(minutes=1)

    assert state(app, key) is CommandState.IDLE
    with pytest.raises(Refused):
        app.lockboard.disable(key, until=clock())


def test_who_may_steer_locks_is_asked_of_the_application_and_who_they_are(another: Open, key: str) -> None:
    people = People(name_of={"7": "Ann"}.get, may_manage=lambda actor: actor == "7")
    app = another(people=people)

    with pytest.raises(NotAllowed, match=f"Disabling {key}"):
        app.lockboard.disable(key, actor="8")
    with pytest.raises(NotAllowed, match="Enabling all commands"):
        app.lockboard.enable(actor="8")
    with pytest.raises(NotAllowed, match=f"Clearing {key}"):
        app.locks.clear(key, context=Context(actor="8"))
    app.lockboard.disable(key, actor="7")

    disabled = app.lockboard.status(key).disabled
    assert disabled is not None
    assert disabled.by == "Ann"


# -- errors ----------------------------------------------------------------------------------------


def test_ten_errors_are_kept_those_of_the_last_run_apart_from_earlier_ones(app: Eventflow, key: str) -> None:
    for number in range(4):
        fails_once(app, key, f"early {number}")
    with app.lock(key) as lock:
        for number in range(8):
            lock.error(f"late {number}")

    status = app.lockboard.status(key)
    assert [one.text for one in status.mishaps] == [f"late {number}" for number in range(8)]
    assert [one.text for one in status.earlier] == ["ValueError: early 2", "ValueError: early 3"]
    assert status.state is CommandState.ERROR


def test_a_run_that_goes_well_ends_the_error_and_keeps_it_among_the_earlier_ones(app: Eventflow, key: str) -> None:
    fails_once(app, key)
    with app.lock(key):
        pass

    status = app.lockboard.status(key)
    assert (status.state, len(status.mishaps), len(status.earlier)) == (CommandState.IDLE, 0, 1)


def test_earlier_errors_are_forgotten_after_72_hours(app: Eventflow, key: str) -> None:
    fails_once(app, key)
    clock_of(app).forward(hours=72)
    with app.lock(key):
        pass
    kept = app.lockboard.status(key).earlier

    clock_of(app).forward(seconds=1)
    shown = app.lockboard.status(key).earlier
    with app.lock(key):
        pass

    assert (len(kept), shown, app.lockboard.get(key).earlier) == (1, (), ())


def test_errors_of_a_last_run_stay_for_as_long_as_it_is_the_last(app: Eventflow, key: str) -> None:
    fails_once(app, key)
    clock_of(app).forward(days=30)

    assert state(app, key) is CommandState.ERROR


def test_the_keys_are_told_a_page_at_a_time(app: Eventflow, key: str) -> None:
    for number in range(3):
        with app.lock(f"{key}-{number}"):
            pass
    app.locks.take(f"{key}-held", lease=ALIVE)

    assert app.lockboard.keys(after=f"{key}-", limit=2) == [f"{key}-0", f"{key}-1"]
    assert f"{key}-held" in app.lockboard.held(after=key)
    assert app.lockboard.was_used(f"{key}-0")
    assert not app.lockboard.was_used(key)


def test_a_lock_is_found_in_the_log_as_any_item(app: Eventflow, key: str) -> None:
    with app.lock(key, actor="ann"):
        pass

    assert isinstance(app.find(lock_id(key)), Lock)
    assert {one.header.actor for one in app.history(lock_id(key))} == {"ann"}
