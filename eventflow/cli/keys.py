"""``eventflow keys``: the master keys that wrap the keys of streams."""

from __future__ import annotations

import click

from eventflow.cli.output import Session, Table, pass_session
from eventflow.cli.view import opened
from eventflow.store import masters


@click.group()
def keys() -> None:
    """The master keys behind what can be erased: make one, let another take over."""


@keys.command()
@pass_session
def new(session: Session) -> None:
    """Say a new master key, for EVENTFLOW_MASTER_KEY. Nothing is kept.

    Example:
      eventflow keys new
    """
    key = masters.new()
    session.answer({"key": key}, key)


@keys.command()
@pass_session
def status(session: Session) -> None:
    """How many keys of streams each master key wraps, and how many streams were erased.

    Example:
      eventflow --app shop.app:app keys status
    """
    with opened(session) as view:
        standing = view.log.keyring.standing()
        erased = standing.pop("", 0)
        current = view.log.keyring.masters.current if standing else None
    rows = [(name, "wraps new ones" if name == current else "", count) for name, count in standing.items()]
    document = {"current": current, "masters": standing, "erased": erased}
    session.answer(document, Table(("master key", "", "keys"), rows) if rows else "No stream has a key.")
    session.say(f"{erased} streams were erased.")


@keys.command()
@pass_session
def rotate(session: Session) -> None:
    """Wrap every key of a stream by the first master key of the settings; the others can be let go then.

    Before it, say the new key in EVENTFLOW_MASTER_KEY, a comma, and the old one, and start all programs again.
    Everybody goes on meanwhile. Whoever interrupts it loses nothing: said again, it goes on. The keys of streams, and
    with them all bodies, stay as they are.

    Example:
      eventflow --app shop.app:app keys rotate
    """
    with opened(session) as view:
        done = sum(view.log.keyring.rewrap())
        current = view.log.keyring.masters.current
    session.answer({"current": current, "rewrapped": done}, f"{done} keys are wrapped by {current} now.")
