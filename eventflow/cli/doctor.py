"""``eventflow doctor``: looks at everything that has to be right, and says what to do where it is not."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from urllib.parse import unquote, urlsplit

import click

from eventflow.app import Eventflow
from eventflow.cli import application
from eventflow.cli.exits import Code
from eventflow.cli.output import Session, one_line, pass_session
from eventflow.cli.view import AnyWord, is_missing
from eventflow.errors import EventflowError, Misconfigured, NotFound, Unavailable
from eventflow.model.masking import Masker
from eventflow.runtime.broker import Broker
from eventflow.runtime.relay import CHECKPOINT
from eventflow.settings import Settings, unknown_environment
from eventflow.store import figures, schema
from eventflow.store.database import Database, connect
from eventflow.store.keyring import open_keyring
from eventflow.store.log import Log, open_log
from eventflow.store.objects import open_objects
from eventflow.store.work import Work
from eventflow.store.workers import Workers
from eventflow_projections import Projections, standard

SKEW = timedelta(seconds=2)
SLOW = timedelta(milliseconds=100)
LAG = 1_000
"""Positions a projection may be behind while somebody moves it."""

MANY = 100
"""Up to how many orphans are counted."""


class State(StrEnum):
    """How a finding is."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at; ``hint`` says what to do, ``unreachable`` that a service does not answer."""

    name: str
    state: State
    text: str
    hint: str | None = None
    unreachable: bool = False


COLOURS = {State.OK: "green", State.WARN: "yellow", State.FAIL: "red"}


def ok(name: str, text: str) -> Finding:
    """All is well."""
    return Finding(name, State.OK, text)


def warn(name: str, text: str, hint: str | None = None) -> Finding:
    """Something to know."""
    return Finding(name, State.WARN, text, hint)


def fail(name: str, text: str, hint: str | None = None, *, unreachable: bool = False) -> Finding:
    """Something to repair."""
    return Finding(name, State.FAIL, text, hint, unreachable)


@click.command()
@click.option("--strict", is_flag=True, help="End with 1 for warnings as well.")
@pass_session
def doctor(session: Session, strict: bool) -> Code:
    """Look at settings, application, services, schema, clocks, projections, workers and claims.

    Ends with 6 when a service does not answer, with 1 when something else has to be repaired.

    Example:
      eventflow --app shop.app:app doctor --strict
    """
    findings = []
    for finding in examine(session):
        findings.append(finding)
        if not session.json:
            _show(session, finding)
    code = _code(findings, strict=strict)
    if session.json:
        session.answer({"healthy": code == Code.OK, "findings": findings}, "")
    return code


def examine(session: Session) -> Iterator[Finding]:
    """Everything in turn; what cannot be looked at because of what was found before is left out."""
    yield from _environment()
    try:
        settings = application.settings(session)
    except Misconfigured as error:
        yield from (fail("settings", problem, "Correct it where it is set.") for problem in error.problems)
        return
    with _application(session) as (app, finding):
        yield finding
        at_work = app.settings if app else settings
        yield ok("settings", _habits(at_work))
        yield from _safely("database", lambda: _database(at_work, app))
        yield from _safely("broker", lambda: _broker(at_work, app))
        yield from _safely("objects", lambda: _objects(at_work))


def _environment() -> Iterator[Finding]:
    problems = unknown_environment()
    yield from (warn("environment", problem, "Correct its name, or take it away.") for problem in problems)
    if not problems:
        yield ok("environment", "every EVENTFLOW_... in it means something")


@contextmanager
def _application(session: Session) -> Iterator[tuple[Eventflow | None, Finding]]:
    if not application.is_named(session):
        yield None, ok("application", "none is named, so what needs one is left out")
        return
    app, finding = _opened(session)
    try:
        yield app, finding
    finally:
        if app is not None:
            app.close()


def _opened(session: Session) -> tuple[Eventflow | None, Finding]:
    try:
        app = application.application(session)
    except Unavailable as error:
        return None, warn("application", f"was not opened: {_said(error)}", "See below.")
    except EventflowError as error:
        return None, fail("application", _said(error), "Correct its composition, or name another: --app MODULE:ATTR.")
    except Exception as error:  # noqa: BLE001 - it is user code that is imported here
        return None, fail("application", f"cannot be imported: {_said(error)}", "Say -vv to see where.")
    names = f"{', '.join(app.aggregates)}; reactions {', '.join(app.routes.reactions) or 'none'}"
    return app, ok("application", f"aggregates {names}")


