"""The flow that a stream goes by: bound before its first event, told by every header, changed by events only."""

from __future__ import annotations

from typing import Any

from eventflow.errors import Refused
from eventflow.model.aggregate import Aggregate
from eventflow.model.bounds import Bounds, show_bounds
from eventflow.model.event import Event
from eventflow.model.library import FlowRebound, FlowUnbound
from eventflow.model.recorded import NOWHERE, Phase


def is_to_be_bound(document: Aggregate[Any]) -> bool:
    """Whether it is about to begin, and has to be given its flow first."""
    kind = type(document)
    return kind.flow_rule is not None and document.head == NOWHERE and document.bound_flow is None


def bind(document: Aggregate[Any], flow: str, bounds: Bounds | None = None) -> None:
    """Bind what is not in the log yet: all that it has decided on goes into the log under this flow.

    Raises ``Refused`` for one that has begun; ``rebind`` it. Raises ``NotInFlow``, and leaves it unbound, when it has
    decided on a status that is not within the ``bounds`` of the flow.
    """
    if document.head != NOWHERE:
        raise Refused(f"{document.category} {document.id} has begun: it is bound before its first event, or rebound.")
    if bounds is not None:
        bounds.keep(document, document.pending)
    show_bounds(document, bounds)
    own = document.__dict__
    own["_flow"] = flow
    own["_pending"] = tuple(draft._replace(flow=flow) for draft in document.pending)


def rebind(
    document: Aggregate[Any],
    flow: str,
    *,
    place: str | None = None,
    reason: str | None = None,
    bounds: Bounds | None = None,
) -> None:
    """Let it go on by another flow from here on, in the state ``place`` of it, or where that one begins.

    It keeps within the ``bounds`` of that one; whether it stands there the caller has seen to.

    Raises ``Refused`` when it goes by this flow already.
    """
    before = document.bound_flow
    if before == flow:
        raise Refused(f'{document.category} {document.id} is bound to "{flow}" already.')
    document.__dict__["_flow"] = flow
    show_bounds(document, bounds)
    _record(document, FlowRebound(place=place, before=before, reason=reason))


def unbind(document: Aggregate[Any], reason: str | None = None) -> None:
    """Let it go by no flow any more. Raises ``Refused`` when it is bound to none."""
    before = document.bound_flow
    if before is None:
        raise Refused(f"{document.category} {document.id} is bound to no flow.")
    document.__dict__["_flow"] = None
    show_bounds(document, None)
    _record(document, FlowUnbound(before=before, reason=reason))


def _record(document: Aggregate[Any], event: Event) -> None:
    """What waits to be begun is announced again, so that the reactions of the flow it has now are the ones to do it."""
    standing = document.standing
    if standing.phase == Phase.ANNOUNCED:
        document.record(event, status=document.status, due=standing.due)
    else:
        document.record(event)
