"""What is done again and again: its rhythm, how it last went, when it is next, and whether it is paused."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from eventflow.app import Eventflow
from eventflow.errors import NotFound, did_you_mean
from eventflow.runtime.switches import TICK
from eventflow.store.ticks import Run, Runs
from eventflow.views.switches import told

WITH_THE_RELAY = {
    "rescue": "gives back what dead workers hold",
    "resend": "sends again what the broker has lost",
}
"""Ticks that go with the relay, wherever that is."""


def ticks(app: Eventflow) -> list[dict[str, Any]]:
    """Everything that is known of each tick: those of the program, and those that others have run."""
    known = [*app.ticks.all(), *app.engine.archiving.all(), *app.engine.commanding.all()]
    purposes = {**{one.name: one.purpose for one in known}, **WITH_THE_RELAY}
    rhythms = {one.name: one.every for one in known}
    runs = Runs(app.database).all()
    names = sorted({*purposes, *runs})
    return [_tick(app, name, purposes.get(name, ""), rhythms.get(name), runs.get(name)) for name in names]


def check_known(app: Eventflow, name: str) -> None:
    """Raise ``NotFound`` when there is no such tick."""
    known = [one["name"] for one in ticks(app)]
    if name not in known:
        raise NotFound(f'There is no tick "{name}".{did_you_mean(name, known)} There is {", ".join(known)}.')


def _tick(app: Eventflow, name: str, purpose: str, every: timedelta | None, last: Run | None) -> dict[str, Any]:
    rhythm = every or (last.every if last else None)
    state = told(app.switches, TICK, name)
    due = last.began_at + rhythm if last and rhythm else None
    return {
        "name": name,
        "purpose": purpose,
        "every": rhythm.total_seconds() if rhythm else None,
        **state,
        "last": last.began_at if last else None,
        "took": last.took.total_seconds() if last else None,
        "done": last.done if last else None,
        "error": last.error if last else None,
        "failures": last.failures if last else 0,
        "host": last.host if last else None,
        "next": None if state["paused"] else due,
    }
