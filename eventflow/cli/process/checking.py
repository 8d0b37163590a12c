"""``eventflow process check``: whether recorded runs fit the definitions there are, before these are let at them."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

import click

from eventflow.app import Eventflow
from eventflow.cli.application import application
from eventflow.cli.exits import Code
from eventflow.cli.output import Session, Table, one_line, pass_session
from eventflow.cli.process.chosen import run_of
from eventflow.errors import BodyMissing, Unreadable
from eventflow.model.process.fit import Unfit
from eventflow.views.runs import runs_of

OPEN = "status:pending,in_progress,retry,waiting,error,exception"
"""Runs that may still go on."""


@click.command()
@click.option("--run", "ids", multiple=True, metavar="ID", help="This run, by its id or the beginning of it.")
@click.option("--process", "name", metavar="NAME", help="The runs of this process.")
@click.option("--where", metavar="FILTER", help='The runs that pass: "process:release age<30d".')
@click.option("--all", "everything", is_flag=True, help="Also those that are over, which no definition is let at.")
@click.option("--limit", type=click.IntRange(1), help="At most so many.")
@pass_session
def check(
    session: Session, ids: tuple[str, ...], name: str | None, where: str | None, everything: bool, limit: int | None
) -> int:
    """Read recorded runs again, and say of each the first step that no longer fits its definition.

    Nothing is called and nothing is recorded: run it before a deployment, against the log of the production. Ends with
    1 when something does not fit.

    Example:
      eventflow --app shop.app:app process check --process release --json
    """
    if ids and (name or where):
        raise click.UsageError("--run names the runs; --process and --where look for some.")
    with application(session) as app:
        runs = runs_of(app)
        chosen = [run_of(runs, one) for one in ids] or runs.ids(_filter(name, where, everything), limit=limit)
        checked, unfit = _checked(app, chosen)
    _answer(session, checked, unfit)
    return Code.SOME_FAILED if unfit else Code.OK


def _filter(name: str | None, where: str | None, everything: bool) -> str:
    said = (f"process:{name}" if name else "", where or "", "" if everything else OPEN)
    return " ".join(one for one in said if one)


def _checked(app: Eventflow, chosen: Iterable[UUID]) -> tuple[int, list[tuple[UUID, Unfit]]]:
    found = [(id, _unfit(app, id)) for id in chosen]
    return len(found), [(id, one) for id, one in found if one is not None]


def _unfit(app: Eventflow, id: UUID) -> Unfit | None:
    try:
        return app.processes.check(id)
    except (Unreadable, BodyMissing) as error:
        # What cannot be read fits nothing; the others are looked at all the same.
        return Unfit(0, None, one_line(str(error)))


def _answer(session: Session, checked: int, unfit: list[tuple[UUID, Unfit]]) -> None:
    document = {"checked": checked, "unfit": [{"run": id, **found._asdict()} for id, found in unfit]}
    rows = [(id, found.version, found.step or "", one_line(found.reason)) for id, found in unfit]
    session.answer(document, Table(("run", "event", "step", "why it does not fit"), rows))
    if not session.json:
        session.say(f"{len(unfit)} of {checked} do not fit." if unfit else f"All {checked} fit.")
