"""Handlers that wait without a worker, and what is said to them from outside; callers that wait for a status."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

import pytest

from eventflow.app import Eventflow
from eventflow.errors import NotReached, Refused, StreamNotFound, TransitionRefused
from eventflow.model.aggregate import Aggregate
from eventflow.model.event import Event
from eventflow.model.reaction import task
from eventflow.model.retry import Retry
from eventflow.model.transition import transition
from eventflow.model.wait import Wait
from eventflow.testing import Clock
from tests.walks.conftest import MakeApp


class Status(StrEnum):
    """A contract's life."""

    DRAFTED = "drafted"
    SIGNING = "signing"
    SIGNED = "signed"
    ERROR = "error"
    WITHDRAWN = "withdrawn"


class Signed(Event):
    """Everybody has signed."""


class Approved(Event):
    """Somebody is for it: a mere fact."""

    by: str


class Withdrawn(Event):
    """It is off the table."""


class Contract(Aggregate[Status], category="contract", initial=Status.DRAFTED, events=(Approved,)):
    """What needs two who are for it."""

    by: str = ""
    count: int = 0

    def approve(self, by: str) -> None:
        """Be for it."""
        self.record(Approved(by=by))

    @transition(Status.DRAFTED, Status.SIGNING, to=Status.WITHDRAWN)
    def withdraw(self) -> Withdrawn:
        """Take it off the table."""
        return Withdrawn()


def signing(act: Callable[[Contract], Any], **options: Any) -> Any:
    bound: Any = task(
        Contract, on=Status.DRAFTED, processing=Status.SIGNING, complete=Status.SIGNED, failed=Status.ERROR,
        name="sign", **options,
    )  # fmt: skip

    def sign(contract: Contract) -> Signed | None:
        return act(contract)  # type: ignore[no-any-return]

    return bound(sign)


def patiently(contract: Contract) -> Signed:
    """Waits, however long it takes, until somebody is for it."""
    if not contract.by:
        raise Wait
    return Signed()


def names(app: Eventflow, contract: Contract) -> list[str]:
    return [one.header.name.partition(":")[2] for one in app.history(contract.id)]


def a_waiting_contract(app: Eventflow) -> Contract:
    app.save(contract := Contract.create())
    app.drain()
    assert names(app, contract)[-1] == "put_aside"
    return contract


def test_a_handler_waits_for_a_signal_and_goes_on_with_it(make_app: MakeApp) -> None:
    app = make_app(aggregates=[Contract], reactions=[signing(patiently)])
    contract = a_waiting_contract(app)

    header = app.send(contract.id, Contract.approve, "anna", actor="anna")
    app.drain()

    assert (header.name, header.actor) == ("contract:woken", "anna")
    assert names(app, contract) == [
        "created", "status_changed", "put_aside", "approved", "woken", "taken_up", "signed",
    ]  # fmt: skip
    assert {one.header.attempt for one in app.history(contract.id) if one.header.attempt} == {1}
    assert app.get(Contract, contract.id).status is Status.SIGNED


def test_a_wait_on_the_event_loop_is_the_same(make_app: MakeApp) -> None:
    bound: Any = task(
        Contract, on=Status.DRAFTED, processing=Status.SIGNING, complete=Status.SIGNED, failed=Status.ERROR
    )

    async def sign(contract: Contract) -> Signed:
        return patiently(contract)

    app = make_app(aggregates=[Contract], reactions=[bound(sign)])
    contract = a_waiting_contract(app)

    app.send(contract.id, Contract.approve, "anna")
    app.drain()

    assert app.get(Contract, contract.id).status is Status.SIGNED


def test_a_wait_is_over_when_its_time_is(make_app: MakeApp, clock: Clock) -> None:
    calls: list[int] = []

    def for_an_hour(contract: Contract) -> Signed:
        calls.append(1)
        if len(calls) == 1:
            raise Wait(at_most=timedelta(hours=1))
        return Signed()

    app = make_app(aggregates=[Contract], reactions=[signing(for_an_hour)])
    contract = a_waiting_contract(app)
    clock.forward(minutes=59)
    app.drain()
    assert len(calls) == 1

    clock.forward(minutes=2)
    app.drain()

    assert (len(calls), app.get(Contract, contract.id).status) == (2, Status.SIGNED)


def test_a_wait_may_be_returned_too(make_app: MakeApp, clock: Clock) -> None:
    app = make_app(aggregates=[Contract], reactions=[signing(lambda contract: Wait(until=clock() + timedelta(days=1)))])

    contract = a_waiting_contract(app)

    assert app.history(contract.id)[-1].header.due == clock() + timedelta(days=1)


def test_what_is_said_while_the_handler_runs_is_not_missed(make_app: MakeApp) -> None:
    calls: list[str] = []

    def hears_late(contract: Contract) -> Signed:
        calls.append(contract.by)
        if not contract.by:
            app.send(contract.id, Contract.approve, "anna")
            raise Wait
        return Signed()

    app = make_app(aggregates=[Contract], reactions=[signing(hears_late)])
    app.save(contract := Contract.create())

    app.drain()

    assert calls == ["", "anna"] and app.get(Contract, contract.id).status is Status.SIGNED


