"""``eventflow erase``: what items hold becomes unreadable for good."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any
from uuid import UUID

import click

from eventflow.app import Eventflow
from eventflow.cli.actor import actor
from eventflow.cli.application import application
from eventflow.cli.exits import Code
from eventflow.cli.output import Session, one_line, pass_session
from eventflow.errors import NotFound, Refused
from eventflow.runtime.erasing import Erasing, Prospect


@click.command()
@click.argument("ids", nargs=-1, type=click.UUID, metavar="[ID]...")
@click.option("--where", metavar="FILTER", help='Those that pass: "category:person tenant:acme".')
@click.option("--reason", metavar="TEXT", required=True, help="Why; it is recorded and stays: say no name in it.")
@click.option("--dry-run", is_flag=True, help="Say what would be erased.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@pass_session
def erase(session: Session, ids: tuple[UUID, ...], where: str | None, reason: str, dry_run: bool, yes: bool) -> Code:
    """Erase what items hold, for good: in the database, in the archive, and in every copy of the archive.

    Their keys are destroyed. Headers stay, so that lists, counters and histories go on; who erased them
    (EVENTFLOW_ACTOR, or the user), when and why is the last event of each. Backups of the database hold keys, too:
    "eventflow keys rotate", and the end of the old master key, are the end of those. Ends with 1 when some were
    refused, with 3 when there is no item of an id.

    Examples:
      eventflow --app shop.app:app erase 4f0cb1a5-… --reason "request 17"
      eventflow --app shop.app:app erase --where "category:person age>10y" --reason "the law" --dry-run
    """
    if bool(ids) == (where is not None):
        raise click.UsageError("Say which ones: either ids, or --where FILTER.")
    with application(session) as app:
        chosen = list(dict.fromkeys(ids or app.items.ids(where or "")))
        if not (dry_run or yes or _agreed(len(chosen))):
            session.hint("Nothing was erased.")
            return Code.SOME_FAILED
        done, refused, missing = _each(app, chosen, reason, dry_run=dry_run)
    _answer(session, done, refused, dry_run=dry_run)
    return Code.NOT_FOUND if missing else Code.SOME_FAILED if refused else Code.OK


def _agreed(amount: int) -> bool:
    if not amount:
        return True
    if not sys.stdin.isatty():
        raise click.UsageError(f"{amount} items would be erased. Nobody can be asked here: say --yes, or --dry-run.")
    return click.confirm(f"Erase {amount} items for good?", err=True)


def _each(
    app: Eventflow, ids: Iterable[UUID], reason: str, *, dry_run: bool
) -> tuple[list[Erasing | Prospect], list[dict[str, Any]], bool]:
    """What was done, what was refused, and whether an id was of nothing."""
    done: list[Erasing | Prospect] = []
    refused: list[dict[str, Any]] = []
    missing = False
    for id in ids:
        try:
            done += [app.eraser.prospect(id)] if dry_run else app.erase(id, reason=reason, actor=actor())
        except (Refused, NotFound) as error:
            refused.append({"id": id, "reason": one_line(str(error))})
            missing = missing or isinstance(error, NotFound)
    return done, refused, missing


def _answer(session: Session, done: list[Erasing | Prospect], refused: list[dict[str, Any]], *, dry_run: bool) -> None:
    new = [one for one in done if not one.before]
    before = [one.stream for one in done if one.before]
    erased = [{"id": one.stream, "bodies": one.bodies, **_where(one)} for one in new]
    bodies = sum(one.bodies for one in new)
    text = [f"{'Would erase' if dry_run else 'Erased'} {len(new)} items, {bodies:,} bodies; refused {len(refused)}."]
    text += [f"  {id} was erased before" for id in before]
    text += [f"  refused {one['id']}: {one['reason']}" for one in refused]
    session.answer({"erased": erased, "before": before, "refused": refused, "dry_run": dry_run}, "\n".join(text))


def _where(one: Erasing | Prospect) -> dict[str, int]:
    return one.amount._asdict() if isinstance(one, Prospect) else {"position": one.header.position}
