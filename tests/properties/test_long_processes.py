"""Whatever is killed, comes twice or comes late: items are done once, and what was done is taken back backwards."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eventflow.app import Eventflow
from eventflow.errors import VersionConflict
from eventflow.model.process import long
from eventflow.model.process.endings import Abandon
from eventflow.model.process.fan import Each
from eventflow.model.process.long_events import Begun
from eventflow.model.process.process import Process
from eventflow.model.process.run import Run
from eventflow.model.process.status import STARTING, RunStatus
from eventflow.model.process.step import step
from eventflow.model.telling import facts_of
from eventflow.runtime.processes.approach import Approach, Aside, Turn
from eventflow.testing import in_memory
from tests.model.process.words import A_WORKER, a_run

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ITEMS, AT_ONCE = 4, 2


class Book(Process, name="book", version=1):
    """Four pages, two at once."""

    pages: tuple[int, ...] = tuple(range(ITEMS))
    printed: tuple[int | None, ...] = ()

    @step(over=Each("pages", at_once=AT_ONCE, into="printed"))
    def print_page(self, page: int) -> int:
        return page * 10


@pytest.fixture(scope="module")
def app() -> Iterator[Eventflow]:
    """A log in memory. No worker is there: the test is every worker itself."""
    with in_memory(aggregates=[], processes=[Book]) as app:
        yield app


class Press:
    """A run over four items, and whoever works on it or its items. Changes with every move."""

    def __init__(self, app: Eventflow) -> None:
        self._app, self._approach = app, Approach(app.repository, app.processes.registry)
        self.run = app.processes.start(Book()).id
        self.computed: Counter[int] = Counter()

    # -- moves -----------------------------------------------------------------------------------

    def turn(self, *, killed: bool = False) -> None:
        """A worker takes the parent up; killed, it leaves it to another one."""
        if not self._claim(self.run):
            return
        run = self._app.processes.get(self.run)
        if killed:
            run.interrupt("killed", NOW)
        else:
            self._decide(run)
        self._app.repository.save(run)

    def _decide(self, run: Run) -> None:
        definition = self._app.processes.registry.get("book")
        process = definition.revived(run.state)
        try:
            ready = self._approach.ready(Turn(run, process, definition.by_key["print_page"], NOW))
        except Aside as aside:
            aside.verdict(run)
        except Abandon as ending:
            run.give_up(ending.status, ending.message, {}, ())
        else:
            run.succeed("print_page", learned=definition.learned(process, ready.function(process)))

    def item(self, index: int, how: str) -> None:
        """A worker takes an item up, and it ends so; or two do, of which one was thought to be dead."""
        found = next(
            (one for one in self._app.processes.get(self.run).kin_of("print_page") if one.index == index), None
        )
        if found is None or not self._claim(found.run):
            return
        workers = [self._app.processes.get(found.run) for _ in range(2 if how == "twice" else 1)]
        for number, one in enumerate(workers):
            END[how](one, index * 10)
            if number:
                with pytest.raises(VersionConflict):
                    self._app.repository.save(one)
            else:
                self._app.repository.save(one)
                self.computed.update([index] if how in ("well", "twice") else [])

    def restart(self) -> None:
        """A person does so, where that is allowed."""
        if self._app.processes.get(self.run).status is RunStatus.ERROR:
            self._app.processes.restart(self.run)

    def _claim(self, id: UUID) -> bool:
        run = self._app.processes.get(id)
        if run.status not in STARTING:
            return False
        run.claim(uuid4())
        self._app.repository.save(run)
        return True

    # -- what is so ------------------------------------------------------------------------------

    def check(self) -> None:
        """What holds after every move."""
        run = self._app.processes.get(self.run)
        kin = run.kin_of("print_page")
        assert sum(one.is_open for one in kin) <= AT_ONCE
        assert all(count == 1 for count in self.computed.values())
        for one in kin:
            ended = self._app.processes.get(one.run)
            assert (one.status is RunStatus.SUCCESS) == (self.computed[one.index or 0] == 1)
            assert one.status is None or one.status is ended.status

    def end(self) -> Run:
        """Everything is done that is left, and goes well."""
        for _ in range(20):
            self.restart()
            self.turn()
            for index in range(ITEMS):
                self.item(index, "well")
        return self._app.processes.get(self.run)


END: dict[str, Callable[[Run, int], None]] = {
    "well": lambda run, result: run.succeed("print_page", learned={"result": result}),
    "twice": lambda run, result: run.succeed("print_page", learned={"result": result}),
    "badly": lambda run, result: run.fail(facts_of(ValueError("torn")), due=None),
    "killed": lambda run, result: run.interrupt("killed", NOW),
}

moves = st.one_of(
    st.tuples(st.just("turn"), st.booleans()),
    st.tuples(st.just("item"), st.integers(0, ITEMS - 1), st.sampled_from(sorted(END))),
    st.tuples(st.just("restart")),
)


@settings(max_examples=15)
@given(done=st.lists(moves, max_size=20))
def test_an_item_that_was_recorded_is_never_done_again(app: Eventflow, done: list[tuple[Any, ...]]) -> None:
    press = Press(app)

    for move, *how in done:
        if move == "turn":
            press.turn(killed=how[0])
        elif move == "item":
            press.item(*how)
        else:
            press.restart()
        press.check()
    ended = press.end()

    assert ended.status is RunStatus.SUCCESS
    assert app.processes.known(ended.id) == Book(printed=tuple(page * 10 for page in range(ITEMS)))
    assert press.computed == Counter(range(ITEMS))
    begun = [one.event for one in app.history(ended.id) if isinstance(one.event, Begun) and not one.event.again]
    assert sorted(at for one in begun for at, _ in one.runs if at is not None) == list(range(ITEMS))


STEPS = tuple("abcdef")


@given(
    ways=st.lists(st.sampled_from(["done", "skipped", "retried"]), max_size=len(STEPS) - 1),
    undoable=st.sets(st.sampled_from(STEPS)),
    again=st.none() | st.sampled_from(STEPS),
)
def test_what_has_succeeded_is_taken_back_the_last_first(
    ways: list[str], undoable: set[str], again: str | None
) -> None:
    run = a_run(steps=STEPS, undoable=tuple(sorted(undoable)))
    run.claim(A_WORKER)
    succeeded = []
    for key, way in zip(STEPS, ways, strict=False):
        if way == "skipped":
            run.skip_step(key)
            continue
        if way == "retried":
            run.fail(facts_of(ValueError()), due=NOW)
            run.claim(A_WORKER)
        run.succeed(key)
        run.succeed(key)  # a word that comes twice
        succeeded.append(key)
    if again in run.done:
        run.restart(again, force=True)
        succeeded = [one for one in succeeded if one < str(again)]

    run.abandon()

    wanted = [f"undo:{one}" for one in reversed(succeeded) if one in undoable]
    assert run.status == (RunStatus.RETRY if wanted else RunStatus.ABORTED)
    if wanted:
        assert list(run.steps) == wanted
        run.claim(A_WORKER)
    for key in wanted:
        assert not run.has_finished
        run.succeed(key)
    assert run.status == RunStatus.ABORTED


@given(said=st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 2)), max_size=12))
def test_each_thing_that_is_said_counts_once_and_none_is_lost(said: list[tuple[str, int]]) -> None:
    run = a_run()

    news = [long.signal(run, name, data) for name, data in said]

    assert sum(news) == len(set(said))
    assert {(one.name, one.data) for one in run.letters} == set(said)
    assert [(one.name, one.data) for one in run.letters] == list(dict.fromkeys(said))
