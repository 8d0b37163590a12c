"""The definitions of a log as they are now, kept in memory, and as they were at any position or time."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from itertools import takewhile
from types import MappingProxyType
from uuid import UUID

from eventflow.errors import FlowNotFound, Refused, did_you_mean
from eventflow.model.flows.flow import CATALOGUE, CatalogueChanged, DefinedFlow, flow_stream
from eventflow.model.recorded import Header, Recorded
from eventflow.picking.catalogue import Catalogue
from eventflow.picking.decisions import Decisions
from eventflow.picking.definition import FlowDefinition
from eventflow.store.log import Log

SOME = 200
"""Streams that are read in one go."""


@dataclass(frozen=True)
class Shelf:
    """All definitions, the archived ones included, as they were when the catalogue had this version.

    ``position`` and ``moment`` are those of the change that made it so; 0 and nothing before the first.
    """

    version: int = 0
    position: int = 0
    moment: datetime | None = None
    flows: Mapping[UUID, DefinedFlow] = field(default_factory=dict, repr=False)
    decisions: Decisions = field(default_factory=Decisions, repr=False, compare=False)

    @cached_property
    def definitions(self) -> tuple[FlowDefinition, ...]:
        """What they say, in the order in which they came."""
        return tuple(one.definition for one in self.flows.values())

    @cached_property
    def catalogue(self) -> Catalogue:
        """The same, arranged for picking."""
        return Catalogue(self.definitions, position=self.position, decisions=self.decisions)

    def find(self, id: int | str) -> DefinedFlow | None:
        """The flow of this id."""
        return self.flows.get(flow_stream(id))

    def get(self, id: int | str) -> DefinedFlow:
        """The flow of this id. Raises ``FlowNotFound``."""
        found = self.find(id)
        if found is None:
            near = did_you_mean(str(id), [str(one.id) for one in self.definitions])
            raise FlowNotFound("", f"there is no such flow{near.rstrip('.')}", id)
        return found


class Shelves:
    """Keeps the shelf of one log: a look at the head of the catalogue tells whether there is a newer one.

    Changes with what it reads; what it gives does not.
    """

    def __init__(self, log: Log) -> None:
        self._log, self._shelf, self._reading = log, Shelf(), threading.Lock()
        self._decisions = self._shelf.decisions

    def now(self) -> Shelf:
        """The definitions as the log has them now. Raises ``Unavailable``."""
        head = self._log.head(CATALOGUE)
        if head is None or head.version == self._shelf.version:
            return self._shelf
        with self._reading:
            if head.version > self._shelf.version:
                self._shelf = self._newer(self._shelf, head)
            return self._shelf

    def at(self, when: int | datetime) -> Shelf:
        """The definitions as they were at a position of the log, or at a time.

        Raises ``Refused`` for a time without a time zone.
        """
        changes = [one for one in self._log.read(CATALOGUE) if isinstance(one.event, CatalogueChanged)]
        passed = [*takewhile(_until(when), changes)]
        if not passed:
            return Shelf()
        end = passed[-1].header
        flows = {}
        for one in self._streams(_named(passed)):
            kept = [recorded for recorded in one if recorded.header.position <= end.position]
            flows[kept[0].header.stream] = DefinedFlow.replay(kept)
        return Shelf(end.version, end.position, end.recorded_at, MappingProxyType(flows), self._decisions)

    def _newer(self, shelf: Shelf, head: Header) -> Shelf:
        changes = self._log.read(CATALOGUE, after=shelf.version, upto=head.version)
        flows = dict(shelf.flows)
        for one in self._streams(_named(changes)):
            flows[one[0].header.stream] = DefinedFlow.replay(one)
        return Shelf(head.version, head.position, head.recorded_at, MappingProxyType(flows), self._decisions)

    def _streams(self, streams: Iterable[UUID]) -> Iterator[list[Recorded]]:
        wanted = list(streams)
        for start in range(0, len(wanted), SOME):
            yield from self._log.read_each(wanted[start : start + SOME])


def _named(changes: Iterable[Recorded]) -> dict[UUID, None]:
    """The streams that these changes are about, in the order in which they came."""
    events = [one.event for one in changes]
    return dict.fromkeys(id for event in events if isinstance(event, CatalogueChanged) for id in event.flows)


def _until(when: int | datetime) -> Callable[[Recorded], bool]:
    """Whether a change had happened by then."""
    if not isinstance(when, datetime):
        return lambda change: change.header.position <= when
    if when.utcoffset() is None:
        raise Refused(f"{when.isoformat()} has no time zone; write {when.isoformat()}Z, or another one.")
    return lambda change: change.header.recorded_at <= when
