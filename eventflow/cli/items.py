"""``eventflow items``: find items, look at one, read its history."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import click

from eventflow.cli import history
from eventflow.cli.history import Bodies
from eventflow.cli.output import Session, Table, moment, pass_session
from eventflow.cli.view import View, opened, tell_lag
from eventflow.errors import StreamNotFound
from eventflow.model.recorded import Recorded
from eventflow.views import items as items_view

WANTED = {None: Bodies.SHORT, True: Bodies.WHOLE, False: Bodies.NONE}


@click.group()
def items() -> None:
    """Find items, look at one, read its history.

    All of it works with an application, which says in its own words what an item holds, and with --database alone.
    """


@items.command("list")
@click.option("--where", default="", metavar="FILTER", help='Which ones: "status:error -error:Timeout age>2h".')
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 1000), help="At most so many.")
@click.option("--after", metavar="CURSOR", help="Go on behind the page that ended with this cursor.")
@pass_session
def list_(session: Session, where: str, limit: int, after: str | None) -> None:
    """Items, the newest first.

    Example:
      eventflow items list --where "status:error age>1h" --limit 20
    """
    with opened(session) as view:
        page = view.items.page(where, after=after, limit=limit)
        rows = [(one.id, one.category, one.status, one.attempt, moment(one.updated_at), one.error) for one in page.rows]
        document = {"items": page.rows, "after": page.after}
        session.answer(document, Table(("id", "category", "status", "attempt", "updated", "error"), rows))
        if page.after and not session.json:
            session.hint(f"There are more: --after {page.after}")
        tell_lag(session, view)


@items.command()
@click.argument("id")
@pass_session
def show(session: Session, id: str) -> None:
    """One item as the log has it now: its status, what is to be done with it, its fields.

    ID is its id, or the beginning of it. Fields are shown with an application only.

    Example:
      eventflow --app shop.app:app items show 4f0c
    """
    with opened(session) as view:
        stream = view.stream(id)
        document = items_view.shown(view.database, view.log, stream, view.app)
        session.answer(document, Table(("", ""), _flat(document)))
        if view.app is None:
            session.hint("Its fields are shown with its application: eventflow --app MODULE:ATTR items show …")


@items.command("history")
@click.argument("id")
@click.option(
    "--bodies/--no-bodies", default=None, help="All that was said, asked and answered, or nothing of it; else a line."
)
@pass_session
def history_(session: Session, id: str, bodies: bool | None) -> None:
    """Everything that happened to an item, oldest first; secrets were masked when it was recorded.

    ID is its id, or the beginning of it. With --bodies a request is shown as a curl command and an answer as an HTTP
    message.

    Example:
      eventflow items history 4f0c --bodies
    """
    with opened(session) as view:
        stream = view.stream(id)
        wanted = WANTED[bodies]
        recorded = _read(view, stream, wanted)
        document = {"id": stream, "events": [history.document(one, wanted) for one in recorded]}
        session.answer(document, _told(stream, recorded, wanted))


def _read(view: View, stream: UUID, wanted: Bodies) -> list[Recorded]:
    recorded = view.log.read(stream) if wanted is Bodies.NONE else view.log.read_whole(stream)
    if not recorded:
        raise StreamNotFound(stream)
    return recorded


def _told(stream: UUID, recorded: Sequence[Recorded], bodies: Bodies) -> str:
    first = recorded[0].header
    text = [f"{first.category} {stream}, since {moment(first.recorded_at)} UTC"]
    for one in recorded:
        text += history.lines(one, bodies)
    return "\n".join(text)


def _flat(document: dict[str, Any]) -> list[tuple[str, str]]:
    rows: list[tuple[str, Any]] = []
    for name, value in document.items():
        if isinstance(value, dict):
            rows += [(f"{name}.{inner}", one) for inner, one in value.items()]
        else:
            rows.append((name, value))
    return [(name, history.as_text(value)) for name, value in rows if value is not None]
