"""Whether a flow that was asked for by its id can be had."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from eventflow.picking.definition import FlowDefinition
from eventflow.picking.query import FlowQuery

Reason = Literal["unknown", "deleted", "inactive", "outside_window"]


def refused(flow: FlowDefinition | None, query: FlowQuery, now: datetime) -> Reason | None:
    """Why a forced flow cannot be had; ``None`` when it can. Nothing else of the query is asked."""
    if flow is None:
        return "unknown"
    if flow.deleted:
        return "deleted"
    if not query.only_active:
        return None
    if not flow.status:
        return "inactive"
    return None if query.ignore_time_window or in_window(flow, now) else "outside_window"


def in_window(flow: FlowDefinition, now: datetime) -> bool:
    """Whether an instant is in the window of a definition, the ends included."""
    is_begun = flow.active_from is None or flow.active_from <= now
    return is_begun and (flow.active_to is None or now <= flow.active_to)
