"""Processes that wait, send others out, ask other systems, and take back what they have done."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar, Self
from uuid import UUID

import pytest
from pydantic import BaseModel

from eventflow.app import Eventflow
from eventflow.errors import BadInput, Misconfigured, Refused, TransitionRefused
from eventflow.model.channel import Channel
from eventflow.model.exchange import Exchange, Request
from eventflow.model.handlers import Task
from eventflow.model.incoming import Incoming
from eventflow.model.process.awaiting import Child, Ended, Moment, RunEnd, Signal
from eventflow.model.process.endings import Abandon
from eventflow.model.process.fan import Each, Gathered
from eventflow.model.process.process import Process, migration
from eventflow.model.process.run import Run
from eventflow.model.process.status import RunStatus
from eventflow.model.process.step import Step, calls, step
from eventflow.model.retry import Retry
from eventflow.model.webhook import webhook
from eventflow.settings import Settings
from eventflow.testing import Clock
from tests.peer import Answer, Peer
from tests.walks.conftest import MakeApp
from tests.walks.library import Document, Status, Written, sending, write

MakeLong = Callable[..., Eventflow]
ONCE = Retry(attempts=1)


@pytest.fixture
def make_long(tmp_path: Path, clock: Clock) -> Iterator[MakeLong]:
    """Applications on SQLite in this process; each is closed at the end."""
    opened: list[Eventflow] = []

    def make(*processes: type[Process], **said: Any) -> Eventflow:
        settings = Settings(database=f"sqlite:///{tmp_path / 'log.db'}", objects=(tmp_path / "objects").as_uri())
        opened.append(Eventflow(settings, aggregates=[Document], processes=processes, clock=clock, **said))
        return opened[-1]

    yield make
    for one in opened:
        one.close()


def names(app: Eventflow, run: Run) -> list[str]:
    """What happened in a run, in words."""
    return [f"{one.name} {one.step}" if one.step else one.name for one in app.processes.history(run.id)]


def count(app: Eventflow, run: Run, name: str) -> int:
    """How often something happened in a run."""
    return sum(one.name == name for one in app.processes.history(run.id))


def children(app: Eventflow, run: Run) -> list[Run]:
    """The runs that a run has begun, in the order in which they began."""
    headers = [one for one in app.log.tail(0, 10_000) if one.category == Run.category and one.version == 1]
    return [one for one in (app.processes.get(header.stream) for header in headers) if one.parent == run.id]


# -- signals ---------------------------------------------------------------------------------------


class Approval(BaseModel, frozen=True):
    """Who was for it."""

    by: str


class Order(Process, name="order", version=1, retry=ONCE):
    """An order that somebody has to approve."""

    by: str | None = None
    packed: bool = False

    @step(awaits=Signal("approved", within=timedelta(days=3), late="go_on"))
    def approve(self, approval: Approval | None) -> Self:
        return self.learn(by=approval.by if approval else "nobody")

    @step
    def pack(self) -> Self:
        return self.learn(packed=True)


def test_a_step_waits_for_a_signal_and_no_worker_waits_with_it(make_long: MakeLong) -> None:
    app = make_long(Order)
    run = app.processes.start(Order())
    app.drain()
    assert app.processes.get(run.id).status is RunStatus.WAITING

    assert app.processes.signal(run.id, "approved", {"by": "Ada"})
    app.drain()

    assert app.processes.get(run.id).status is RunStatus.SUCCESS
    assert app.processes.known(run.id) == Order(by="Ada", packed=True)
    assert names(app, run)[1:] == [
        "claimed", "step_waits approve", "signal_received", "woken", "taken_up", "signal_taken approve",
        "step_succeeded approve", "step_succeeded pack",
    ]  # fmt: skip


def test_a_signal_that_came_before_the_wait_began_is_not_lost(make_long: MakeLong) -> None:
    app = make_long(Order)
    run = app.processes.start(Order())

    app.processes.signal(run.id, "approved", {"by": "Ada"})
    app.drain()

    assert app.processes.known(run.id) == Order(by="Ada", packed=True)
    assert count(app, run, "step_waits") == 0


def test_twice_the_same_signal_counts_once(make_long: MakeLong) -> None:
    app = make_long(Order)
    run = app.processes.start(Order())

    first = app.processes.signal(run.id, "approved", {"by": "Ada"})
    again = app.processes.signal(run.id, "approved", {"by": "Ada"})
    keyed = [app.processes.signal(run.id, "approved", {"by": by}, key="mail-7") for by in ("Bob", "Cy")]

    assert (first, again, keyed) == (True, False, [True, False])
    assert count(app, run, "signal_received") == 2


def test_a_wait_that_is_too_long_goes_on_without_what_it_waited_for(make_long: MakeLong, clock: Clock) -> None:
    app = make_long(Order)
    run = app.processes.start(Order())
    app.drain()

    clock.forward(days=2)
    app.drain()
    assert app.processes.get(run.id).status is RunStatus.WAITING
    clock.forward(days=1)
    app.drain()

    assert app.processes.known(run.id) == Order(by="nobody", packed=True)


class Strict(Process, name="strict", version=1):
    """What fails when nobody says anything."""

    @step(awaits=Signal("approved", within=timedelta(days=3)))
    def approve(self) -> None: ...


def test_a_wait_that_is_too_long_is_an_error_unless_said_otherwise(make_long: MakeLong, clock: Clock) -> None:
    app = make_long(Strict)
    run = app.processes.start(Strict())
    app.drain()

    clock.forward(days=3)
    app.drain()

    late = app.processes.get(run.id)
    assert late.status is RunStatus.ERROR
    assert late.message == "Signal approved did not come within 3 days, 0:00:00."


def test_a_restart_waits_afresh_and_takes_a_signal_that_came_meanwhile(make_long: MakeLong, clock: Clock) -> None:
    app = make_long(Strict)
    run = app.processes.start(Strict())
    app.drain()
    clock.forward(days=3)
    app.drain()

    app.processes.restart(run.id)
    app.drain()
    assert app.processes.get(run.id).status is RunStatus.WAITING
    app.processes.signal(run.id, "approved")
    app.drain()

    assert app.processes.get(run.id).status is RunStatus.SUCCESS


def test_what_no_step_could_use_is_refused_where_it_is_said(make_long: MakeLong) -> None:
    app = make_long(Order)
    run = app.processes.start(Order())

    with pytest.raises(Refused, match=r'waits for "aproved".*Did you mean "approved"'):
        app.processes.signal(run.id, "aproved")
    with pytest.raises(BadInput, match="by: Field required"):
        app.processes.signal(run.id, "approved", {"from": "Ada"})
    app.processes.abandon(run.id)
    with pytest.raises(TransitionRefused):
        app.processes.signal(run.id, "approved", {"by": "Ada"})


# -- times and other runs --------------------------------------------------------------------------


class Slow(Process, name="slow", version=1):
    """What takes its time."""

    @step(awaits=Moment(after=timedelta(hours=1)))
    def rest(self) -> None: ...


class Follower(Process, name="follower", version=1):
    """What comes behind another run."""

    leader: UUID
    saw: str = ""

    @step(awaits=RunEnd("leader"))
    def follow(self, end: Ended) -> Self:
        return self.learn(saw=f"{end.process} {end.status}")


def test_a_step_waits_for_its_time(make_long: MakeLong, clock: Clock) -> None:
    app = make_long(Slow)
    run = app.processes.start(Slow())
    app.drain()
    assert app.processes.get(run.id).status is RunStatus.WAITING

    clock.forward(hours=1)
    app.drain()

    assert app.processes.get(run.id).status is RunStatus.SUCCESS


def test_a_step_waits_for_the_end_of_another_run(make_long: MakeLong, clock: Clock) -> None:
    app = make_long(Slow, Follower)
    leader = app.processes.start(Slow())
    early = app.processes.start(Follower(leader=leader.id))
    app.drain()
    assert app.processes.get(early.id).status is RunStatus.WAITING

    clock.forward(hours=1)
    app.drain()
    late = app.processes.start(Follower(leader=leader.id))
    app.drain()

    assert app.processes.known(early.id) == Follower(leader=leader.id, saw="slow success")
    assert app.processes.known(late.id) == Follower(leader=leader.id, saw="slow success")


# -- children --------------------------------------------------------------------------------------


class Parcel(Process, name="parcel", version=1, retry=ONCE):
    """A child that may fail."""

    to: str
    sent: bool = False
    broken: bool = False

    @step(awaits=Signal("sent"))
    def send(self, how: str) -> Self:
        if how == "badly":
            raise ValueError("it fell")
        return self.learn(sent=True)


class Shop(Process, name="shop", version=1, retry=ONCE):
    """A parent."""

    to: str
    arrived: bool = False

    @step(awaits=Child(lambda shop: Parcel(to=shop.to)))
    def ship(self, end: Ended) -> Self:
        return self.learn(arrived=bool(end.state["sent"]))


def test_a_child_begins_with_its_parent_and_tells_it_its_end(make_long: MakeLong) -> None:
    app = make_long(Shop, Parcel)
    run = app.processes.start(Shop(to="Ada"))
    app.drain()
    (child,) = children(app, run)
    assert app.processes.known(child.id) == Parcel(to="Ada")

    app.processes.signal(child.id, "sent", "well")
    app.drain()

    assert app.processes.known(run.id) == Shop(to="Ada", arrived=True)


def test_a_child_that_fails_fails_its_parent_and_is_restarted_with_it(make_long: MakeLong) -> None:
    app = make_long(Shop, Parcel)
    run = app.processes.start(Shop(to="Ada"))
    app.drain()
    (child,) = children(app, run)
    app.processes.signal(child.id, "sent", "badly")
    app.drain()
    assert "it fell" in str(app.processes.get(run.id).message)

    app.processes.signal(child.id, "sent", "well")
    app.processes.restart(run.id)
    app.drain()

    assert app.processes.known(run.id) == Shop(to="Ada", arrived=True)
    assert [one.id for one in children(app, run)] == [child.id]


def test_a_parent_that_is_abandoned_takes_its_children_along(make_long: MakeLong) -> None:
    app = make_long(Shop, Parcel)
    run = app.processes.start(Shop(to="Ada"))
    app.drain()

    app.processes.abandon(run.id, reason="Nobody wants it.")

    (child,) = children(app, run)
    assert (app.processes.get(run.id).status, child.status) == (RunStatus.ABORTED, RunStatus.ABORTED)
    assert app.log.head(child.id).position == app.log.head(run.id).position + 1  # type: ignore[union-attr]


# -- items -----------------------------------------------------------------------------------------


class Book(Process, name="book", version=1, retry=ONCE):
    """What is printed page by page."""

    pages: tuple[str, ...]
    sizes: tuple[int, ...] = ()

    @step(over=Each("pages", at_once=2, into="sizes"))
    def print_page(self, page: str) -> int:
        PRINTED.append(page)
        if page in TORN:
            raise ValueError(f"{page} is torn")
        return len(page)

    @step
    def bind(self) -> None: ...


class Leaflet(Process, name="leaflet", version=1, retry=ONCE):
    """What is printed as far as that can be done."""

    pages: tuple[str, ...]
    told: str = ""

    @step(over=Each("pages", failing="some", at_least=2, gather="gathered"))
    def print_page(self, page: str) -> int:
        if page in TORN:
            raise ValueError(f"{page} is torn")
        return len(page)

    def gathered(self, found: Gathered) -> Self:
        return self.learn(told=f"{found.results} {[one.item for one in found.failures]}")


class Newspaper(Process, name="newspaper", version=1, retry=ONCE):
    """What is worth nothing when a page is missing."""

    pages: tuple[str, ...]

    @step(over=Each("pages", at_once=2, failing="fast"))
    def print_page(self, page: str) -> None:
        PRINTED.append(page)
        if page in TORN:
            raise ValueError(f"{page} is torn")


PRINTED: list[str] = []
TORN: set[str] = set()


@pytest.fixture(autouse=True)
def _a_clean_press() -> None:
    PRINTED.clear()
    TORN.clear()


def test_a_step_is_done_for_each_item_and_gathers_what_came_of_them(make_long: MakeLong) -> None:
    app = make_long(Book)
    run = app.processes.start(Book(pages=("a", "bb", "ccc", "dddd")))

    app.drain()

    assert app.processes.get(run.id).status is RunStatus.SUCCESS
    assert app.processes.known(run.id) == Book(pages=("a", "bb", "ccc", "dddd"), sizes=(1, 2, 3, 4))
    assert sorted(PRINTED) == ["a", "bb", "ccc", "dddd"]


def test_no_more_items_are_under_way_than_may_be(make_long: MakeLong) -> None:
    app = make_long(Book)
    run = app.processes.start(Book(pages=tuple("abcdefg")))
    app.drain()

    open = most = 0
    for one in app.log.tail(0, 10_000):
        if one.category == Run.category and one.stream != run.id:
            open += (one.version == 1) - (one.status in ("success", "error"))
            most = max(most, open)

    assert most == 2


def test_a_step_without_items_is_done_at_once(make_long: MakeLong) -> None:
    app = make_long(Book)
    run = app.processes.start(Book(pages=()))

    app.drain()

    assert names(app, run)[2:] == ["step_succeeded print_page", "step_succeeded bind"]


def test_a_restart_repeats_only_the_items_that_failed(make_long: MakeLong) -> None:
    app = make_long(Book)
    TORN.update(("bb", "dddd"))
    run = app.processes.start(Book(pages=("a", "bb", "ccc", "dddd")))
    app.drain()
    failed = app.processes.get(run.id)
    assert (failed.status, failed.message) == (
        RunStatus.ERROR, "2 of 4 items failed; item 1 with ValueError: bb is torn"
    )  # fmt: skip

    TORN.clear()
    app.processes.restart(run.id)
    app.drain()

    assert app.processes.known(run.id) == Book(pages=("a", "bb", "ccc", "dddd"), sizes=(1, 2, 3, 4))
    assert sorted(PRINTED) == ["a", "bb", "bb", "ccc", "dddd", "dddd"]


def test_some_items_may_fail_when_the_step_says_so(make_long: MakeLong) -> None:
    app = make_long(Leaflet)
    TORN.add("bb")
    enough = app.processes.start(Leaflet(pages=("a", "bb", "ccc")))
    too_few = app.processes.start(Leaflet(pages=("a", "bb")))

    app.drain()

    assert app.processes.known(enough.id) == Leaflet(pages=("a", "bb", "ccc"), told="(1, None, 3) [1]")
    assert app.processes.get(too_few.id).status is RunStatus.ERROR


def test_a_step_may_fail_with_its_first_item(make_long: MakeLong) -> None:
    app = make_long(Newspaper)
    TORN.add("a")
    run = app.processes.start(Newspaper(pages=tuple("abcdefgh")))

    app.drain()

    assert app.processes.get(run.id).status is RunStatus.ERROR
    assert len(PRINTED) <= 3
    assert all(one.status.is_over or one.status is RunStatus.ERROR for one in children(app, run))


# -- taking back -----------------------------------------------------------------------------------

DONE: list[str] = []


class Trip(Process, name="trip", version=1, retry=ONCE):
    """What can be taken back."""

    flight: str | None = None

    @step(undo="cancel_flight")
    def book_flight(self) -> Self:
        DONE.append("flight")
        return self.learn(flight="EF 7")

    def cancel_flight(self) -> Self:
        DONE.append(f"no flight {self.flight}")
        return self.learn(flight=None)

    @step
    def look(self) -> None: ...

    @step(undo="cancel_hotel", key="hotel")
    def book_hotel(self) -> None:
        DONE.append("hotel")

    def cancel_hotel(self) -> None:
        DONE.append("no hotel")
        if "fire" in TORN:
            raise OSError("the hotel does not answer")

    @step(awaits=Signal("paid"), undo="pay_back")
    def pay(self, how: str) -> None:
        if how == "badly":
            raise Abandon("No money.", status=RunStatus.ABORTED)
        raise ValueError("the bank is closed")

    def pay_back(self) -> None:
        DONE.append("never")


class Cautious(Trip, name="cautious", version=1, retry=ONCE, undo_on="failure"):
    """The same, which takes back what it has done when it fails as well."""


@pytest.fixture(autouse=True)
def _nothing_done() -> None:
    DONE.clear()


def test_what_was_done_is_taken_back_the_last_first(make_long: MakeLong) -> None:
    app = make_long(Trip)
    run = app.processes.start(Trip())
    app.drain()

    app.processes.abandon(run.id, reason="It rains.")
    app.drain()

    assert DONE == ["flight", "hotel", "no hotel", "no flight EF 7"]
    assert app.processes.get(run.id).status is RunStatus.ABORTED
    assert app.processes.known(run.id) == Trip(flight=None)
    assert names(app, run)[-5:] == [
        "abandoned pay", "undo_began pay", "retry_started", "step_succeeded undo:hotel",
        "step_succeeded undo:book_flight",
    ]  # fmt: skip


def test_a_step_that_gives_up_for_good_has_the_others_taken_back(make_long: MakeLong) -> None:
    app = make_long(Trip)
    run = app.processes.start(Trip())

    app.processes.signal(run.id, "paid", "badly")
    app.drain()

    assert DONE == ["flight", "hotel", "no hotel", "no flight EF 7"]
    assert app.processes.get(run.id).status is RunStatus.ABORTED


def test_a_failure_is_taken_back_only_where_that_is_wanted(make_long: MakeLong) -> None:
    app = make_long(Trip, Cautious)
    plain, cautious = app.processes.start(Trip()), app.processes.start(Cautious())
    for run in (plain, cautious):
        app.processes.signal(run.id, "paid", "late")

    app.drain()

    assert app.processes.get(plain.id).status is RunStatus.ERROR
    assert app.processes.get(cautious.id).status is RunStatus.ABORTED
    assert sorted(DONE) == ["flight", "flight", "hotel", "hotel", "no flight EF 7", "no hotel"]


def test_what_was_passed_over_is_not_taken_back(make_long: MakeLong) -> None:
    app = make_long(Trip)
    run = app.processes.start(Trip())
    app.processes.skip(run.id, "hotel")
    app.drain()

    app.processes.abandon(run.id)
    app.drain()

    assert DONE == ["flight", "no flight EF 7"]


def test_taking_back_fails_visibly_and_is_restarted_where_it_stood(make_long: MakeLong) -> None:
    app = make_long(Trip)
    TORN.add("fire")
    run = app.processes.start(Trip())
    app.drain()
    app.processes.abandon(run.id)
    app.drain()
    failed = app.processes.get(run.id)
    assert (failed.status, failed.step, failed.message) == (
        RunStatus.ERROR, "undo:hotel", "the hotel does not answer"
    )  # fmt: skip

    TORN.clear()
    app.processes.restart(run.id)
    app.drain()

    assert DONE == ["flight", "hotel", "no hotel", "no hotel", "no flight EF 7"]
    assert app.processes.get(run.id).status is RunStatus.ABORTED


# -- other systems ---------------------------------------------------------------------------------


class Payment(BaseModel, frozen=True):
    """What a bank says."""

    amount: int


class Invoice(Process, name="invoice", version=1):
    """What is sent to another system, and paid by a call from it."""

    url: str
    number: int | None = None
    paid: int = 0

    @step(retry=Retry(attempts=3))
    def send(self) -> Exchange[Self]:
        request = Request("POST", self.url, json={"password": "hunter2"})
        response = yield request
        response.raise_for_status(request)
        return self.learn(number=response.json()["number"])

    @step(awaits=Signal("paid"))
    def settle(self, payment: Payment) -> Self:
        return self.learn(paid=payment.amount)


def test_a_step_asks_another_system_on_the_record_and_under_one_key(make_long: MakeLong, peer: Peer) -> None:
    app = make_long(Invoice)
    answers = [Answer(503), Answer(body={"number": 7})]
    peer.answer = lambda asked: answers.pop(0)
    run = app.processes.start(Invoice(url=f"{peer.url}/invoices"))

    app.drain()

    assert app.processes.known(run.id) == Invoice(url=f"{peer.url}/invoices", number=7)
    assert (len(peer.asked), len({one.key for one in peer.asked})) == (2, 1)
    asked = {"claimed", "retry_started", "request_sent", "response_received"}
    assert [one.name for one in app.processes.history(run.id) if one.name in asked] == [
        "claimed", "request_sent", "response_received", "retry_started", "request_sent", "response_received"
    ]  # fmt: skip
    assert "hunter2" not in str([one.body for one in app.processes.history(run.id)])


def test_a_call_from_outside_is_a_signal(make_long: MakeLong, peer: Peer) -> None:
    app = make_long(
        Invoice, callbacks=[webhook(Invoice, "paid", fingerprint=lambda request: request.json()["id"], verify=None)]
    )
    peer.answer = lambda asked: Answer(body={"number": 7})
    run = app.processes.start(Invoice(url=f"{peer.url}/invoices"))
    app.drain()

    verdicts = [app.call_back("paid", run.id, Incoming.of({"id": "e1", "amount": 12})).verdict for _ in range(2)]
    with pytest.raises(BadInput):
        app.call_back("paid", run.id, Incoming.of({"id": "e2"}))
    app.drain()

    assert verdicts == ["accepted", "duplicate"]
    assert app.processes.get(run.id).status is RunStatus.SUCCESS
    assert app.processes.known(run.id).paid == 12  # type: ignore[attr-defined]
    assert count(app, run, "callback_received") == 1


def test_a_step_does_the_task_and_the_endpoint_of_a_document(make_long: MakeLong, peer: Peer) -> None:
    class Release(Process, name="release", version=1, retry=ONCE):
        document: UUID
        write: ClassVar[Step] = calls(write, of="document")
        send: ClassVar[Step] = calls(sending(f"{peer.url}/articles"), of="document")

    app = make_long(Release)
    peer.answer = lambda asked: Answer(body={"url": "https://press.example/7"})
    document = Document.create(title="Whales")
    app.save(document)
    run = app.processes.start(Release(document=document.id))

    app.drain()

    assert app.processes.get(run.id).status is RunStatus.SUCCESS
    after = app.get(Document, document.id)
    assert (after.status, after.text) == (Status.COMPLETE, "# Whales\n")
    written, done = app.history(document.id)[2].header, app.history(run.id)[2].header
    assert (done.name.rpartition(":")[2], written.name) == ("step_succeeded", "document:written")
    assert written.append == done.append


def test_a_task_fails_its_step_and_leaves_the_document_alone(make_long: MakeLong) -> None:
    class Release(Process, name="release", version=1, retry=ONCE):
        document: UUID
        write: ClassVar[Step] = calls(write, of="document")

    app = make_long(Release)
    document = Document.create(title="Whales", status=Status.COMPLETE)
    app.save(document)
    run = app.processes.start(Release(document=document.id))

    app.drain()

    assert app.processes.get(run.id).status is RunStatus.ERROR
    assert app.get(Document, document.id).version == 1
    assert 'needs the status "queued", but the status is "complete"' in str(app.processes.get(run.id).message)


# -- what people do meanwhile ----------------------------------------------------------------------


def test_a_step_that_waits_can_be_passed_over(make_long: MakeLong) -> None:
    app = make_long(Order)
    run = app.processes.start(Order())
    app.drain()

    app.processes.skip(run.id, "approve")
    app.drain()

    assert app.processes.known(run.id) == Order(packed=True)


def test_who_is_passed_by_takes_no_children_along(make_long: MakeLong) -> None:
    class Hurry(Shop, name="hurry", version=1, retry=ONCE):
        @step
        def close(self) -> None: ...

    app = make_long(Hurry, Parcel)
    run = app.processes.start(Hurry(to="Ada"))
    app.drain()

    app.processes.goto(run.id, "close")
    app.drain()

    (child,) = children(app, run)
    assert (app.processes.get(run.id).status, child.status) == (RunStatus.SUCCESS, RunStatus.ABORTED)


def test_nobody_is_taken_back_before_the_children_are(make_long: MakeLong) -> None:
    class Tour(Process, name="tour", version=1, retry=ONCE):
        @step(undo="go_home")
        def go(self) -> None: ...

        def go_home(self) -> None:
            DONE.append("home")

        @step(awaits=Child(lambda tour: Trip()))
        def travel(self) -> None: ...

    app = make_long(Tour, Trip)
    run = app.processes.start(Tour())
    app.drain()

    app.processes.abandon(run.id)
    app.drain()

    assert DONE == ["flight", "hotel", "no hotel", "no flight EF 7", "home"]
    assert app.processes.get(run.id).status is RunStatus.ABORTED


@pytest.mark.parametrize(
    ("failing", "then"),
    [
        ("wait", (RunStatus.WAITING, None)),
        ("tell", (RunStatus.SUCCESS, "error")),
        ("fail", (RunStatus.ERROR, None)),
    ],
)
def test_what_follows_when_a_child_fails_is_said_by_the_parent(make_long: MakeLong, failing: Any, then: Any) -> None:
    class Office(Process, name="office", version=1, retry=ONCE):
        saw: str | None = None

        @step(awaits=Child(lambda office: Parcel(to="Ada"), failing=failing))
        def ship(self, end: Ended) -> Self:
            return self.learn(saw=str(end.status))

    app = make_long(Office, Parcel)
    run = app.processes.start(Office())
    app.drain()
    (child,) = children(app, run)

    app.processes.signal(child.id, "sent", "badly")
    app.drain()

    found = app.processes.get(run.id)
    assert (found.status, found.state["saw"]) == then
    if failing == "wait":
        app.processes.signal(child.id, "sent", "well")
        app.processes.restart(child.id)
        app.drain()
        assert app.processes.known(run.id) == Office(saw="success")


def test_a_child_that_is_too_late_is_left_behind_or_takes_its_parent_down(make_long: MakeLong, clock: Clock) -> None:
    class Hasty(Process, name="hasty", version=1, retry=ONCE):
        @step(awaits=Child(lambda one: Parcel(to="Ada"), within=timedelta(days=1), late="go_on"))
        def ship(self, end: Ended | None) -> None:
            assert end is None

    class Stern(Process, name="stern", version=1, retry=ONCE):
        @step(awaits=Child(lambda one: Parcel(to="Ada"), within=timedelta(days=1), late="abandon"))
        def ship(self) -> None: ...

    app = make_long(Hasty, Stern, Parcel)
    runs = [app.processes.start(Hasty()), app.processes.start(Stern())]
    app.drain()

    clock.forward(days=1)
    app.drain()

    assert [app.processes.get(run.id).status for run in runs] == [RunStatus.SUCCESS, RunStatus.ABORTED]
    assert [children(app, run)[0].status for run in runs] == [RunStatus.ABORTED, RunStatus.ABORTED]


def test_a_run_that_is_not_there_is_no_run_to_wait_for(make_long: MakeLong) -> None:
    class Impatient(Follower, name="impatient", version=1, retry=ONCE):
        """Fails at once."""

    app = make_long(Impatient)
    run = app.processes.start(Impatient(leader=UUID(int=7)))

    app.drain()

    assert "There is no run with the id" in str(app.processes.get(run.id).message)


def test_a_run_that_waits_goes_on_under_another_version(make_long: MakeLong) -> None:
    class Later(Process, name="order", version=2, retry=ONCE):
        by: str | None = None
        packed: bool = False

        @step(awaits=Signal("agreed"))
        def agree(self, by: str) -> Self:
            return self.learn(by=by)

        @step
        def pack(self) -> Self:
            return self.learn(packed=True)

        @staticmethod
        @migration(from_version=1, steps={"approve": "agree"})
        def agreed(state: dict[str, Any]) -> dict[str, Any]:
            return state

    run = make_long(Order).processes.start(Order())
    make_long(Order).drain()
    app = make_long(Later)

    app.processes.migrate(run.id)
    app.drain()
    assert app.processes.get(run.id).waiting.what == "signal agreed"  # type: ignore[union-attr]
    app.processes.signal(run.id, "agreed", "Ada")
    app.drain()

    assert app.processes.known(run.id) == Later(by="Ada", packed=True)


def test_what_is_taken_back_goes_on_under_another_version(make_long: MakeLong) -> None:
    class Journey(Process, name="trip", version=2, retry=ONCE):
        flight: str | None = None

        @step(undo="cancel")
        def book_plane(self) -> None: ...

        @step
        def look(self) -> None: ...

        @step(undo="cancel")
        def hotel(self) -> None: ...

        @step(awaits=Signal("paid"))
        def pay(self) -> None: ...

        def cancel(self) -> None:
            DONE.append("cancelled")

        @staticmethod
        @migration(from_version=1, steps={"book_flight": "book_plane"})
        def planes(state: dict[str, Any]) -> dict[str, Any]:
            return state

    app = make_long(Trip)
    TORN.add("fire")
    run = app.processes.start(Trip())
    app.drain()
    app.processes.abandon(run.id)
    app.drain()
    app = make_long(Journey)

    app.processes.restart(run.id)
    app.drain()

    assert DONE == ["flight", "hotel", "no hotel", "cancelled", "cancelled"]
    assert app.processes.get(run.id).status is RunStatus.ABORTED


def test_a_child_ends_though_its_parent_cannot_be_read(make_long: MakeLong) -> None:
    app = make_long(Shop, Parcel)
    run = app.processes.start(Shop(to="Ada"))
    app.drain()
    (child,) = children(app, run)
    damage(app, app.history(run.id)[0].header.position)

    app.processes.signal(child.id, "sent", "well")
    app.drain()

    assert app.processes.get(child.id).status is RunStatus.SUCCESS


def damage(app: Eventflow, position: int) -> None:
    """Change the bytes of a body behind everybody's back."""
    with app.database.transaction() as transaction:
        transaction.execute(
            "UPDATE bodies SET state = :state WHERE position = :at", {"state": b"rubbish", "at": position}
        )


