"""Runs that cannot be read: whoever waits for them is told, and nobody waits for ever."""

from __future__ import annotations

from datetime import timedelta
from typing import Self

import pytest

from eventflow.app import Eventflow
from eventflow.model.process.awaiting import Child, Ended, Moment, Signal
from eventflow.model.process.fan import Each
from eventflow.model.process.process import Process
from eventflow.model.process.run import Run
from eventflow.model.process.status import RunStatus
from eventflow.model.process.step import step
from eventflow.model.retry import Retry
from eventflow.testing import Clock
from tests.walks.conftest import MakeApp

EMBEDDED = pytest.mark.parametrize("settings", ["sqlite-stub"], indirect=True)
ON_POSTGRES_TOO = pytest.mark.parametrize("settings", ["sqlite-stub", "postgres-rabbitmq"], indirect=True)

ONCE = Retry(attempts=1)
LATER = Retry(attempts=3, after=timedelta(minutes=1))
TORN: set[str] = set()


class Parcel(Process, name="parcel", retry=ONCE):
    """Is sent when somebody says so."""

    sent: bool = False

    @step(awaits=Signal("sent"))
    def send(self) -> Self:
        return self.learn(sent=True)


class Shop(Process, name="shop", retry=ONCE):
    """Waits for its parcel."""

    arrived: bool = False

    @step(undo="close")
    def open(self) -> None: ...

    def close(self) -> None: ...

    @step(awaits=Child(lambda shop: Parcel()))
    def ship(self, end: Ended) -> Self:
        return self.learn(arrived=bool(end.state["sent"]))


class Airing(Process, name="airing", retry=ONCE):
    """Is over after an hour."""

    @step(awaits=Moment(after=timedelta(hours=1)))
    def air(self) -> None: ...


class Depot(Process, name="depot", retry=ONCE):
    """Waits for it."""

    @step(awaits=Child(lambda depot: Airing()))
    def wait(self) -> None: ...


class Book(Process, name="book", retry=LATER):
    """Is printed page by page."""

    pages: tuple[str, ...]

    @step(over=Each("pages", at_once=2))
    def print_page(self, page: str) -> None:
        if page in TORN:
            raise ValueError(f"{page} is torn")


class Leaflet(Process, name="leaflet", retry=LATER):
    """Goes on without some of its pages."""

    pages: tuple[str, ...]
    printed: tuple[str | None, ...] = ()

    @step(over=Each("pages", at_once=1, failing="some", into="printed"))
    def print_page(self, page: str) -> str:
        if page in TORN:
            raise ValueError(f"{page} is torn")
        return page


@pytest.fixture(autouse=True)
def whole() -> None:
    TORN.clear()


@pytest.fixture
def app(make_app: MakeApp) -> Eventflow:
    return make_app(aggregates=[], processes=[Shop, Parcel, Depot, Airing, Book, Leaflet])


def begun(app: Eventflow, process: Process) -> tuple[Run, list[Run]]:
    """A run that was worked on as far as it can be, and those that it has begun, in their order."""
    run = app.processes.start(process)
    app.drain()
    headers = [one for one in app.log.tail(0, 10_000) if one.category == Run.category and one.version == 1]
    found = (app.processes.get(one.stream) for one in headers)
    return run, [one for one in found if one.parent == run.id]


class Damage:
    """The body of an event, changed behind everybody's back until it is repaired."""

    def __init__(self, app: Eventflow, run: Run, event: int) -> None:
        self._app, self._position = app, app.log.headers(run.id)[event].position
        [(self._state,)] = self._ask(f"SELECT state FROM bodies WHERE position = {self._position}")
        self._put(b"rubbish")

    def repair(self) -> None:
        """It is as it was."""
        self._put(bytes(self._state))

    def _put(self, state: bytes) -> None:
        mark = "%(state)s" if self._app.database.dialect == "postgresql" else ":state"
        with self._app.database.transaction() as transaction:
            transaction.execute(f"UPDATE bodies SET state = {mark} WHERE position = {self._position}", {"state": state})

    def _ask(self, statement: str) -> list[tuple[bytes]]:
        return [tuple(one) for one in self._app.database.query(statement, {})]


