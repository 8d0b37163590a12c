"""What commands that pause have in common: for how long, and how a pause is told."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import click

from eventflow.cli.lengths import Length
from eventflow.cli.output import moment
from eventflow.model.switch import Handle
from eventflow.runtime.switches import Switches

for_option = click.option("--for", "lasting", type=Length(), metavar="2h", help="It goes on by itself after that.")
until_option = click.option("--until", metavar="TIME", help="It goes on by itself then (UTC).")


def end_of(lasting: timedelta | None, until: str | None, now: datetime) -> datetime | None:
    """When the pause ends by itself. Raises a usage error when that is said twice, or is no time."""
    if lasting is not None and until is not None:
        raise click.UsageError("Say either --for or --until.")
    if lasting is not None:
        return now + lasting
    return None if until is None else _moment(until)


def _moment(said: str) -> datetime:
    try:
        time = datetime.fromisoformat(said)
    except ValueError:
        raise click.BadParameter(f'"{said}" is no time. Wanted is one such as 2026-11-21T08:00.') from None
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def told(switches: Switches, kind: str, name: str) -> dict[str, Any]:
    """How a switch stands: whether it rests, and if so why, until when, since when and by whom."""
    head, switch = switches.head(kind, name), switches.get(kind, name)
    if head is None or switch is None or not switches.is_paused(kind, name):
        return {"paused": False}
    return {"paused": True, "reason": switch.reason, "until": switch.until, "since": head.recorded_at, "by": head.actor}


def in_words(state: dict[str, Any]) -> str:
    """The same for people, in one line."""
    if not state["paused"]:
        return str(Handle.ON)
    by = f" by {state['by']}" if state["by"] else ""
    until = f" until {moment(state['until'])}" if state["until"] else ""
    return f"paused{by}{until}" + (f": {state['reason']}" if state["reason"] else "")
