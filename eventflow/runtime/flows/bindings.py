"""Which flow a subject goes by: asked, changed, taken away, and why it was this one."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID

from eventflow.errors import Refused, StreamNotFound, VersionConflict
from eventflow.model.aggregate import Aggregate
from eventflow.model.binding import rebind, unbind
from eventflow.model.bounds import Bounds, is_outside
from eventflow.model.flows.rules import fixed, query_from, query_of, refuse_stranger
from eventflow.model.flows.states import place_in
from eventflow.model.recorded import Context
from eventflow.model.streamed import spell
from eventflow.picking.builder import FlowPickerBuilder
from eventflow.picking.definition import FlowDefinition
from eventflow.picking.explanation import Explanation
from eventflow.picking.query import FlowQuery
from eventflow.runtime.flows.binder import Binder
from eventflow.runtime.flows.shelf import Shelf, Shelves
from eventflow.runtime.repository import NOBODY, Repository
from eventflow.store.log import Log

Tuner = Callable[[FlowPickerBuilder], object]
Kind = Callable[[UUID], type[Aggregate[Any]]]


class Bindings:
    """The bindings of subjects that have begun."""

    def __init__(
        self,
        log: Log,
        shelves: Shelves,
        repository: Repository,
        binder: Binder,
        *,
        kind: Kind,
        clock: Callable[[], datetime],
    ) -> None:
        self._log, self._shelves, self._repository, self._binder = log, shelves, repository, binder
        self._kind, self._clock = kind, clock

    def load(self, subject: UUID, expected: int | None = None) -> Aggregate[Any]:
        """The subject as it is now. Raises ``StreamNotFound``, and ``VersionConflict`` at another version."""
        document = self._repository.get(self._kind(subject), subject)
        if expected is not None and document.version != expected:
            raise VersionConflict(subject, expected, document.version)
        return document

    def of(self, subject: UUID) -> FlowDefinition | None:
        """The flow that a subject goes by, be it archived by now; nothing when it goes by none."""
        head = self._log.head(subject)
        if head is None:
            raise StreamNotFound(subject)
        return None if head.flow is None else self._shelves.now().get(head.flow).definition

    def rebind(
        self,
        subject: UUID,
        to: int | str | None,
        tuner: Tuner | None,
        *,
        expected: int | None = None,
        reason: str | None = None,
        context: Context = NOBODY,
    ) -> FlowDefinition | None:
        """Let a subject go on by this flow, or by what its query (tuned) picks now; the flow that it goes by then.

        When nothing fits, nothing is changed and nothing returned. Raises ``FlowNotFound`` for a flow that is not to
        be had, ``NotInFlow`` for one that lacks the status in which the subject stands, unless a failure brought it
        there.
        """
        while True:
            document = self.load(subject, expected)
            query = self.query(document, to, tuner)
            flow = self._binder.taken(lambda shelf: self._picked(shelf, query, document))  # noqa: B023  # called at once
            if flow is None or document.bound_flow == str(flow.id):
                return flow
            bounds = self._binder.bounds(flow, document)
            self._refuse_lost(document, bounds)
            rebind(document, str(flow.id), place=place_in(flow, document), reason=reason, bounds=bounds)
            if self._saved(document, expected, context):
                return flow

    def unbind(
        self, subject: UUID, *, expected: int | None = None, reason: str | None = None, context: Context = NOBODY
    ) -> None:
        """Let a subject go by no flow any more. Raises ``Refused`` when it goes by none."""
        while True:
            document = self.load(subject, expected)
            unbind(document, reason)
            if self._saved(document, expected, context):
                return

    def why(self, subject: UUID) -> Explanation:
        """What was picked when this one began, of what there was then, and what dropped each of the others.

        The subject is asked as it was in its first event. Raises ``StreamNotFound``, ``Refused`` when it says nothing
        of flows.
        """
        kind = self._kind(subject)
        first = self._log.read(subject, upto=1)
        document = kind.replay(first)
        header = first[0].header
        shelf = self._shelves.at(header.position)
        return shelf.catalogue.explain(self.query(document, None, None), document, header.recorded_at)

    def query(self, document: Aggregate[Any], to: int | str | None, tuner: Tuner | None) -> FlowQuery:
        """What is asked for a subject: this flow, or by its own query, tuned. Raises ``Refused`` when it has none."""
        if to is not None:
            known = self._shelves.now().find(to)  # 7 is meant by "7" as well: a command line knows texts only
            return fixed(document.category, to if known is None else known.definition.id)
        query = query_of(document) if type(document).flow_rule is not None else None
        if query is None and tuner is None:
            raise Refused(f"{type(document).__name__} says nothing of flows (flow=...): name the flow.")
        builder = FlowPickerBuilder.of(query or query_from(True, document.category))
        if tuner is not None:
            tuner(builder)
        return builder.build()

    def _refuse_lost(self, document: Aggregate[Any], bounds: Bounds) -> None:
        status = spell(document.status)
        # What has failed stands outside of any flow: it has to be possible to choose one in which it can go on.
        if not bounds.has(status) and not is_outside(self._log.headers(document.id)):
            bounds.refuse(document, status, is_there=True)

    def _picked(self, shelf: Shelf, query: FlowQuery, document: Aggregate[Any]) -> FlowDefinition | None:
        flow = shelf.catalogue.pick(query, document, self._clock()).flow
        if flow is not None:
            refuse_stranger(flow, document.category)
        return flow

    def _saved(self, document: Aggregate[Any], expected: int | None, context: Context) -> bool:
        """Whether nobody was faster; told to who has said which version is expected."""
        try:
            self._repository.save(document, context=context)
        except VersionConflict:
            if expected is not None:
                raise
            return False
        return True
