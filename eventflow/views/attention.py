"""What needs somebody, of an application as a whole: what stands still, is silent, is paused, goes wrong."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from eventflow.app import Eventflow
from eventflow.views.queues import paused
from eventflow.views.ticks import ticks
from eventflow.views.workers import workers


class Need(NamedTuple):
    """One thing to see to: a sentence, how bad it is as a colour, and the room where it is seen to."""

    text: str
    colour: str
    room: str


def needs(app: Eventflow) -> list[Need]:
    """Everything that there is, the worst first."""
    found = [*_projections(app), *_workers(app), *_ticks(app), *_queues(app)]
    return sorted(found, key=lambda one: one.colour != "red")


def _projections(app: Eventflow) -> Iterator[Need]:
    for one in app.projections.status():
        if one.error:
            yield Need(f"The projection {one.name} stands still: {one.error}", "red", "projections")


def _workers(app: Eventflow) -> Iterator[Need]:
    found = workers(app)
    for one in found:
        if not one["fresh"]:
            yield Need(f"The worker {one['name']} is silent.", "red", "workers")
    if not any(one["fresh"] for one in found):
        yield Need("No worker is running: what is to be done waits.", "orange", "workers")


def _ticks(app: Eventflow) -> Iterator[Need]:
    for one in ticks(app):
        if one["error"]:
            yield Need(f"{one['name']} goes wrong, {one['failures']} in a row: {one['error']}", "red", "schedules")
        elif one["paused"]:
            yield Need(f"{one['name']} is paused.", "orange", "schedules")


def _queues(app: Eventflow) -> Iterator[Need]:
    for name in paused(app):
        yield Need(f"The queue {name} is paused.", "orange", "queues")
