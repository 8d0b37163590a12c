"""``eventflow demo``: where it works, and what it is asked to do."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import click

from eventflow.cli.demo.show import Show
from eventflow.cli.demo.story import Story, files, standard_library
from eventflow.cli.output import Session, pass_session
from eventflow.settings import Settings

WORKSPACE = Path("eventflow-demo")


@click.command()
@click.argument("folder", required=False, type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--items", "limit", default=500, show_default=True, help="Take at most so many files.")
@click.option("--keep", is_flag=True, help="Leave the database there, to look into it afterwards.")
@click.option("--resume", is_flag=True, help="Go on where a demo was cut off.")
@pass_session
def demo(session: Session, folder: Path | None, limit: int, keep: bool, resume: bool) -> None:
    """Send real files through their statuses, let some fail, and bring them back.

    FOLDER is where the files are; without it, the source of the running Python's standard library. The database is
    kept in ./eventflow-demo while the demo runs, unless --database names another.
    """
    paths = files(folder or standard_library(), limit)
    if not paths:
        raise click.UsageError(f"There are no files below {folder}.")
    show = Show(json_output=session.json, no_color=session.no_color)
    if not resume:
        shutil.rmtree(WORKSPACE, ignore_errors=True)
    WORKSPACE.mkdir(exist_ok=True)
    story = Story(_settings(session), show)
    try:
        summary = story.tell(paths)
    finally:
        story.close()
    if keep:
        show.say(f"The database is kept: eventflow --database {_database()} items list")
    else:
        shutil.rmtree(WORKSPACE, ignore_errors=True)
    show.summary(summary.as_dict())
    if session.json:
        click.echo(json.dumps(summary.as_dict()))
    if not summary.good:
        raise SystemExit(1)


def _database() -> str:
    return f"sqlite:///{WORKSPACE / 'eventflow.db'}"


def _settings(session: Session) -> Settings:
    given = {"database": session.database or _database(), "broker": session.broker or "embedded://"}
    return Settings(**given, objects=(WORKSPACE / "objects").absolute().as_uri())
