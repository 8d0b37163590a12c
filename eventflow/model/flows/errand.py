"""An action of a transition that is done when the transition is in the log: a stream, and so a message, of its own."""

from __future__ import annotations

from enum import StrEnum
from typing import Any
from uuid import UUID

from eventflow.model.aggregate import Aggregate


class Errand(StrEnum):
    """How far an errand is."""

    DUE = "due"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


class FlowErrand(
    Aggregate[Errand],
    category="eventflow_flow_errand",
    initial=Errand.DUE,
    defibrillate={Errand.FAILED: Errand.DUE},
):
    """The action ``task`` of a transition that ``subject`` made: begun in the append of the transition.

    It fails, is tried again and is brought back like any work that is bound to a status.
    """

    task: str
    subject: UUID
    category_of_subject: str
    flow: str
    transition: str
    origin: str
    target: str
    payload: dict[str, Any]
    config: dict[str, Any]
    by: str | None = None
