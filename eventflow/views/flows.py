"""Definitions of flows as plain facts: which one is meant, how it is shared out, how it came to be so."""

from __future__ import annotations

from typing import Any

from eventflow.app import Eventflow
from eventflow.errors import EventflowError
from eventflow.model.flows.ramp import FlowRamp
from eventflow.model.recorded import Recorded


def id_of(app: Eventflow, named: str) -> int | str:
    """The id that is meant: a number where there is no such text."""
    try:
        return app.flows.shelf().get(named).definition.id
    except EventflowError:
        return named


def share(app: Eventflow, flow: int | str, ramp: FlowRamp | None = None) -> dict[str, Any]:
    """The share of a flow and its ramp, as programs are told of them."""
    ramp = ramp or app.flows.ramps.get(flow)
    figures = app.flows.ramps.figures(flow)
    told = {
        "flow": flow,
        "share": app.flows.get(flow).rollout_pct,
        "subjects": figures.subjects,
        "errors": figures.errors,
        "error_rate": figures.error_rate,
    }
    return told | {
        "state": None if ramp is None else str(ramp.status),
        "to": None if ramp is None else ramp.to,
        "by": None if ramp is None else ramp.by,
        "every": None if ramp is None else ramp.every,
        "halt_when": None if ramp is None else ramp.halt_when,
        "next_at": None if ramp is None else ramp.next_at,
        "why": None if ramp is None else ramp.why,
    }


def change(recorded: Recorded) -> dict[str, Any]:
    """A change of a flow: when, by whom, why, and which fields say what from then on."""
    header, body = recorded.header, recorded.event.event_body()
    beside = body.get("body") or {}
    return {
        "version": header.version,
        "position": header.position,
        "at": header.recorded_at,
        "by": header.actor,
        "what": header.name.partition(":")[2],
        "reason": body.get("reason") or beside.get("reason"),
        "changes": own(recorded) | {name: value for name, value in beside.items() if name != "reason"},
    }


def own(recorded: Recorded) -> dict[str, Any]:
    """What the event of a change says by itself, without what it brings along whole."""
    return {
        name: value for name, value in recorded.event.event_body().items() if name not in ("reason", "fields", "body")
    }
