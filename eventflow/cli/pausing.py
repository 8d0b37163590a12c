"""What commands that pause have in common: for how long, and how a pause is told to people."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import click

from eventflow.cli.lengths import Length
from eventflow.cli.output import moment
from eventflow.model.switch import Handle

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


def in_words(state: dict[str, Any]) -> str:
    """How a switch stands, as ``views.switches`` tells it, in one line."""
    if not state["paused"]:
        return str(Handle.ON)
    by = f" by {state['by']}" if state["by"] else ""
    until = f" until {moment(state['until'])}" if state["until"] else ""
    return f"paused{by}{until}" + (f": {state['reason']}" if state["reason"] else "")
