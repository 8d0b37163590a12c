"""One page that tells operators how things stand: channels with what shuts them, commands with what became of them."""

from __future__ import annotations

from typing import Any

from eventflow.dashboard.desk import Desk, Done, Page
from eventflow.dashboard.pages.pausing import end_of, paused, resumed
from eventflow.errors import BadInput, NotFound, Refused, did_you_mean
from eventflow.model.lock import CommandState
from eventflow.model.recorded import Context
from eventflow.runtime.commands.commands import TICK as COMMAND_TICK
from eventflow.runtime.switches import QUEUE, TICK
from eventflow.store.workers import Workers
from eventflow.views import commands, looks, runs
from eventflow.views.channels import channels

DAYS = 30
RUN_DAYS, ATTEMPT_DAYS = (30, 60, 90), (7, 30, 60, 90)
"""The ranges of days that figures can be had of."""

ALL = "all commands"
COLOURS = {"danger": "red", "warning": "orange", "success": "green", "info": "blue"}


def status(desk: Desk) -> Page:
    """Figures, all commands, every channel, every command."""
    desk.check_all()
    groups = [[_command(desk, one) for one in group] for group in commands.groups(desk.app)]
    others = [_command(desk, {**commands.told(one), "every": None}) for one in commands.others(desk.app)]
    everything = [*(one for group in groups for one in group), *others]
    values = {
        "has_runs": runs.has_runs(desk.app),
        "figures": _figures(desk),
        "disabled": desk.app.lockboard.disabled(),
        "working": [one["key"] for one in everything if one["holder"] is not None],
        "channels": [_channel(desk, one) for one in channels(desk.app)] if runs.has_runs(desk.app) else [],
        "groups": groups,
        "others": others,
        "untold": [{"to": one.recipient, "subject": one.subject, "error": one.error} for one in desk.app.untold()],
        "can": {"disable": desk.may("commands.disable"), "enable": desk.may("commands.enable")},
    }
    return Page("status.html", "Status", values)


# -- what can be done --------------------------------------------------------------------------------


def disable(desk: Desk) -> Done:
    """Let one command not be run, or all of them."""
    key = _chosen(desk, "commands.disable")
    desk.app.lockboard.disable(key, reason=desk.said("reason"), until=end_of(desk), actor=desk.actor)
    return Done(f"{key or ALL} may not be run now. What runs goes on to its end.", "/status")


def enable(desk: Desk) -> Done:
    """Let it be run again."""
    key = _chosen(desk, "commands.enable")
    was = desk.app.lockboard.enable(key, actor=desk.actor)
    return Done(f"{key or ALL} {'may be run again' if was else 'had not been disabled'}.", "/status")


def clear(desk: Desk) -> Done:
    """Take a lock from a holder that nothing is heard of."""
    return _clear(desk, "commands.clear", force=False)


def force(desk: Desk) -> Done:
    """Take a lock from its holder, although that shows signs of life."""
    return _clear(desk, "commands.force", force=True)


def run(desk: Desk) -> Done:
    """Have a command run as soon as whoever runs them hears of it. Raises ``Refused`` for one without a rhythm."""
    key = _one(desk, "commands.run")
    if f"{COMMAND_TICK}{key}" not in {one.name for one in desk.app.commands.ticks()}:
        raise Refused(f'"{key}" has no rhythm, so no worker runs it. Run it yourself: eventflow run.')
    desk.app.lockboard.refuse_disabled(key)
    desk.app.switches.trigger(TICK, f"{COMMAND_TICK}{key}", reason=desk.said("reason"), actor=desk.actor)
    is_heard = any(one.fresh for one in Workers(desk.app.database).all())
    told = "A worker takes it up." if is_heard else "No worker is running: it waits for one."
    return Done(f"{key} is wanted now. {told}", "/status")


def pause(desk: Desk) -> Done:
    """Let a channel rest: nothing new is begun there."""
    name = _channel_of(desk, "queues.pause")
    paused(desk, QUEUE, name)
    return Done(f"{name} rests. What is under way goes on.", "/status")


def resume(desk: Desk) -> Done:
    """Let it go on."""
    name = _channel_of(desk, "queues.resume")
    return Done(resumed(desk, QUEUE, name), "/status")


