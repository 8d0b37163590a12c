"""``eventflow queues``: what waits on each of them; pause one, let it go on."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

import click

from eventflow.app import Eventflow
from eventflow.cli.actor import actor, reason_option
from eventflow.cli.application import application
from eventflow.cli.output import Session, Table, moment, pass_session
from eventflow.cli.pausing import end_of, for_option, in_words, until_option
from eventflow.runtime.switches import QUEUE
from eventflow.views.queues import check_known
from eventflow.views.queues import queues as queues_of
from eventflow.views.switches import told


@click.group()
def queues() -> None:
    """What waits on each queue; pause one, let it go on."""


@queues.command("list")
@pass_session
def list_(session: Session) -> None:
    """Each queue: its reactions, what waits in the log, what the broker has, what runs, what is due later.

    Example:
      eventflow --app shop.app:app queues list
    """
    with application(session) as app:
        found = [{"switch": in_words(one), **one} for one in queues_of(app)]
    rows = [
        (
            one["name"], one["switch"], one["waiting"], one["sent"], one["depth"], one["running"], one["later"],
            moment(one["next_due"]), ", ".join(one["reactions"]),
        )
        for one in found
    ]  # fmt: skip
    columns = ("queue", "state", "waiting", "sent", "broker", "running", "later", "next due", "reactions")
    session.answer({"queues": found}, Table(columns, rows))


@queues.command()
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@reason_option
@for_option
@until_option
@pass_session
def pause(
    session: Session,
    names: tuple[str, ...],
    reason: str | None,
    lasting: timedelta | None,
    until: str | None,
) -> None:
    """Let queues rest: nothing is sent to them and nothing is begun; what runs goes on to its end.

    What waits stays in the log. No attempt is counted, nothing is recorded of what rests.

    Example:
      eventflow --app shop.app:app queues pause mail --for 2h --reason "the mail server moves"
    """
    with application(session) as app:
        _check(app, names)
        end = end_of(lasting, until, app.clock())
        for name in names:
            app.switches.pause(QUEUE, name, reason=reason, until=end, actor=actor())
        states = {name: told(app.switches, QUEUE, name) for name in names}
    text = "\n".join(f"{name}: {in_words(state)}." for name, state in states.items())
    session.answer({"queues": [{"name": name, **state} for name, state in states.items()]}, text)


@queues.command()
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@pass_session
def resume(session: Session, names: tuple[str, ...]) -> None:
    """Let paused queues go on.

    Example:
      eventflow --app shop.app:app queues resume mail
    """
    with application(session) as app:
        _check(app, names)
        rested = {name: app.switches.resume(QUEUE, name, actor=actor()) for name in names}
    text = "\n".join(f"{name} {'goes on' if was else 'was not paused'}." for name, was in rested.items())
    session.answer({"queues": [{"name": name, "resumed": was} for name, was in rested.items()]}, text)


def _check(app: Eventflow, names: Iterable[str]) -> None:
    for name in names:
        check_known(app, name)
