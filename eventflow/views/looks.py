"""How statuses are shown: by the looks that their enum gives them, or by what they mean for the work."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple

from eventflow.app import Eventflow
from eventflow.model.lock import CommandState
from eventflow.model.process.run import CATEGORY
from eventflow.model.process.status import RunStatus
from eventflow.model.status import FAILED, LOADING, NumberedStatusEnum, StatusEnum, in_words, label_of

COLOURS = frozenset({"red", "orange", "yellow", "green", "teal", "blue", "purple", "gray"})
"""The colours that a page has for statuses; others are shown as none."""


class Shown(NamedTuple):
    """What people see of a status: its label, the name of its icon, its colour (one of ``COLOURS``), its group."""

    value: str
    label: str
    colour: str
    icon: str | None
    group: str | None


def of_state(state: CommandState) -> Shown:
    """How the state of a command is shown.

    >>> of_state(CommandState.IDLE).colour
    'gray'
    """
    colour = state.colour if state.colour in COLOURS else "gray"
    return Shown(state.value, label_of(state), colour or "gray", state.icon, state.group)


class Looks:
    """The looks of all statuses of an application."""

    def __init__(self, app: Eventflow) -> None:
        self._kinds = {**app.vocabulary.aggregates}
        self._working = {
            (one.aggregate.category, str(one.processing.value))
            for one in app.routes.reactions.values()
            if isinstance(one.processing, Enum)
        }
        self._awaited = {(one.aggregate.category, str(one.on.value)) for one in app.routes.reactions.values()}

    def of(self, category: str, status: str) -> Shown:
        """A status of a category, whether this program knows it or not."""
        known = RunStatus(status) if category == CATEGORY else self._known(category, status)
        if known is None:
            return Shown(status, in_words(status), "gray", None, None)
        icon = known.icon if isinstance(known, (StatusEnum, NumberedStatusEnum)) else None
        group = self._group(category, status, known)
        return Shown(status, label_of(known), self._colour(known, group), icon, group)

    def is_failed(self, category: str, status: str) -> bool:
        """Whether a person has to see to whatever stands in it."""
        return self.of(category, status).group == FAILED

    def _known(self, category: str, status: str) -> Enum | None:
        kind = self._kinds.get(category)
        return None if kind is None else kind.statuses.get(status)

    def _group(self, category: str, status: str, known: Enum) -> str | None:
        said = known.group if isinstance(known, (StatusEnum, NumberedStatusEnum)) else None
        if said is not None:
            return said
        if known in getattr(self._kinds.get(category), "restarts", ()):
            return FAILED
        is_loading = {(category, status)} & (self._working | self._awaited)
        return LOADING if is_loading else None

    def _colour(self, known: Enum, group: str | None) -> str:
        said = known.colour if isinstance(known, (StatusEnum, NumberedStatusEnum)) else None
        if said is not None:
            return said if said in COLOURS else "gray"
        return {FAILED: "red", LOADING: "blue"}.get(group or "", "green")