def _habits(settings: Settings) -> str:
    places = ", ".join(f"{name} {getattr(settings, name)}" for name in ("database", "broker", "objects"))
    return f"{places}, lease {settings.lease.total_seconds():g} s, {settings.threads} threads"


def _safely(name: str, look: Callable[[], Iterator[Finding]]) -> Iterator[Finding]:
    try:
        yield from look()
    except Unavailable as error:
        yield fail(name, _said(error), "See that it runs, and that its address is right.", unreachable=True)
    except EventflowError as error:
        yield fail(name, _said(error))
    except Exception as error:  # noqa: BLE001 - drivers raise what they like when they are told a wrong address
        yield fail(name, f"{type(error).__name__}: {_said(error)}", "See that it runs.", unreachable=True)


def _database(settings: Settings, app: Eventflow | None) -> Iterator[Finding]:
    url = settings.database.get_secret_value()
    if is_missing(url):
        yield warn("database", f"there is no {settings.database} yet", "It is made when an application opens it.")
        return
    with connect(url) as database:
        yield _round_trip(database, settings)
        found = schema.status(database)
        yield from _schema(database, found)
        if found.is_current:
            yield _clock(database)
            yield from _keys(settings, database)
            yield from _log(database, app)


def _round_trip(database: Database, settings: Settings) -> Finding:
    figures.clock(database)  # the first question opens the connection
    began = time.monotonic()
    figures.clock(database)
    took = timedelta(seconds=time.monotonic() - began)
    text = f"{settings.database} answers in {took.total_seconds() * 1000:.1f} ms"
    if took > SLOW:
        return warn("database", text, "Every event costs at least that: see what is between here and there.")
    return ok("database", text)


def _schema(database: Database, found: schema.Status) -> Iterator[Finding]:
    if not found.present:
        yield warn(
            "schema", "there is none yet", "It is made when an application opens it, or by: eventflow schema upgrade"
        )
    elif found.present < found.wanted:
        yield fail("schema", f"version {found.present}, wanted is {found.wanted}", "Run: eventflow schema upgrade")
    elif found.present > found.wanted:
        yield fail("schema", f"version {found.present}, known is {found.wanted}", "Install a newer eventflow.")
    elif differences := schema.verify(database):
        yield fail("schema", f"{len(differences)} differences: {differences[0]}", "See: eventflow schema verify")
    else:
        yield ok("schema", f"version {found.present}")


def _clock(database: Database) -> Finding:
    before = datetime.now(UTC)
    theirs = figures.clock(database)
    ours = before + (datetime.now(UTC) - before) / 2
    skew = abs(theirs - ours)
    text = f"{skew.total_seconds():.3f} s between here and the database"
    if skew > SKEW:
        return warn("clock", text, "Let both keep time (NTP): retries and ages are told by ours, leases by theirs.")
    return ok("clock", text)


def _keys(settings: Settings, database: Database) -> Iterator[Finding]:
    """Whether the master keys are here that wrap something."""
    said = settings.master_key
    keyring = open_keyring(database, said.get_secret_value() if said else None)
    used = list(keyring.in_use())
    try:
        if used:
            keyring.check()
            yield ok("keys", f"{len(used)} master keys are in use, and here; {keyring.masters.current} wraps new ones")
    except Misconfigured as error:
        yield fail("keys", _said(error), "Put the master key back: nothing opens what it wraps without it.")


def _log(database: Database, app: Eventflow | None) -> Iterator[Finding]:
    log = app.log if app else open_log(database, AnyWord({}, {}, {}))
    fresh = [one for one in Workers(database).all() if one.fresh]
    yield from _workers(database)
    yield _relay(database, log, is_worked_on=bool(fresh))
    yield _orphans(database)
    if figures.has_table(database, "projections"):
        kept = app.projections if app else Projections(database, log, standard())
        yield from _projections(kept, is_worked_on=bool(fresh))
    else:
        yield warn("projections", "there are none yet", "They are made when an application opens the log.")


def _workers(database: Database) -> Iterator[Finding]:
    workers = Workers(database).all()
    fresh = [one.name for one in workers if one.fresh]
    yield ok("workers", f"{len(fresh)} at work{': ' if fresh else ''}{', '.join(fresh)}")
    for one in workers:
        if not one.fresh:
            text = f"{one.name} has been silent since {one.beat_at:%Y-%m-%d %H:%M:%S} UTC"
            yield warn("workers", text, "It died or hangs; what it held is rescued by a worker that runs.")


