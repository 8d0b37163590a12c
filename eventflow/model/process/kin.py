"""The other runs that a run has to do with: its children, the items of its steps, and those whose end it waits for."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from pydantic import BaseModel

from eventflow.model.process.status import RunStatus

WELL = (RunStatus.SUCCESS, RunStatus.SKIPPED)
"""How a run ends well: one that was found needless did."""

BADLY = (RunStatus.ERROR, RunStatus.EXCEPTION, RunStatus.ABORTED)
"""How a run fails; the first two a person may restart."""


class Kin(BaseModel, frozen=True):
    """Another run as this one knows it.

    ``step`` is the one that it is for, ``index`` its place among the items of that step; ``own`` says that it was
    begun by this run, and ends with it. ``status`` is nothing while it goes on, ``result`` what it came to. ``again``:
    it failed and is to be restarted. ``left``: nobody waits for it any more.
    """

    run: UUID
    process: str
    step: str
    index: int | None = None
    own: bool = True
    status: RunStatus | None = None
    result: Any = None
    error: str | None = None
    again: bool = False
    left: bool = False

    @property
    def is_open(self) -> bool:
        """Whether it goes on, as far as is known here."""
        return self.status is None and not self.again

    @property
    def is_restartable(self) -> bool:
        """Whether it can go on where it failed."""
        return self.status in (RunStatus.ERROR, RunStatus.EXCEPTION)

    @property
    def has_failed(self) -> bool:
        """Whether it did not end well."""
        return self.status in BADLY and not self.again


def of_step(kin: Iterable[Kin], step: str) -> list[Kin]:
    """Those that are for a step, without those that nobody waits for."""
    return [one for one in kin if one.step == step and not one.left]


def forgotten(kin: Iterable[Kin], steps: Iterable[str]) -> tuple[Kin, ...]:
    """What is left once these steps have no use for theirs: those that still go on are remembered until they end."""
    gone = set(steps)
    return tuple(
        one.model_copy(update={"left": True}) if one.step in gone else one
        for one in kin
        if one.step not in gone or (one.own and one.is_open)
    )


def once_more(kin: Iterable[Kin], step: str) -> tuple[Kin, ...]:
    """The same once a step is begun anew that had failed: what failed is to be restarted, what ended well stays."""
    return tuple(
        one.model_copy(update={"again": True}) if one.step == step and one.has_failed and not one.left else one
        for one in kin
    )


def left(kin: Iterable[Kin], runs: Iterable[UUID]) -> tuple[Kin, ...]:
    """The same once nobody waits for these any more."""
    gone = {*runs}
    return tuple(one.model_copy(update={"left": True}) if one.run in gone else one for one in kin)


def told(kin: Iterable[Kin], run: UUID, **ended: Any) -> tuple[Kin, ...]:
    """The same once one has ended so; nobody remembers one that was left behind."""
    ended = {**ended, "again": False}
    return tuple(
        one.model_copy(update=ended) if one.run == run else one for one in kin if one.run != run or not one.left
    )
