"""``eventflow locks``: how commands stand, and who may run them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import click

from eventflow.app import Eventflow
from eventflow.cli.actor import actor, reason_option
from eventflow.cli.application import application
from eventflow.cli.exits import Code
from eventflow.cli.output import Session, Table, moment, pass_session
from eventflow.cli.pausing import end_of, for_option, until_option
from eventflow.model.recorded import Context
from eventflow.runtime.commands.lockboard import Disabled, KeyStatus
from eventflow.views.commands import MANY, known, statuses, told

EVERYTHING = "all commands"

all_option = click.option("--all", "everything", is_flag=True, help="All commands.")


@click.group()
def locks() -> None:
    """How commands stand; disable them, enable them, clear what a dead one has left."""


@locks.command()
@click.argument("keys", nargs=-1, metavar="[KEY]...")
@click.option("--all", "everything", is_flag=True, help="Every key that was ever used, not only what counts now.")
@click.option("--after", default="", metavar="KEY", help="Go on behind this key.")
@click.option("--limit", default=MANY, show_default=True, type=click.IntRange(1, 1000), help="So many at most.")
@pass_session
def status(session: Session, keys: tuple[str, ...], everything: bool, after: str, limit: int) -> None:
    """How commands stand: idle, working, DISABLED, LOCKED or ERROR, with their last run and its errors.

    Without KEY these are the commands of the application and whatever else is held now. LOCKED means that nothing was
    heard of the holder for longer than its lease: the next run takes over.

    Example:
      eventflow --app shop.app:app locks status
    """
    with application(session) as app:
        app.people.check_view("Looking at locks", actor())
        disabled = app.lockboard.disabled()
        found = statuses(app, keys, everything=everything, after=after, limit=limit)
        untold = app.untold()
    rows = [(EVERYTHING, "DISABLED" if disabled else "enabled", None, None, _why(disabled)), *map(_row, found)]
    answer = {
        "all": {"state": "disabled" if disabled else "enabled", "disabled": disabled},
        "commands": [told(one) for one in found],
        "untold": [{"recipient": one.recipient, "subject": one.subject, "error": one.error} for one in untold],
    }
    session.answer(answer, Table(("key", "state", "last run", "held by", "remark"), rows))
    for one in untold:
        session.warn(f"{one.recipient} could not be told: {one.subject}. {one.error}")


@locks.command()
@click.argument("keys", nargs=-1, metavar="[KEY]...")
@all_option
@reason_option
@for_option
@until_option
@pass_session
def disable(
    session: Session,
    keys: tuple[str, ...],
    everything: bool,
    reason: str | None,
    lasting: timedelta | None,
    until: str | None,
) -> None:
    """Let commands not be run until they are enabled, or until a time. What runs goes on to its end.

    To stop everything: disable --all, and wait until locks status shows nothing that works.

    Examples:
      eventflow --app shop.app:app locks disable import-invoices --for 2h --reason "the bank is away"
      eventflow --app shop.app:app locks disable --all
    """
    with application(session) as app:
        some = _chosen(app, keys, everything)
        end = end_of(lasting, until, app.clock())
        for key in some:
            app.lockboard.disable(key, reason=reason, until=end, actor=actor())
        found = {key or EVERYTHING: app.lockboard.disabled(key) for key in some}
    text = "\n".join(f"{key}: {_why(one)}." for key, one in found.items())
    session.answer({"disabled": [{"key": key, "disabled": one} for key, one in found.items()]}, text)


@locks.command()
@click.argument("keys", nargs=-1, metavar="[KEY]...")
@all_option
@pass_session
def enable(session: Session, keys: tuple[str, ...], everything: bool) -> None:
    """Let commands be run again. What was disabled by its key stays so when all are enabled.

    Example:
      eventflow --app shop.app:app locks enable --all
    """
    with application(session) as app:
        some = _chosen(app, keys, everything)
        found = {key or EVERYTHING: app.lockboard.enable(key, actor=actor()) for key in some}
    text = "\n".join(f"{key} {'is enabled' if was else 'was not disabled'}." for key, was in found.items())
    session.answer({"enabled": [{"key": key, "was_disabled": was} for key, was in found.items()]}, text)


@locks.command()
@click.argument("key")
@click.option("--force", is_flag=True, help="Although its holder shows signs of life.")
@reason_option
@pass_session
def clear(session: Session, key: str, force: bool, reason: str | None) -> Code:
    """Take a lock from whoever holds it; whatever that one still does under the lock is refused.

    Ends with 5 when the holder shows signs of life, unless it is forced.

    Example:
      eventflow --app shop.app:app locks clear import-invoices --reason "the machine is gone"
    """
    with application(session) as app:
        _chosen(app, (key,), False)
        was = app.locks.clear(key, reason=reason, force=force, context=Context(actor=actor()))
    text = f"{key} is free; it was held by {was.holder}." if was else f"{key} was free."
    session.answer({"key": key, "cleared": was is not None, "holder": was.holder if was else None}, text)
    return Code.OK


def _chosen(app: Eventflow, keys: Sequence[str], everything: bool) -> list[str | None]:
    """The keys that are meant; nothing in place of one means all."""
    if everything == bool(keys):
        raise click.UsageError("Say either the keys or --all.")
    return [None] if everything else [*known(app, keys)]


def _row(one: KeyStatus) -> tuple[object, ...]:
    held = f"{one.holder} since {moment(one.since)} until {moment(one.until)}" if one.holder else None
    error = one.mishaps[-1] if one.mishaps else None
    remark = _why(one.disabled) or (f"{moment(error.at)} {error.text}" if error else one.result)
    return (
        one.title if one.title == one.key else f"{one.key} ({one.title})",
        one.state.label,
        moment(one.executed_at),
        held,
        remark,
    )


def _why(disabled: Disabled | None) -> str | None:
    if disabled is None:
        return None
    by = f" by {disabled.by}" if disabled.by else ""
    until = f" until {moment(disabled.until)}" if disabled.until else ""
    return f"disabled{by}{until}" + (f": {disabled.reason}" if disabled.reason else "")
