"""``eventflow probe``: looks now for what stands in a status for too long."""

from __future__ import annotations

import click

from eventflow.cli.actor import actor
from eventflow.cli.application import application
from eventflow.cli.exits import Code
from eventflow.cli.output import Session, Table, pass_session


@click.command()
@click.option("--model", metavar="CATEGORY", help="Only the probes of this category.")
@click.option("--limit", type=click.IntRange(1, 1000), help="At most so many each [default: the batch of the probe].")
@click.option("--dry-run", is_flag=True, help="Say what would be probed, and record nothing.")
@pass_session
def probe(session: Session, model: str | None, limit: int | None, dry_run: bool) -> Code:
    """Probe what has stood in a status for longer than its grace, now.

    Workers do this by themselves, each probe in its rhythm: see "scheduler list". Nothing is probed twice within its
    grace, whoever asks for it. Ends with 1 when something went wrong with one of them.

    Example:
      eventflow --app shop.app:app probe --model order --dry-run
    """
    with application(session) as app:
        rounds = app.probe(model, limit=limit, dry_run=dry_run, actor=actor())
    rows = [(one.probe, one.category, len(one.probed), len(one.failed)) for one in rounds]
    text: str | Table = "This application has no probes."
    if rows:
        text = Table(("probe", "category", "would be probed" if dry_run else "probed", "failed"), rows)
    session.answer({"dry_run": dry_run, "probes": [one._asdict() for one in rounds]}, text)
    return Code.SOME_FAILED if any(one.failed for one in rounds) else Code.OK
