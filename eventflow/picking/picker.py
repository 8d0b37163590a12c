"""The picker: which flow a subject gets, as a pure function of definitions, query, subject and time."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime

from eventflow.picking.builder import FlowPickerBuilder
from eventflow.picking.catalogue import Catalogue, Pick
from eventflow.picking.definition import FlowDefinition
from eventflow.picking.explanation import Explanation
from eventflow.picking.facts import Subject
from eventflow.picking.query import FlowQuery

Definitions = Catalogue | Iterable[FlowDefinition]
"""Whoever picks many times of the same definitions makes a ``Catalogue`` of them once."""


def pick(definitions: Definitions, query: FlowQuery, subject: Subject, now: datetime) -> Pick:
    """The flow that a subject gets at an instant; ``Pick.flow`` is ``None`` when nothing fits.

    The same arguments give the same answer, always. Raises ``FlowNotFound`` when the query forces a flow that cannot be
    had, and ``BadInput`` when ``now`` has no time zone or two definitions have the same id.

    >>> from datetime import UTC
    >>> flows = [FlowDefinition(id=1, subject_type="order"), FlowDefinition(id=2, subject_type="order", version=2)]
    >>> found = pick(flows, FlowQuery(subject_type="order"), {"id": 7}, datetime(2026, 3, 1, tzinfo=UTC))
    >>> found.flow.id, [one.id for one in found.candidates]
    (2, [2, 1])
    """
    return _catalogue(definitions).pick(query, subject, now)


def demand(definitions: Definitions, query: FlowQuery, subject: Subject, now: datetime) -> Pick:
    """The same for a subject that must have a flow: raises ``FlowNotFound``, with the cascade tried, for none."""
    return _catalogue(definitions).demand(query, subject, now)


def explain(definitions: Definitions, query: FlowQuery, subject: Subject, now: datetime) -> Explanation:
    """Why a pick is what it is; also where ``pick`` raises ``FlowNotFound``."""
    return _catalogue(definitions).explain(query, subject, now)


def preview(
    definitions: Definitions,
    query: FlowQuery,
    subject: Subject,
    now: datetime,
    tuner: Callable[[FlowPickerBuilder], object] | None = None,
) -> Explanation:
    """What would be picked, and why, if the query were changed by ``tuner``. Nothing is bound by looking."""
    builder = FlowPickerBuilder.of(query)
    if tuner is not None:
        tuner(builder)
    return explain(definitions, builder.build(), subject, now)


def _catalogue(definitions: Definitions) -> Catalogue:
    return definitions if isinstance(definitions, Catalogue) else Catalogue(definitions)
