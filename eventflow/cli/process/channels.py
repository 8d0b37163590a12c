"""``eventflow process channels`` and ``stats``: what goes on as a whole."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import click

from eventflow.cli.application import application
from eventflow.cli.lengths import Length
from eventflow.cli.output import Session, Table, moment, pass_session
from eventflow.cli.view import opened
from eventflow.views.channels import channels as all_channels
from eventflow.views.runs import runs_of


@click.command()
@pass_session
def channels(session: Session) -> None:
    """Each channel: how many of its runs are not over and where they stand, how many may be at work, what shuts it.

    A lockdown ends when somebody has restarted or abandoned the run that it names; quiet hours end by themselves.

    Example:
      eventflow --app shop.app:app process channels
    """
    with application(session) as app:
        runs_of(app)
        found = all_channels(app)
    rows = [
        (one["name"], one["title"], one["open"], one["in_progress"], one["max_concurrency"], _state(one))
        for one in found
    ]
    columns = ("channel", "title", "open", "at work", "at most", "state")
    session.answer({"channels": found}, Table(columns, rows))


@click.command()
@click.option("--since", type=Length(), default="30d", show_default=True, help="The days of that time (7d, 90d).")
@pass_session
def stats(session: Session, since: timedelta) -> None:
    """How many runs of each process stand in which status, and how many began on each day (UTC).

    "attempts" is the highest number that an attempt of a step had that day.

    Example:
      eventflow process stats --since 7d
    """
    with opened(session) as view:
        runs = view.runs
        found, begun = runs.counts(), runs.per_day(runs.today() - since)
        counts = [(one.process, one.channel, one.status, one.amount) for one in found]
        document = {"badge": runs.badge(), "counts": found, "days": begun}
        session.answer(document, Table(("process", "channel", "status", "runs"), counts))
        if not session.json:
            days = [(one.day, one.process, one.channel, one.begun, one.attempts) for one in begun]
            session.say("")
            session.say(Table(("day", "process", "channel", "begun", "attempts"), days))


def _state(one: Mapping[str, Any]) -> str:
    """What shuts it, in words."""
    states = []
    if one["queue"]["paused"]:
        states.append("paused")
    if one["held_by"]:
        first = one["held_by"][0]
        of = "everything" if one["lockdown"] == "channel" else f"other runs of {first['process']}"
        states.append(f"LOCKDOWN: {first['process']} {first['run']} holds {of} ({first['error']})")
    if one["quiet_until"]:
        states.append(f"quiet until {moment(one['quiet_until'])} UTC")
    return "; ".join(states) or "open"
