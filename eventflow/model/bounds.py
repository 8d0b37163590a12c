"""The statuses within which a subject stays while it is bound to a flow, and what leads out of them all the same.

Who decides where a subject goes, be it a person or a program, decides within its flow. What happens to it does not ask:
a failure is recorded whatever the flow has, and so is that somebody calls it off.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Any, NoReturn

from eventflow.errors import NotInFlow
from eventflow.model.event import Event
from eventflow.model.library import CalledOff
from eventflow.model.recorded import Draft, Header
from eventflow.model.streamed import Streamed, spell
from eventflow.picking.graph import Graph


@dataclass(frozen=True, slots=True)
class Bounds:
    """The ``statuses`` of a flow, for subjects of one kind; a flow whose states name none leaves them alone.

    It may begin in ``any_first`` one where START stands for none; that its kind begins in is one of them then.
    """

    flow: str
    statuses: tuple[str, ...] = ()
    any_first: bool = True

    @classmethod
    def of(cls, flow: str, graph: Graph, initial: str) -> Bounds:
        """Those of a flow with this graph, for subjects that begin in ``initial`` unless they say otherwise."""
        return cls(flow, graph.statuses_for(initial), graph.may_begin_anywhere)

    def has(self, status: str) -> bool:
        """Whether the flow has this status."""
        return not self.statuses or status in self.statuses

    def refuse(self, subject: Streamed[Any], status: str, *, is_there: bool = False) -> NoReturn:
        """Raises ``NotInFlow`` for a status that the flow does not have."""
        raise NotInFlow(subject.category, subject.id, self.flow, status, self.statuses, is_there=is_there)

    def keep(self, subject: Streamed[Any], drafts: Iterable[Draft]) -> None:
        """Raises ``NotInFlow`` when one of these leads to a status that the flow does not have."""
        for draft in drafts:
            if draft.previous == draft.status or self.has(draft.status) or is_free(draft.event, draft.error):
                continue
            if draft.previous is not None or not self.any_first:
                self.refuse(subject, draft.status)


def show_bounds(subject: Streamed[Any], bounds: Bounds | None) -> None:
    """Let a subject know the bounds of its flow, so that its commands keep within them; nothing when there are none."""
    subject.__dict__["_bounds"] = bounds


def is_within(subject: Streamed[Any], status: Enum) -> bool:
    """Whether a subject may go to a status, as far as it knows the bounds of its flow."""
    bounds = subject.__dict__.get("_bounds")
    return bounds is None or bounds.has(spell(status))


def refuse_to_leave(subject: Streamed[Any], status: Enum) -> None:
    """Raises ``NotInFlow`` for a status that the flow which a subject is bound to does not have."""
    if not is_within(subject, status):
        subject.__dict__["_bounds"].refuse(subject, spell(status))


def is_free(event: Event, error: str | None) -> bool:
    """Whether this may lead to a status that the flow does not have: a failure, or the end of all work on it."""
    return error is not None or isinstance(event, CalledOff)


def strays(subject: Streamed[Any], error: BaseException) -> bool:
    """Whether this error says that the subject itself would leave its flow."""
    return isinstance(error, NotInFlow) and error.stream == subject.id


def is_outside(headers: Iterable[Header]) -> bool:
    """Whether a stream with these headers came to its present status by what may lead out of its flow."""
    entered: Header | None = None
    for one in headers:
        if one.version == 1 or (one.previous is not None and one.previous != one.status):
            entered = one
    if entered is None:
        return False
    return entered.error is not None or entered.name.endswith(f":{CalledOff.event_name}")
