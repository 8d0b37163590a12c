"""What an application does with the subjects of a flow in each status, as far as can be told beforehand."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from enum import Enum
from typing import Any

from eventflow.model.aggregate import Aggregate
from eventflow.model.callback import CallbackReaction
from eventflow.model.reaction import Reaction, target
from eventflow.model.streamed import spell
from eventflow.model.transition import Transition
from eventflow.picking.definition import FlowDefinition
from eventflow.picking.reach import KnownWork, KnownWorks

Works = Callable[[FlowDefinition], KnownWorks | None]
"""What is done with the subjects of a flow, or nothing when this program does not know them."""


def works_by(
    aggregates: Iterable[type[Aggregate[Any]]],
    reactions: Sequence[Reaction[Any, Any]],
    callbacks: Sequence[CallbackReaction[Any, Any]],
) -> Works:
    """How to tell what is done with the subjects of a flow by these reactions and callbacks."""
    kinds = {one.category: one for one in aggregates}

    def works(flow: FlowDefinition) -> KnownWorks | None:
        kind = kinds.get(flow.subject_type)
        if kind is None:
            return None
        own = [one for one in reactions if one.aggregate.category == kind.category]
        calls = [one for one in callbacks if one.aggregate.category == kind.category]
        return KnownWorks(spell(kind.initial), (*_reacting(own, str(flow.id)), *_called(calls), *_steered(kind)))

    return works


def strays(flows: Sequence[FlowDefinition], works: Works) -> Iterator[str]:
    """What does not fit together of flows that are to be published and what is done with their subjects."""
    for flow in flows:
        known = works(flow)
        if known is not None and flow.status and not flow.deleted:
            yield from (f"The flow {flow.id}: {one.message}" for one in flow.strays(known))


def _reacting(reactions: Sequence[Reaction[Any, Any]], flow: str) -> Iterator[KnownWork]:
    # One that is for this flow goes before the one that is for all.
    chosen = {spell(one.on): one for one in reactions if None in one.flows}
    chosen |= {spell(one.on): one for one in reactions if flow in one.flows}
    for on, one in chosen.items():
        yield KnownWork(one.name, on, _spelt(one.processing, one.complete), _spelt(one.failed))
        yield KnownWork(one.name, spell(one.working), _spelt(one.complete), _spelt(one.failed))


def _called(callbacks: Sequence[CallbackReaction[Any, Any]]) -> Iterator[KnownWork]:
    for one in callbacks:
        for on in one.expects:
            yield KnownWork(one.name, spell(on), _spelt(one.processing, one.complete), _spelt(one.failed))


def _steered(kind: type[Aggregate[Any]]) -> Iterator[KnownWork]:
    for on, to in kind.restarts.items():
        yield KnownWork("defibrillation", spell(on), (spell(to),), by_hand=True)
    for on, to in kind.cancellations.items():
        yield KnownWork("cancellation", spell(on), aside=(spell(to),), by_hand=True)


def _spelt(*steps: Any) -> tuple[str, ...]:
    """The statuses that these steps lead to; of one that is chosen at work nothing is known."""
    return tuple(spell(target(one)) for one in steps if isinstance(one, (Enum, Transition)))