def test_a_command_that_moves_the_item_on_ends_the_wait(make_app: MakeApp) -> None:
    app = make_app(aggregates=[Contract], reactions=[signing(patiently)])
    contract = a_waiting_contract(app)

    header = app.send(contract.id, "withdraw")
    app.drain()

    assert (header.name, names(app, contract)[-1]) == ("contract:withdrawn", "withdrawn")


def test_a_scheduled_retry_is_woken_when_asked(make_app: MakeApp) -> None:
    calls: list[int] = []

    def second_time_lucky(contract: Contract) -> Signed:
        calls.append(1)
        if len(calls) == 1:
            raise ConnectionError("not yet")
        return Signed()

    retry = Retry(attempts=2, after=timedelta(hours=1))
    app = make_app(aggregates=[Contract], reactions=[signing(second_time_lucky, retry=retry)])
    app.save(contract := Contract.create())
    app.drain()
    app.send(contract.id, Contract.approve, "anna")
    app.drain()
    assert names(app, contract)[-2:] == ["retry_scheduled", "approved"]

    app.send(contract.id, Contract.approve, "bert", retries=True)
    app.drain()

    assert names(app, contract)[-4:] == ["approved", "woken", "retry_started", "signed"]
    assert app.history(contract.id)[-1].header.attempt == 2


def test_what_was_put_aside_can_be_woken_without_a_word(make_app: MakeApp) -> None:
    app = make_app(aggregates=[Contract], reactions=[signing(patiently)])
    contract = a_waiting_contract(app)

    app.wake(contract.id, actor="anna")
    app.drain()
    assert names(app, contract)[-3:] == ["woken", "taken_up", "put_aside"]

    app.send(contract.id, "withdraw")
    with pytest.raises(TransitionRefused):
        app.wake(contract.id)


def test_signals_at_the_same_moment_all_arrive(make_app: MakeApp) -> None:
    app = make_app(aggregates=[Contract], reactions=[signing(patiently)])
    contract = a_waiting_contract(app)
    threads = [
        threading.Thread(target=app.send, args=(contract.id, Contract.approve, name)) for name in "abcdefgh"
    ]  # fmt: skip

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    app.drain()

    approvals: list[Any] = [one.event for one in app.history(contract.id) if one.header.name == "contract:approved"]
    assert sorted(one.by for one in approvals) == [*"abcdefgh"]
    assert app.get(Contract, contract.id).status is Status.SIGNED


def test_what_is_sent_under_a_key_is_sent_once(make_app: MakeApp) -> None:
    app = make_app(aggregates=[Contract])
    app.save(contract := Contract.create())

    first = app.send(contract.id, Contract.withdraw, key="mail-7")
    second = app.send(contract.id, Contract.withdraw, key="mail-7")

    assert first == second and names(app, contract) == ["created", "withdrawn"]


def test_a_command_by_its_name_has_to_be_one(make_app: MakeApp) -> None:
    app = make_app(aggregates=[Contract])
    app.save(contract := Contract.create())

    with pytest.raises(Refused, match='Did you mean "withdraw"'):
        app.send(contract.id, "withdrew")
    with pytest.raises(Refused, match='no command "defibrillate"'):
        app.send(contract.id, "defibrillate")


def test_a_wait_says_how_long_in_one_way() -> None:
    with pytest.raises(Refused):
        Wait(timedelta(1), until=datetime.now().astimezone())
    with pytest.raises(Refused, match="no time zone"):
        Wait(until=datetime(2026, 1, 1))


def test_a_caller_waits_for_a_status(make_app: MakeApp) -> None:
    app = make_app(aggregates=[Contract], reactions=[signing(lambda contract: Signed())])
    app.save(contract := Contract.create())
    worker = app.worker()
    worker.start()
    try:
        header = app.await_status(contract.id, Status.SIGNED, Status.ERROR, timeout=timedelta(seconds=30))
    finally:
        worker.stop()

    assert (header.name, header.status) == ("contract:signed", "signed")


def test_a_status_that_was_only_passed_is_not_missed(make_app: MakeApp) -> None:
    app = make_app(aggregates=[Contract])
    contract = Contract.create()
    app.save(contract)
    first = app.history(contract.id)[-1].header
    contract.change_status(Status.SIGNING)
    contract.change_status(Status.SIGNED)
    app.save(contract)

    assert app._signals._next(first, {"signing"}).version == 2


def test_a_caller_who_waits_in_vain_is_told_where_it_stands(make_app: MakeApp) -> None:
    app = make_app(aggregates=[Contract])
    app.save(contract := Contract.create())

    with pytest.raises(NotReached, match=r'stands in "drafted" after 0\.05 s'):
        app.await_status(contract.id, "signed", timeout=timedelta(seconds=0.05))
    with pytest.raises(Refused, match='Did you mean "signed"'):
        app.await_status(contract.id, "singed")
    with pytest.raises(StreamNotFound):
        app.await_status(Contract.create().id, "signed")
