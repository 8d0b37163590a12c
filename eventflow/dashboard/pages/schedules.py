"""Schedules: what is done again and again; it may be paused, and triggered."""

from __future__ import annotations

from eventflow.dashboard.desk import Desk, Done, Page
from eventflow.dashboard.pages.pausing import end_of
from eventflow.runtime.switches import TICK
from eventflow.views.ticks import check_known, ticks
from eventflow.views.workers import workers


def index(desk: Desk) -> Page:
    """Every tick: its rhythm, how it last went, when it is next."""
    desk.check_all()
    can = {name: desk.may(f"schedules.{name}") for name in ("pause", "resume", "trigger")}
    is_worked_on = any(one["fresh"] for one in workers(desk.app))
    return Page("schedules.html", "Schedules", {"ticks": ticks(desk.app), "is_worked_on": is_worked_on, "can": can})


def pause(desk: Desk) -> Done:
    """Let a tick rest."""
    name = _named(desk, "schedules.pause")
    desk.app.switches.pause(TICK, name, reason=desk.said("reason"), until=end_of(desk), actor=desk.actor)
    return Done(f"{name} is paused.", "/schedules")


def resume(desk: Desk) -> Done:
    """Let a paused tick go on."""
    name = _named(desk, "schedules.resume")
    rested = desk.app.switches.resume(TICK, name, actor=desk.actor)
    return Done(f"{name} {'goes on' if rested else 'was not paused'}.", "/schedules")


def trigger(desk: Desk) -> Done:
    """Have a tick run once, now."""
    name = _named(desk, "schedules.trigger")
    desk.app.switches.trigger(TICK, name, reason=desk.said("reason"), actor=desk.actor)
    return Done(f"{name} is triggered: whoever does the ticks hears of it.", "/schedules")


def _named(desk: Desk, action: str) -> str:
    name = str(desk.request.path_params["name"])
    desk.check_all()
    check_known(desk.app, name)
    desk.check(action, name)
    return name


PAGES = (("/schedules", index),)
ACTIONS = (
    ("/schedules/{name}/pause", "schedules.pause", pause),
    ("/schedules/{name}/resume", "schedules.resume", resume),
    ("/schedules/{name}/trigger", "schedules.trigger", trigger),
)
