"""Orders, and the flows that they go by."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Any

from eventflow.app import Eventflow
from eventflow.model.aggregate import Aggregate
from eventflow.model.flows.flow import Flow
from eventflow.picking.parts import State, Transition
from eventflow.settings import Settings


class Status(StrEnum):
    """Where an order stands."""

    NEW = "new"
    CHECKED = "checked"
    PACKING = "packing"
    SENT = "sent"
    FAILED = "failed"


class Order(Aggregate[Status], category="order", initial=Status.NEW):
    """Something that is sold."""

    title: str = ""
    total: int = 0


STATES = (
    State(key="new", type="start", status="new"),
    State(key="checked", status="checked"),
    State(key="sent", status="sent", is_terminal=True),
)
TRANSITIONS = (
    Transition(key="check", from_="new", to="checked"),
    Transition(key="send", from_="checked", to="sent"),
)
PACKED = (*STATES, State(key="packing", status="packing"))
"""The same with one that only work leads to."""


def a_flow(**fields: Any) -> Flow:
    """A flow for orders, from new to sent."""
    return Flow(**{"subject_type": "order", "states": STATES, "transitions": TRANSITIONS, **fields})


@contextmanager
def shop(folder: Path, **composition: Any) -> Iterator[Eventflow]:
    """An application with its log in a file."""
    settings = Settings(database=f"sqlite:///{folder / 'log.db'}", broker="embedded://")
    with Eventflow(settings, **{"aggregates": [Order], **composition}) as app:
        yield app
