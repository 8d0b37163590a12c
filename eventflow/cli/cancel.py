"""``eventflow cancel`` and ``eventflow wake``: let go of an item, or let what was put aside go on."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import click

from eventflow.cli.actor import actor
from eventflow.cli.application import application
from eventflow.cli.output import Session, pass_session
from eventflow.model.recorded import Header


@click.command()
@click.argument("id", type=click.UUID)
@click.option("--to", metavar="STATUS", help="Not the status that the aggregate names for it, but this one.")
@click.option("--reason", metavar="TEXT", help="Why; it is recorded with the event.")
@pass_session
def cancel(session: Session, id: UUID, to: str | None, reason: str | None) -> None:
    """Let go of an item, whatever is being done about it.

    Whoever works on it is told, a moment later interrupted, and nothing of what comes of that is recorded. Who did it
    (EVENTFLOW_ACTOR, or the user) and why is. Ends with 4 when it cannot be cancelled where it stands.

    Example:
      eventflow --app shop.app:app cancel 4f0cb1a5-… --reason "they changed their mind"
    """
    with application(session) as app:
        status: Any = to  # by its name: the aggregate knows its own
        header = app.cancel(id, reason=reason, actor=actor(), status=status)
    _answer(session, header, f"{id} is {header.status} now.")


@click.command()
@click.argument("id", type=click.UUID)
@pass_session
def wake(session: Session, id: UUID) -> None:
    """Let what was put aside go on now: a handler that waits, or an attempt that is scheduled for later.

    Ends with 4 when nothing was put aside.

    Example:
      eventflow --app shop.app:app wake 4f0cb1a5-…
    """
    with application(session) as app:
        header = app.wake(id, actor=actor())
    _answer(session, header, f"{id} is due now.")


def _answer(session: Session, header: Header, words: str) -> None:
    told = {"id": header.stream, "status": header.status, "version": header.version, "actor": header.actor}
    session.answer(told, words)
