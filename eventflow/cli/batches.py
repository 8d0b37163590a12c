"""``eventflow batches``: what sees to very many items or runs, how far it is, and how it is steered."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any
from uuid import UUID

import click

from eventflow.app import Eventflow
from eventflow.cli.actor import actor
from eventflow.cli.application import application
from eventflow.cli.exits import Code
from eventflow.cli.output import Session, Table, moment, one_line, pass_session
from eventflow.errors import NotFound
from eventflow.model.batch import Course
from eventflow.model.process.deed import PAST
from eventflow.model.recorded import Context
from eventflow.runtime.batches import Batches
from eventflow.store.workers import Workers
from eventflow.views import batches as batches_view

PAUSE = 0.2
EVERY = 5.0
"""Seconds between two lines of progress."""

reason_option = click.option("--reason", metavar="TEXT", help="Why; it is recorded.")


@click.group()
def batches() -> None:
    """What sees to very many: begun by "defibrillate --batch" or "process … --batch", moved on by workers."""


@batches.command("list")
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1, 1000), help="At most so many.")
@pass_session
def list_(session: Session, limit: int) -> None:
    """Batches, the newest first.

    Example:
      eventflow --app shop.app:app batches list
    """
    with application(session) as app:
        found = [_known(app, item.id) for item in app.items.page(batches_view.CATEGORY, limit=limit).rows]
    rows = [
        (
            one["id"],
            one["status"],
            " ".join((one["does"], *one["steps"])),
            *(one["done"], one["refused"], one["total"], moment(one["began_at"]), one["where"]),
        )
        for one in found
    ]
    heads = ("id", "status", "does", "done", "refused", "of", "began", "where")
    session.answer({"batches": found}, Table(heads, rows))


@batches.command()
@click.argument("id")
@click.option("--refused", default=20, show_default=True, type=click.IntRange(0), help="At most so many refusals.")
@pass_session
def show(session: Session, id: str, refused: int) -> None:
    """One batch: how far it is, why it rests, what it refused.

    ID is its id, or the beginning of it.

    Example:
      eventflow --app shop.app:app batches show 4f0c --json
    """
    with application(session) as app:
        known = _known(app, _one(app, id))
        refusals = batches_view.refusals(app, known["id"], refused)
    rows = [(name, one_line(str(value))) for name, value in known.items() if value not in (None, (), "", False)]
    rows += [("refused " + str(one["id"]), one["reason"]) for one in refusals]
    session.answer({**known, "refusals": refusals}, Table(("", ""), rows))


@batches.command()
@click.argument("id")
@reason_option
@pass_session
def suspend(session: Session, id: str, reason: str | None) -> None:
    """Let a batch rest; what was done stays so.

    Example:
      eventflow --app shop.app:app batches suspend 4f0c --reason "the peer is slow"
    """
    _steer(session, id, reason, Batches.suspend)


@batches.command()
@click.argument("id")
@reason_option
@pass_session
def resume(session: Session, id: str, reason: str | None) -> None:
    """Let a batch go on. Canaries that failed again are waited for no more: say this when the cause is gone.

    Example:
      eventflow --app shop.app:app batches resume 4f0c
    """
    _steer(session, id, reason, Batches.resume)


@batches.command()
@click.argument("id")
@reason_option
@pass_session
def cancel(session: Session, id: str, reason: str | None) -> None:
    """End a batch; what was done stays so.

    Example:
      eventflow --app shop.app:app batches cancel 4f0c
    """
    _steer(session, id, reason, Batches.cancel)


def _steer(session: Session, id: str, reason: str | None, steer: Callable[..., None]) -> None:
    with application(session) as app:
        steer(app.batches, found := _one(app, id), reason, context=Context(actor=actor()))
        _tell(session, app, found)


@batches.command()
@click.argument("id")
@pass_session
def run(session: Session, id: str) -> Code:
    """Move a batch on in this process until it ends or rests, and say how far it is.

    Workers do this by themselves; of all of them and this, one does it at a time. Ends with 1 when items were refused
    or the batch rests.

    Example:
      eventflow --app shop.app:app batches run 4f0c
    """
    with application(session) as app:
        return drive(session, app, _one(app, id))


def drive(session: Session, app: Eventflow, id: UUID) -> Code:
    """Move a batch on, or watch who does, until it ends or rests; then tell of it."""
    try:
        _move(session, app, id)
    except KeyboardInterrupt:
        session.hint("It goes on when a worker runs. Stop it: eventflow batches suspend " + str(id))
        _tell(session, app, id)
        return Code.INTERRUPTED
    _tell(session, app, id)
    batch = app.batches.get(id)
    return Code.OK if batch.status is Course.FINISHED and not batch.refused else Code.SOME_FAILED


def _move(session: Session, app: Eventflow, id: UUID) -> None:
    said, warned = time.monotonic(), False
    while (batch := app.batches.get(id)).status is Course.RUNNING:
        app.projections.catch_up()
        moved = app.batches.move([id], budget=1.0)
        if batch.is_watching and not warned and not any(one.fresh for one in Workers(app.database).all()):
            session.warn("Its canaries wait for a worker. Start one: eventflow worker")
            warned = True
        if time.monotonic() - said > EVERY:
            said = time.monotonic()
            session.hint(_progress(batches_view.document(app, batch)))
        time.sleep(0 if moved else PAUSE)


def _known(app: Eventflow, id: UUID) -> dict[str, Any]:
    return batches_view.document(app, app.batches.get(id))


def _one(app: Eventflow, id: str) -> UUID:
    """The batch that an id or its beginning means. Raises ``NotFound``, and a usage error for what is no id."""
    try:
        return UUID(id)
    except ValueError:
        pass
    if len(id) < 4 or set(id.lower()) - set("0123456789abcdef-"):
        raise click.BadParameter(f'"{id}" is neither a UUID nor the beginning of one (four digits or more).')
    found = app.items.page(f"{batches_view.CATEGORY} id:{id}*", limit=2).rows
    if not found:
        raise NotFound(f"There is no batch whose id begins with {id}.")
    if len(found) > 1:
        raise click.BadParameter(f"Several ids begin with {id}: {found[0].id}, {found[1].id}, …")
    return found[0].id


def _progress(known: dict[str, Any]) -> str:
    waits = f", waits for {len(known['waiting_for'])} canaries" if known["waiting_for"] else ""
    done = f"{known['done']} of {known['total']} {PAST.get(known['does'], 'brought back')}"
    return f"{known['status']}: {done}, {known['refused']} refused{waits}"


def _tell(session: Session, app: Eventflow, id: UUID) -> None:
    known = _known(app, id)
    because = f"\n  {one_line(known['rests_because'])}" if known["rests_because"] else ""
    session.answer(known, f"batch {id} {_progress(known)}{because}")
