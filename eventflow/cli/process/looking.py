"""``eventflow process list``, ``show`` and ``history``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import click

from eventflow.cli import history
from eventflow.cli.history import Bodies
from eventflow.cli.output import Session, Table, moment, pass_session
from eventflow.cli.process.chosen import run_of
from eventflow.cli.view import View, opened
from eventflow.errors import RunNotFound
from eventflow.model.process.run import CATEGORY
from eventflow.model.recorded import Recorded
from eventflow.model.wait import FOREVER
from eventflow.views import runs
from eventflow_projections import RunRow

WANTED = {None: Bodies.SHORT, True: Bodies.WHOLE, False: Bodies.NONE}


@click.command("list")
@click.option("--where", default="", metavar="FILTER", help='Which ones: "status:error process:release age>2h".')
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 1000), help="At most so many.")
@click.option("--after", metavar="CURSOR", help="Go on behind the page that ended with this cursor.")
@click.option("--columns", metavar="A,B", help="Further columns: fields of what the runs know (with an application).")
@pass_session
def list_(session: Session, where: str, limit: int, after: str | None, columns: str | None) -> None:
    """Runs, the newest first.

    Fields to ask for: id, process, definition, channel, status, step, attempts, subject, key, parent, error, message,
    by (who started it), actor, tenant, due, deadline, age, created, started, ended, updated.

    Example:
      eventflow process list --where "channel:imports status:error,exception" --limit 20
    """
    with opened(session) as view:
        page = view.runs.page(where, after=after, limit=limit)
        more = _names(view, columns)
        known = {one.id: runs.fields(view.app, one.id, more) for one in page.rows}
        told = [{**runs.told(one, view.app), **({"knows": known[one.id]} if more else {})} for one in page.rows]
        lines = [(*_line(view, one), *known[one.id].values(), one.error) for one in page.rows]
        heads = ("id", "process", "status", "step", "attempts", "due", "updated", "channel", "subject", *more, "error")
        session.answer({"runs": told, "after": page.after}, Table(heads, lines))
        if page.after and not session.json:
            session.hint(f"There are more: --after {page.after}")
        _tell_lag(session, view)


@click.command()
@click.argument("id")
@pass_session
def show(session: Session, id: str) -> None:
    """One run: where it stands, what keeps it from going on, its steps, what it knows.

    ID is its id, or the beginning of it. What it knows is shown with an application only.

    Example:
      eventflow --app shop.app:app process show 4f0c
    """
    with opened(session) as view:
        row = view.runs.get(run_of(view.runs, id))
        document = {
            **runs.told(row, view.app),
            "waits": runs.waits(view.database, row.id, row.channel, view.app),
            "why": None if view.app is None else view.app.processes.get(row.id).why,
            "knows": runs.known(view.app, row.id),
        }
        session.answer(document, Table(("", ""), _flat(document, row)))
        _tell_lag(session, view)


@click.command("history")
@click.argument("id")
@click.option("--bodies/--no-bodies", default=None, help="All that was recorded, or nothing of it; else a line.")
@pass_session
def history_(session: Session, id: str, bodies: bool | None) -> None:
    """Everything that happened in a run, oldest first: steps, failures, what they left behind, who wanted what.

    ID is its id, or the beginning of it. Secrets were masked when it was recorded.

    Example:
      eventflow process history 4f0c --bodies
    """
    wanted = WANTED[bodies]
    with opened(session) as view:
        recorded = _read(view, run_of(view.runs, id), wanted)
        document = {"id": recorded[0].header.stream, "events": [history.document(one, wanted) for one in recorded]}
        session.answer(document, "\n".join(line for one in recorded for line in history.lines(one, wanted)))


def _read(view: View, run: UUID, wanted: Bodies) -> Sequence[Recorded]:
    recorded = view.log.read(run) if wanted is Bodies.NONE else view.log.read_whole(run)
    if not recorded or recorded[0].header.category != CATEGORY:
        raise RunNotFound(run)
    return recorded


def _names(view: View, columns: str | None) -> list[str]:
    if columns is not None and view.app is None:
        raise click.UsageError("--columns needs the application, which knows what its runs know: --app MODULE:ATTR.")
    return [one.strip() for one in (columns or "").split(",") if one.strip()]


def _line(view: View, row: RunRow) -> tuple[object, ...]:
    named = f"{runs.title(row.process, view.app)} {row.definition}"
    times = (moment(row.due if row.due != FOREVER else None), moment(row.updated_at))
    return (row.id, named, row.status, row.step, row.attempts or None, *times, row.channel, row.subject)


def _flat(document: dict[str, Any], row: RunRow) -> list[tuple[str, str]]:
    knows = document["knows"] or {}
    told = {**document, "steps": " ".join(_marked(row, one) for one in row.steps)}
    rows: list[tuple[str, Any]] = [(name, told[name]) for name in told if name not in ("done", "knows")]
    rows += [(f"knows.{name}", value) for name, value in knows.items()]
    return [(name, history.as_text(value)) for name, value in rows if value not in (None, "")]


def _marked(row: RunRow, step: str) -> str:
    return f"{step}✓" if step in row.done else f"[{step}]" if step == row.step else step


def _tell_lag(session: Session, view: View) -> None:
    behind = next((one.lag for one in view.projections.status() if one.name == "runs"), 0)
    if behind:
        session.hint(f"The runs are {behind} events behind the log; a running worker keeps them up to it.")
