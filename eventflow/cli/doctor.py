"""``eventflow doctor``: looks at everything that has to be right, and says what to do where it is not."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import unquote, urlsplit

import click

from eventflow.app import Eventflow
from eventflow.cli import application
from eventflow.cli.exits import Code
from eventflow.cli.output import Session, one_line, pass_session
from eventflow.cli.view import AnyWord, is_missing
from eventflow.errors import EventflowError, Misconfigured, NotFound, Unavailable
from eventflow.runtime.broker import Broker
from eventflow.settings import Settings
from eventflow.store import figures, schema
from eventflow.store.database import Database, connect
from eventflow.store.log import open_log
from eventflow.store.objects import open_objects
from eventflow.views.findings import (
    Finding,
    State,
    clock,
    environment,
    fail,
    habits,
    in_a_line,
    keys,
    of_log,
    ok,
    round_trip,
    safely,
    schema_of,
    warn,
)
from eventflow_projections import Projections, standard

COLOURS = {State.OK: "green", State.WARN: "yellow", State.FAIL: "red"}


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
    yield from environment()
    try:
        settings = application.settings(session)
    except Misconfigured as error:
        yield from (fail("settings", problem, "Correct it where it is set.") for problem in error.problems)
        return
    with _application(session) as (app, finding):
        yield finding
        at_work = app.settings if app else settings
        yield ok("settings", habits(at_work))
        yield from safely("database", lambda: _database(at_work, app))
        yield from safely("broker", lambda: _broker(at_work, app))
        yield from safely("objects", lambda: _objects(at_work))


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
        return None, warn("application", f"was not opened: {in_a_line(error)}", "See below.")
    except EventflowError as error:
        hint = "Correct its composition, or name another: --app MODULE:ATTR."
        return None, fail("application", in_a_line(error), hint)
    except Exception as error:  # noqa: BLE001 - it is user code that is imported here
        return None, fail("application", f"cannot be imported: {in_a_line(error)}", "Say -vv to see where.")
    names = f"{', '.join(app.aggregates)}; reactions {', '.join(app.routes.reactions) or 'none'}"
    return app, ok("application", f"aggregates {names}")


def _database(settings: Settings, app: Eventflow | None) -> Iterator[Finding]:
    url = settings.database.get_secret_value()
    if is_missing(url):
        yield warn("database", f"there is no {settings.database} yet", "It is made when an application opens it.")
        return
    with connect(url) as database:
        yield round_trip(database, settings)
        found = schema.status(database)
        yield from schema_of(database, found)
        if found.is_current:
            yield clock(database)
            yield from keys(settings, database)
            yield from _log(database, app)


def _log(database: Database, app: Eventflow | None) -> Iterator[Finding]:
    log = app.log if app else open_log(database, AnyWord({}, {}, {}))
    has_some = figures.has_table(database, "projections")
    kept = app.projections if app else Projections(database, log, standard())
    yield from of_log(database, log, kept if has_some else None)


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
        yield fail("objects", in_a_line(error), "Make the bucket, or name another.")
    else:
        yield ok("objects", f"{settings.objects} answers")


def _folder(settings: Settings, folder: Path) -> Finding:
    nearest = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
    if not nearest.is_dir() or not os.access(nearest, os.W_OK):
        return fail("objects", f"{nearest} cannot be written to", "Give this user the right to, or name another place.")
    return ok("objects", f"{settings.objects} can be written to")


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
