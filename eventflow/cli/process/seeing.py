"""How a command does the same to one run, to several, or as a batch to very many, and tells what came of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import click

from eventflow.app import Eventflow
from eventflow.cli.actor import actor
from eventflow.cli.application import application
from eventflow.cli.bulk import Wish, as_batch
from eventflow.cli.exits import Code
from eventflow.cli.output import Session, one_line
from eventflow.cli.process.chosen import run_of
from eventflow.errors import Conflict, NotFound, Refused, Unreadable
from eventflow.model.process.deed import Deed
from eventflow.model.process.run import Run
from eventflow.views.runs import runs_of

WORDS = {"goto": "move on", "skip": "change"}
"""What a deed is called in a sentence, if not by its name."""


@dataclass
class Done:
    """What came of it. Grows with each run."""

    verb: str
    dry_run: bool
    done: list[Run] = field(default_factory=list)
    refused: list[dict[str, Any]] = field(default_factory=list)
    missing: int = 0
    interrupted: bool = False

    def refuse(self, id: UUID, error: Exception) -> None:
        """Note why one was left as it is."""
        self.refused.append({"id": id, "reason": one_line(str(error))})
        self.missing += isinstance(error, NotFound)

    def code(self) -> Code:
        """How the command ends."""
        if self.interrupted:
            return Code.INTERRUPTED
        if self.missing:
            return Code.NOT_FOUND
        if self.refused:
            return Code.SOME_FAILED if self.done or len(self.refused) > 1 else Code.REFUSED
        return Code.OK

    def document(self) -> dict[str, Any]:
        """As programs are told of it."""
        runs = [{"id": one.id, "status": str(one.status), "step": one.step} for one in self.done]
        return {"runs": runs, "refused": self.refused, "dry_run": self.dry_run}

    def text(self) -> str:
        """The same for people."""
        would = "Would " if self.dry_run else ""
        lines = [f"{would}{self.verb} {len(self.done)}, refused {len(self.refused)}.".capitalize()]
        lines += [f"  {one.id} is {one.status} now, at {one.step}" for one in self.done[:20] if not self.dry_run]
        return "\n".join(lines + [f"  refused {one['id']}: {one['reason']}" for one in self.refused])


def see_to(session: Session, wish: Wish, deed: Deed) -> Code:
    """Do it to each run that is meant, or only try; or let a batch do it."""
    wish.check()
    if wish.wait and not wish.is_batch:
        raise click.UsageError("--wait stays with a batch. Without one everything is done when the command ends.")
    with application(session) as app:
        return _as_batch(session, app, wish, deed) if wish.is_batch else _one_by_one(session, app, wish, deed)


def _as_batch(session: Session, app: Eventflow, wish: Wish, deed: Deed) -> Code:
    def begin() -> Any:
        return app.steer_where(
            wish.passing, deed, reason=wish.reason, canaries=wish.canary or (), rate=wish.rate, limit=wish.limit,
            actor=actor(),
        )  # fmt: skip

    return as_batch(session, app, wish, verb=_verb(deed), what="runs", among=runs_of(app), begin=begin)


def _one_by_one(session: Session, app: Eventflow, wish: Wish, deed: Deed) -> Code:
    chosen = _chosen(app, wish)
    if not wish.is_agreed(_verb(deed), len(chosen), "runs"):
        session.hint("Nothing was done.")
        return Code.SOME_FAILED
    done, name = Done(_verb(deed), wish.dry_run), actor()

    def act(id: UUID) -> Run:
        if wish.dry_run:
            return app.processes.seen_to(id, deed)
        return app.processes.see_to(id, deed, reason=wish.reason, actor=name)

    _each(dict.fromkeys(chosen), act, done)
    session.answer(done.document(), done.text())
    return done.code()


def _verb(deed: Deed) -> str:
    return WORDS.get(deed.verb, deed.verb)


def _chosen(app: Eventflow, wish: Wish) -> list[UUID]:
    runs = runs_of(app)
    if wish.where is None:
        return [run_of(runs, one) for one in wish.ids]
    return list(runs.ids(wish.where, limit=wish.limit))


def _each(ids: Iterable[UUID], act: Callable[[UUID], Run], done: Done) -> None:
    try:
        for id in ids:
            try:
                done.done.append(act(id))
            except (Refused, NotFound, Unreadable, Conflict) as error:
                done.refuse(id, error)
    except KeyboardInterrupt:
        # What was done is in the log; the answer says how far that is.
        done.interrupted = True
