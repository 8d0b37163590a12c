"""A share that is raised step by step, unless too much goes wrong meanwhile: one stream for each flow."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID, uuid5

from eventflow.errors import Refused, TransitionRefused
from eventflow.model.aggregate import Aggregate, folds
from eventflow.model.event import Event
from eventflow.model.flows.flow import NAMES


class Ascent(StrEnum):
    """How a ramp stands."""

    RUNNING = "running"
    HALTED = "halted"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class Figures:
    """How the subjects of a flow are doing: how many there are, and how many of them have failed and wait for help."""

    subjects: int
    errors: int

    @property
    def error_rate(self) -> float:
        """The share of those that have failed, from 0 to 1."""
        return self.errors / self.subjects if self.subjects else 0.0

    def __str__(self) -> str:
        return f"{self.errors} of {self.subjects} subjects have failed ({self.error_rate:.1%})"


_HALT = re.compile(
    r"\s*(?P<figure>error_rate|errors|subjects)\s*(?P<op>>=|>)\s*(?P<value>\d+(\.\d+)?)\s*(?P<unit>%?)\s*"
)


@dataclass(frozen=True, slots=True)
class Halt:
    """When a ramp stops by itself: ``error_rate>5%``, ``errors>=10``."""

    figure: str
    inclusive: bool
    value: float

    @classmethod
    def parse(cls, text: str) -> Halt:
        """The condition that a text says. Raises ``Refused`` for one that says none.

        >>> Halt.parse("error_rate > 5%")
        Halt(figure='error_rate', inclusive=False, value=0.05)
        """
        found = _HALT.fullmatch(text)
        if found is None or (found["unit"] and found["figure"] != "error_rate"):
            raise Refused(f'"{text}" is no condition to halt: wanted is one such as error_rate>5% or errors>=10.')
        value = float(found["value"]) / (100 if found["unit"] else 1)
        return cls(found["figure"], found["op"] == ">=", value)

    def holds(self, figures: Figures) -> bool:
        """Whether it is time to stop."""
        found = float(getattr(figures, self.figure))
        return found >= self.value if self.inclusive else found > self.value


class RampBegun(Event):
    """The share is to be raised to ``to``, by so much each time, from where it is."""

    at: int
    to: int
    by: int
    every: timedelta
    halt_when: str | None = None
    next_at: datetime
    reason: str | None = None


class RampRaised(Event):
    """The share was raised, in the same append; the figures are those of that moment."""

    at: int
    next_at: datetime
    subjects: int = 0
    errors: int = 0


class RampHalted(Event):
    """It goes no further: because of what was seen, or because somebody wanted that."""

    why: str


class RampDone(Event):
    """The share is where it was to go."""


class FlowRamp(
    Aggregate[Ascent],
    category="eventflow_flow_ramp",
    initial=Ascent.DONE,
    events=(RampBegun, RampRaised, RampHalted, RampDone),
):
    """The ramp of one flow, the present one or the last: from ``at`` to ``to``, by ``by`` ``every`` so often.

    It is ``next_at`` that it goes on. ``why`` is what halted it.
    """

    flow: str
    at: int = 0
    to: int = 0
    by: int = 1
    every: timedelta = timedelta(hours=1)
    halt_when: str | None = None
    next_at: datetime | None = None
    reason: str | None = None
    why: str | None = None

    @property
    def next(self) -> int:
        """The share after the next step."""
        return min(self.to, self.at + self.by)

    def begin(self, event: RampBegun) -> None:
        """Start to raise. Raises ``TransitionRefused`` while it is being raised already."""
        if self.status is Ascent.RUNNING:
            raise TransitionRefused("FlowRamp.begin", str(self.status), [str(Ascent.DONE), str(Ascent.HALTED)])
        self.record(event, status=Ascent.RUNNING, phase=None, due=event.next_at)

    def raise_(self, now: datetime, figures: Figures) -> None:
        """One step further, and done when that is where it was to go."""
        self._needs_running("raise")
        raised = RampRaised(at=self.next, next_at=now + self.every, subjects=figures.subjects, errors=figures.errors)
        self.record(raised, status=Ascent.RUNNING, phase=None, due=raised.next_at)
        if self.at >= self.to:
            self.record(RampDone(), status=Ascent.DONE, phase=None)

    def halt(self, why: str) -> None:
        """Go no further. Raises ``TransitionRefused`` unless it is running."""
        self._needs_running("halt")
        self.record(RampHalted(why=why), status=Ascent.HALTED, phase=None)

    def _needs_running(self, command: str) -> None:
        if self.status is not Ascent.RUNNING:
            raise TransitionRefused(f"FlowRamp.{command}", str(self.status), [str(Ascent.RUNNING)])

    @folds(RampBegun)
    def _begins(self, event: RampBegun) -> Mapping[str, Any]:
        return {**{name: getattr(event, name) for name in RampBegun.model_fields}, "why": None}

    @folds(RampRaised)
    def _rises(self, event: RampRaised) -> Mapping[str, Any]:
        return {"at": event.at, "next_at": event.next_at}

    @folds(RampHalted)
    def _rests(self, event: RampHalted) -> Mapping[str, Any]:
        return {"why": event.why, "next_at": None}

    @folds(RampDone)
    def _ends(self, _: RampDone) -> Mapping[str, Any]:
        return {"next_at": None}


def ramp_stream(flow: int | str) -> UUID:
    """The stream of the ramps of a flow."""
    return uuid5(NAMES, f"ramp/{flow}")