@ON_POSTGRES_TOO
@pytest.mark.parametrize("event", [0, -1], ids=["its first event", "its last event"])
def test_a_child_that_cannot_be_read_fails_the_step_that_waits_for_it(app: Eventflow, clock: Clock, event: int) -> None:
    run, [child] = begun(app, Depot())
    Damage(app, child, event)

    clock.forward(hours=1)
    app.drain()

    found = app.processes.get(run.id)
    assert found.status is RunStatus.ERROR
    assert f"The child {child.id} ended in EXCEPTION: What is recorded of the run {child.id} cannot be read." in str(
        found.message
    )
    assert "DamagedBody" in str(found.message)
    heard = [one for one in app.processes.history(run.id) if one.name == "run_ended"]
    assert [one.body["status"] for one in heard] == ["exception"]
    assert app.runs.get(child.id).status == "exception"


@EMBEDDED
def test_an_item_that_cannot_be_read_fails_its_step_and_the_others_are_done(app: Eventflow, clock: Clock) -> None:
    TORN.add("b")
    run, [_, torn, *_] = begun(app, Book(pages=("a", "b", "c")))
    Damage(app, torn, 0)

    clock.forward(minutes=1)
    app.drain()

    found = app.processes.get(run.id)
    assert found.status is RunStatus.ERROR
    assert "1 of 3 items failed; item 1 with What is recorded of the run" in str(found.message)


@EMBEDDED
def test_a_step_that_goes_on_without_some_items_goes_on_without_one_that_cannot_be_read(
    app: Eventflow, clock: Clock
) -> None:
    TORN.add("b")
    run, items = begun(app, Leaflet(pages=("a", "b", "c")))
    assert len(items) == 2  # one at a time: the third one begins when the second has ended
    Damage(app, items[1], 0)

    clock.forward(minutes=1)
    app.drain()

    assert app.processes.known(run.id) == Leaflet(pages=("a", "b", "c"), printed=("a", None, "c"))


@EMBEDDED
def test_nobody_who_takes_back_what_he_did_waits_for_a_child_that_cannot_be_read(app: Eventflow) -> None:
    run, [child] = begun(app, Shop())
    Damage(app, child, 0)

    app.processes.abandon(run.id)
    app.drain()

    assert app.processes.get(run.id).status is RunStatus.ABORTED
    assert [one.step for one in app.processes.history(run.id) if one.name == "step_succeeded"][-1] == "undo:open"


@ON_POSTGRES_TOO
def test_a_parent_that_could_not_be_read_hears_of_the_end_of_its_child_once_it_can(app: Eventflow) -> None:
    run, [child] = begun(app, Shop())
    damage = Damage(app, run, 0)

    app.processes.signal(child.id, "sent")
    app.drain()
    assert app.processes.get(child.id).status is RunStatus.SUCCESS
    # It does not stand there as if it waited: it says what is wrong with it.
    assert app.runs.get(run.id).status == "exception"
    assert (app.log.head(run.id).error or "").startswith("DamagedBody")  # type: ignore[union-attr]

    damage.repair()
    app.processes.restart(run.id)
    app.drain()

    assert app.processes.known(run.id) == Shop(arrived=True)


@EMBEDDED
def test_a_parent_that_can_be_read_again_before_it_is_taken_up_goes_on_by_itself(app: Eventflow) -> None:
    run, [child] = begun(app, Shop())
    damage = Damage(app, run, 0)
    app.processes.abandon(child.id)  # in a program that does not work
    damage.repair()

    app.drain()

    assert [one.name for one in app.processes.history(run.id)].count("run_ended") == 1
    assert "ended in ABORTED" in str(app.processes.get(run.id).message)


@EMBEDDED
def test_items_that_ended_while_their_step_could_not_be_read_are_gathered_once_it_can(
    app: Eventflow, clock: Clock
) -> None:
    TORN.add("b")
    run, _ = begun(app, Book(pages=("a", "b")))
    damage = Damage(app, run, 0)
    TORN.clear()
    clock.forward(minutes=1)
    app.drain()
    damage.repair()

    app.processes.restart(run.id)
    app.drain()

    assert app.processes.get(run.id).status is RunStatus.SUCCESS
