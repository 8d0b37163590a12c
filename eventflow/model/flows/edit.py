"""The graph of a flow, one part at a time: states and transitions put in, changed and taken out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeVar

from eventflow.errors import NotFound, Refused, did_you_mean
from eventflow.picking.definition import FlowDefinition
from eventflow.picking.parts import State, Transition

P = TypeVar("P", State, Transition)


def put(flow: FlowDefinition, parts: Iterable[State | Transition]) -> FlowDefinition:
    """The flow with these parts: one of a key that is there takes the place of the other, the rest stays as it is."""
    states, transitions = flow.states, flow.transitions
    for one in parts:
        if isinstance(one, State):
            states = _put(states, one)
        else:
            transitions = _put(transitions, one)
    return flow.replace(states=states, transitions=transitions)


def drop(flow: FlowDefinition, keys: Sequence[str]) -> FlowDefinition:
    """The flow without the states and transitions of these keys.

    Raises ``Refused`` for START, and for a state that transitions still lead to or from; ``NotFound`` for a key that
    is none.
    """
    known = [*(one.key for one in flow.states), *(one.key for one in flow.transitions)]
    for key in keys:
        if key not in known:
            raise NotFound(
                f'The flow "{flow.id}" has neither a state nor a transition "{key}".{did_you_mean(key, known)}'
            )
    states = tuple(one for one in flow.states if one.key not in keys)
    transitions = tuple(one for one in flow.transitions if one.key not in keys)
    for gone in (one for one in flow.states if one.key in keys):
        _refuse_needed(gone, transitions)
    return flow.replace(states=states, transitions=transitions)


def _put(parts: tuple[P, ...], one: P) -> tuple[P, ...]:
    kept: list[P] = [one if other.key == one.key else other for other in parts]
    if one not in kept:
        kept.append(one)
    return tuple(kept)


def _refuse_needed(state: State, transitions: Sequence[Transition]) -> None:
    if state.is_start:
        raise Refused(f'"{state.key}" is where the flow begins: START stays.')
    tied = [one.key for one in transitions if state.key in (one.from_, one.to)]
    if tied:
        raise Refused(f'The transitions {", ".join(tied)} lead to or from "{state.key}": drop them as well.')
