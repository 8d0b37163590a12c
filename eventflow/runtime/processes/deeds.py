"""What is done to a run by what somebody wants to be done."""

from __future__ import annotations

from eventflow.errors import Refused
from eventflow.model.masking import Masker
from eventflow.model.process.deed import Deed
from eventflow.model.process.moving import Misfit, fitting
from eventflow.model.process.registry import Registry
from eventflow.model.process.run import Decide, Run


class Deeds:
    """Makes of each deed what decides on a run; nothing is saved here."""

    def __init__(self, registry: Registry, masker: Masker) -> None:
        self._registry, self._masker = registry, masker

    def decision(self, deed: Deed, reason: str | None = None) -> Decide:
        """What does it to a run. That raises ``Refused`` and ``TransitionRefused``, as ``Processes`` says."""
        ways: dict[str, Decide] = {
            "restart": lambda run: run.restart(deed.step, reason=reason, force=deed.force),
            "goto": lambda run: run.goto(deed.step or "", reason=reason, force=deed.force),
            "skip": lambda run: run.skip_steps(*deed.steps, reason=reason),
            "abandon": lambda run: run.abandon(reason),
            "migrate": lambda run: self._move(run, reason),
        }
        return ways[deed.verb]

    def _move(self, run: Run, reason: str | None) -> None:
        definition = self._registry.get(run.process)
        run.refuse_to_move()
        move = fitting(definition, run, self._masker)
        if move is None:
            raise Refused(f"This run is of {run.process} {run.definition}, which is the present version.")
        if isinstance(move, Misfit):
            raise Refused(move.reason)
        move.record(run, reason)
