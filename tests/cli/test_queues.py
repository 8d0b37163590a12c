"""Queues on the command line: what waits, and what rests."""

from __future__ import annotations

from typing import Any

import pytest

from eventflow.cli.exits import Code
from tests.cli.shop import Order, Status
from tests.cli.words import Shop


def queue(shop: Shop, name: str) -> Any:
    return next(one for one in shop.knows("queues", "list")["queues"] if one["name"] == name)


def orders(shop: Shop, amount: int) -> list[Order]:
    made = [Order.create(title=f"{number}") for number in range(amount)]
    with shop.opened() as app:
        app.save(*made)
    return made


def test_every_queue_is_listed_with_its_reactions_and_what_waits(shop: Shop) -> None:
    shop.says("queues", "pause", "default")
    orders(shop, 3)
    with shop.opened() as app:
        app.drain()

    found = queue(shop, "default")

    assert (found["reactions"], found["waiting"], found["running"], found["later"]) == (["pack"], 3, 0, 0)
    assert queue(shop, "slow")["reactions"] == ["carry"]
    assert "carry" in shop.says("queues", "list").output


def test_a_paused_queue_rests_and_a_resumed_one_goes_on(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVENTFLOW_ACTOR", "ann")
    result = shop.says("queues", "pause", "default", "slow", "--for", "2h", "--reason", "no boxes")
    [order] = orders(shop, 1)
    with shop.opened() as app:
        app.drain()
        assert app.get(Order, order.id).status is Status.NEW

    found = queue(shop, "default")
    assert (found["paused"], found["by"], found["reason"]) == (True, "ann", "no boxes")
    assert "default: paused by ann until" in result.output

    assert "default goes on." in shop.says("queues", "resume", "default").output
    with shop.opened() as app:
        app.drain()
        assert app.get(Order, order.id).status is Status.PACKED


def test_who_paused_a_queue_is_in_the_log(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVENTFLOW_ACTOR", "ann")
    shop.says("queues", "pause", "default", "--reason", "no boxes")

    log = shop.says_alone("log", "tail", "--where", "category:eventflow_switch").output

    assert "paused  (by ann)" in log


def test_a_queue_that_is_not_there_ends_with_3_and_a_suggestion(shop: Shop) -> None:
    result = shop.says("queues", "pause", "defualt")

    assert result.exit_code == Code.NOT_FOUND
    assert 'Did you mean "default"?' in result.output


def test_a_queue_that_was_not_paused_goes_on_as_before(shop: Shop) -> None:
    assert "default was not paused." in shop.says("queues", "resume", "default").output
