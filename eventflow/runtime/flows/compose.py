"""The parts of flows, put together for one application."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from eventflow.errors import StreamNotFound, UnknownEvent
from eventflow.model.aggregate import Aggregate
from eventflow.model.flows.tasks import FlowTask
from eventflow.model.masking import Masker
from eventflow.model.works import Works
from eventflow.runtime.flows.binder import Binder
from eventflow.runtime.flows.bindings import Bindings
from eventflow.runtime.flows.definitions import Definitions
from eventflow.runtime.flows.flows import Flows
from eventflow.runtime.flows.mover import Mover
from eventflow.runtime.flows.ramps import Ramps, Subjects
from eventflow.runtime.flows.shelf import Shelves
from eventflow.runtime.repository import Repository
from eventflow.store.log import Log


def flows_of(
    log: Log,
    repository: Repository,
    shelves: Shelves,
    binder: Binder,
    *,
    aggregates: Mapping[str, type[Aggregate[Any]]],
    tasks: Sequence[FlowTask[Any]],
    works: Works,
    masker: Masker,
    subjects: Subjects,
    seen: Callable[[], int],
    clock: Callable[[], datetime],
) -> Flows:
    """The flows of an application that has these aggregates."""
    by_name = {one.name: one for one in tasks}
    known = {name: one.known for name, one in by_name.items()}

    def statuses(subject_type: str) -> Mapping[str, Any] | None:
        aggregate = aggregates.get(subject_type)
        return None if aggregate is None else aggregate.statuses

    def kind(subject: UUID) -> type[Aggregate[Any]]:
        head = log.head(subject)
        if head is None:
            raise StreamNotFound(subject)
        if head.category not in aggregates:
            raise UnknownEvent(head.name, sorted(aggregates))
        return aggregates[head.category]

    definitions = Definitions(shelves, repository, tasks=known, statuses=statuses, works=works)
    bindings = Bindings(log, shelves, repository, binder, kind=kind, clock=clock)
    mover = Mover(log, shelves, repository, bindings, tasks=by_name, masker=masker)
    ramps = Ramps(log, repository, definitions, subjects, seen=seen, clock=clock)
    return Flows(log, shelves, definitions, bindings, mover, ramps, clock=clock)
