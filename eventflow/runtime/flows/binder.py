"""Binding: what is about to begin gets its flow, once; what has begun gets another only when somebody says so."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from eventflow.errors import FlowNotFound, VersionConflict
from eventflow.model.aggregate import Aggregate
from eventflow.model.binding import bind, is_to_be_bound
from eventflow.model.bounds import Bounds
from eventflow.model.flows.flow import DefinedFlow, flow_stream, graph_of
from eventflow.model.flows.rules import query_of, refuse_stranger
from eventflow.picking.definition import FlowDefinition
from eventflow.runtime.flows.boundaries import Boundaries
from eventflow.runtime.flows.shelf import Shelf, Shelves
from eventflow.runtime.repository import Repository


class Binder:
    """Binds subjects to flows of one log.

    A flow is taken into use before the first subject that is bound to it is saved: its graph stays as it is from then
    on. Whoever changes the graph at that moment is too late, or the subject gets another flow.
    """

    def __init__(self, shelves: Shelves, repository: Repository, *, clock: Callable[[], datetime]) -> None:
        self._shelves, self._repository, self._clock = shelves, repository, clock
        self._boundaries = Boundaries(shelves)
        self._used: set[str] = set()

    def bind(self, document: Aggregate[Any]) -> None:
        """Give what is about to begin its flow; what has begun, or says nothing of flows, stays as it is.

        Raises ``FlowNotFound`` when nothing fits and it must not be unbound, or when the flow that it names is not to
        be had; ``Refused`` when that is for other subjects, ``NotInFlow`` when it lacks a status that this one goes to.
        """
        if not is_to_be_bound(document):
            return
        flow = self.taken(lambda shelf: self._picked(shelf, document))
        if flow is not None:
            bind(document, str(flow.id), self.bounds(flow, document))

    def bounds(self, flow: FlowDefinition, document: Aggregate[Any]) -> Bounds:
        """The bounds of a flow that was taken into use, for what is to be bound to it."""
        return self._boundaries.learn(flow, type(document))

    def show(self, document: Aggregate[Any]) -> None:
        """Let what was loaded know the bounds of its flow."""
        self._boundaries.show(document)

    def keep(self, document: Aggregate[Any]) -> None:
        """Raises ``NotInFlow`` when something that is about to be recorded leads to a status that its flow lacks."""
        self._boundaries.keep(document)

    def taken(self, choose: Callable[[Shelf], FlowDefinition | None]) -> FlowDefinition | None:
        """What is chosen from the present shelf, taken into use; chosen again when it has changed meanwhile."""
        while True:
            shelf = self._shelves.now()
            flow = choose(shelf)
            if flow is None or self._take(flow):
                return flow

    def _picked(self, shelf: Shelf, document: Aggregate[Any]) -> FlowDefinition | None:
        query = query_of(document)
        flow = None if query is None else shelf.catalogue.pick(query, document, self._clock()).flow
        if flow is not None:
            refuse_stranger(flow, document.category)
        elif not type(document).may_be_unbound:
            raise FlowNotFound(document.category, tried=() if query is None else query.fallback_cascade)
        return flow

    def _take(self, flow: FlowDefinition) -> bool:
        """Whether it is in use now, with the graph that was chosen."""
        if str(flow.id) in self._used:
            return True
        stream = self._repository.get(DefinedFlow, flow_stream(flow.id))
        if graph_of(stream.definition) != graph_of(flow):
            return False
        stream.take_into_use()
        try:
            self._repository.save(stream)
        except VersionConflict:
            return False
        self._used.add(str(flow.id))
        return True