def test_a_child_has_no_longer_than_its_parent_and_its_own_process(make_long: MakeLong, clock: Clock) -> None:
    class Quick(Process, name="quick", version=1, deadline=timedelta(hours=2)):
        @step(awaits=Signal("never"))
        def wait(self) -> None: ...

    class Patient(Process, name="patient", version=1):
        @step(awaits=Child(lambda one: Quick()))
        def ship(self) -> None: ...

    app = make_long(Patient, Quick)
    begun = [app.processes.start(Patient(), deadline=timedelta(hours=hours)) for hours in (1, 3)]
    app.drain()

    ends = [children(app, run)[0].deadline for run in begun]

    assert ends == [clock() + timedelta(hours=hours) for hours in (1, 2)]


def test_an_item_that_fails_locks_no_channel_its_run_does(make_long: MakeLong) -> None:
    TORN.add("bb")
    app = make_long(Leaflet, Newspaper, channels=[Channel(lockdown="channel")])
    tolerant = app.processes.start(Leaflet(pages=("a", "bb", "ccc")))
    app.drain()
    assert app.processes.get(tolerant.id).status is RunStatus.SUCCESS

    strict = app.processes.start(Newspaper(pages=("bb",)))
    app.drain()

    assert [one.run for one in app.engine.doors.fatal("default")] == [strict.id]


