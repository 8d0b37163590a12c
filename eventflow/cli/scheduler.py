"""``eventflow scheduler``: what is done again and again: when it ran, when it runs next; pause it, trigger it."""

from __future__ import annotations

import time
from datetime import timedelta

import click

from eventflow.app import Eventflow
from eventflow.cli.actor import actor, reason_option
from eventflow.cli.application import application
from eventflow.cli.exits import Code
from eventflow.cli.output import Session, Table, moment, pass_session
from eventflow.cli.pausing import end_of, for_option, in_words, until_option
from eventflow.cli.worker import told_to_stop
from eventflow.runtime.switches import TICK
from eventflow.store.ticks import Run, Runs
from eventflow.store.workers import Workers
from eventflow.views.switches import told
from eventflow.views.ticks import check_known
from eventflow.views.ticks import ticks as ticks_of

PATIENCE = timedelta(minutes=1)
PAUSE = 0.1


@click.group()
def scheduler() -> None:
    """What is done again and again: list it, pause it, trigger it.

    One worker of all does it; a process that does nothing else is started by "scheduler run".
    """


@scheduler.command("list")
@pass_session
def list_(session: Session) -> None:
    """Each tick: its rhythm, when it ran last and what came of it, when it runs next.

    Example:
      eventflow --app shop.app:app scheduler list
    """
    with application(session) as app:
        ticks = [{"switch": in_words(one), **one} for one in ticks_of(app)]
    rows = [
        (
            one["name"],
            f"{one['every']:g} s" if one["every"] else None,
            one["switch"],
            moment(one["last"]),
            f"{one['took']:.3f} s" if one["took"] is not None else None,
            one["done"],
            moment(one["next"]),
            one["error"] or one["purpose"],
        )
        for one in ticks
    ]
    columns = ("name", "every", "state", "last", "took", "done", "next", "error or purpose")
    session.answer({"ticks": ticks}, Table(columns, rows))


@scheduler.command()
@click.option("--once", is_flag=True, help="Do what is due now, and end.")
@pass_session
def run(session: Session, once: bool) -> Code:
    """Do what is due, again and again, until told to stop; or once, for those who have a cron of their own.

    Workers do this as well: of all of them and this, one does it at a time. With --once it ends with 5 when another
    process does it already.

    Example:
      eventflow --app shop.app:app scheduler run
    """
    with application(session) as app:
        return _once(session, app) if once else _run(session, app)


@scheduler.command()
@click.argument("name")
@reason_option
@for_option
@until_option
@pass_session
def pause(session: Session, name: str, reason: str | None, lasting: timedelta | None, until: str | None) -> None:
    """Let a tick rest until it is resumed, or until a time.

    Example:
      eventflow --app shop.app:app scheduler pause probe-order --for 2h --reason "the bank is away"
    """
    with application(session) as app:
        check_known(app, name)
        app.switches.pause(TICK, name, reason=reason, until=end_of(lasting, until, app.clock()), actor=actor())
        state = told(app.switches, TICK, name)
    session.answer({"name": name, **state}, f"{name}: {in_words(state)}.")


@scheduler.command()
@click.argument("name")
@pass_session
def resume(session: Session, name: str) -> None:
    """Let a paused tick go on.

    Example:
      eventflow --app shop.app:app scheduler resume probe-order
    """
    with application(session) as app:
        check_known(app, name)
        rested = app.switches.resume(TICK, name, actor=actor())
    session.answer({"name": name, "resumed": rested}, f"{name} goes on." if rested else f"{name} was not paused.")


@scheduler.command()
@click.argument("name")
@reason_option
@click.option("--wait", is_flag=True, help="Wait until it was done, and say what came of it.")
@pass_session
def trigger(session: Session, name: str, reason: str | None, wait: bool) -> Code:
    """Have a tick run once, as soon as whoever does the ticks hears of it; also one that is paused.

    Example:
      eventflow --app shop.app:app scheduler trigger probe-order --wait
    """
    with application(session) as app:
        check_known(app, name)
        wanted = app.switches.trigger(TICK, name, reason=reason, actor=actor())
        if not any(one.fresh for one in Workers(app.database).all()):
            session.warn("No worker is running. Start one: eventflow worker, or: eventflow scheduler run --once")
        came = _waited(app, name, wanted) if wait else None
    if wait and came is None:
        session.answer({"name": name, "run": None}, f"{name} is triggered, and has not run yet.")
        return Code.TIMED_OUT
    session.answer({"name": name, "run": came and came._asdict()}, _came(name, came))
    return Code.SOME_FAILED if came and came.error else Code.OK


def _once(session: Session, app: Eventflow) -> Code:
    runs = app.tick()
    if runs is None:
        session.answer({"runs": None}, "Another process does the ticks at this moment: see scheduler list.")
        return Code.LOCKED
    rows = [(one.name, one.done, f"{one.took.total_seconds():.3f} s", one.error) for one in runs]
    text: str | Table = Table(("name", "done", "took", "error"), rows) if rows else "Nothing is due."
    session.answer({"runs": [one._asdict() for one in runs]}, text)
    return Code.SOME_FAILED if any(one.error for one in runs) else Code.OK


def _run(session: Session, app: Eventflow) -> Code:
    followers = app.scheduler()
    with told_to_stop(session) as stopping:
        for one in followers:
            one.begin()
        session.hint(f"Scheduler: {', '.join(one['name'] for one in ticks_of(app))}; {app.settings.database}.")
        stopping.wait()
        for one in followers:
            one.end()
    session.hint("Ended well.")
    return Code.OK


def _waited(app: Eventflow, name: str, wanted: int) -> Run | None:
    deadline = time.monotonic() + PATIENCE.total_seconds()
    while time.monotonic() < deadline:
        run = Runs(app.database).all().get(name)
        if run is not None and run.heeded >= wanted:
            return run
        time.sleep(PAUSE)
    return None


def _came(name: str, run: Run | None) -> str:
    if run is None:
        return f"{name} is triggered."
    return f"{name} failed: {run.error}" if run.error else f"{name} ran: {run.done} done."
