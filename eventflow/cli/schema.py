"""``eventflow schema``: the tables of the database."""

from __future__ import annotations

import click

from eventflow.cli import application
from eventflow.cli.exits import Code
from eventflow.cli.output import Session, Table, pass_session
from eventflow.cli.view import database_of
from eventflow.store import schema as tables
from eventflow.store.database import connect


@click.group()
def schema() -> None:
    """The tables of the database. Needs no application."""


@schema.command()
@pass_session
def status(session: Session) -> None:
    """Which version of the schema is there, and which one this program needs.

    Example:
      eventflow --database postgresql://ann@db.example/shop schema status
    """
    with database_of(session) as database:
        found = tables.status(database)
    document = {"present": found.present, "wanted": found.wanted, "current": found.is_current}
    session.answer(document, Table(("present", "wanted"), [(found.present or "none", found.wanted)]))
    if found.present < found.wanted:
        session.hint("To be done: eventflow schema upgrade")
    elif found.present > found.wanted:
        session.hint("The database is of a newer eventflow than this one.")


@schema.command()
@click.option("--dry-run", is_flag=True, help="Say what would be done.")
@pass_session
def upgrade(session: Session, dry_run: bool) -> None:
    """Bring the tables to the version that this program needs; an empty database gets them all.

    Each step is a transaction of its own, and many may try at once: one does it.

    Example:
      eventflow schema upgrade --dry-run
    """
    url = application.settings(session).database.get_secret_value()
    # A file is made here on purpose; only looking must not leave one behind.
    with database_of(session) if dry_run else connect(url) as database:
        before = tables.status(database)
        done = [] if dry_run else tables.upgrade(database)
    steps = max(before.wanted - before.present, 0)
    document = {"from": before.present, "to": before.wanted, "done": done, "dry_run": dry_run}
    session.answer(document, _told(before, steps, dry_run=dry_run))


@schema.command()
@pass_session
def verify(session: Session) -> Code:
    """Compare the tables with what they should be; ends with 7 when they differ.

    Example:
      eventflow schema verify --json
    """
    with database_of(session) as database:
        differences = tables.verify(database)
    session.answer({"equal": not differences, "differences": differences}, "\n".join(differences) or "As it should be.")
    return Code.DAMAGED if differences else Code.OK


def _told(before: tables.Status, steps: int, *, dry_run: bool) -> str:
    if not steps:
        return f"Nothing to do: the schema has version {before.present}."
    return f"{'Would go' if dry_run else 'Went'} from version {before.present} to {before.wanted}."