class Festival(Process, name="festival", version=1, retry=ONCE):
    """All of it in one story."""

    bands: tuple[str, ...] = ("a", "bb", "ccc", "dddd", "eeeee")
    fees: tuple[int, ...] = ()
    stage: bool = False

    @step(over=Each("bands", at_once=3, into="fees"), undo="cancel_bands")
    def engage(self, band: str) -> int:
        return len(band)

    def cancel_bands(self) -> Self:
        return self.learn(fees=())

    @step(awaits=Child(lambda festival: Parcel(to="the stage")))
    def build(self, end: Ended) -> Self:
        return self.learn(stage=bool(end.state["sent"]))

    @step(awaits=Signal("rain"))
    def play(self, heavy: bool) -> None:
        if heavy:
            raise Abandon("It pours.", status=RunStatus.ABORTED)


def test_the_whole_story_on_every_engine(make_app: MakeApp) -> None:
    app = make_app(aggregates=[], processes=[Festival, Parcel])
    runs = {heavy: app.processes.start(Festival()) for heavy in (True, False)}
    for heavy, run in runs.items():
        app.processes.signal(run.id, "rain", heavy)
    app.drain()
    for run in runs.values():
        (stage,) = (one for one in children(app, run) if one.process == "parcel")
        app.processes.signal(stage.id, "sent", "well")

    app.drain()

    assert [app.processes.get(run.id).status for run in runs.values()] == [RunStatus.ABORTED, RunStatus.SUCCESS]
    assert [app.processes.known(run.id) for run in runs.values()] == [
        Festival(stage=True), Festival(stage=True, fees=(1, 2, 3, 4, 5))
    ]  # fmt: skip
    assert [app.processes.check(run.id) for run in runs.values()] == [None, None]


