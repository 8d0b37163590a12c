"""Commands: run by people and by the scheduler, once at a time, each run told by the log."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from eventflow.app import Eventflow
from eventflow.errors import CommandDisabled, LockHeld, Misconfigured, NotFound
from eventflow.model.command import Command, Spacer, command
from eventflow.model.lock import CommandState, Finished, WentWrong, lock_id
from eventflow.runtime.commands.commands import Passing
from eventflow.runtime.commands.holding import Held
from eventflow.settings import Settings
from eventflow.store.ticks import Runs
from tests.waiting import until
from tests.walks.library import Document

ALIVE = timedelta(hours=1)
HOURLY = timedelta(hours=1)
log = logging.getLogger("shop")

Open = Callable[..., Eventflow]


@pytest.fixture
def open_app(lasting: Settings) -> Iterator[Open]:
    """Applications on the log of this module; each is closed at the end."""
    with ExitStack() as opened:
        yield lambda *commands, **composition: opened.enter_context(
            Eventflow(lasting, aggregates=[Document], projections=[], commands=commands, **composition)
        )


@pytest.fixture
def name() -> str:
    """What nobody else calls a command."""
    return f"import-{uuid4().hex[:8]}"


def story(app: Eventflow, key: str) -> list[str]:
    return [one.header.name.partition(":")[2] for one in app.history(lock_id(key))]


def said(app: Eventflow, key: str, kind: type[Finished | WentWrong]) -> Any:
    """The last event of this kind."""
    return [one.event for one in app.history(lock_id(key)) if isinstance(one.event, kind)][-1]


def counting(name: str, **options: Any) -> tuple[Command[..., Any], list[str | None]]:
    """A command that notes its runs."""
    runs: list[str | None] = []

    @command(name, **options)
    def count(param: str | None = None) -> int:
        runs.append(param)
        return len(runs)

    return count, runs


def test_a_command_is_run_under_its_lock_with_what_it_asks_for(open_app: Open, name: str) -> None:
    @command(name, params=("north", "south"), title="Invoices")
    def importing(app: Eventflow, lock: Held, param: str) -> str:
        app.save(Document.create(title=param), fence=lock)
        assert app.lockboard.status(lock.key).state is CommandState.WORKING
        return f"{param}: 3 invoices"

    app = open_app(importing)

    ran = app.run(importing, "north", actor="ann")

    assert (ran.key, ran.token, ran.result) == (f"{name}-north", 1, "north: 3 invoices")
    assert story(app, ran.key) == ["created", "taken", "finished", "released"]
    assert {one.header.actor for one in app.history(lock_id(ran.key))} == {"ann"}


def test_what_a_run_came_to_is_not_said_of_the_next_one(open_app: Open, name: str) -> None:
    shown: list[str | None] = []

    @command(name)
    def importing(app: Eventflow, lock: Held) -> str:
        shown.append(app.lockboard.status(lock.key).result)
        if len(shown) == 2:
            raise ValueError("the bank is away")
        return "3 invoices"

    app = open_app(importing)
    app.run(importing)
    assert app.lockboard.status(name).result == "3 invoices"
    with pytest.raises(ValueError, match="the bank is away"):
        app.run(importing)

    assert shown == [None, None]
    assert app.lockboard.status(name).result is None


def test_there_is_a_line_for_each_param_in_the_order_in_which_they_were_given(open_app: Open, name: str) -> None:
    first, _ = counting(name, params=("north", "south"), title="Invoices")
    second, _ = counting(f"{name}-all")
    app = open_app(first, second)
    app.run(first, "south")

    lines = app.commands.statuses()

    assert [one.key for one in lines] == [f"{name}-north", f"{name}-south", f"{name}-all"]
    assert [one.title for one in lines] == ["Invoices (north)", "Invoices (south)", f"{name}-all"]
    assert [one.executed_at is not None for one in lines] == [False, True, False]


def test_spacers_part_the_commands_in_the_order_in_which_they_were_given(open_app: Open, name: str) -> None:
    some = [counting(f"{name}-{which}")[0] for which in ("a", "b", "c")]
    app = open_app(Spacer(), some[0], some[1], Spacer(), Spacer(), some[2], Spacer())

    assert app.commands.groups() == [some[:2], some[2:]]
    assert app.commands.all() == some
    assert [one.key for one in app.commands.statuses()] == [f"{name}-a", f"{name}-b", f"{name}-c"]
    assert app.run(some[2]).key == f"{name}-c"


def test_what_a_run_says_in_the_log_of_the_program_is_kept_with_it(open_app: Open, name: str) -> None:
    @command(name)
    def importing(lock: Held) -> None:
        log.warning("the bank answers slowly, password=%s", "hunter2")
        lock.note("3 of 5")

    app = open_app(importing)
    app.run(importing)

    lines = said(app, name, Finished).lines
    assert [(one.level, one.text) for one in lines] == [
        ("warning", "the bank answers slowly, password=********"),
        ("info", "3 of 5"),
    ]


def test_what_others_say_at_the_same_time_is_not_kept_with_a_run(open_app: Open, name: str) -> None:
    @command(name)
    def importing() -> None:
        other = threading.Thread(target=log.warning, args=("from elsewhere",))
        other.start()
        other.join()

    app = open_app(importing)
    app.run(importing)
    log.warning("after it")

    assert said(app, name, Finished).lines == ()


def test_of_very_many_lines_the_last_ones_are_kept(open_app: Open, name: str) -> None:
    @command(name)
    def importing(lock: Held) -> None:
        for number in range(250):
            lock.note(str(number))

    app = open_app(importing)
    app.run(importing)

    word = said(app, name, Finished)
    assert (len(word.lines), word.lines[-1].text, word.dropped) == (200, "249", 50)


def test_a_command_that_fails_is_recorded_with_its_traceback_and_its_lines_and_raises(
    open_app: Open, name: str
) -> None:
    @command(name)
    def importing() -> None:
        log.warning("about to fail")
        raise ValueError("<p>password=hunter2</p>")

    app = open_app(importing)
    with pytest.raises(ValueError, match="hunter2"):
        app.run(importing)

    word = said(app, name, WentWrong)
    assert (word.type, word.text) == ("ValueError", "ValueError: password=********")
    assert "in importing" in word.traceback
    assert "hunter2" not in word.traceback
    assert [one.text for one in word.lines] == ["about to fail"]
    assert app.commands.statuses()[0].state is CommandState.ERROR


def test_who_wants_a_command_that_runs_is_told_so(open_app: Open, name: str) -> None:
    count, runs = counting(name)
    app = open_app(count)

    app.locks.take(name, lease=ALIVE)
    with pytest.raises(LockHeld):
        app.run(count)

    assert runs == []


def test_what_stands_in_the_way_can_be_passed_over(open_app: Open, name: str) -> None:
    count, runs = counting(name)
    app = open_app(count)
    token = app.locks.take(name, lease=ALIVE)
    app.lockboard.disable(name)

    with pytest.raises(CommandDisabled):
        app.run(count, passing=Passing(lock=True))
    with pytest.raises(LockHeld):
        app.run(count, passing=Passing(disabled=True))
    beside = app.run(count, passing=Passing(disabled=True, lock=True))
    instead = app.run(count, passing=Passing(disabled=True, holder=True), actor="ann")

    assert len(runs) == 2
    assert (beside.token, instead.token) == (None, token + 1)
    assert story(app, name)[2:] == ["began", "finished", "broken", "taken", "finished", "released"]


def test_a_run_without_the_lock_that_fails_is_recorded_as_well(open_app: Open, name: str) -> None:
    @command(name)
    def importing(app: Eventflow, lock: Held) -> None:
        lock.check()
        app.save(Document.create(title="beside"), fence=lock)
        raise ValueError("no")

    app = open_app(importing)
    with pytest.raises(ValueError, match="no"):
        app.run(importing, passing=Passing(lock=True))

    assert app.commands.statuses()[0].state is CommandState.ERROR


def test_a_command_without_its_param_or_with_a_strange_one_is_refused(open_app: Open, name: str) -> None:
    count, runs = counting(name, params=("north", "south"))
    plain, _ = counting(f"{name}-plain")
    app = open_app(count, plain)

    with pytest.raises(NotFound, match="one of its params: north, south"):
        app.run(name)
    with pytest.raises(NotFound, match='Did you mean "north"'):
        app.run(name, "nort")
    with pytest.raises(NotFound, match="It has none"):
        app.run(plain, "north")
    with pytest.raises(NotFound, match=f'Did you mean "{name}"'):
        app.run(f"{name}s")
    assert runs == []


def test_everything_that_is_wrong_with_commands_is_told_at_once() -> None:
    @command("Bad Name", every=timedelta(0), params=("a b",))
    def first(param: str, size: int) -> None: ...

    @command("twice")
    def second(param: str) -> None: ...

    @command("twice")
    async def third() -> None: ...

    with pytest.raises(Misconfigured) as raised:
        Eventflow(Settings(database="sqlite://"), aggregates=[Document], commands=[first, second, third, print])  # type: ignore[list-item]

    told = str(raised.value)
    for words in (
        "name='Bad Name'",
        "every=datetime.timedelta(0)",
        "params='a b'",
        "it asks for size",
        "there is no params=",
        "it is a coroutine",
        '2 commands run under the key "twice"',
        "is no command",
    ):
        assert words in told


def test_a_command_is_still_a_function() -> None:
    @command("plain")
    def plain(app: str) -> str:
        """Say it."""
        return app

    assert (plain("x"), plain.__doc__, plain.name) == ("x", "Say it.", "plain")


# -- by the scheduler ------------------------------------------------------------------------------


@contextmanager
def working(app: Eventflow) -> Iterator[None]:
    """A worker is at work on the application."""
    worker = app.worker(threads=1)
    worker.start()
    try:
        yield
    finally:
        worker.stop(timedelta(seconds=5))


def test_the_scheduler_runs_every_param_in_its_rhythm(open_app: Open, name: str) -> None:
    count, runs = counting(name, every=HOURLY, params=("north", "south"))
    app = open_app(count)

    first = {one.name: one.done for one in app.tick() or ()}
    again = [one.name for one in app.tick() or ()]

    assert runs == ["north", "south"]
    assert (first[f"command-{name}-north"], first[f"command-{name}-south"]) == (1, 1)
    assert f"command-{name}-north" not in again
    assert {one.header.actor for one in app.history(lock_id(f"{name}-north"))} == {"scheduler"}


def test_the_scheduler_passes_over_what_is_disabled_or_runs_already(open_app: Open, name: str) -> None:
    disabled, first = counting(f"{name}-a", every=HOURLY)
    held, second = counting(f"{name}-b", every=HOURLY)
    app = open_app(disabled, held)
    app.lockboard.disable(f"{name}-a")
    app.locks.take(f"{name}-b", lease=ALIVE)

    runs = {one.name: (one.done, one.error) for one in app.tick() or ()}

    assert (first, second) == ([], [])
    assert (runs[f"command-{name}-a"], runs[f"command-{name}-b"]) == ((0, None), (0, None))


def test_a_scheduled_command_that_fails_is_seen_and_comes_again(open_app: Open, name: str) -> None:
    @command(name, every=HOURLY)
    def importing() -> None:
        raise ValueError("the bank is away")

    app = open_app(importing)

    (run,) = [one for one in app.tick() or () if one.name == f"command-{name}"]

    assert run.error == "ValueError: the bank is away"
    assert app.commands.statuses()[0].state is CommandState.ERROR


def test_a_command_that_takes_long_keeps_no_other_from_its_rhythm(open_app: Open, name: str) -> None:
    go_on = threading.Event()

    @command(f"{name}-long", every=HOURLY)
    def long() -> None:
        go_on.wait(30)

    quick, runs = counting(f"{name}-quick", every=timedelta(seconds=0.05))
    app = open_app(long, quick)

    with working(app):
        until(lambda: app.lockboard.status(f"{name}-long").state is CommandState.WORKING)
        seen = len(runs)
        until(lambda: len(runs) > seen + 1)
        go_on.set()
        until(lambda: story(app, f"{name}-long")[-1] == "released")


def test_a_worker_that_stops_asks_its_commands_to_end_and_they_give_their_locks_back(open_app: Open, name: str) -> None:
    @command(name, every=HOURLY)
    def endless(lock: Held) -> None:
        while True:
            lock.check()
            time.sleep(0.01)

    app = open_app(endless)
    with working(app):
        until(lambda: app.lockboard.status(name).state is CommandState.WORKING)

    status = app.lockboard.status(name)
    assert status.holder is None
    assert "asked to stop" in status.mishaps[-1].text


def test_what_a_dead_one_has_left_in_the_middle_is_run_when_its_lease_is_over(open_app: Open, name: str) -> None:
    count, runs = counting(name, every=HOURLY)
    app = open_app(count)
    app.locks.take(name, lease=timedelta(seconds=0.7))

    with working(app):
        until(lambda: runs)

    assert story(app, name) == ["created", "taken", "found_stale", "taken", "finished", "released"]


def test_what_a_living_one_runs_is_left_to_it_until_the_next_time(open_app: Open, name: str) -> None:
    count, runs = counting(name, every=HOURLY)
    app = open_app(count)

    with app.lock(name, lease=timedelta(seconds=3)), working(app):
        until(lambda: [one for one in Runs(app.database).all().values() if one.name == f"command-{name}"])
        assert not app.commands.was_left(f"command-{name}", threading.Event().wait)

    assert runs == []


def test_the_status_shows_the_keys_that_a_worker_really_uses(open_app: Open, name: str) -> None:
    count, _ = counting(name, every=HOURLY, params=("north", "south"))
    app = open_app(count)
    with working(app):
        until(lambda: all(one.executed_at for one in app.commands.statuses()))

    shown = [one.key for one in app.commands.statuses()]

    assert shown == [key for key in app.lockboard.keys(limit=1000) if key.startswith(name)]