def _relay(database: Database, log: Log, *, is_worked_on: bool) -> Finding:
    behind = log.last_position() - Work(database).position(CHECKPOINT)
    text = f"{behind} events behind the log"
    if behind > 0 and not is_worked_on:
        return warn("relay", text, "Nobody does the work. Start a worker: eventflow worker")
    return (
        warn("relay", text, "Is the broker full, or the leading worker overloaded?")
        if behind > LAG
        else ok("relay", text)
    )


def _orphans(database: Database) -> Finding:
    orphans = Work(database).orphans(MANY)
    if not orphans:
        return ok("claims", "none is an orphan")
    amount = f"{len(orphans)}{' or more' if len(orphans) == MANY else ''}"
    hint = "A worker that runs gives them back within a second or two: eventflow worker"
    return warn(
        "claims", f"{amount} of workers that are gone, such as {orphans[0].reaction} on {orphans[0].stream}", hint
    )


def _projections(kept: Projections, *, is_worked_on: bool) -> Iterator[Finding]:
    for one in kept.status():
        text = f"{one.name}: {one.lag} events behind the log"
        if one.error:
            yield fail(
                "projections",
                f"{text}; {one.error}",
                f"When the cause is gone: eventflow projections rebuild {one.name}",
            )
        elif one.lag > (LAG if is_worked_on else 0):
            yield warn("projections", text, "A running worker keeps them up to it: eventflow worker")
        else:
            yield ok("projections", text)


def _broker(settings: Settings, app: Eventflow | None) -> Iterator[Finding]:
    url = settings.broker.get_secret_value()
    if url.startswith("embedded:"):
        yield ok("broker", "embedded: messages live in the process of the worker")
        return
    # One's own connection: that of the application would stay open, and its queues are the ones to ask for.
    broker = Broker(url, app.routes.by_queue() if app else [])
    try:
        yield from _depths(broker, settings) if broker.queues else _listens(settings)
    finally:
        broker.close()


def _depths(broker: Broker, settings: Settings) -> Iterator[Finding]:
    waiting = {queue: broker.depth(queue) for queue in broker.queues}
    told = ", ".join(f"{queue} {depth}" for queue, depth in waiting.items())
    yield ok("broker", f"{settings.broker} answers; messages that wait: {told}")


def _listens(settings: Settings) -> Iterator[Finding]:
    """Without an application there is no queue to ask for; that somebody listens is known all the same."""
    import socket

    address = urlsplit(settings.broker.get_secret_value())
    if address.scheme == "unix":
        yield ok("broker", f"{settings.broker} was not asked: that needs an application")
        return
    usual = {"amqp": 5672, "amqps": 5671}.get(address.scheme, 6379)
    try:
        socket.create_connection((address.hostname or "127.0.0.1", address.port or usual), timeout=5).close()
    except OSError as error:
        raise Unavailable("The broker", error) from error
    yield ok("broker", f"somebody listens at {settings.broker}; more is known with an application")


def _objects(settings: Settings) -> Iterator[Finding]:
    url = settings.objects.get_secret_value()
    if urlsplit(url).scheme == "file":
        yield _folder(settings, Path(unquote(urlsplit(url).netloc + urlsplit(url).path)))
        return
    try:
        open_objects(url).exists("eventflow-doctor")
    except NotFound as error:
        yield fail("objects", _said(error), "Make the bucket, or name another.")
    else:
        yield ok("objects", f"{settings.objects} answers")


def _folder(settings: Settings, folder: Path) -> Finding:
    nearest = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
    if not nearest.is_dir() or not os.access(nearest, os.W_OK):
        return fail("objects", f"{nearest} cannot be written to", "Give this user the right to, or name another place.")
    return ok("objects", f"{settings.objects} can be written to")


def _said(error: Exception) -> str:
    return one_line(Masker().text(str(error)))


def _show(session: Session, finding: Finding) -> None:
    mark = click.style(f"{finding.state:4}", fg=COLOURS[finding.state], bold=finding.state is not State.OK)
    if finding.state is State.OK and session.verbosity < 0:
        return
    click.echo(f"{mark}  {finding.name:11}  {one_line(finding.text)}")
    if finding.hint:
        click.echo(f"{'':19}{finding.hint}")


def _code(findings: Sequence[Finding], *, strict: bool) -> Code:
    if any(one.unreachable for one in findings):
        return Code.UNREACHABLE
    bad = {State.FAIL, State.WARN} if strict else {State.FAIL}
    return Code.SOME_FAILED if any(one.state in bad for one in findings) else Code.OK