class Writing(Task[Document]):
    """A task as a class."""

    on, processing, complete, failed = Status.QUEUED, None, Status.WRITTEN, Status.ERROR

    def handle(self, document: Document) -> Written:
        return Written(text=f"# {document.title}, by a class")


@pytest.mark.parametrize("said", [Writing, Writing()], ids=["a class", "an instance"])
def test_a_step_does_a_task_that_is_a_class(make_long: MakeLong, said: Any) -> None:
    class Release(Process, name="release", version=1, retry=ONCE):
        document: UUID

        write: ClassVar[Step] = calls(said, of="document")

    app = make_long(Release)
    app.save(document := Document.create(title="Whales"))
    run = app.processes.start(Release(document=document.id))
    app.drain()

    assert app.get(Document, document.id).text == "# Whales, by a class"
    assert names(app, run)[-1] == "step_succeeded writing"


def test_a_class_that_is_no_whole_task_is_told_at_composition(make_long: MakeLong) -> None:
    class Nobodys(Task):  # type: ignore[type-arg]  # that is what it is about
        """Says not whose it is."""

    class Release(Process, name="release", version=1):
        document: UUID

        write: ClassVar[Step] = calls(Nobodys, of="document")

    with pytest.raises(Misconfigured, match="wanted is what @task or @endpoint made, or a Task or Endpoint"):
        make_long(Release)
