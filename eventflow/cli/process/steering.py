"""``eventflow process restart``, ``goto``, ``skip``, ``abandon``, ``migrate`` and ``signal``: seeing to runs."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar
from uuid import UUID

import click

from eventflow.app import Eventflow
from eventflow.cli import batches
from eventflow.cli.actor import actor
from eventflow.cli.application import application
from eventflow.cli.defibrillate import Numbers, Rate
from eventflow.cli.exits import Code
from eventflow.cli.output import Session, one_line, pass_session
from eventflow.cli.process.chosen import agreed, check, filtered, many, run_of, runs_of, value_of
from eventflow.errors import Conflict, NotFound, Refused, Unreadable
from eventflow.model.process.run import Run

F = TypeVar("F", bound=Callable[..., Any])
Act = Callable[[UUID], Run]
"""Does something to a run, and gives it back as it is then."""

reason_option = click.option("--reason", metavar="TEXT", help="Why; it is recorded with who did it.")
force_option = click.option("--force", is_flag=True, help="Whatever its status; a worker that is at it is cut off.")


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


@dataclass(frozen=True)
class Wish:
    """Which runs a command is about, and how."""

    verb: str
    ids: Sequence[str]
    where: str | None
    limit: int | None
    dry_run: bool
    yes: bool


@dataclass(frozen=True)
class Pace:
    """How a batch goes: which groups ahead, and how many in a second."""

    is_batch: bool
    canaries: tuple[int, ...] | None
    rate: float | None
    wait: bool

    def __bool__(self) -> bool:
        """Whether it is to be a batch at all."""
        return self.is_batch or self.canaries is not None or self.rate is not None


def batched(command: F) -> F:
    """The options of a command that may do it as a batch."""
    for option in (
        click.option("--wait", is_flag=True, help="Stay until the batch has ended, and help."),
        click.option("--rate", type=Rate(), help="A batch: at most so many in a second (50/s), a minute or an hour."),
        click.option("--canary", type=Numbers(), help="A batch: groups that go ahead, such as 1,10,100."),
        click.option("--batch", is_flag=True, help="As an operation of its own, which workers do: for very many."),
    ):
        command = option(command)
    return command


@click.command()
@many
@batched
@click.option("--step", "--from-step", metavar="STEP", help="Begin again at this step; what follows is done again.")
@force_option
@reason_option
@pass_session
def restart(
    session: Session,
    ids: tuple[str, ...],
    where: str | None,
    limit: int | None,
    dry_run: bool,
    yes: bool,
    batch: bool,
    canary: tuple[int, ...] | None,
    rate: float | None,
    wait: bool,
    step: str | None,
    force: bool,
    reason: str | None,
) -> Code:
    """Let runs go on at the step that failed, with a fresh budget of attempts, now.

    Steps that have succeeded are not done again, unless --step says so. It is allowed in ERROR, EXCEPTION and RETRY;
    --force allows it in every status, and lets the run in where its channel has no place left. A restarted run goes on
    whatever lockdown its channel has. Ends with 4 when it was refused, with 1 when some of several were, with 3 when
    there is no such run.

    With --batch the runs that pass --where are restarted by the workers, however many; "eventflow batches" shows and
    steers that. --canary and --rate mean a batch.

    Examples:
      eventflow --app shop.app:app process restart 4f0c --reason "the peer is back"
      eventflow --app shop.app:app process restart --where "channel:imports status:error,exception" --yes
      eventflow --app shop.app:app process restart 4f0c --step typeset --force
    """
    wish = Wish("restart", ids, where, limit, dry_run, yes)
    if pace := Pace(batch, canary, rate, wait):
        if where is None or step is not None or force:
            raise click.UsageError("A batch is said by --where FILTER, without --step and --force.")
        return _as_batch(session, wish, pace, reason)
    return _see_to(
        session,
        wish,
        lambda app: partial(app.processes.restart, step=step, reason=reason, force=force, actor=actor()),
        lambda app: _trying(app, lambda run: run.restart(step, reason=reason, force=force)),
    )


@click.command()
@click.argument("words", nargs=-1, required=True, metavar="[ID] STEP")
@filtered
@force_option
@reason_option
@pass_session
def goto(
    session: Session,
    words: tuple[str, ...],
    where: str | None,
    limit: int | None,
    dry_run: bool,
    yes: bool,
    force: bool,
    reason: str | None,
) -> Code:
    """Let a run go on at a later step; those in between are passed over, and its history says so.

    With --where it is every run that passes. For a step that lies behind there is "restart --step". A run in progress
    is left alone unless --force is said.

    Examples:
      eventflow --app shop.app:app process goto 4f0c announce --reason "it was typeset by hand"
      eventflow --app shop.app:app process goto announce --where "process:release step:typeset status:error" --dry-run
    """
    ids, steps = _split(words, where)
    if len(steps) != 1:
        raise click.UsageError("Say one step to go to.")
    wish = Wish("move on", ids, where, limit, dry_run, yes)
    return _see_to(
        session,
        wish,
        lambda app: partial(app.processes.goto, step=steps[0], reason=reason, force=force, actor=actor()),
        lambda app: _trying(app, lambda run: run.goto(steps[0], reason=reason, force=force)),
    )


@click.command()
@click.argument("words", nargs=-1, required=True, metavar="[ID] STEP...")
@filtered
@reason_option
@pass_session
def skip(
    session: Session,
    words: tuple[str, ...],
    where: str | None,
    limit: int | None,
    dry_run: bool,
    yes: bool,
    reason: str | None,
) -> Code:
    """Let steps of a run be passed over when their turn comes; one that is under way goes on.

    With --where it is every run that passes.

    Example:
      eventflow --app shop.app:app process skip 4f0c print bind --reason "an electronic book"
    """
    ids, steps = _split(words, where)
    if not steps:
        raise click.UsageError("Say which steps are to be skipped.")
    wish = Wish("change", ids, where, limit, dry_run, yes)
    return _see_to(
        session,
        wish,
        lambda app: lambda run: app.processes.skip(run, *steps, reason=reason, actor=actor()),
        lambda app: _trying(app, lambda run: run.skip_steps(*steps, reason=reason)),
    )


@click.command()
@many
@reason_option
@pass_session
def abandon(
    session: Session,
    ids: tuple[str, ...],
    where: str | None,
    limit: int | None,
    dry_run: bool,
    yes: bool,
    reason: str | None,
) -> Code:
    """Give runs up for good, also those that have not begun; a worker that is at one is cut off.

    Example:
      eventflow --app shop.app:app process abandon --where "process:release created<2026-01-01" --dry-run
    """
    wish = Wish("abandon", ids, where, limit, dry_run, yes)
    return _see_to(
        session,
        wish,
        lambda app: partial(app.processes.abandon, reason=reason, actor=actor()),
        lambda app: _trying(app, lambda run: run.abandon(reason)),
    )


@click.command()
@many
@pass_session
def migrate(
    session: Session,
    ids: tuple[str, ...],
    where: str | None,
    limit: int | None,
    dry_run: bool,
    yes: bool,
) -> Code:
    """Bring runs to the present version of their process, by the migrations that it declares.

    Workers do so by themselves when they take a run up; one that was halted for its version goes on by this.

    Example:
      eventflow --app shop.app:app process migrate --where "process:release definition:1" --dry-run
    """
    wish = Wish("migrate", ids, where, limit, dry_run, yes)
    return _see_to(
        session,
        wish,
        lambda app: partial(app.processes.migrate, actor=actor()),
        lambda app: app.processes.migrated,
    )


@click.command()
@click.argument("id")
@click.argument("name")
@click.argument("data", required=False)
@click.option("--key", metavar="TEXT", help="What makes it the same when it is said again [default: what is said].")
@pass_session
def signal(session: Session, id: str, name: str, data: str | None, key: str | None) -> None:
    """Say something to a run: a step that waits for it goes on, one that will wait finds it there.

    DATA is JSON, or else the text that it is. The same said twice counts once.

    Example:
      eventflow --app shop.app:app process signal 4f0c approved '{"by": "ann"}'
    """
    with application(session) as app:
        run = run_of(runs_of(app), id)
        is_new = app.processes.signal(run, name, None if data is None else value_of(data), key=key, actor=actor())
    told = "was told" if is_new else "had been told before"
    session.answer({"id": run, "signal": name, "is_new": is_new}, f"{run} {told}: {name}.")


def _split(words: Sequence[str], where: str | None) -> tuple[Sequence[str], Sequence[str]]:
    """The id, unless a filter says which runs are meant, and the steps."""
    return (words[:1], words[1:]) if where is None else ((), words)


def _see_to(
    session: Session, wish: Wish, doing: Callable[[Eventflow], Act], trying: Callable[[Eventflow], Act]
) -> Code:
    """Do it to each run that is meant, or only try."""
    check(wish.ids, wish.where, wish.limit)
    with application(session) as app:
        chosen = _chosen(app, wish)
        if wish.where is not None and not (wish.dry_run or wish.yes) and not agreed(wish.verb, len(chosen), wish.where):
            session.hint("Nothing was done.")
            return Code.SOME_FAILED
        done = Done(wish.verb, wish.dry_run)
        _each(dict.fromkeys(chosen), (trying if wish.dry_run else doing)(app), done)
    session.answer(done.document(), done.text())
    return done.code()


def _as_batch(session: Session, wish: Wish, pace: Pace, reason: str | None) -> Code:
    check(wish.ids, wish.where, wish.limit)
    where = wish.where or ""
    with application(session) as app:
        total = runs_of(app).count(where, at_most=sys.maxsize)
        total = total if wish.limit is None else min(total, wish.limit)
        if wish.dry_run:
            session.answer({"total": total, "dry_run": True}, f"Would restart {total}.")
            return Code.OK
        if not wish.yes and not agreed(wish.verb, total, where):
            session.hint("Nothing was done.")
            return Code.SOME_FAILED
        begun = app.defibrillate_where(
            where, of="runs", reason=reason, canaries=pace.canaries or (), rate=pace.rate, limit=wish.limit,
            actor=actor(),
        )  # fmt: skip
        if pace.wait:
            return batches.drive(session, app, begun.id)
        session.answer(batches.document(app, begun), f"batch {begun.id} has begun, over {begun.total} runs.")
        session.hint(f"Workers move it on. How far it is: eventflow batches show {begun.id}")
    return Code.OK


def _chosen(app: Eventflow, wish: Wish) -> list[UUID]:
    runs = runs_of(app)
    if wish.where is None:
        return [run_of(runs, one) for one in wish.ids]
    return list(runs.ids(wish.where, limit=wish.limit))


def _each(ids: Iterable[UUID], act: Act, done: Done) -> None:
    try:
        for id in ids:
            try:
                done.done.append(act(id))
            except (Refused, NotFound, Unreadable, Conflict) as error:
                done.refuse(id, error)
    except KeyboardInterrupt:
        # What was done is in the log; the answer says how far that is.
        done.interrupted = True


def _trying(app: Eventflow, decide: Callable[[Run], object]) -> Act:
    """The same, without a trace of it in the log."""

    def attempt(id: UUID) -> Run:
        run = app.processes.get(id)
        decide(run)
        return run

    return attempt
