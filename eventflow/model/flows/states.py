"""In which state of its flow a subject stands."""

from __future__ import annotations

from typing import Any

from eventflow.errors import Refused
from eventflow.model.aggregate import Aggregate
from eventflow.model.streamed import place_of, spell
from eventflow.picking.graph import Graph
from eventflow.picking.parts import State


def standing_in(flow: Graph, document: Aggregate[Any]) -> State:
    """The state that its last move led to, or the one that stands for its status where it went on without a move.

    Reactions and commands change a status as well, and take the subject along to the state that has it. Before the
    first move it stands in START. Raises ``Refused`` when it has a status that no state of its flow stands for.
    """
    status = spell(document.status)
    kept = flow.state(place_of(document) or "") or flow.start_state
    if kept is not None and kept.status in (None, status):
        return kept
    found = flow.states_of(status)
    if len(found) == 1:
        return found[0]
    raise Refused(
        f'{document.category} {document.id} has the status "{status}", which no state of its flow'
        f' "{document.bound_flow}" stands for.'
    )


def place_in(flow: Graph, document: Aggregate[Any]) -> str | None:
    """Where a subject stands when it goes over to another flow: in the state of the same name, or of its status."""
    state = flow.state(place_of(document) or "")
    if state is not None and state.status in (None, spell(document.status)):
        return state.key
    return next((one.key for one in flow.states_of(spell(document.status))), None)
