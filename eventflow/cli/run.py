"""``eventflow run``: one of the commands of an application, now, under its lock."""

from __future__ import annotations

import logging
import signal
from collections.abc import Iterator
from contextlib import contextmanager

import click

from eventflow.cli.actor import actor
from eventflow.cli.application import application
from eventflow.cli.exits import Code
from eventflow.cli.output import Session, Table, pass_session
from eventflow.errors import EventflowError
from eventflow.runtime.commands.commands import Passing


@click.command()
@click.argument("command", required=False)
@click.option("--param", metavar="TEXT", help="Which of its params.")
@click.option("--skip-global-lock", "--skip-lock", is_flag=True, help="Run although it, or everything, is disabled.")
@click.option("--skip-command-lock", is_flag=True, help="Run without taking the lock, whoever has it.")
@click.option("--remove-command-lock", "--remove-lock", is_flag=True, help="First take the lock from whoever has it.")
@pass_session
def run(
    session: Session,
    command: str | None,
    param: str | None,
    skip_global_lock: bool,
    skip_command_lock: bool,
    remove_command_lock: bool,
) -> Code:
    """Run a command now; without a name, list those that there are.

    It runs under its lock, so that it runs once at a time, wherever it is started. Ends with 5 when the lock is held or
    the command disabled, with 1 when the command failed.

    Examples:
      eventflow --app shop.app:app run
      eventflow --app shop.app:app run import-invoices --param north
    """
    with application(session) as app:
        if command is None:
            rows = [(key, title, _every(one.every)) for one in app.commands.all() for _, key, title in one.lines()]
            known = [{"key": key, "title": title, "every": every} for key, title, every in rows]
            text: str | Table = Table(("key", "title", "every"), rows) if rows else "This application has no commands."
            session.answer({"commands": known}, text)
            return Code.OK
        passing = Passing(disabled=skip_global_lock, lock=skip_command_lock, holder=remove_command_lock)
        with _hearing_all(), _stopped_as_interrupted():
            try:
                ran = app.run(command, param, passing=passing, actor=actor())
            except EventflowError:
                raise
            except Exception as error:  # noqa: BLE001 - the command is user code; what it raised is recorded
                session.warn(f"{command} failed: {app.masker.text(f'{type(error).__name__}: {error}')}")
                session.answer({"command": command, "param": param, "failed": True}, "See: eventflow locks status")
                return Code.SOME_FAILED
    said = f": {ran.result}" if ran.result else ""
    answer = {"key": ran.key, "token": ran.token, "result": ran.result, "took": ran.took}
    session.answer(answer, f"{ran.key} ran in {ran.took.total_seconds():.3f} s{said}")
    return Code.OK


@contextmanager
def _stopped_as_interrupted() -> Iterator[None]:
    """Let whoever asks the program to end give the command the time to give its lock back."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _every(every: object) -> str | None:
    return None if every is None else str(every)


@contextmanager
def _hearing_all() -> Iterator[None]:
    """Let loggers speak from the level of information on, for the record; what is shown stays as it was wanted."""
    root = logging.getLogger()
    before, shown = root.level, [(one, one.level) for one in root.handlers]
    for handler, level in shown:
        handler.setLevel(max(before, level))
    root.setLevel(min(before, logging.INFO))
    try:
        yield
    finally:
        root.setLevel(before)
        for handler, level in shown:
            handler.setLevel(level)
