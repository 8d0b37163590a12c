"""``eventflow vocabulary``: the words of the log, locked in a file beside the code, and compared with it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from eventflow.cli.application import application
from eventflow.cli.exits import Code
from eventflow.cli.output import Session, pass_session
from eventflow.errors import Refused

A_FILE = click.Path(dir_okay=False, path_type=Path)


@click.group()
def vocabulary() -> None:
    """The words of the log: categories, statuses, events and their fields.

    What is locked in a file beside the code can be checked before a release: what would the log hold that the new code
    cannot read? With --database sqlite:// no database is touched.
    """


@vocabulary.command()
@click.option("--output", type=A_FILE, help="Write it to this file instead of standard output.")
@click.option("--yes", is_flag=True, help="Even if the file holds words that the code does not have any more.")
@pass_session
def lock(session: Session, output: Path | None, yes: bool) -> None:
    """What a log that is written today needs to be read.

    Example:
      eventflow --app shop.app:app --database sqlite:// vocabulary lock --output vocabulary.json
    """
    with application(session) as app:
        words = app.vocabulary.lock()
        lost = app.vocabulary.covers(_read(output)) if output is not None and output.exists() else []
    if lost and not yes:
        raise Refused("\n".join([*lost, "With --yes the file forgets what it said; logs written before do not."]))
    text = json.dumps(words, indent=2, ensure_ascii=False)
    if output is None:
        click.echo(text)
        return
    output.write_text(f"{text}\n", encoding="utf-8")
    session.answer({"output": output, "categories": sorted(words)}, f"Wrote {output}: {', '.join(sorted(words))}.")


@vocabulary.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@pass_session
def check(session: Session, file: Path) -> Code:
    """Whether the code still reads everything that FILE says; ends with 7 when it does not.

    Example:
      eventflow --app shop.app:app --database sqlite:// vocabulary check vocabulary.json
    """
    with application(session) as app:
        problems = app.vocabulary.covers(_read(file))
    document = {"covered": not problems, "problems": problems}
    session.answer(document, "\n".join(problems) or "Everything that was locked can be read.")
    return Code.DAMAGED if problems else Code.OK


def _read(file: Path) -> dict[str, Any]:
    try:
        words = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise click.BadParameter(f"{file} is no vocabulary: {error}") from error
    if not isinstance(words, dict) or not all(isinstance(one, dict) for one in words.values()):
        raise click.BadParameter(f"{file} is no vocabulary: wanted is what eventflow vocabulary lock writes.")
    return words
