"""``eventflow version``: which versions are at work."""

from __future__ import annotations

import click

from eventflow.cli.output import Session, Table, pass_session
from eventflow.views.versions import versions


@click.command()
@pass_session
def version(session: Session) -> None:
    """Which versions are at work: of eventflow, of Python, of what both stand on.

    Example:
      eventflow version --json
    """
    document = versions()
    rows = [("eventflow", document["eventflow"]), ("Python", document["python"])]
    rows += [(name, found or "not installed") for name, found in document["packages"].items()]
    session.answer(document, Table(("name", "version"), rows))
