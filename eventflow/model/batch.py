"""Very many items seen to as one operation, most often brought back: a stream that says how far it has come."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from eventflow.errors import TransitionRefused
from eventflow.model.aggregate import Aggregate, folds
from eventflow.model.event import Event
from eventflow.model.library import CalledOff
from eventflow.model.process.deed import BRING_BACK, Deed


class Course(StrEnum):
    """How a batch stands."""

    RUNNING = "running"
    SUSPENDED = "suspended"
    CANCELLED = "cancelled"
    FINISHED = "finished"


OVER = (Course.CANCELLED, Course.FINISHED)


class ItemRefused(Event):
    """An item was left as it is."""

    item: UUID
    why: str


class Progressed(Event):
    """So many were done and refused until now; items that began up to ``cursor`` have had their turn.

    Appended together with what it tells of: an item is brought back once, or not at all.
    """

    cursor: int
    done: int
    refused: int
    watched: tuple[UUID, ...] = ()


class CanariesPassed(Event):
    """Those that went ahead did not fail again."""

    stage: int


class Suspended(Event):
    """It rests until it is resumed: somebody wanted that, or its canaries failed again."""

    why: str | None = None
    has_failed: bool = False


class Resumed(Event):
    """It goes on; canaries that had failed are waited for no more."""

    why: str | None = None


class Finished(Event):
    """Every item has had its turn."""


class Batch(
    Aggregate[Course],
    category="eventflow_batch",
    initial=Course.RUNNING,
    cancelled={Course.RUNNING: Course.CANCELLED, Course.SUSPENDED: Course.CANCELLED},
    events=(ItemRefused, Progressed, CanariesPassed, Suspended, Resumed, Finished),
):
    """Does a ``deed`` to what passed ``where`` at a ``moment``, ``total`` of them as the read side saw it.

    ``of`` is what they are, and so the language that ``where`` is in: ``items``, which can be brought back and nothing
    else, or ``runs`` of processes.

    ``canaries`` are the sizes of the groups that go ahead, each of which has to end well before the next may go.
    ``rate`` is how many items are brought back in a second at most. ``watched`` are the canaries of this ``stage``.
    """

    where: str
    moment: datetime
    total: int
    of: str = "items"
    deed: Deed = BRING_BACK
    why: str | None = None
    canaries: tuple[int, ...] = ()
    rate: float | None = None
    limit: int | None = None
    cursor: int = 0
    done: int = 0
    refused: int = 0
    stage: int = 0
    watched: tuple[UUID, ...] = ()
    has_failed: bool = False
    resting: str | None = None

    @property
    def is_over(self) -> bool:
        """Whether nothing more will come of it."""
        return self.status in OVER

    @property
    def room(self) -> int | None:
        """How many items may be brought back before something has to be waited for, or nothing if there is no end."""
        bounds = [
            *([self.canaries[self.stage] - len(self.watched)] if self.stage < len(self.canaries) else []),
            *([self.limit - self.done] if self.limit is not None else []),
        ]
        return max(0, min(bounds)) if bounds else None

    @property
    def is_full(self) -> bool:
        """Whether as many were brought back as were asked for."""
        return self.limit is not None and self.done >= self.limit

    @property
    def is_watching(self) -> bool:
        """Whether a whole group of canaries has to end well before others may go."""
        return self.stage < len(self.canaries) and len(self.watched) >= self.canaries[self.stage]

    def progress(self, cursor: int, done: list[UUID], refused: list[tuple[UUID, str]]) -> None:
        """These had their turn."""
        self._needs(Course.RUNNING, "progress")
        for item, why in refused:
            self.record(ItemRefused(item=item, why=why))
        watched = (*self.watched, *done) if self.stage < len(self.canaries) else ()
        told = Progressed(
            cursor=cursor, done=self.done + len(done), refused=self.refused + len(refused), watched=watched
        )
        self.record(told)

    def pass_canaries(self) -> None:
        """The canaries of this stage ended well."""
        self._needs(Course.RUNNING, "pass_canaries")
        self.record(CanariesPassed(stage=self.stage + 1))

    def suspend(self, why: str | None = None, *, has_failed: bool = False) -> None:
        """Let it rest. Raises ``TransitionRefused`` unless it is running."""
        self._needs(Course.RUNNING, "suspend")
        self.record(Suspended(why=why, has_failed=has_failed), status=Course.SUSPENDED, phase=None)

    def resume(self, why: str | None = None) -> None:
        """Let it go on. Raises ``TransitionRefused`` unless it is suspended."""
        self._needs(Course.SUSPENDED, "resume")
        self.record(Resumed(why=why), status=Course.RUNNING, phase=None)

    def finish(self) -> None:
        """Every item has had its turn."""
        self._needs(Course.RUNNING, "finish")
        self.record(Finished(), status=Course.FINISHED, phase=None)

    def _needs(self, status: Course, command: str) -> None:
        if self.status is not status:
            raise TransitionRefused(f"Batch.{command}", str(self.status), [str(status)])

    # What an event says goes into the fields it names; "why" is the batch's own and stays.

    @folds(ItemRefused)
    def _one_refused(self, _: ItemRefused) -> Mapping[str, Any]:
        return {}

    @folds(CanariesPassed)
    def _next_stage(self, event: CanariesPassed) -> Mapping[str, Any]:
        return {"stage": event.stage, "watched": ()}

    @folds(Suspended)
    def _rests(self, event: Suspended) -> Mapping[str, Any]:
        return {"resting": event.why, "has_failed": event.has_failed}

    @folds(Resumed)
    def _goes_on(self, _: Resumed) -> Mapping[str, Any]:
        goes_on = {"resting": None, "has_failed": False}
        return {**goes_on, "stage": self.stage + 1, "watched": ()} if self.has_failed else goes_on

    @folds(CalledOff)
    def _ends(self, event: CalledOff) -> Mapping[str, Any]:
        return {"resting": event.reason}
