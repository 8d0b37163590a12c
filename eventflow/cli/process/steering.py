"""``eventflow process restart``, ``goto``, ``skip``, ``abandon``, ``migrate`` and ``signal``: seeing to runs."""

from __future__ import annotations

from collections.abc import Sequence

import click

from eventflow.cli.actor import actor
from eventflow.cli.application import application
from eventflow.cli.bulk import Wish, stay_option, wished
from eventflow.cli.exits import Code
from eventflow.cli.output import Session, pass_session
from eventflow.cli.process.chosen import run_of, value_of
from eventflow.cli.process.seeing import see_to
from eventflow.model.process.deed import Deed
from eventflow.views.runs import runs_of

ids_argument = click.argument("ids", nargs=-1, metavar="[ID]...")
force_option = click.option("--force", is_flag=True, help="Whatever its status; a worker that is at it is cut off.")


@click.command()
@ids_argument
@click.option("--step", "--from-step", metavar="STEP", help="Begin again at this step; what follows is done again.")
@force_option
@stay_option
@wished
def restart(session: Session, wish: Wish, step: str | None, force: bool) -> Code:
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
    return see_to(session, wish, Deed.restart(step, force=force))


@click.command()
@click.argument("words", nargs=-1, required=True, metavar="[ID] STEP")
@force_option
@stay_option
@wished
def goto(session: Session, wish: Wish, words: tuple[str, ...], force: bool) -> Code:
    """Let a run go on at a later step; those in between are passed over, and its history says so.

    With --where it is every run that passes, with --batch as an operation of its own. For a step that lies behind there
    is "restart --step". A run in progress is left alone unless --force is said.

    Examples:
      eventflow --app shop.app:app process goto 4f0c announce --reason "it was typeset by hand"
      eventflow --app shop.app:app process goto announce --where "process:release step:typeset status:error" --dry-run
    """
    ids, steps = _split(words, wish)
    if len(steps) != 1:
        raise click.UsageError("Say one step to go to.")
    return see_to(session, wish.about(ids), Deed.goto(steps[0], force=force))


@click.command()
@click.argument("words", nargs=-1, required=True, metavar="[ID] STEP...")
@stay_option
@wished
def skip(session: Session, wish: Wish, words: tuple[str, ...]) -> Code:
    """Let steps of a run be passed over when their turn comes; one that is under way goes on.

    With --where it is every run that passes, with --batch as an operation of its own.

    Example:
      eventflow --app shop.app:app process skip 4f0c print bind --reason "an electronic book"
    """
    ids, steps = _split(words, wish)
    if not steps:
        raise click.UsageError("Say which steps are to be skipped.")
    return see_to(session, wish.about(ids), Deed.skip(*steps))


@click.command()
@ids_argument
@stay_option
@wished
def abandon(session: Session, wish: Wish) -> Code:
    """Give runs up for good, also those that have not begun; a worker that is at one is cut off.

    With --batch the runs that pass --where are abandoned by the workers, however many.

    Examples:
      eventflow --app shop.app:app process abandon --where "process:release created<2026-01-01" --dry-run
      eventflow --app shop.app:app process abandon --where "process:release" --rate 50/s --reason "no more of them"
    """
    return see_to(session, wish, Deed.abandon())


@click.command()
@ids_argument
@stay_option
@wished
def migrate(session: Session, wish: Wish) -> Code:
    """Bring runs to the present version of their process, by the migrations that it declares.

    Workers do so by themselves when they take a run up; one that was halted for its version goes on by this. With
    --batch the runs that pass --where are migrated by the workers, however many.

    Example:
      eventflow --app shop.app:app process migrate --where "process:release definition:1" --dry-run
    """
    return see_to(session, wish, Deed.migrate())


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


def _split(words: Sequence[str], wish: Wish) -> tuple[Sequence[str], Sequence[str]]:
    """The id, unless a filter says which runs are meant, and the steps."""
    return (words[:1], words[1:]) if wish.where is None else ((), words)
