"""Batches on the command line."""

from __future__ import annotations

import os
import signal
from collections import Counter
from uuid import UUID

import pytest

from eventflow.cli.exits import Code
from tests.cli.shop import Order
from tests.cli.words import Shop, ended
from tests.waiting import until

FAILED = "category:order status:failed"


def broken(shop: Shop, number: int) -> list[Order]:
    """So many orders that have failed."""
    orders = [Order.create(title=f"broken {one}") for one in range(number)]
    with shop.opened() as app:
        for start in range(0, number, 500):
            app.save(*orders[start : start + 500])
        app.drain()
    return orders


def restarts(shop: Shop, orders: list[Order]) -> Counter[int]:
    with shop.opened() as app:
        names = [[header.name for header in app.log.headers(order.id)] for order in orders]
    return Counter(one.count("order:defibrillated") for one in names)


def test_a_batch_is_begun_and_left_to_the_workers(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    orders = broken(shop, 5)
    monkeypatch.setenv("EVENTFLOW_ACTOR", "bea")

    begun = shop.knows("defibrillate", "--where", FAILED, "--batch", "--yes", "--reason", "there is glue")

    assert (begun["status"], begun["total"], begun["done"], begun["by"]) == ("running", 5, 0, "bea")
    assert restarts(shop, orders) == {0: 5}
    shop.glue()
    worker = shop.begins("worker")
    until(lambda: shop.knows("batches", "show", begun["id"])["status"] == "finished")
    worker.terminate()
    assert ended(worker)[0] == 0
    assert restarts(shop, orders) == {1: 5}


def test_who_waits_does_it_and_is_told_how_it_ended(shop: Shop) -> None:
    orders = broken(shop, 5)

    done = shop.knows("defibrillate", "--where", FAILED, "--batch", "--rate", "600/s", "--yes", "--wait")

    assert (done["status"], done["done"], done["refused"], done["rate"]) == ("finished", 5, 0, 600.0)
    assert restarts(shop, orders) == {1: 5}
    [listed] = shop.knows("batches", "list")["batches"]
    assert (listed["id"], listed["status"]) == (done["id"], "finished")
    assert "finished" in shop.says("batches", "list").stdout


def test_canaries_that_fail_again_leave_the_others_alone(shop: Shop) -> None:
    orders = broken(shop, 6)
    worker = shop.begins("worker")

    result = shop.says("defibrillate", "--where", FAILED, "--canary", "1,10,100", "--yes", "--wait")
    worker.terminate()

    assert result.exit_code == Code.SOME_FAILED
    assert "suspended: 1 of 6 brought back" in result.stdout
    assert "1 of 1 canaries failed again" in result.stdout and "is broken" in result.stdout
    assert restarts(shop, orders) == {0: 5, 1: 1}
    assert ended(worker)[0] == 0


def test_a_batch_is_suspended_resumed_and_cancelled(shop: Shop) -> None:
    orders = broken(shop, 3)
    id = shop.knows("defibrillate", "--where", FAILED, "--batch", "--yes")["id"]

    rests = shop.knows("batches", "suspend", id, "--reason", "lunch")
    goes_on = shop.knows("batches", "resume", id)
    over = shop.knows("batches", "cancel", id, "--reason", "not today")
    again = shop.says("batches", "resume", id)

    assert [one["status"] for one in (rests, goes_on, over)] == ["suspended", "running", "cancelled"]
    assert [one["rests_because"] for one in (rests, goes_on, over)] == ["lunch", None, "not today"]
    assert again.exit_code == Code.REFUSED
    assert restarts(shop, orders) == {0: 3}


def test_a_dry_run_counts_and_begins_nothing(shop: Shop) -> None:
    broken(shop, 3)

    told = shop.knows("defibrillate", "--where", FAILED, "--batch", "--limit", "2", "--dry-run")

    assert told == {"total": 2, "dry_run": True}
    assert shop.knows("batches", "list") == {"batches": []}


@pytest.mark.parametrize(
    "wrong",
    [
        ("--batch",),
        ("--where", FAILED, "--canary", "1,x"),
        ("--where", FAILED, "--canary", "0"),
        ("--where", FAILED, "--rate", "fast"),
        ("--where", FAILED, "--rate", "0/s"),
        ("--where", FAILED, "--batch"),
    ],
)
def test_what_makes_no_batch_is_a_mistake(shop: Shop, wrong: tuple[str, ...]) -> None:
    broken(shop, 1)

    assert shop.says("defibrillate", *wrong).exit_code == Code.USAGE


def test_a_batch_that_is_not_there_is_not_found(shop: Shop) -> None:
    broken(shop, 1)

    assert shop.says("batches", "show", str(UUID(int=7))).exit_code == Code.NOT_FOUND
    assert shop.says("batches", "show", "abcd").exit_code == Code.NOT_FOUND
    assert shop.says("batches", "show", "x").exit_code == Code.USAGE


def test_refusals_are_told_with_their_reasons(shop: Shop) -> None:
    [whales, *_] = shop.has("whales", "broken vase")

    result = shop.says("defibrillate", "--where", "category:order", "--batch", "--yes", "--wait")

    assert result.exit_code == Code.SOME_FAILED
    assert "1 of 2 brought back, 1 refused" in result.stdout
    id = result.stdout.split()[1]
    [refusal] = shop.knows("batches", "show", id)["refusals"]
    assert refusal["id"] == str(whales.id) and "packed" in refusal["reason"]


def test_one_that_is_killed_at_any_moment_is_finished_by_another_and_nothing_is_done_twice(shop: Shop) -> None:
    orders = broken(shop, 1_500)
    id = shop.knows("defibrillate", "--where", FAILED, "--batch", "--yes")["id"]

    for kills in range(1, 4):
        mover = shop.begins("batches", "run", id)
        until(lambda least=kills * 200: done_of(shop, id) >= least)  # type: ignore[misc]
        os.kill(mover.pid, signal.SIGKILL)
        mover.communicate()
    done = shop.knows("batches", "run", id)

    assert (done["status"], done["done"], done["refused"]) == ("finished", 1_500, 0)
    assert restarts(shop, orders) == {1: 1_500}


def done_of(shop: Shop, id: str) -> int:
    with shop.opened() as app:
        return app.batches.get(UUID(id)).done
