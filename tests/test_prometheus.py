"""What Prometheus is told: of the log when somebody asks, and of the handlers of the worker that is asked."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from urllib.request import urlopen

import pytest
from prometheus_client.parser import text_string_to_metric_families
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.testclient import TestClient

from eventflow import (
    Abandon,
    Aggregate,
    Eventflow,
    Exchange,
    Process,
    Request,
    Retry,
    Settings,
    command,
    endpoint,
    step,
    task,
)
from eventflow.errors import Refused
from eventflow.prometheus import Exposed, exposition, served
from eventflow.runtime.switches import QUEUE
from tests.house.repository import ROOT
from tests.peer import Answer, Peer
from tests.proxy import Proxy
from tests.services import fresh_schema

ONCE = Retry(attempts=1)


class Status(StrEnum):
    """Where a letter is."""

    WRITTEN = "written"
    FRANKED = "franked"
    SENT = "sent"
    LOST = "lost"


class Letter(Aggregate[Status], category="letter", initial=Status.WRITTEN):
    """Something to be sent."""

    to: str


@task(Letter, on=Status.WRITTEN, processing=None, complete=Status.FRANKED, failed=Status.LOST, retry=ONCE)
def frank(letter: Letter) -> None:
    """Put a stamp on it, if it has an address."""
    if not letter.to:
        raise ValueError("to nobody")


@task(Letter, on=Status.FRANKED, processing=None, complete=Status.SENT, failed=Status.LOST, queue="post", retry=ONCE)
async def send(letter: Letter) -> None:
    """Carry it away, unless it is too far."""
    if letter.to == "the moon":
        raise ConnectionError("too far")


class Poster(Aggregate[Status], category="poster", initial=Status.WRITTEN):
    """Something to be put up, somewhere else."""

    url: str


@endpoint(Poster, on=Status.WRITTEN, processing=None, complete=Status.SENT, failed=Status.LOST, retry=ONCE)
def put_up(poster: Poster) -> Exchange[None]:
    """Send it there."""
    yield Request("POST", poster.url)


class Round(Process, name="round"):
    """The way of a postman."""

    streets: int

    @step
    def walk(self) -> None:
        """As long as there are streets."""
        if not self.streets:
            raise Abandon("no street")


@command("sort")
def sort() -> None:
    """Sort what came."""
    raise ValueError("upside down")


@pytest.fixture
def office(url: str, tmp_path: Path) -> Iterator[Eventflow]:
    """A post office, on each database."""
    with Eventflow(
        Settings(database=url, broker="embedded://", objects=(tmp_path / "objects").as_uri()),
        aggregates=[Letter, Poster],
        reactions=[frank, send, put_up],
        processes=[Round],
        commands=[sort],
    ) as app:
        yield app


@pytest.fixture
def peer() -> Iterator[Peer]:
    """Another system, on loopback."""
    peer = Peer()
    yield peer
    peer.close()


def told(text: str) -> dict[tuple[str, ...], float]:
    """What a text tells: numbers by the name and the values of the labels, in the order of the labels' names."""
    return {
        (sample.name.removeprefix("eventflow_"), *(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def asked(port: int) -> dict[tuple[str, ...], float]:
    """What a process answers that is asked as Prometheus asks it."""
    with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=30) as answer:
        return told(answer.read().decode())


def test_items_are_told_by_where_they_stand_and_how_often_that_was_entered(office: Eventflow) -> None:
    office.save(Letter.create(to="Ann"), Letter.create(to="Eve"), Letter.create(to=""))
    office.drain()

    found = told(exposition(office))

    assert found["up",] == 1
    assert [found["items", "letter", status] for status in ("sent", "franked", "lost")] == [2, 0, 1]
    assert found["items_entered_total", "letter", "franked"] == 2
    assert found["log_position",] == office.log.last_position() == found["relay_position",]
    assert found["projection_position", "current"] == found["log_position",]
    assert (found["projection_lag_events", "current"], found["projection_failed", "current"]) == (0, 0)


def test_work_is_told_by_its_queue_also_where_nothing_waits(office: Eventflow) -> None:
    office.save(Letter.create(to="Ann"), Letter.create(to="Eve"))
    office.switches.pause(QUEUE, "post")
    office.drain()

    found = told(exposition(office))

    assert [found["backlog", "post", "send", state] for state in ("waiting", "sent", "running", "later")] == [
        2,
        0,
        0,
        0,
    ]
    assert found["backlog", "default", "frank", "waiting"] == 0
    assert (found["queue_paused", "post"], found["queue_paused", "default"]) == (1, 0)


def test_runs_are_told_by_process_channel_and_status(office: Eventflow) -> None:
    for streets in (3, 2, 0):
        office.processes.start(Round(streets=streets))
    office.drain()

    found = told(exposition(office))

    assert found["runs", "default", "round", "success"] == 2
    assert found["runs", "default", "round", "error"] == 1


def test_a_command_stands_in_one_of_its_states(office: Eventflow) -> None:
    with pytest.raises(ValueError, match="upside down"):
        office.run("sort")
    failed = told(exposition(office))
    office.lockboard.disable("sort")
    with office.lock("sort", heed=False):
        held = told(exposition(office))

    states = ("idle", "working", "disabled", "locked", "error")
    assert [failed["command_state", "sort", state] for state in states] == [0, 0, 0, 0, 1]
    assert [held["command_state", "sort", state] for state in states] == [0, 1, 0, 0, 0]
    assert 0 <= held["command_lock_age_seconds", "sort"] < 3600
    assert ("command_lock_age_seconds", "sort") not in failed


def test_the_archive_is_told_with_what_was_restored_of_it(office: Eventflow) -> None:
    office.save(Letter.create(to="Ann"))
    office.drain()
    empty = told(exposition(office))
    left = office.archive(older_than=timedelta(0))
    office.restore(lo=1, hi=1)

    found = told(exposition(office))

    assert empty["archive_segments",] == 0
    assert ("archive_sealed_timestamp_seconds",) not in empty
    assert (found["archive_segments",], found["archive_bodies",]) == (len(left), sum(one.events for one in left))
    assert found["archive_stored_bytes",] == sum(one.size for one in left)
    assert found["restored_bodies",] == 1
    assert found["archive_sealed_timestamp_seconds",] > 0


def test_while_the_database_is_away_that_is_told_and_the_rest_left_out() -> None:
    with fresh_schema() as url, Proxy(url) as way, Eventflow(Settings(database=way.url), aggregates=[Letter]) as app:
        way.cut()
        away = told(exposition(app))
        way.heal()
        back = told(exposition(app))

    assert away["up",] == 0
    assert {name for name, *_ in away} == {"up", "build_info"}
    assert (back["up",], back["log_position",]) == (1, 0)


def test_a_worker_tells_how_long_its_handlers_took_and_what_came_of_them(office: Eventflow) -> None:
    office.save(Letter.create(to="Ann"), Letter.create(to=""), Letter.create(to="the moon"))
    office.processes.start(Round(streets=1))
    office.processes.start(Round(streets=0))

    with served(office, port=0) as port:
        office.drain()
        found = asked(port)
    office.save(Letter.create(to="Eve"))
    office.drain()

    name = "attempt_duration_seconds_count"
    attempts = {key[1:]: number for key, number in found.items() if key[0] == name}
    assert attempts == {
        ("done", "frank"): 2, ("failed", "frank"): 1,
        ("done", "send"): 1, ("failed", "send"): 1,
        ("done", "round/1@default"): 1, ("failed", "round/1@default"): 1,
    }  # fmt: skip
    assert found["items", "letter", "sent"] == 1


def test_a_worker_tells_how_long_others_took_to_answer(office: Eventflow, peer: Peer) -> None:
    peer.answer = lambda asked: Answer(status=204 if asked.path == "/wall" else 404)
    urls = [f"{peer.url}/wall", f"{peer.url}/wall", f"{peer.url}/tree", "http://127.0.0.1:1"]
    office.save(*(Poster.create(url=url) for url in urls))

    with served(office, port=0) as port:
        office.drain()
        found = asked(port)

    name = "request_duration_seconds_count"
    assert {key[2]: number for key, number in found.items() if key[0] == name} == {"204": 2, "404": 1, "none": 1}


def test_the_figures_are_a_part_of_a_larger_web(office: Eventflow) -> None:
    office.save(Letter.create(to="Ann"))
    web = TestClient(Starlette(routes=[Mount("/metrics", Exposed(office))]))

    answer = web.get("/metrics/")

    assert answer.headers["content-type"].startswith("text/plain")
    assert told(answer.text)["log_position",] == 1


def test_the_page_lists_every_name_and_no_other(office: Eventflow) -> None:
    office.save(Letter.create(to="Ann"))
    office.save(Poster.create(url="http://127.0.0.1:1"))
    office.processes.start(Round(streets=1))
    with served(office, port=0) as port, office.lock("sort"):
        office.drain()
        office.archive(older_than=timedelta(0))
        names = {name.removesuffix("_count") for name, *_ in asked(port) if not name.endswith(("_bucket", "_sum"))}

    page = (ROOT / "docs" / "concepts" / "metrics.md").read_text(encoding="utf-8")
    listed = {name for row in re.findall(r"^\| (`.*?) \|", page, re.MULTILINE) for name in re.findall(r"`(\w+)`", row)}
    assert listed == {f"eventflow_{name}" for name in names if not name.endswith("_created")}


def test_an_address_that_is_taken_is_refused(office: Eventflow) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(Refused, match=f"127.0.0.1:{port}.*Name another"), served(office, port=port):
            pass

    assert not office.telemetry.listeners
