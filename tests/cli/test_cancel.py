"""Letting go of items, and letting them go on, from the command line."""

from __future__ import annotations

from uuid import uuid4

import pytest

from eventflow.cli.exits import Code
from tests.cli.words import Shop


def test_an_item_is_cancelled_with_a_reason_and_a_name(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVENTFLOW_ACTOR", "anna")
    (vase,) = shop.has("broken vase")

    told = shop.knows("cancel", str(vase.id), "--to", "packed", "--reason", "they take it as it is")

    assert (told["status"], told["actor"]) == ("packed", "anna")
    last = shop.knows("items", "history", str(vase.id), "--bodies")["events"][-1]
    assert (last["name"], last["body"]["reason"]) == ("order:called_off", "they take it as it is")


def test_what_cannot_be_cancelled_is_refused(shop: Shop) -> None:
    (vase,) = shop.has("broken vase")

    result = shop.says("cancel", str(vase.id))

    assert result.exit_code == Code.REFUSED and "Order.cancel needs" in result.stderr


def test_what_was_not_put_aside_is_not_woken(shop: Shop) -> None:
    (vase,) = shop.has("broken vase")

    assert shop.says("wake", str(vase.id)).exit_code == Code.REFUSED


def test_an_item_that_is_not_there_is_not_found(shop: Shop) -> None:
    assert shop.says("cancel", str(uuid4())).exit_code == Code.NOT_FOUND
