"""Limits: who reaches one comes again later, and nothing of that is an attempt."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from eventflow.app import Eventflow
from eventflow.model.exchange import AsyncExchange, Exchange, Request
from eventflow.model.limits import CircuitBreaker, Concurrency, RateLimit, host_of
from eventflow.model.reaction import EndpointReaction, TaskReaction, endpoint, task
from eventflow.model.retry import Retry
from eventflow.store.limits import Circuits, Places
from eventflow.store.workers import Workers
from eventflow.testing import Clock
from tests.peer import Answer, Peer
from tests.walks.conftest import MakeApp
from tests.walks.library import Document, Published, Status, Written

AGES = timedelta(days=36500)
"""A period that does not end while a test runs."""

Host = str | Callable[[Document], str | None] | None


def sending(url: str, *, host: Host = None, attempts: int = 1, requests: int = 1) -> EndpointReaction[Document, Any]:
    """An endpoint that posts to the peer, so often in one conversation."""

    @endpoint(
        Document,
        on=Status.QUEUED,
        processing=Status.SENDING,
        complete=Status.COMPLETE,
        failed=Status.ERROR,
        host=host,
        retry=Retry(attempts=attempts, after=timedelta(seconds=1)),
    )
    def send(document: Document) -> Exchange[Published]:
        for number in range(requests):
            request = Request("POST", f"{url}/{number}", json={"text": document.title})
            (yield request).raise_for_status(request)
        return Published(url=url)

    return send


def saved(app: Eventflow, count: int, title: str = "Whales") -> list[UUID]:
    """So many queued documents."""
    documents = [Document.create(title=title) for _ in range(count)]
    app.save(*documents)
    return [one.id for one in documents]


def statuses(app: Eventflow, ids: list[UUID]) -> list[Status]:
    """Where they stand, in alphabetical order."""
    return sorted(app.get(Document, id).status for id in ids)


def names(app: Eventflow, id: UUID) -> list[str]:
    """What happened to one."""
    return [one.header.name.partition(":")[2] for one in app.history(id)]


# -- rate ------------------------------------------------------------------------------------------


def test_a_host_gets_so_many_requests_in_a_period_and_the_rest_waits(make_app: MakeApp, peer: Peer) -> None:
    host = host_of(peer.url)
    app = make_app(
        aggregates=[Document], reactions=[sending(peer.url, host=host)], limits=[RateLimit(host, 3, per=AGES)]
    )
    ids = saved(app, 8)

    app.drain()

    assert len(peer.asked) == 3
    assert statuses(app, ids) == [Status.COMPLETE] * 3 + [Status.QUEUED] * 5
    waiting = [id for id in ids if app.get(Document, id).status is Status.QUEUED]
    assert all(names(app, id) == ["created"] for id in waiting)
    assert all(app.waits(id) == f"rate {host}" for id in waiting)


def test_each_host_is_counted_by_itself(make_app: MakeApp, peer: Peer) -> None:
    other = Peer()
    urls = {"here": peer.url, "there": other.url}

    @endpoint(
        Document, on=Status.QUEUED, processing=None, complete=Status.COMPLETE, failed=Status.ERROR,
        host=lambda document: urls[document.title],
    )  # fmt: skip
    def send(document: Document) -> Exchange[None]:
        yield Request("POST", urls[document.title])

    app = make_app(aggregates=[Document], reactions=[send], limits=[RateLimit("*", 2, per=AGES)])
    saved(app, 5, "here")
    saved(app, 1, "there")

    app.drain()

    assert (len(peer.asked), len(other.asked)) == (2, 1)
    other.close()


def test_what_waited_for_its_turn_goes_on_when_it_comes(make_app: MakeApp, peer: Peer, clock: Clock) -> None:
    host = host_of(peer.url)
    limits = [RateLimit(host, 1, per=timedelta(milliseconds=1))]
    app = make_app(aggregates=[Document], reactions=[sending(peer.url, host=host)], limits=limits)
    ids = saved(app, 30)

    while statuses(app, ids) != [Status.COMPLETE] * 30:
        app.drain()
        clock.forward(minutes=1)

    assert len(peer.asked) == 30
    assert {len(names(app, id)) for id in ids} == {5}  # none of them tells of waiting


def test_a_request_that_was_not_foreseen_is_put_off_and_no_attempt_is_lost(
    make_app: MakeApp, peer: Peer, clock: Clock
) -> None:
    host = host_of(peer.url)
    app = make_app(aggregates=[Document], reactions=[sending(peer.url)], limits=[RateLimit(host, 1, per=AGES)])
    first, second = saved(app, 1), saved(app, 1)

    app.drain()

    assert len(peer.asked) == 1
    waits = next(id for id in (*first, *second) if app.get(Document, id).status is Status.SENDING)
    assert names(app, waits) == ["created", "status_changed", "postponed"]
    assert app.get(Document, waits).standing.attempt == 1


# -- circuit ---------------------------------------------------------------------------------------


def test_a_host_that_fails_again_and_again_is_left_alone(make_app: MakeApp, peer: Peer) -> None:
    peer.answer = lambda asked: Answer(500)
    host = host_of(peer.url)
    limits = [CircuitBreaker(host, failures=3, rest=timedelta(minutes=1))]
    app = make_app(aggregates=[Document], reactions=[sending(peer.url, host=host)], limits=limits)
    ids = [id for _ in range(6) for id in one_after_the_other(app)]

    assert len(peer.asked) == 3
    assert statuses(app, ids) == [Status.ERROR] * 3 + [Status.QUEUED] * 3
    assert app.waits(ids[-1]) == f"circuit {host}"


def one_after_the_other(app: Eventflow) -> list[UUID]:
    """A document that was tried before the next one comes."""
    ids = saved(app, 1)
    with_threads = app.worker(threads=1)
    with_threads.start()
    try:
        app.engine._until(app.is_idle, timedelta(seconds=60))
    finally:
        with_threads.stop()
    return ids


def test_after_its_rest_one_request_is_let_through_and_decides_for_all(
    make_app: MakeApp, peer: Peer, clock: Clock
) -> None:
    peer.answer = lambda asked: Answer(500)
    host = host_of(peer.url)
    limits = [CircuitBreaker(host, failures=1, rest=timedelta(minutes=1))]
    app = make_app(aggregates=[Document], reactions=[sending(peer.url, host=host)], limits=limits)
    one_after_the_other(app)
    ids = saved(app, 5)
    app.drain()
    assert statuses(app, ids) == [Status.QUEUED] * 5

    clock.forward(minutes=2)
    app.drain()
    assert len(peer.asked) == 2
    assert statuses(app, ids) == [Status.ERROR] + [Status.QUEUED] * 4

    peer.answer = lambda asked: Answer(200)
    while statuses(app, ids) != [Status.COMPLETE] * 4 + [Status.ERROR]:
        clock.forward(minutes=2)
        app.drain()

    assert len(peer.asked) == 6
    assert Circuits(app.database).all() == {}


def test_a_host_that_says_when_is_left_alone_until_then(make_app: MakeApp, peer: Peer, clock: Clock) -> None:
    peer.answer = lambda asked: Answer(429, headers={"Retry-After": "3600"})
    host = host_of(peer.url)
    app = make_app(
        aggregates=[Document], reactions=[sending(peer.url, host=host)], limits=[CircuitBreaker(host, failures=100)]
    )
    one_after_the_other(app)
    ids = saved(app, 3)

    clock.forward(minutes=59)
    app.drain()

    assert len(peer.asked) == 1
    assert statuses(app, ids) == [Status.QUEUED] * 3


def test_of_many_that_ask_one_probes(make_app: MakeApp, clock: Clock) -> None:
    app = make_app(aggregates=[Document])
    circuits, now = Circuits(app.database), clock()
    circuits.fail("press.example", now, most=1, within=AGES / 2, rest=timedelta(minutes=1))
    then = now + timedelta(minutes=2)
    got: list[bool] = []
    all_at_once = threading.Barrier(8)

    def ask() -> None:
        all_at_once.wait()
        got.append(circuits.probe("press.example", then, then + timedelta(minutes=1)))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()

    assert sorted(got) == [False] * 7 + [True]


# -- concurrency -----------------------------------------------------------------------------------


class Crowd:
    """Counts how many are inside at a time, by name. Changes with each of them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside: dict[str, int] = {}
        self.most: dict[str, int] = {}

    def visit(self, name: str) -> None:
        """Be inside for a moment."""
        with self._lock:
            self._inside[name] = self._inside.get(name, 0) + 1
            self.most[name] = max(self.most.get(name, 0), self._inside[name])
        threading.Event().wait(0.01)
        with self._lock:
            self._inside[name] -= 1


