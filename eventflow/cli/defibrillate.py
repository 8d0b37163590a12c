"""``eventflow defibrillate``: brings what failed back to work."""

from __future__ import annotations

import re
import sys
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

import click

from eventflow.app import Eventflow
from eventflow.cli import batches
from eventflow.cli.actor import actor
from eventflow.cli.application import application
from eventflow.cli.exits import Code
from eventflow.cli.output import Session, one_line, pass_session
from eventflow.errors import Conflict, NotFound, Refused, Unreadable
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


class Numbers(click.ParamType[tuple[int, ...]]):
    """Numbers above zero between commas."""

    name = "n,n,…"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, ...]:
        """The numbers; ``Any``, since click hands over texts and what was converted before."""
        if isinstance(value, tuple):
            return value
        parts = str(value).split(",")
        if not all(part.strip().isdecimal() and int(part) > 0 for part in parts):
            self.fail(f'"{value}" is no list of numbers such as 1,10,100.', param, ctx)
        return tuple(map(int, parts))


class Rate(click.ParamType[float]):
    """How many in a second: ``50``, ``50/s``, ``600/m``, ``3600/h``."""

    name = "n/s"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """So many in a second; ``Any``, since click hands over texts and what was converted before."""
        found = re.fullmatch(r"(\d+(?:\.\d+)?)(?:/([smh]))?", str(value).strip())
        if not found or float(found[1]) <= 0:
            self.fail(f'"{value}" is no rate such as 50/s, 600/m or 3600/h.', param, ctx)
        return float(found[1]) / {"s": 1, "m": 60, "h": 3600}[found[2] or "s"]


@dataclass(frozen=True)
class Wanted:
    """What a batch is to do."""

    where: str
    canaries: tuple[int, ...]
    rate: float | None
    limit: int | None
    reason: str | None


@click.command()
@click.argument("ids", nargs=-1, type=click.UUID, metavar="[ID]...")
@click.option("--where", metavar="FILTER", help='Those that pass: "status:error fingerprint:3f8a41c09d2e age<1d".')
@click.option("--limit", type=click.IntRange(1), help="At most so many of those that pass, the oldest first.")
@click.option("--batch", is_flag=True, help="As an operation of its own, which workers do: for very many.")
@click.option("--canary", type=Numbers(), help="Groups that go ahead, such as 1,10,100; stop when one fails again.")
@click.option("--rate", type=Rate(), help="At most so many in a second (50/s), a minute (600/m) or an hour.")
@click.option("--reason", metavar="TEXT", help="Why; it is recorded with the event.")
@click.option("--dry-run", is_flag=True, help="Say what would be done.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--wait", is_flag=True, help="Wait until the work on them has ended; somebody has to do it meanwhile.")
@pass_session
def defibrillate(
    session: Session,
    ids: tuple[UUID, ...],
    where: str | None,
    limit: int | None,
    batch: bool,
    canary: tuple[int, ...] | None,
    rate: float | None,
    reason: str | None,
    dry_run: bool,
    yes: bool,
    wait: bool,
) -> Code:
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
    _check(ids, where, limit)
    if batch or canary or rate is not None:
        if where is None:
            raise click.UsageError("A batch is said by --where FILTER.")
        wanted = Wanted(where, canary or (), rate, limit, reason)
        return _as_batch(session, wanted, dry_run=dry_run, yes=yes, wait=wait)
    with application(session) as app:
        chosen: Sequence[UUID] = ids or list(app.items.ids(where or "", limit=limit))
        if where is not None and not (dry_run or yes) and not _agreed(len(chosen), where):
            session.hint("Nothing was done.")
            return Code.SOME_FAILED
        done = Done()
        _each(session, app, dict.fromkeys(chosen), done, reason=reason, dry_run=dry_run)
        if wait and not dry_run and not done.interrupted:
            _wait(session, app, done)
    return _answer(session, done, dry_run=dry_run, waited=wait)


def _as_batch(session: Session, wanted: Wanted, *, dry_run: bool, yes: bool, wait: bool) -> Code:
    with application(session) as app:
        total = app.items.count(wanted.where, at_most=sys.maxsize)
        total = total if wanted.limit is None else min(total, wanted.limit)
        if dry_run:
            session.answer({"total": total, "dry_run": True}, f"Would defibrillate {total}.")
            return Code.OK
        if not yes and not _agreed(total, wanted.where):
            session.hint("Nothing was done.")
            return Code.SOME_FAILED
        begun = app.defibrillate_where(
            wanted.where,
            reason=wanted.reason,
            canaries=wanted.canaries,
            rate=wanted.rate,
            limit=wanted.limit,
            actor=actor(),
        )
        if wait:
            return batches.drive(session, app, begun.id)
        session.answer(batches.document(app, begun), f"batch {begun.id} has begun, over {begun.total} items.")
        session.hint(f"Workers move it on. How far it is: eventflow batches show {begun.id}")
    return Code.OK


def _check(ids: Sequence[UUID], where: str | None, limit: int | None) -> None:
    if bool(ids) == (where is not None):
        raise click.UsageError("Say which ones: either ids, or --where FILTER.")
    if ids and limit is not None:
        raise click.UsageError("--limit goes with --where.")


def _agreed(amount: int, where: str) -> bool:
    if not amount:
        return True
    if not sys.stdin.isatty():
        raise click.UsageError(f"{amount} items pass {where!r}. Nobody can be asked here: say --yes, or --dry-run.")
    return click.confirm(f"Defibrillate {amount} items?", err=True)


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
