"""Workers as processes: how they begin, share the work, and end."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.request import urlopen

import pytest

from eventflow.cli.exits import Code
from tests.cli.shop import Order, Parcel, Status
from tests.cli.words import Shop, begins, ended, heard
from tests.crash.brokers import a_namespace
from tests.services import RABBITMQ, REDIS, fresh_schema
from tests.waiting import PATIENCE, until


@pytest.fixture(params=[REDIS, RABBITMQ], ids=["redis", "rabbitmq"])
def busy_shop(
    request: pytest.FixtureRequest, place: Path, postgres: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Shop]:
    """A shop on PostgreSQL and a broker, where many can work at once."""
    monkeypatch.setenv("SHOP_ROOM", str(place))
    with fresh_schema(postgres) as url, a_namespace(request.param) as queues:
        yield Shop(url, place, broker=queues)


def a_parcel_on_its_way(shop: Shop) -> Parcel:
    parcel = Parcel.create()
    with shop.opened() as app:
        app.save(parcel)
    return parcel


def began(shop: Shop, parcel: Parcel) -> None:
    until((shop.folder / f"{parcel.id}.began").exists, "the handler")


def standing(shop: Shop, id: object) -> tuple[str, str]:
    found = shop.knows("items", "show", str(id))
    return found["status"], found["standing"]["phase"]


def test_a_burst_does_what_is_due_and_ends(shop: Shop) -> None:
    orders = [Order.create(title=title) for title in ("whales", "broken vase")]
    with shop.opened() as app:
        app.save(*orders)

    code, out, err = ended(shop.begins("worker", "--burst", "--threads", "2"))

    assert (code, out) == (0, "")
    assert "2 threads on default, slow" in err
    assert [standing(shop, order.id)[0] for order in orders] == [Status.PACKED, Status.FAILED]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_worker_that_is_told_to_stop_finishes_what_it_has_begun(shop: Shop, number: int) -> None:
    parcel = a_parcel_on_its_way(shop)
    worker = shop.begins("worker")
    began(shop, parcel)

    worker.send_signal(number)
    heard(worker, "Stopping")
    (shop.folder / "end").touch()

    assert ended(worker)[0] == 0
    assert standing(shop, parcel.id) == (Status.PACKED, "announced")


def test_what_does_not_end_within_the_grace_is_given_back(shop: Shop) -> None:
    parcel = a_parcel_on_its_way(shop)
    worker = shop.begins("worker", "--grace", "0.2")
    began(shop, parcel)

    worker.terminate()

    assert ended(worker)[0] == 0
    assert standing(shop, parcel.id) == (Status.PACKING, "deferred")
    (shop.folder / "end").touch()
    assert ended(shop.begins("worker", "--burst"))[0] == 0
    assert standing(shop, parcel.id)[0] == Status.PACKED


def test_a_second_signal_ends_it_at_once_and_the_next_worker_rescues_its_work(shop: Shop) -> None:
    parcel = a_parcel_on_its_way(shop)
    worker = shop.begins("worker")
    began(shop, parcel)

    worker.terminate()
    heard(worker, "Stopping")
    worker.terminate()

    assert ended(worker)[0] == 128 + signal.SIGTERM
    assert standing(shop, parcel.id) == (Status.PACKING, "claimed")
    (shop.folder / "end").touch()
    assert ended(shop.begins("worker", "--burst"))[0] == 0
    assert standing(shop, parcel.id)[0] == Status.PACKED


def test_a_worker_whose_threads_all_hang_ends_badly(shop: Shop) -> None:
    with shop.opened() as app:
        app.save(order := Order.create(title="hangs"))

    arguments = ("--app", "tests.cli.shop:hasty", *shop.engines, "worker", "--threads", "1", "--grace", "0")
    code, _, err = ended(begins(*arguments, folder=shop.folder, SHOP_ROOM=str(shop.folder), EVENTFLOW_LEASE="1s"))

    assert code == Code.SOME_FAILED
    assert "Every thread hangs" in err
    assert standing(shop, order.id)[0] == Status.FAILED


def test_only_the_queues_that_are_named_are_served(shop: Shop) -> None:
    parcel = a_parcel_on_its_way(shop)
    with shop.opened() as app:
        app.save(order := Order.create(title="whales"))
    worker = shop.begins("worker", "--queues", "default")

    until(lambda: standing(shop, order.id)[0] == Status.PACKED)
    worker.terminate()

    assert ended(worker)[0] == 0
    assert standing(shop, parcel.id)[0] == Status.NEW


def test_a_worker_tells_prometheus_how_it_goes(shop: Shop) -> None:
    parcel = a_parcel_on_its_way(shop)
    worker = shop.begins("worker", "--metrics-port", "0")
    address = heard(worker, "Metrics: ").removeprefix("Metrics: ").strip()
    began(shop, parcel)

    with urlopen(address, timeout=PATIENCE) as answer:
        told = answer.read().decode().splitlines()

    assert 'eventflow_backlog{queue="slow",reaction="carry",state="running"} 1.0' in told
    assert 'eventflow_workers{state="alive"} 1.0' in told
    (shop.folder / "end").touch()
    worker.terminate()
    assert ended(worker)[0] == 0


def test_who_has_no_library_for_figures_is_told_which_one(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    monkeypatch.delitem(sys.modules, "eventflow.prometheus", raising=False)

    result = shop.says("worker", "--metrics-port", "0")

    assert result.exit_code == Code.USAGE
    assert "pip install 'eventflow[prometheus]'" in result.stderr


def test_a_queue_that_is_not_there_is_a_usage_error(shop: Shop) -> None:
    result = shop.says("worker", "--queues", "defalt")

    assert result.exit_code == Code.USAGE
    assert 'Did you mean "default"?' in result.stderr


def test_several_processes_share_the_work(busy_shop: Shop) -> None:
    orders = [Order.create(title=f"order {number}") for number in range(160)]
    parcels = [Parcel.create() for _ in range(40)]
    with busy_shop.opened() as app:
        app.save(*parcels, *orders)

    workers = [busy_shop.begins("worker", "--burst", "--threads", "2") for _ in range(3)]
    until(lambda: len(list(busy_shop.folder.glob("*.began"))) > 2, "more are carried than one worker carries")
    (busy_shop.folder / "end").touch()

    assert [ended(worker)[0] for worker in workers] == [0, 0, 0]
    headers = tail(busy_shop)
    assert sum(header["status"] == Status.PACKED for header in headers) == len(orders) + len(parcels)
    assert len({header["owner"] for header in headers if header["owner"]}) > 1


def test_a_second_worker_on_an_embedded_broker_says_that_it_waits(shop: Shop) -> None:
    first = shop.begins("worker")
    heard(first, "8 threads")

    second = shop.begins("worker", "--burst")
    code, _, err = ended(second)
    first.terminate()

    assert code == 0
    assert "one works at a time" in err
    assert ended(first)[0] == 0


@pytest.mark.parametrize("broker", ["amqp://127.0.0.1:1", "redis://127.0.0.1:1"])
def test_a_worker_without_its_broker_ends_with_unreachable(shop: Shop, broker: str) -> None:
    away = Shop(shop.database, shop.folder, broker=broker)

    code, _, err = ended(away.begins("worker"))

    assert code == Code.UNREACHABLE
    assert len(err.splitlines()) == 2


def test_a_worker_without_its_database_ends_with_unreachable(shop: Shop) -> None:
    away = Shop("postgresql://ann@127.0.0.1:1/shop", shop.folder)

    assert ended(away.begins("worker"))[0] == Code.UNREACHABLE


def tail(shop: Shop) -> list[dict[str, object]]:
    result = shop.says("log", "tail", "--after", "0", "--limit", "10000", "--json")
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_a_worker_whose_lifetime_is_over_finishes_what_it_has_begun(shop: Shop) -> None:
    parcel = a_parcel_on_its_way(shop)
    worker = one_that_began(shop, parcel, seconds=1)

    (shop.folder / "end").touch()

    assert ended(worker)[0] == 0
    assert standing(shop, parcel.id) == (Status.PACKED, "announced")


def one_that_began(shop: Shop, parcel: Parcel, seconds: int) -> subprocess.Popen[str]:
    """A worker with a lifetime that was long enough to begin, on whatever machine."""
    mark = shop.folder / f"{parcel.id}.began"
    worker = shop.begins("worker", "--lifetime", f"{seconds}s")
    until(lambda: mark.exists() or worker.poll() is not None)
    if mark.exists():
        return worker
    ended(worker)
    return one_that_began(shop, parcel, seconds * 4)


@pytest.mark.parametrize("lifetime", ["0s", "soon"])
def test_a_lifetime_is_a_length_of_time(shop: Shop, lifetime: str) -> None:
    answer = shop.says("worker", "--lifetime", lifetime)

    assert answer.exit_code == Code.USAGE
    assert "Wanted is one such as 90s" in answer.output