def crowding(crowd: Crowd, concurrency: Concurrency[Document]) -> TaskReaction[Document, Written]:
    """A task that visits the crowd."""

    @task(
        Document,
        on=Status.QUEUED,
        processing=Status.WRITING,
        complete=Status.COMPLETE,
        failed=Status.ERROR,
        concurrency=concurrency,
    )
    def write(document: Document) -> Written:
        crowd.visit(document.title)
        return Written(text="")

    return write


def test_for_each_key_only_so_many_go_on_at_a_time(make_app: MakeApp) -> None:
    crowd = Crowd()
    app = make_app(
        aggregates=[Document], reactions=[crowding(crowd, Concurrency(2, key=lambda document: document.title))]
    )
    ids = [*saved(app, 15, "ann"), *saved(app, 15, "bob")]

    app.drain(timeout=timedelta(seconds=60))

    assert statuses(app, ids) == [Status.COMPLETE] * 30
    assert max(crowd.most.values()) <= 2
    assert set(crowd.most) == {"ann", "bob"}
    assert {len(names(app, id)) for id in ids} == {3}
    assert Places(app.database, app.engine.work).all() == []


def test_a_place_of_a_worker_that_is_gone_is_free(make_app: MakeApp) -> None:
    crowd = Crowd()
    app = make_app(aggregates=[Document], reactions=[crowding(crowd, Concurrency(1, name="one"))])
    gone = uuid4()
    assert Places(app.database, app.engine.work).take("one", uuid4(), 1, gone, most=1, due=app.clock())
    ids = saved(app, 3)

    app.drain(timeout=timedelta(seconds=60))

    assert statuses(app, ids) == [Status.COMPLETE] * 3


