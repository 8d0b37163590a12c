"""Queues: what waits on each of them; they may be paused."""

from __future__ import annotations

from eventflow.dashboard.desk import Desk, Done, Page
from eventflow.dashboard.pages.pausing import named, paused, resumed
from eventflow.runtime.switches import QUEUE
from eventflow.views.queues import check_known, queues, reactions


def index(desk: Desk) -> Page:
    """Every queue, and every reaction."""
    desk.check_all()
    can = {"pause": desk.may("queues.pause"), "resume": desk.may("queues.resume")}
    return Page("queues.html", "Queues", {"queues": queues(desk.app), "reactions": reactions(desk.app), "can": can})


def pause(desk: Desk) -> Done:
    """Let a queue rest."""
    name = named(desk, "queues.pause", check_known)
    paused(desk, QUEUE, name)
    return Done(f"{name} is paused: what runs goes on to its end, nothing else is begun.", "/queues")


def resume(desk: Desk) -> Done:
    """Let a paused queue go on."""
    name = named(desk, "queues.resume", check_known)
    return Done(resumed(desk, QUEUE, name), "/queues")


PAGES = (("/queues", index),)
ACTIONS = (
    ("/queues/{name}/pause", "queues.pause", pause),
    ("/queues/{name}/resume", "queues.resume", resume),
)
