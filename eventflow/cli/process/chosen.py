"""Which runs a command is about: by id, by the beginning of one, or by a filter."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from typing import Any, TypeVar
from uuid import UUID

import click

from eventflow.app import Eventflow
from eventflow.errors import NotFound
from eventflow_projections import Running, Runs

F = TypeVar("F", bound=Callable[..., Any])


def runs_of(app: Eventflow) -> Runs:
    """The runs of an application. Raises ``NotFound`` when it has no processes."""
    if Running.name not in app.projections.runners:
        raise NotFound("This application has no processes. Give it some: Eventflow(processes=[...]).")
    return app.runs


def run_of(runs: Runs, id: str) -> UUID:
    """The run that an id or its beginning means. Raises ``NotFound``, and a usage error for what is no id."""
    try:
        return UUID(id)
    except ValueError:
        return _beginning_with(runs, id)


def _beginning_with(runs: Runs, id: str) -> UUID:
    if len(id) < 4 or set(id.lower()) - set("0123456789abcdef-"):
        raise click.BadParameter(f'"{id}" is neither a UUID nor the beginning of one (four digits or more).')
    found = runs.page(f"id:{id}*", limit=2).rows
    if not found:
        raise NotFound(f"There is no run whose id begins with {id}.")
    if len(found) > 1:
        raise click.BadParameter(f"Several ids begin with {id}: {found[0].id}, {found[1].id}, …")
    return found[0].id


def many(command: F) -> F:
    """The options of a command that does the same to one run or to many, and their ids."""
    return filtered(click.argument("ids", nargs=-1, metavar="[ID]...")(command))


def filtered(command: F) -> F:
    """The options of a command that may do the same to many runs."""
    for option in (
        click.option("--yes", is_flag=True, help="Do not ask."),
        click.option("--dry-run", is_flag=True, help="Say what would be done."),
        click.option("--limit", type=click.IntRange(1), help="At most so many of those that pass, the oldest first."),
        click.option("--where", metavar="FILTER", help='Those that pass: "process:release status:error age<1d".'),
    ):
        command = option(command)
    return command


def check(ids: Sequence[str], where: str | None, limit: int | None) -> None:
    """Refuse what is said twice, or not at all."""
    if bool(ids) == (where is not None):
        raise click.UsageError("Say which ones: either ids, or --where FILTER.")
    if ids and limit is not None:
        raise click.UsageError("--limit goes with --where.")
    if where is not None and not where.strip():
        raise click.UsageError("An empty filter means every run. Say what you mean.")


def agreed(verb: str, amount: int, where: str) -> bool:
    """Whether somebody wants that to be done to so many."""
    if not amount:
        return True
    if not sys.stdin.isatty():
        raise click.UsageError(f"{amount} runs pass {where!r}. Nobody can be asked here: say --yes, or --dry-run.")
    return click.confirm(f"{verb} {amount} runs?", err=True)


def value_of(text: str) -> Any:
    """What is said on the command line: JSON if it is that, or else the text. Any: JSON may be anything.

    >>> value_of("12"), value_of("twelve")
    (12, 'twelve')
    """
    try:
        return json.loads(text)
    except ValueError:
        return text
