"""``eventflow demo``: where it works, and what it is asked to do."""

from __future__ import annotations

import logging
import os
import shlex
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from eventflow.cli.demo.files import files, standard_library, too_large
from eventflow.cli.demo.show import Show
from eventflow.cli.demo.story import Story, Summary
from eventflow.cli.demo.workspace import DATABASE, Plan, Workspace
from eventflow.cli.exits import Code
from eventflow.cli.output import Session, pass_session
from eventflow.settings import PREFIX, Settings

WORKSPACE = Path("eventflow-demo")
APP = "eventflow.cli.demo.application:app"
LEASE = "5s"
"""Short, so that a demo that was killed and is resumed need not wait long for what the dead one held."""


@click.command()
@click.argument("folder", required=False, type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option(
    "--items", "limit", default=500, show_default=True, type=click.IntRange(1), help="Take at most so many files."
)
@click.option("--keep", is_flag=True, help="Leave the database there, to look into it afterwards.")
@click.option("--resume", is_flag=True, help="Go on where a demo was cut off.")
@pass_session
def demo(session: Session, folder: Path | None, limit: int, keep: bool, resume: bool) -> Code:
    """Send real files through their statuses, let some fail, and bring them back.

    FOLDER is where the files are; without it, the source of the running Python's standard library. The demo works in
    ./eventflow-demo, on a database of its own there unless --database names an empty one. It may be killed at any
    moment: --resume goes on. Ends with 0 when every document is complete and rebuilt projections equal the live ones.

    Examples:
      eventflow demo
      eventflow demo ~/notes --items 100 --keep
      eventflow --database postgresql://ann@127.0.0.1/shop?schema=demo --broker amqp://127.0.0.1 demo
    """
    if resume and folder is not None:
        raise click.UsageError("--resume goes on with the folder that the demo began with.")
    workspace, settings, show = Workspace(WORKSPACE), _settings(session), Show(session)
    plan = None if resume else _plan(folder or standard_library(), limit, settings)
    with workspace.occupied(), _calm(session):
        try:
            summary = _told(workspace, settings, show, plan)
        except KeyboardInterrupt:
            session.warn(f"\nStopped. What was done is in the log; go on with: {_command(session)} demo --resume")
            return Code.INTERRUPTED
        _close(session, workspace, settings, show, summary, keep=keep)
    return Code.OK if summary.good else Code.SOME_FAILED


def _told(workspace: Workspace, settings: Settings, show: Show, plan: Plan | None) -> Summary:
    own, resumed = settings.database.get_secret_value() == workspace.database, plan is None
    if plan is None:
        plan = workspace.plan()
        _check(plan, settings)
    elif own:
        workspace.begin(plan)
    with Story(settings, show) as story:
        story.claim(resumed=resumed)
        if not resumed and not own:
            workspace.begin(plan)
        return story.tell([Path(path) for path in plan.paths], limit=plan.limit)


def _plan(folder: Path, limit: int, settings: Settings) -> Plan:
    paths = files(folder, limit, without=WORKSPACE)
    if not paths:
        raise click.UsageError(f"There are no files below {folder}.")
    return Plan(str(folder), [str(path) for path in paths], too_large(paths), str(settings.database))


def _check(plan: Plan, settings: Settings) -> None:
    if plan.database != str(settings.database):
        raise click.UsageError(f"That demo worked on {plan.database}. Say so again: --database URL")


def _settings(session: Session) -> Settings:
    # The environment names the engines of real work: the demo keeps away from them unless it is told on its own line.
    database = session.database or Workspace(WORKSPACE).database
    return Settings(database=database, broker=_apart(session.broker or "embedded://"), lease=LEASE)


def _apart(broker: str) -> str:
    """The broker with queues of the demo's own."""
    if broker.startswith("embedded:") or "namespace=" in broker:
        return broker
    return f"{broker}{'&' if '?' in broker else '?'}namespace=eventflow-demo"


@contextmanager
def _calm(session: Session) -> Iterator[None]:
    """Without warnings that belong to the story: a rescued claim, a retry."""
    logger, before = logging.getLogger("eventflow"), logging.getLogger("eventflow").level
    if session.verbosity < 1:
        logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(before)


def _close(
    session: Session, workspace: Workspace, settings: Settings, show: Show, summary: Summary, *, keep: bool
) -> None:
    show.summary(summary.as_dict())
    if summary.good and not keep:
        workspace.clear()
        workspace.leave()
        session.say("\nTo look into the log afterwards: eventflow demo --keep")
        return
    if not summary.good:
        session.say(
            f"\n{summary.items - summary.complete} documents are not complete. When the cause is gone:"
            f" {_command(session)} demo --resume"
        )
    _tell_what_is_kept(session, workspace, settings)


def _tell_what_is_kept(session: Session, workspace: Workspace, settings: Settings) -> None:
    shown = {"app": APP, "database": f"sqlite:///{DATABASE}", "broker": str(settings.broker)}
    if session.database:
        shown["database"] = str(settings.database)
    # What is shown without its password is of no use in a file: it has to be said again.
    secret = [
        name for name in ("database", "broker") if str(value := getattr(settings, name)) != value.get_secret_value()
    ]
    workspace.name({name: value for name, value in shown.items() if name not in secret})
    options = _options(shown, secret)
    session.say(f"\nThe log is kept. Look around in it:\n  cd {workspace.folder}")
    for command in ("items list --limit 5", "log tail", "log stats", "projections verify --all", "doctor"):
        session.say(f"  {_program()}{options} {command}")


def _options(shown: dict[str, str], secret: list[str]) -> str:
    """What has to be said on each line because no file says it, or the environment says something else."""
    named = [name for name in shown if name in secret or f"{PREFIX}{name.upper()}" in os.environ]
    return "".join(f" --{name} {shlex.quote(shown[name])}" for name in named)


def _command(session: Session) -> str:
    given = {"database": session.database, "broker": session.broker}
    return _program() + "".join(f" --{name} …" for name, value in given.items() if value)


def _program() -> str:
    called = Path(sys.argv[0])
    if called.name != "eventflow" or shutil.which("eventflow"):
        return "eventflow"
    return str(called.absolute())
