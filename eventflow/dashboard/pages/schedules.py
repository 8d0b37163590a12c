"""Schedules: what is done again and again; it may be paused, and triggered."""

from __future__ import annotations

from eventflow.dashboard.desk import Desk, Done, Page
from eventflow.dashboard.pages.pausing import named, paused, resumed
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
    name = named(desk, "schedules.pause", check_known)
    paused(desk, TICK, name)
    return Done(f"{name} is paused.", "/schedules")


def resume(desk: Desk) -> Done:
    """Let a paused tick go on."""
    name = named(desk, "schedules.resume", check_known)
    return Done(resumed(desk, TICK, name), "/schedules")


def trigger(desk: Desk) -> Done:
    """Have a tick run once, now."""
    name = named(desk, "schedules.trigger", check_known)
    desk.app.switches.trigger(TICK, name, reason=desk.said("reason"), actor=desk.actor)
    return Done(f"{name} is triggered: whoever does the ticks hears of it.", "/schedules")


PAGES = (("/schedules", index),)
ACTIONS = (
    ("/schedules/{name}/pause", "schedules.pause", pause),
    ("/schedules/{name}/resume", "schedules.resume", resume),
    ("/schedules/{name}/trigger", "schedules.trigger", trigger),
)
