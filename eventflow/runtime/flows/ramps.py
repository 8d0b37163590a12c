"""Shares on their way up: looked at again and again by one worker of all, raised in one append with their ramp."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any, Protocol
from uuid import UUID

from eventflow.errors import EventflowError, Refused, StreamNotFound, Unavailable, VersionConflict
from eventflow.model.aggregate import Aggregate
from eventflow.model.flows.ramp import Ascent, Figures, FlowRamp, Halt, RampBegun, ramp_stream
from eventflow.model.recorded import Context
from eventflow.picking.definition import FlowDefinition
from eventflow.runtime.flows.definitions import Definitions, Desk
from eventflow.runtime.repository import NOBODY, Repository
from eventflow.store.log import Log

_log = logging.getLogger("eventflow.flows")

RUNNING = f"category:{FlowRamp.category} status:{Ascent.RUNNING}"
EVERYTHING = 2**62
SYSTEM = Context(actor="rollout")
"""In whose name the share is raised."""


class Subjects(Protocol):
    """What ramps need of the read side."""

    def ids(self, where: str, *, limit: int | None = None) -> Iterable[UUID]:
        """The streams that pass."""

    def count(self, where: str, *, at_most: int = ...) -> int:
        """How many pass."""


class Ramps:
    """The ramps of one log: begun, halted, and moved on. ``seen`` says up to which position the read side is right."""

    def __init__(
        self,
        log: Log,
        repository: Repository,
        definitions: Definitions,
        subjects: Subjects,
        *,
        seen: Callable[[], int],
        clock: Callable[[], datetime],
    ) -> None:
        self._log, self._repository, self._definitions, self._subjects = log, repository, definitions, subjects
        self._seen, self._clock = seen, clock

    def get(self, flow: int | str) -> FlowRamp | None:
        """The ramp of a flow, the present one or the last."""
        try:
            return self._repository.get(FlowRamp, ramp_stream(flow))
        except StreamNotFound:
            return None

    def all(self) -> list[FlowRamp]:
        """Every ramp that there has been, as far as the read side has seen them."""
        return [self._repository.get(FlowRamp, id) for id in self._subjects.ids(f"category:{FlowRamp.category}")]

    def figures(self, flow: int | str) -> Figures:
        """How the subjects of a flow are doing, as the read side has it."""
        bound = f'flow:"{_quoted(str(flow))}"'
        failed = f"{bound} error:* phase:announced"
        # What failed is counted first: who comes in between may make the rate too low until the next look, and never
        # too high, which would halt what goes well.
        errors = self._subjects.count(failed, at_most=EVERYTHING)
        return Figures(self._subjects.count(bound, at_most=EVERYTHING), errors)

    def begin(
        self,
        flow: int | str,
        *,
        to: int,
        by: int,
        every: timedelta,
        halt_when: str | None = None,
        start: int | None = None,
        reason: str | None = None,
        context: Context = NOBODY,
    ) -> FlowRamp:
        """Begin to raise the share of a flow from where it is, or from ``start``; the first step is due at once.

        Raises ``Refused`` for numbers that lead nowhere, ``TransitionRefused`` while it is being raised already,
        ``FlowNotFound``.
        """
        if halt_when is not None:
            Halt.parse(halt_when)
        made: list[FlowRamp] = []

        def decide(desk: Desk) -> Sequence[Aggregate[Any]]:
            defined = desk.draw(flow)
            at = defined.definition.rollout_pct if start is None else start
            _refuse_nowhere(defined.definition, at, to, by, every)
            ramp = self.get(flow) or FlowRamp.create(id=ramp_stream(flow), flow=str(flow))
            begun = RampBegun(
                at=at or 0, to=to, by=by, every=every, halt_when=halt_when, next_at=self._clock(), reason=reason
            )
            ramp.begin(begun)
            defined.become(defined.definition.replace(rollout_pct=at), reason)
            made[:] = [ramp]
            return made

        self._definitions.change(decide, reason, context)
        return made[0]

    def halt(self, flow: int | str, why: str, *, context: Context = NOBODY) -> None:
        """Raise the share of a flow no further. Raises ``TransitionRefused`` unless it is being raised."""
        try:
            self._repository.change(FlowRamp, ramp_stream(flow), lambda ramp: ramp.halt(why), context=context)
        except StreamNotFound:
            raise Refused(f'The share of the flow "{flow}" is not being raised.') from None

    # -- moving on -------------------------------------------------------------------------------

    def step(self) -> int:
        """Look at every ramp that is running; returns how many were raised or halted."""
        return sum(self._advance_safely(id) for id in list(self._subjects.ids(RUNNING)))

    def _advance_safely(self, id: UUID) -> int:
        try:
            return self.advance(id)
        except Unavailable:
            raise
        except EventflowError as error:
            # One ramp that cannot go on must not keep the others from it.
            _log.error("The ramp %s: %s", id, error)
            return 0

    def advance(self, id: UUID) -> int:
        """Halt one ramp if it is time to, or raise the share if that is due; whether either happened.

        Of two who come at once one does it: the other finds the ramp, or the flow, at another version.
        """
        ramp = self._repository.get(FlowRamp, id)
        if ramp.status is not Ascent.RUNNING or not self._is_seen(id):
            return 0
        figures = self.figures(ramp.flow)
        with suppress(VersionConflict):
            why = self._objection(ramp, figures)
            if why is not None:
                ramp.halt(why)
                self._repository.save(ramp, context=SYSTEM)
                return 1
            return self._raise(id, figures)
        return 0

    def _is_seen(self, id: UUID) -> bool:
        """Whether the read side has come past the last step, so that its figures are not those of before."""
        head = self._log.head(id)
        return head is not None and self._seen() >= head.position

    def _objection(self, ramp: FlowRamp, figures: Figures) -> str | None:
        definition = self._definitions.load(ramp.flow).definition
        if definition.deleted or not definition.status:
            return f"the flow is {'archived' if definition.deleted else 'not active any more'}"
        if definition.rollout_pct != ramp.at:
            share = "everybody" if definition.rollout_pct is None else f"{definition.rollout_pct} %"
            return f"somebody else has set the share to {share}; the ramp had it at {ramp.at} %"
        if ramp.halt_when is not None and Halt.parse(ramp.halt_when).holds(figures):
            return f"{ramp.halt_when}: {figures}"
        return None

    def _raise(self, id: UUID, figures: Figures) -> int:
        raised: list[FlowRamp] = []

        def decide(desk: Desk) -> Sequence[Aggregate[Any]]:
            raised.clear()
            ramp, now = self._repository.get(FlowRamp, id), self._clock()
            if ramp.status is not Ascent.RUNNING or ramp.next_at is None or now < ramp.next_at:
                return ()
            flow = desk.draw(ramp.flow)
            if flow.definition.rollout_pct != ramp.at:
                return ()  # the next look says so
            flow.become(flow.definition.replace(rollout_pct=ramp.next), ramp.reason)
            ramp.raise_(now, figures)
            raised.append(ramp)
            return raised

        self._definitions.change(decide, None, SYSTEM)
        return len(raised)


def _refuse_nowhere(definition: FlowDefinition, at: int | None, to: int, by: int, every: timedelta) -> None:
    if at is None:
        raise Refused(f'The flow "{definition.id}" admits everybody already: say from which share to begin.')
    if not 0 <= at < to <= 100:
        raise Refused(f'The share of "{definition.id}" goes up, to 100 at most: from {at} to {to} leads nowhere.')
    if by < 1 or every <= timedelta(0):
        raise Refused("A share is raised by 1 or more, every so often: by and every are above zero.")


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')
