"""An item is cancelled, whatever is being done about it: its handler hears of it, and its history says by whom."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from enum import StrEnum
from typing import Any

import pytest

from eventflow.app import Eventflow
from eventflow.errors import Misconfigured, Refused, TransitionRefused
from eventflow.model.aggregate import Aggregate
from eventflow.model.event import Event
from eventflow.model.exchange import AsyncExchange, Exchange, Request
from eventflow.model.reaction import endpoint, task
from eventflow.model.retry import Retry
from eventflow.runtime.attempt import cancelled
from eventflow.settings import Settings
from tests.peer import Answer, Asked, Peer
from tests.walks.conftest import MakeApp

LONG = timedelta(seconds=30)


class Status(StrEnum):
    """An order's life."""

    QUEUED = "queued"
    PACKING = "packing"
    SENT = "sent"
    ERROR = "error"
    CANCELLED = "cancelled"
    RETURNED = "returned"


class Packed(Event):
    """It is in its box."""


class Remarked(Event):
    """A mere fact."""

    remark: str


class Order(
    Aggregate[Status],
    category="order",
    initial=Status.QUEUED,
    cancelled=dict.fromkeys((Status.QUEUED, Status.PACKING, Status.ERROR), Status.CANCELLED),
    events=(Remarked,),
):
    """What is packed."""

    remark: str = ""


def a_task(function: Callable[[Order], Any], **options: Any) -> Any:
    """What packs orders."""
    bound: Any = task(
        Order, on=Status.QUEUED, processing=Status.PACKING, complete=Status.SENT, failed=Status.ERROR, name="pack",
        **options,
    )  # fmt: skip
    return bound(function)


def an_endpoint(function: Callable[[Order], Any]) -> Any:
    """What has orders packed."""
    bound: Any = endpoint(
        Order, on=Status.QUEUED, processing=Status.PACKING, complete=Status.SENT, failed=Status.ERROR, name="pack"
    )
    return bound(function)


class Stage:
    """A handler that waits to be cancelled, and says how it ended."""

    def __init__(self) -> None:
        self.begun, self.ended = threading.Event(), threading.Event()
        self.end: str = ""

    def note(self, end: str) -> None:
        self.end = end
        self.ended.set()


def asking(stage: Stage) -> Any:
    def pack(order: Order) -> Packed:
        stage.begun.set()
        until(cancelled)
        stage.note("asked")
        return Packed()

    return a_task(pack)


def looping(stage: Stage) -> Any:
    def pack(order: Order) -> Packed:
        stage.begun.set()
        try:
            until(lambda: False)
        except BaseException as error:
            stage.note(type(error).__name__)
            raise
        return Packed()

    return a_task(pack)


def awaiting(stage: Stage) -> Any:
    async def pack(order: Order) -> Packed:
        stage.begun.set()
        try:
            await asyncio.Event().wait()
        except BaseException as error:
            stage.note(type(error).__name__)
            raise
        return Packed()

    return a_task(pack)


