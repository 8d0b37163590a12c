"""``eventflow failed``: what failed and waits for somebody, grouped by error."""

from __future__ import annotations

import click

from eventflow.cli.output import Session, Table, moment, pass_session
from eventflow.cli.view import opened, tell_lag


@click.group()
def failed() -> None:
    """What failed and waits for somebody to look, grouped by error."""


@failed.command("list")
@click.option("--where", default="", metavar="FILTER", help='Among which items: "category:order tenant:acme".')
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 1000), help="At most so many groups.")
@pass_session
def list_(session: Session, where: str, limit: int) -> None:
    """Kinds of errors, the most frequent first, each with its latest example.

    Errors that differ in numbers and ids only are of one kind, and have the same fingerprint.

    Example:
      eventflow failed list --where "category:order age<1d"
      eventflow defibrillate --where fingerprint:3f8a41c09d2e --reason "the peer is back"
    """
    with opened(session) as view:
        groups = view.items.failures(where, limit=limit)
        total = sum(group.count for group in groups)
        rows = [
            (one.count, one.category, one.status, one.fingerprint, one.example, moment(one.last), one.error)
            for one in groups
        ]
        if groups or session.json:
            columns = ("items", "category", "status", "fingerprint", "example", "last", "error")
            session.answer({"groups": groups, "items": total}, Table(columns, rows))
        else:
            session.say("Nothing has failed.")
        tell_lag(session, view)
