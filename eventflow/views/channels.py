"""Channels as a whole: how many of their runs stand where, how many may be at work, what shuts them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from eventflow.app import Eventflow
from eventflow.model.channel import Channel
from eventflow.runtime.switches import QUEUE
from eventflow.views.switches import told
from eventflow_projections import Runs


def channels(app: Eventflow) -> list[dict[str, Any]]:
    """Every channel, in the order in which they were said; of an application with processes."""
    return [channel(app, one) for one in app.channels.values()]


def channel(app: Eventflow, one: Channel) -> dict[str, Any]:
    """What goes on in a channel, and what shuts it: a lockdown with the runs that hold it, quiet hours, a pause."""
    counts, badge = statuses(app.runs, one.name), app.runs.badge(one.name)
    return {
        "name": one.name,
        "title": one.called,
        "open": badge.amount,
        "colour": badge.colour,
        "statuses": counts,
        "in_progress": counts.get("in_progress", 0),
        "max_concurrency": one.max_concurrency,
        "lockdown": one.lockdown,
        "held_by": [fatal._asdict() for fatal in app.engine.doors.fatal(one.name)],
        "quiet_hours": None if one.quiet_hours is None else str(one.quiet_hours),
        "quiet_until": app.engine.doors.quiet(one.name),
        "queue": told(app.switches, QUEUE, one.name),
    }


def statuses(runs: Runs, channel: str) -> Mapping[str, int]:
    """How many runs of a channel stand in each status."""
    sums: Counter[str] = Counter()
    for one in runs.counts():
        if one.channel == channel:
            sums[one.status] += one.amount
    return sums
