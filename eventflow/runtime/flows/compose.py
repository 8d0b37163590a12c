"""The parts of flows, put together for one application."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from eventflow.model.aggregate import Aggregate
from eventflow.picking.parts import KnownTask
from eventflow.runtime.flows.definitions import Definitions
from eventflow.runtime.flows.flows import Flows
from eventflow.runtime.flows.shelf import Shelves
from eventflow.runtime.repository import Repository
from eventflow.store.log import Log


def flows_of(
    log: Log,
    repository: Repository,
    shelves: Shelves,
    *,
    aggregates: Mapping[str, type[Aggregate[Any]]],
) -> Flows:
    """The flows of an application that has these aggregates."""
    known: dict[str, KnownTask] = {}

    def statuses(subject_type: str) -> Mapping[str, Any] | None:
        aggregate = aggregates.get(subject_type)
        return None if aggregate is None else aggregate.statuses

    definitions = Definitions(shelves, repository, tasks=known, statuses=statuses)
    return Flows(log, shelves, definitions)
