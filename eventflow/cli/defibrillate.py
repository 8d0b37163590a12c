"""``eventflow defibrillate``: brings what failed back to work."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

import click

from eventflow.app import Eventflow
from eventflow.cli.actor import actor
from eventflow.cli.application import application
from eventflow.cli.bulk import Wish, as_batch, wished
from eventflow.cli.exits import Code
from eventflow.cli.output import Session, one_line
from eventflow.errors import Conflict, NotFound, Refused, Unreadable
from eventflow.model.batch import Batch
from eventflow.store.workers import Workers

PATIENCE = timedelta(minutes=5)
PAUSE = 0.2
EVERY = 5.0
"""Seconds between two lines of progress."""


@dataclass
class Done:
    """What came of it. Grows with each item."""

    defibrillated: list[UUID] = field(default_factory=list)
    refused: list[dict[str, Any]] = field(default_factory=list)
    missing: int = 0
    interrupted: bool = False
    ended: dict[UUID, str] = field(default_factory=dict)
    failed_again: int = 0

    def refuse(self, id: UUID, error: Exception) -> None:
        """Note why one was left as it is."""
        self.refused.append({"id": id, "reason": one_line(str(error))})
        self.missing += isinstance(error, NotFound)

    @property
    def waiting(self) -> list[UUID]:
        """Those whose work has not ended yet."""
        return [id for id in self.defibrillated if id not in self.ended]

    def code(self) -> Code:
        """How the command ends."""
        if self.interrupted:
            return Code.INTERRUPTED
        if self.missing:
            return Code.NOT_FOUND
        return Code.SOME_FAILED if self.refused or self.failed_again else Code.OK


@click.command()
@click.argument("ids", nargs=-1, type=click.UUID, metavar="[ID]...")
@click.option("--wait", is_flag=True, help="Wait until the work on them has ended; somebody has to do it meanwhile.")
@wished
def defibrillate(session: Session, wish: Wish) -> Code:
    """Bring failed items back to the status from which they are worked on again.

    Each one is loaded and decided on by its aggregate, so an application is needed. Those that have not failed are
    refused, each with its reason, and nothing happens to them. Who did it (EVENTFLOW_ACTOR, or the user) and why is
    recorded. Ends with 1 when some were refused, with 3 when there is no item of an id.

    With --batch the items that pass --where are brought back by the workers, however many; this command may leave, or
    stay with --wait and help. "eventflow batches" shows and steers it. --canary and --rate mean a batch.

    Examples:
      eventflow --app shop.app:app defibrillate 4f0cb1a5-… --reason "the peer is back"
      eventflow --app shop.app:app defibrillate --where "status:error error:Timeout" --dry-run
      eventflow --app shop.app:app defibrillate --where status:error --canary 1,10,100 --rate 50/s --yes
    """
    wish.check()
    with application(session) as app:
        return _as_batch(session, app, wish) if wish.is_batch else _one_by_one(session, app, wish)


def _as_batch(session: Session, app: Eventflow, wish: Wish) -> Code:
    def begin() -> Batch:
        return app.defibrillate_where(
            wish.passing, reason=wish.reason, canaries=wish.canary or (), rate=wish.rate, limit=wish.limit,
            actor=actor(),
        )  # fmt: skip

    return as_batch(session, app, wish, verb="defibrillate", what="items", among=app.items, begin=begin)


def _one_by_one(session: Session, app: Eventflow, wish: Wish) -> Code:
    chosen: Sequence[UUID] = wish.ids or list(app.items.ids(wish.passing, limit=wish.limit))
    if not wish.is_agreed("defibrillate", len(chosen), "items"):
        session.hint("Nothing was done.")
        return Code.SOME_FAILED
    done = Done()
    _each(session, app, dict.fromkeys(chosen), done, reason=wish.reason, dry_run=wish.dry_run)
    if wish.wait and not wish.dry_run and not done.interrupted:
        _wait(session, app, done)
    return _answer(session, done, dry_run=wish.dry_run, waited=wish.wait)


def _each(
    session: Session, app: Eventflow, ids: Iterable[UUID], done: Done, *, reason: str | None, dry_run: bool
) -> None:
    said, name = time.monotonic(), actor()
    try:
        for number, id in enumerate(ids):
            _one(app, id, done, reason, name, dry_run=dry_run)
            if time.monotonic() - said > EVERY:
                said = time.monotonic()
                session.hint(f"{number + 1} looked at, {len(done.defibrillated)} defibrillated")
    except KeyboardInterrupt:
        # What was done is in the log; the answer says how far that is.
        done.interrupted = True


def _one(app: Eventflow, id: UUID, done: Done, reason: str | None, name: str, *, dry_run: bool) -> None:
    try:
        if dry_run:
            app.find(id).defibrillate(reason)
        else:
            app.defibrillate(id, reason=reason, actor=name)
    except (Refused, NotFound, Unreadable, Conflict) as error:
        done.refuse(id, error)
    else:
        done.defibrillated.append(id)


def _wait(session: Session, app: Eventflow, done: Done) -> None:
    if done.defibrillated and not any(one.fresh for one in Workers(app.database).all()):
        session.warn("No worker is running. Start one: eventflow worker")
    deadline = time.monotonic() + PATIENCE.total_seconds()
    try:
        while done.waiting and time.monotonic() < deadline:
            _look(app, done)
            time.sleep(PAUSE if done.waiting else 0)
    except KeyboardInterrupt:
        done.interrupted = True


def _look(app: Eventflow, done: Done) -> None:
    """Note which ones are worked on no more: their last announcement has no reaction."""
    for id in done.waiting:
        phased = [header for header in app.log.headers(id) if header.phase]
        if phased and app.routes.standing(phased[-1]) is None:
            done.ended[id] = phased[-1].status
            done.failed_again += phased[-1].error is not None


def _answer(session: Session, done: Done, *, dry_run: bool, waited: bool) -> Code:
    document: dict[str, Any] = {
        "defibrillated": done.defibrillated,
        "refused": done.refused,
        "dry_run": dry_run,
    }
    did = "Would defibrillate" if dry_run else "Defibrillated"
    text = [f"{did} {len(done.defibrillated)}, refused {len(done.refused)}."]
    text += [f"  refused {one['id']}: {one['reason']}" for one in done.refused]
    if waited and not dry_run:
        counts = dict(Counter(done.ended.values()))
        document |= {"ended": counts, "waiting": done.waiting}
        text += [f"  {count} ended in {status}" for status, count in counts.items()]
        text += [f"  {len(done.waiting)} are still being worked on"] if done.waiting else []
    session.answer(document, "\n".join(text))
    if waited and done.waiting and not done.interrupted and not dry_run:
        return Code.TIMED_OUT
    return done.code()
