"""Queues: what waits on each of them; they may be paused."""

from __future__ import annotations

from eventflow.dashboard.desk import Desk, Done, Page
from eventflow.dashboard.pages.pausing import end_of
from eventflow.runtime.switches import QUEUE
from eventflow.views.queues import check_known, queues, reactions


def index(desk: Desk) -> Page:
    """Every queue, and every reaction."""
    desk.check_all()
    can = {"pause": desk.may("queues.pause"), "resume": desk.may("queues.resume")}
    return Page("queues.html", "Queues", {"queues": queues(desk.app), "reactions": reactions(desk.app), "can": can})


def pause(desk: Desk) -> Done:
    """Let a queue rest."""
    name = _named(desk, "queues.pause")
    desk.app.switches.pause(QUEUE, name, reason=desk.said("reason"), until=end_of(desk), actor=desk.actor)
    return Done(f"{name} is paused: what runs goes on to its end, nothing else is begun.", "/queues")


def resume(desk: Desk) -> Done:
    """Let a paused queue go on."""
    name = _named(desk, "queues.resume")
    rested = desk.app.switches.resume(QUEUE, name, actor=desk.actor)
    return Done(f"{name} {'goes on' if rested else 'was not paused'}.", "/queues")


def _named(desk: Desk, action: str) -> str:
    name = str(desk.request.path_params["name"])
    desk.check_all()
    check_known(desk.app, name)
    desk.check(action, name)
    return name


PAGES = (("/queues", index),)
ACTIONS = (
    ("/queues/{name}/pause", "queues.pause", pause),
    ("/queues/{name}/resume", "queues.resume", resume),
)
