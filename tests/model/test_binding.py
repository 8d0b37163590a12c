"""The flow that a stream goes by."""

from __future__ import annotations

from enum import StrEnum

import pytest

from eventflow.errors import Refused
from eventflow.model.aggregate import Aggregate
from eventflow.model.binding import bind, is_to_be_bound, rebind, unbind
from eventflow.model.composition import check
from eventflow.model.reaction import task
from eventflow.model.recorded import Head, Phase
from eventflow.model.streamed import place_of


class Status(StrEnum):
    """Where an order stands."""

    NEW = "new"
    PACKED = "packed"
    FAILED = "failed"


class Order(Aggregate[Status], category="order", initial=Status.NEW, flow="standard"):
    """Something that goes by a flow."""

    title: str = ""


class Note(Aggregate[Status], category="note", initial=Status.NEW):
    """Something that goes by none."""


def saved(order: Order) -> Order:
    order.__dict__.update(_head=Head(order.version, b"x"), _pending=())
    return order


def test_all_that_a_new_one_has_decided_on_goes_into_the_log_under_its_flow() -> None:
    order = Order.create(title="whales")
    order.change_status(Status.PACKED)

    assert is_to_be_bound(order) and not is_to_be_bound(Note.create())
    bind(order, "standard")

    assert [draft.flow for draft in order.pending] == ["standard", "standard"]
    assert order.bound_flow == "standard" and not is_to_be_bound(order)


def test_what_has_begun_is_not_bound_but_rebound() -> None:
    order = saved(Order.create())

    with pytest.raises(Refused, match="rebound"):
        bind(order, "standard")


def test_a_rebound_one_names_the_new_flow_and_its_place_and_is_announced_again() -> None:
    order = Order.create()
    bind(order, "standard")

    rebind(saved(order), "express", place="checked", reason="in a hurry")

    [draft] = order.pending
    assert (draft.flow, draft.phase, draft.status) == ("express", Phase.ANNOUNCED, "new")
    assert draft.event.event_body() == {"place": "checked", "before": "standard", "reason": "in a hurry"}
    assert (order.bound_flow, place_of(order)) == ("express", "checked")
    with pytest.raises(Refused, match="already"):
        rebind(order, "express")


def test_an_unbound_one_goes_by_no_flow_until_it_is_bound_again() -> None:
    order = Order.create()
    bind(order, "standard")

    unbind(saved(order), "by hand")

    assert order.bound_flow is None and order.pending[0].flow is None
    with pytest.raises(Refused, match="no flow"):
        unbind(order)
    rebind(order, "standard")
    assert order.bound_flow == "standard"


def test_a_status_may_start_another_reaction_in_another_flow_but_one_only_in_each() -> None:
    def packing(name: str, flow: str | tuple[str, ...] | None) -> object:
        steps = task(
            Order, on=Status.NEW, processing=None, complete=Status.PACKED, failed=Status.FAILED, name=name, flow=flow
        )

        def pack(order: Order) -> None:
            """Pack it."""

        return steps(pack)

    assert check([packing("by_hand", None), packing("by_robot", ("express", "night"))], [Order]) == []
    [problem] = check([packing("by_robot", "express"), packing("by_drone", ("night", "express"))], [Order])
    assert 'both react to "new" of order in "express"' in problem
