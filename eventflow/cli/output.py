"""What a command was told for all commands alike, and how it answers: to people or, with ``--json``, to programs.

A command that ends gives one ``answer``; one that goes on gives a ``line`` for each thing that happens. With
``--json`` these are one JSON document or one per line on standard output, and everything said to people goes to
standard error. Tables are drawn on a terminal and plain columns everywhere else.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, is_dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

import click

if TYPE_CHECKING:
    from rich.console import Console


FOLDED = 10
"""Characters that the last column of a drawn table has at least."""


@dataclass(frozen=True)
class Table:
    """Rows under the names of their columns; a cell is shown as text, ``None`` as nothing."""

    columns: Sequence[str]
    rows: Sequence[Sequence[object]] = field(default=())

    def cells(self) -> list[list[str]]:
        """The rows as texts, each on one line."""
        return [["" if cell is None else one_line(str(cell)) for cell in row] for row in self.rows]

    def plain(self) -> str:
        """The table as aligned columns, for pipes and files.

        >>> print(Table(["status", "items"], [("queued", 12), ("error", 3)]).plain())
        status  items
        queued  12
        error   3
        """
        lines = [*([list(self.columns)] if any(self.columns) else []), *self.cells()]
        return "\n".join("  ".join(map(str.ljust, line, self.widths())).rstrip() for line in lines)

    def widths(self) -> list[int]:
        """The characters that each column needs."""
        return [max(map(len, column)) for column in zip(self.columns, *self.cells(), strict=True)]


@dataclass
class Session:
    """The options before the command, and the ways to answer.

    Changes while the command line is read: ``--json`` may stand behind the command as well.
    """

    app: str | None = None
    database: str | None = None
    broker: str | None = None
    json: bool = False
    verbosity: int = 0
    no_color: bool = False

    def answer(self, document: object, text: str | Table) -> None:
        """The one answer of a command that ends: the document for programs, or the text for people."""
        if self.json:
            click.echo(as_json(document))
        else:
            self._show(text, err=False)

    def line(self, document: object, text: str) -> None:
        """One of many answers, told as soon as it is known."""
        click.echo(as_json(document) if self.json else text)
        sys.stdout.flush()

    def say(self, text: str | Table) -> None:
        """Something for people only; ``-q`` silences it."""
        if self.verbosity >= 0:
            self._show(text, err=self.json)

    def hint(self, text: str) -> None:
        """What one might do next, beside the answer: on standard error; ``-q`` silences it."""
        if self.verbosity >= 0:
            click.echo(text, err=True)

    def warn(self, text: str) -> None:
        """Something that people should know even when they asked for quiet."""
        click.echo(text, err=True)

    def console(self) -> Console:
        """A console for what moves: progress bars and the like."""
        from rich.console import Console

        return Console(stderr=self.json, no_color=self.no_color or None, highlight=False, quiet=self.verbosity < 0)

    def _show(self, text: str | Table, *, err: bool) -> None:
        if isinstance(text, str):
            click.echo(text, err=err)
        elif (sys.stderr if err else sys.stdout).isatty():
            self._draw(text, err=err)
        else:
            click.echo(text.plain(), err=err)

    def _draw(self, table: Table, *, err: bool) -> None:
        from rich import box
        from rich.console import Console
        from rich.table import Table as Drawn
        from rich.text import Text

        console = Console(stderr=err, no_color=self.no_color or None, highlight=False)
        if sum(table.widths()[:-1]) + 3 * len(table.columns) + FOLDED > console.width:
            # A frame that is too narrow would cut ids; plain lines are only broken by the terminal.
            click.echo(table.plain(), err=err)
            return
        drawn = Drawn(box=box.SIMPLE_HEAD, header_style="bold", pad_edge=False, show_header=any(table.columns))
        for name in table.columns:
            # What identifies a row stays in one piece; the last column is the one to be folded.
            drawn.add_column(name, no_wrap=name != table.columns[-1], overflow="fold")
        for row in table.cells():
            drawn.add_row(*map(Text, row))
        console.print(drawn)


_UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def harmless(text: str) -> str:
    """A text without what would steer a terminal: the log quotes whatever others have said.

    >>> harmless("red" + chr(27) + "[31m alert" + chr(7))
    'red�[31m alert�'
    """
    return _UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", text)


def one_line(text: str) -> str:
    """A text on one line."""
    return harmless(" ".join(text.split()))


def moment(time: datetime | None) -> str | None:
    """A time as tables show it: to the second, in UTC.

    >>> moment(datetime(2026, 11, 21, 2, 44, 12, 851628, tzinfo=UTC))
    '2026-11-21 02:44:12'
    """
    return None if time is None else f"{time.astimezone(UTC):%Y-%m-%d %H:%M:%S}"


pass_session = click.make_pass_decorator(Session)
"""Decorates a command that wants its ``Session`` as the first argument."""


def as_json(document: object) -> str:
    """A document as one line of JSON.

    >>> as_json({"id": UUID(int=1), "age": timedelta(minutes=2)})
    '{"id": "00000000-0000-0000-0000-000000000001", "age": 120.0}'
    """
    return json.dumps(document, default=_plain, ensure_ascii=False)


def _plain(value: Any) -> Any:
    """What JSON can say of a value that it has no word for; ``Any``, since a command may answer whatever it has."""
    if hasattr(value, "model_dump"):
        return value.model_dump(mode="json")
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, bytes):
        return value.hex()
    return _collected(value)


def _collected(value: Any) -> Any:
    if isinstance(value, UUID | Path | Enum | Decimal):
        return str(value)
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, Iterable):
        return list(value)
    raise TypeError(f"{type(value).__name__} is nothing that JSON can say.")
