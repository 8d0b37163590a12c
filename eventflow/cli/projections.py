"""``eventflow projections``: where they stand; build them anew, compare them with a fresh build."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click

from eventflow.cli.exits import Code
from eventflow.cli.history import as_text
from eventflow.cli.output import Session, Table, pass_session
from eventflow.cli.view import View, opened
from eventflow_projections import Projections, Report

EVERY = 5.0
"""Seconds between two lines of progress."""


@click.group()
def projections() -> None:
    """State of the projections; rebuild, verify.

    With an application these are all of its projections, with --database alone the standard ones: current, history,
    metrics.
    """


@projections.command()
@pass_session
def status(session: Session) -> None:
    """Where each projection stands, and how far behind the log that is.

    Example:
      eventflow projections status --json
    """
    with opened(session) as view:
        _ready(view)
        found, end = view.projections.status(), view.log.last_position()
    rows = [(one.name, one.version, one.position, one.lag, one.building, one.error) for one in found]
    document = {"log": end, "projections": found}
    session.answer(document, Table(("name", "version", "position", "lag", "building", "error"), rows))


@projections.command()
@click.argument("names", nargs=-1, metavar="NAME...")
@click.option("--all", "everything", is_flag=True, help="Every one.")
@pass_session
def rebuild(session: Session, names: tuple[str, ...], everything: bool) -> None:
    """Build projections anew from the first event, beside the live ones, and let them take their place.

    Nobody has to stop for it.

    Example:
      eventflow projections rebuild metrics
    """
    with opened(session) as view:
        view.projections.create()
        rebuilt = [_rebuilt(session, view, name) for name in _chosen(view, names, everything)]
    rows = [(one["name"], one["events"], one["seconds"]) for one in rebuilt]
    session.answer({"rebuilt": rebuilt}, Table(("name", "events", "seconds"), rows))


@projections.command()
@click.argument("names", nargs=-1, metavar="NAME...")
@click.option("--all", "everything", is_flag=True, help="Every one.")
@pass_session
def verify(session: Session, names: tuple[str, ...], everything: bool) -> Code:
    """Build projections anew beside the live ones and compare row by row; ends with 7 when they differ.

    The live ones stay as they are.

    Example:
      eventflow projections verify --all
    """
    with opened(session) as view:
        _ready(view)
        reports = [view.projections.verify(name) for name in _chosen(view, names, everything)]
    rows = [(one.name, one.position, one.rows, "equal" if one.equal else "DIFFERENT") for one in reports]
    document = {"equal": all(one.equal for one in reports), "reports": [_document(one) for one in reports]}
    session.answer(document, Table(("name", "position", "rows", "verdict"), rows))
    _tell_differences(session, reports)
    return Code.OK if document["equal"] else Code.DAMAGED


def _ready(view: View) -> None:
    _ = view.items


def _chosen(view: View, names: tuple[str, ...], everything: bool) -> list[str]:
    if bool(names) == everything:
        raise click.UsageError(f"Say which ones, or --all. There is {', '.join(view.projections.runners)}.")
    return list(view.projections.runners if everything else names)


def _rebuilt(session: Session, view: View, name: str) -> dict[str, Any]:
    began = time.monotonic()
    with _progress(session, view.projections, name):
        events = view.projections.rebuild(name)
    return {"name": name, "events": events, "seconds": round(time.monotonic() - began, 2)}


@contextmanager
def _progress(session: Session, projections: Projections, name: str) -> Iterator[None]:
    """Say every few seconds how far the rebuild has come."""
    done = threading.Event()

    def watch() -> None:
        while not done.wait(EVERY):
            for one in projections.status():
                if one.name == name and one.building is not None:
                    session.hint(f"{name}: {one.building} of {one.position + one.lag}")

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        done.set()
        watcher.join()


def _document(report: Report) -> dict[str, Any]:
    return {
        "name": report.name,
        "position": report.position,
        "rows": report.rows,
        "rebuilt_rows": report.rebuilt_rows,
        "equal": report.equal,
        "differences": [{"table": one.table, "only": one.only, "row": one.row} for one in report.differences],
    }


def _tell_differences(session: Session, reports: list[Report]) -> None:
    if session.json:
        return
    for report in reports:
        for one in report.differences:
            session.warn(f"{report.name}, only in the {one.only} {one.table}: {as_text(one.row)}")
        if not report.equal:
            session.hint(f"To be repaired by: eventflow projections rebuild {report.name}")
