"""The bounds of flows, each looked up once: a graph that subjects go by stays as it is."""

from __future__ import annotations

from typing import Any

from eventflow.model.aggregate import Aggregate
from eventflow.model.bounds import Bounds, show_bounds
from eventflow.model.streamed import spell
from eventflow.picking.definition import FlowDefinition
from eventflow.runtime.flows.shelf import Shelves


class Boundaries:
    """The bounds of the flows of one log. Holds those that were asked for; what is bound to no flow asks nothing."""

    def __init__(self, shelves: Shelves) -> None:
        self._shelves = shelves
        self._known: dict[tuple[str, Any], Bounds] = {}

    def of(self, flow: str, kind: type[Aggregate[Any]]) -> Bounds | None:
        """Those of a flow that is in use, for subjects of a kind; nothing when the log has no such flow."""
        known = self._known.get((flow, kind.initial))
        if known is None:
            defined = self._shelves.now().find(flow)
            return None if defined is None else self.learn(defined.definition, kind)
        return known

    def learn(self, flow: FlowDefinition, kind: type[Aggregate[Any]]) -> Bounds:
        """Those of a flow that is in use, as it is at hand already."""
        id = str(flow.id)
        return self._known.setdefault((id, kind.initial), Bounds.of(id, flow, spell(kind.initial)))

    def show(self, document: Aggregate[Any]) -> None:
        """Let what was loaded know the bounds of its flow, so that its commands keep within them."""
        if document.bound_flow is not None:
            show_bounds(document, self.of(document.bound_flow, type(document)))

    def keep(self, document: Aggregate[Any]) -> None:
        """Raises ``NotInFlow`` when something that is about to be recorded leads to a status that its flow lacks."""
        for draft in document.pending:
            if draft.flow is not None and draft.previous != draft.status:
                bounds = self.of(draft.flow, type(document))
                if bounds is not None:
                    bounds.keep(document, (draft,))
