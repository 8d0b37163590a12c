"""The streams that the library keeps about its own work, in categories that no application may use."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from eventflow.model.aggregate import Aggregate
from eventflow.model.archive import Operation
from eventflow.model.batch import Batch
from eventflow.model.flows.errand import FlowErrand
from eventflow.model.flows.flow import DefinedFlow, FlowCatalogue
from eventflow.model.flows.ramp import FlowRamp
from eventflow.model.incident import Notice
from eventflow.model.lock import Lock
from eventflow.model.process.run import Run
from eventflow.model.switch import Switch

RESERVED = "eventflow_"
"""How the categories of the library begin."""

SYSTEM: tuple[type[Aggregate[Any]], ...] = (
    Batch,
    DefinedFlow,
    FlowCatalogue,
    FlowErrand,
    FlowRamp,
    Lock,
    Notice,
    Operation,
    Run,
    Switch,
)
"""Every application has these, without naming them; they are no part of its own vocabulary."""


def is_reserved(category: str) -> bool:
    """Whether a category belongs to the library.

    >>> is_reserved("eventflow_switch"), is_reserved("order")
    (True, False)
    """
    return category.startswith(RESERVED)


def problems(aggregates: Sequence[Any]) -> list[str]:
    """A sentence for each class of an application that takes a category of the library."""
    taken = [one for one in aggregates if is_reserved(str(getattr(one, "category", "")))]
    belongs = f'what begins with "{RESERVED}" belongs to the library.'
    return [f'{one.__name__} cannot have the category "{one.category}": {belongs}' for one in taken]