def _clear(desk: Desk, action: str, *, force: bool) -> Done:
    key = _one(desk, action)
    was = desk.app.locks.clear(key, reason=desk.said("reason"), force=force, context=Context(actor=desk.actor))
    return Done(f"{key} is free; it was held by {was.holder}." if was else f"{key} was free.", "/status")


def _chosen(desk: Desk, action: str) -> str | None:
    """The key that is meant; nothing in place of one means all, and that has to be said."""
    if desk.said("all") is None:
        return _one(desk, action)
    if desk.said("key") is not None:
        raise BadInput("Say either a key or all.")
    desk.check_all()
    desk.check(action)
    return None


def _one(desk: Desk, action: str) -> str:
    """The key that is meant, of a command or a lock that there is."""
    desk.check_all()
    key = desk.said("key")
    if key is None:
        raise BadInput("The key of a command or a lock is missing.")
    desk.check(action, key)
    return commands.known(desk.app, [key])[0]


def _channel_of(desk: Desk, action: str) -> str:
    desk.check_all()
    name, known = desk.said("channel") or "", list(desk.app.channels)
    if name not in known:
        raise NotFound(f'There is no channel "{name}".{did_you_mean(name, known)}')
    desk.check(action, name)
    return name


# -- what is shown -----------------------------------------------------------------------------------


def _command(desk: Desk, one: dict[str, Any]) -> dict[str, Any]:
    """How a command stands, and what this person can do about it."""
    key, state = one["key"], CommandState(one["state"])
    is_alone = one["disabled"] is not None and not one["disabled"].everything
    is_wanted = one["every"] is not None and one["holder"] is None and one["disabled"] is None
    can = {
        "disable": not is_alone and desk.may("commands.disable", key),
        "enable": is_alone and desk.may("commands.enable", key),
        "free": state is CommandState.LOCKED and desk.may("commands.clear", key),
        "force": one["holder"] is not None and desk.may("commands.force", key),
        "run": is_wanted and desk.may("commands.run", key),
    }
    return {**one, "look": looks.of_state(state)._asdict(), "can": can}


def _channel(desk: Desk, one: dict[str, Any]) -> dict[str, Any]:
    can = {
        "pause": not one["queue"]["paused"] and desk.may("queues.pause", one["name"]),
        "resume": one["queue"]["paused"] and desk.may("queues.resume", one["name"]),
    }
    return {**one, "colour": COLOURS[one["colour"]], "can": can}


def _figures(desk: Desk) -> list[dict[str, Any]]:
    """New runs and the highest attempt of each day, for as many days as were asked for."""
    if not runs.has_runs(desk.app):
        return []
    begun, tried = _days(desk, "runs", RUN_DAYS), _days(desk, "attempts", ATTEMPT_DAYS)
    totals = desk.app.runs.totals(max(begun, tried))
    new = [{"day": one.day, "amount": one.begun} for one in totals[-begun:]]
    highest = [{"day": one.day, "amount": one.attempts} for one in totals[-tried:]]
    amount, most = sum(one.begun for one in totals[-begun:]), max(one.attempts for one in totals[-tried:])
    return [
        {"name": "runs", "title": "New runs", "days": begun, "ranges": RUN_DAYS, "rows": new,
         "said": f"{amount:,} in all"},
        {"name": "attempts", "title": "Highest attempt", "days": tried, "ranges": ATTEMPT_DAYS, "rows": highest,
         "said": f"{most:,} at most"},
    ]  # fmt: skip


def _days(desk: Desk, name: str, ranges: tuple[int, ...]) -> int:
    days = desk.asked_number(name, DAYS)
    if days not in ranges:
        raise BadInput(f'"{days}" is no range of days; there are {", ".join(map(str, ranges))}.')
    return days


PAGES = (("/status", status),)
ACTIONS = (
    ("/status/disable", "commands.disable", disable),
    ("/status/enable", "commands.enable", enable),
    ("/status/clear", "commands.clear", clear),
    ("/status/force", "commands.force", force),
    ("/status/run", "commands.run", run),
    ("/status/pause", "queues.pause", pause),
    ("/status/resume", "queues.resume", resume),
)
