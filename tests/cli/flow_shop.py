"""A shop whose orders go by flows, for the command line to work on."""

from __future__ import annotations

from enum import StrEnum

from eventflow.app import Eventflow
from eventflow.model.aggregate import Aggregate
from eventflow.model.flows.tasks import Move, Verdict, allow, deny, restriction
from eventflow.picking.query import FlowQuery

APP = "tests.cli.flow_shop:app"


class Status(StrEnum):
    """Where an order stands."""

    NEW = "new"
    SENT = "sent"


class Order(
    Aggregate[Status],
    category="order",
    initial=Status.NEW,
    flow=FlowQuery(subject_type="order", fallback_cascade=("disable_rollout",)),
    may_be_unbound=True,
):
    """Something that is sold."""

    total: int = 0


@restriction(Order)
def cheap(order: Order, move: Move) -> Verdict:
    """Whether it may go without being looked at."""
    move.say("looked at")
    return allow() if order.total < 100 else deny("too_much", "It is too much.")


def app() -> Eventflow:
    """The shop, on the engines that the settings name."""
    return Eventflow(aggregates=[Order], flow_tasks=[cheap])