def test_a_place_of_a_worker_that_lives_is_kept_until_its_lease_is_over(make_app: MakeApp) -> None:
    app = make_app(aggregates=[Document])
    places, workers, alive = Places(app.database, app.engine.work), Workers(app.database), uuid4()
    workers.beat(alive, "alive", timedelta(hours=1))

    assert places.take("one", uuid4(), 1, alive, most=1, due=app.clock()) is True
    assert places.take("one", uuid4(), 1, uuid4(), most=1, due=app.clock()) is None
    assert places.free(app.clock()) == 0

    workers.retire(alive)
    assert places.free(app.clock()) == 1
    assert places.take("one", uuid4(), 1, uuid4(), most=1, due=app.clock()) is True


def test_a_key_that_raises_holds_its_item_and_says_why(make_app: MakeApp) -> None:
    def broken(document: Document) -> object:
        raise KeyError(document.title)

    app = make_app(aggregates=[Document], reactions=[crowding(Crowd(), Concurrency(2, key=broken))])
    (id,) = saved(app, 1)

    app.drain()

    assert app.get(Document, id).status is Status.QUEUED
    assert "KeyError" in (app.waits(id) or "")


def test_what_has_no_limit_asks_nothing(make_app: MakeApp) -> None:
    app = make_app(aggregates=[Document], reactions=[crowding(Crowd(), Concurrency(2))])
    assert app.engine.is_limited

    free = make_app(aggregates=[Document], reactions=[sending("http://press.example", host="x")])
    assert not free.engine.is_limited


def test_coroutines_have_the_same_limits(make_app: MakeApp, peer: Peer) -> None:
    host = host_of(peer.url)

    @endpoint(
        Document, on=Status.QUEUED, processing=Status.SENDING, complete=Status.COMPLETE, failed=Status.ERROR,
        host=host, concurrency=Concurrency(1),
    )  # fmt: skip
    async def send(document: Document) -> AsyncExchange[Published]:
        request = Request("POST", peer.url, json={"text": document.title})
        (yield request).raise_for_status(request)
        yield Published(url=peer.url)

    app = make_app(aggregates=[Document], reactions=[send], limits=[RateLimit(host, 4, per=AGES), CircuitBreaker(host)])
    ids = saved(app, 7)

    app.drain(timeout=timedelta(seconds=60))

    assert len(peer.asked) == 4
    assert statuses(app, ids) == [Status.COMPLETE] * 4 + [Status.QUEUED] * 3
    assert Places(app.database, app.engine.work).all() == []