def until(reached: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not reached() and time.monotonic() < end:
        time.perf_counter()


def cancel_at_work(app: Eventflow, stage: Stage, by: Eventflow | None = None) -> Order:
    """An order that is cancelled while it is packed, once the one who packs has heard of it."""
    app.save(order := Order.create())
    worker = app.worker(threads=2)
    worker.start()
    try:
        assert stage.begun.wait(30)
        (by or app).cancel(order.id, reason="they changed their mind", actor="anna")
        assert stage.ended.wait(30)
    finally:
        worker.stop()
    return order


@pytest.mark.parametrize(("reaction", "end"), [(asking, "asked"), (looping, "Overruled"), (awaiting, "CancelledError")])
def test_whoever_works_on_what_is_cancelled_hears_of_it(
    make_app: MakeApp, reaction: Callable[[Stage], Any], end: str
) -> None:
    stage = Stage()
    app = make_app(aggregates=[Order], reactions=[reaction(stage)])

    order = cancel_at_work(app, stage)

    assert stage.end == end
    history = app.history(order.id)
    assert [one.header.name for one in history] == ["order:created", "order:status_changed", "order:called_off"]
    assert (history[-1].header.actor, history[-1].header.status) == ("anna", "cancelled")
    assert app.get(Order, order.id).status is Status.CANCELLED


def test_another_process_may_cancel(make_app: MakeApp, settings: Settings) -> None:
    stage = Stage()
    app = make_app(aggregates=[Order], reactions=[looping(stage)])
    elsewhere = make_app(aggregates=[Order])

    order = cancel_at_work(app, stage, by=elsewhere)

    assert stage.end == "Overruled" and app.get(Order, order.id).status is Status.CANCELLED


def test_facts_recorded_beside_do_not_interrupt(make_app: MakeApp) -> None:
    stage = Stage()
    heard: list[bool] = []

    def pack(order: Order) -> Packed:
        stage.begun.set()
        assert stage.ended.wait(30)
        heard.append(cancelled())
        return Packed()

    app = make_app(aggregates=[Order], reactions=[a_task(pack)])
    app.save(order := Order.create())
    worker = app.worker()
    worker.start()
    try:
        assert stage.begun.wait(30)
        beside = app.get(Order, order.id)
        beside.record(Remarked(remark="fragile"))
        app.save(beside)
        worker._lookout.look()
        worker._lookout.look()
        stage.ended.set()
        app.engine._until(lambda: app.get(Order, order.id).status is Status.SENT, LONG)
    finally:
        worker.stop()

    assert heard == [False] and app.get(Order, order.id).remark == "fragile"


@pytest.mark.parametrize("asynchronous", [False, True])
def test_an_answer_that_comes_after_the_cancelling_changes_nothing(
    make_app: MakeApp, peer: Peer, asynchronous: bool
) -> None:
    asked, go_on = threading.Event(), threading.Event()

    def answer(request: Asked) -> Answer:
        asked.set()
        go_on.wait(30)
        return Answer()

    def pack(order: Order) -> Exchange[Packed]:
        yield Request("POST", peer.url)
        return Packed()

    async def pack_on_the_loop(order: Order) -> AsyncExchange[Packed]:
        yield Request("POST", peer.url)
        yield Packed()

    peer.answer = answer
    app = make_app(aggregates=[Order], reactions=[an_endpoint(pack_on_the_loop if asynchronous else pack)])
    app.save(order := Order.create())
    worker = app.worker()
    worker.start()
    try:
        assert asked.wait(30)
        app.cancel(order.id)
        go_on.set()
    finally:
        assert worker.stop()

    assert app.get(Order, order.id).status is Status.CANCELLED
    assert [one.header.name for one in app.history(order.id)][-2:] == ["order:request_sent", "order:called_off"]


def test_what_waits_for_another_attempt_is_cancelled_without_one(make_app: MakeApp) -> None:
    def pack(order: Order) -> Packed:
        raise ValueError("no string left")

    app = make_app(aggregates=[Order], reactions=[a_task(pack, retry=Retry(attempts=2, after=timedelta(hours=1)))])
    app.save(order := Order.create())
    app.drain()

    app.cancel(order.id)
    app.clock.forward(hours=2)  # type: ignore[attr-defined]  # turned by hand here
    app.drain()

    assert [one.header.phase for one in app.history(order.id)] == ["announced", "claimed", "deferred", "announced"]


def test_an_item_may_be_cancelled_into_a_status_that_is_given(make_app: MakeApp) -> None:
    app = make_app(aggregates=[Order])
    app.save(order := Order.create())

    header = app.cancel(order.id, status=Status.RETURNED)

    assert (header.status, app.get(Order, order.id).status) == ("returned", Status.RETURNED)


def test_what_is_cancelled_is_not_cancelled_again() -> None:
    order = Order.create()
    order.cancel()

    with pytest.raises(TransitionRefused):
        order.cancel()


def test_an_aggregate_may_say_from_which_statuses_it_is_cancelled() -> None:
    class Letter(
        Aggregate[Status], category="letter", initial=Status.QUEUED, cancelled={Status.QUEUED: Status.CANCELLED}
    ):
        pass

    letter = Letter.create()
    letter.change_status(Status.SENT)

    with pytest.raises(TransitionRefused, match='needs the status "queued", but the status is "sent"'):
        letter.cancel()


def test_what_is_finished_is_not_cancelled_wherever_it_is_to_go(make_app: MakeApp) -> None:
    def pack(order: Order) -> Packed:
        return Packed()

    app = make_app(aggregates=[Order], reactions=[a_task(pack)])
    app.save(order := Order.create())
    app.drain()

    for where in (None, Status.RETURNED):
        with pytest.raises(TransitionRefused, match='but the status is "sent"'):
            app.cancel(order.id, status=where)
    assert app.get(Order, order.id).status is Status.SENT


def test_where_something_is_cancelled_from_has_to_be_said(make_app: MakeApp) -> None:
    whatever: Any = Status.CANCELLED

    class Letter(Aggregate[Status], category="letter", initial=Status.QUEUED, cancelled=whatever):
        pass

    with pytest.raises(Misconfigured, match=r"cancelled=cancelled: it does not say from where.*Status.QUEUED: "):
        make_app(aggregates=[Letter])


def test_a_class_that_says_nothing_of_it_is_told_where_to(make_app: MakeApp) -> None:
    class Letter(Aggregate[Status], category="letter", initial=Status.QUEUED):
        pass

    app = make_app(aggregates=[Letter])
    app.save(letter := Letter.create(status=Status.SENT))

    assert app.cancel(letter.id, status=Status.RETURNED).status == "returned"


def test_an_aggregate_without_a_status_for_it_is_not_cancelled() -> None:
    class Note(Aggregate[Status], category="note", initial=Status.QUEUED):
        pass

    with pytest.raises(TransitionRefused):
        Note.create().cancel()


def test_a_status_of_something_else_is_refused(make_app: MakeApp) -> None:
    class Other(StrEnum):
        GONE = "gone"

    with pytest.raises(Refused, match="is no status of Order"):
        Order.create().cancel(status=Other.GONE)  # type: ignore[arg-type]

    class Letter(Aggregate[Status], category="letter", initial=Status.QUEUED, cancelled={Status.QUEUED: Other.GONE}):
        pass

    with pytest.raises(Misconfigured, match="Letter, cancelled"):
        make_app(aggregates=[Letter])


def test_nobody_is_cancelled_outside_of_a_handler() -> None:
    assert cancelled() is False
