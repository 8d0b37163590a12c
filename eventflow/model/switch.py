"""What an operator may pause: a queue, a tick. One stream each, with who did it, why and until when."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID, uuid5

from eventflow.model.aggregate import Aggregate, folds
from eventflow.model.event import Event

NAMES = UUID("6e3c1f0a-58c5-4c0e-9d35-5a0f7a6d8b11")
"""The space of names in which switches have their ids."""


class Handle(StrEnum):
    """How a switch stands."""

    ON = "on"
    PAUSED = "paused"


class Paused(Event):
    """It rests from now on: until somebody resumes it, or until that time has come."""

    reason: str | None = None
    until: datetime | None = None


class Resumed(Event):
    """It goes on."""


class Triggered(Event):
    """It is wanted once, now, whatever its rhythm is and also while it rests."""

    reason: str | None = None


class Switch(Aggregate[Handle], category="eventflow_switch", initial=Handle.ON, events=(Paused, Resumed, Triggered)):
    """The switch of one thing: of which ``kind`` it is (``queue``, ``tick``) and what it is called.

    ``until`` stands in the header as well, as what is ``due``: whether it rests is told without a body.
    """

    kind: str
    name: str
    reason: str | None = None
    until: datetime | None = None

    def pause(self, reason: str | None = None, until: datetime | None = None) -> None:
        """Let it rest; one that rests already is given another reason and another end."""
        self.record(Paused(reason=reason, until=until), status=Handle.PAUSED, phase=None, due=until)

    def resume(self) -> None:
        """Let it go on."""
        self.record(Resumed(), status=Handle.ON, phase=None)

    def trigger(self, reason: str | None = None) -> None:
        """Ask for it once."""
        self.record(Triggered(reason=reason), status=self.status, phase=None, due=self.until)

    @folds(Triggered)
    def _stays(self, _: Triggered) -> Mapping[str, Any]:
        return {}

    @folds(Resumed)
    def _goes_on(self, _: Resumed) -> Mapping[str, Any]:
        return {"reason": None, "until": None}


def switch_id(kind: str, name: str) -> UUID:
    """The stream of a switch: the same for the same thing, wherever it is asked for."""
    return uuid5(NAMES, f"{kind}/{name}")
