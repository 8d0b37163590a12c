"""Commands and locks: how each key stands, and which keys there are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from eventflow.app import Eventflow
from eventflow.errors import NotFound, did_you_mean
from eventflow.model.command import Command
from eventflow.runtime.commands.lockboard import KeyStatus

MANY = 200
"""Keys that are shown at once."""


def told(one: KeyStatus) -> dict[str, Any]:
    """How a key stands, with the errors of its last run apart from earlier ones."""
    return {
        "key": one.key,
        "title": one.title,
        "state": str(one.state),
        "token": one.token,
        "holder": one.holder,
        "since": one.since,
        "until": one.until,
        "last_run": one.executed_at,
        "result": one.result,
        "errors": [each.model_dump() for each in one.mishaps],
        "earlier_errors": [each.model_dump() for each in one.earlier],
        "disabled": one.disabled,
    }


def groups(app: Eventflow) -> list[list[dict[str, Any]]]:
    """How every command stands, one after the other in the order in which they were given, parted by spacers.

    Beside what ``told`` says: the rhythm in which it runs, if it has one (``every``, in seconds).
    """
    return [[line for one in group for line in _lines(app, one)] for group in app.commands.groups()]


def _lines(app: Eventflow, command: Command[Any, Any]) -> list[dict[str, Any]]:
    every = None if command.every is None else command.every.total_seconds()
    return [{**told(app.lockboard.status(key, title)), "every": every} for _, key, title in command.lines()]


def statuses(
    app: Eventflow, keys: Sequence[str] = (), *, everything: bool = False, after: str = "", limit: int = MANY
) -> list[KeyStatus]:
    """How these keys stand; without any, the commands and whatever else is held, or every key that was ever used.

    Raises ``NotFound`` for a key that nobody knows.
    """
    titles = _titles(app)
    if keys:
        return [app.lockboard.status(one, titles.get(one)) for one in known(app, keys)]
    if everything:
        return [app.lockboard.status(one, titles.get(one)) for one in app.lockboard.keys(after=after, limit=limit)]
    return [*app.commands.statuses(), *others(app, after=after, limit=limit)]


def others(app: Eventflow, *, after: str = "", limit: int = MANY) -> list[KeyStatus]:
    """How the keys stand that are held now and belong to no command."""
    titles = _titles(app)
    held = app.lockboard.held(after=after, limit=limit)
    return [app.lockboard.status(one) for one in held if one not in titles]


def known(app: Eventflow, keys: Sequence[str]) -> Sequence[str]:
    """The keys, if each of them belongs to a command or was used at least once: a slip of the pen shall not pass."""
    titles = _titles(app)
    for key in keys:
        if key not in titles and not app.lockboard.was_used(key):
            near = did_you_mean(key, [*titles, *app.lockboard.keys()])
            raise NotFound(f'No command and no lock has the key "{key}".{near}')
    return keys


def _titles(app: Eventflow) -> dict[str, str]:
    return {key: title for one in app.commands.all() for _, key, title in one.lines()}
