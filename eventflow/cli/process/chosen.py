"""Which run a command is about, by its id or the beginning of it, and what is said to it."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

import click

from eventflow.errors import NotFound
from eventflow_projections import Runs


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


def value_of(text: str) -> Any:
    """What is said on the command line: JSON if it is that, or else the text. Any: JSON may be anything.

    >>> value_of("12"), value_of("twelve")
    (12, 'twelve')
    """
    try:
        return json.loads(text)
    except ValueError:
        return text
