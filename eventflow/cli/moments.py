"""A moment of the log, as commands take it: a position, or a time with its time zone."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import click


class Moment(click.ParamType[int | datetime]):
    """A position of the log, or an aware time."""

    name = "position|time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int | datetime:
        """The moment; ``Any``, since click hands over texts and what was converted before."""
        if not isinstance(value, str):
            return value  # type: ignore[no-any-return]
        if value.isascii() and value.isdigit():
            return int(value)
        try:
            found = datetime.fromisoformat(value)
        except ValueError:
            self.fail(f'"{value}" is neither a position nor a time such as 2026-03-01T10:00:00Z.', param, ctx)
        if found.utcoffset() is None:
            self.fail(f'"{value}" has no time zone; write {value}Z, or another one.', param, ctx)
        return found


class Instant(Moment):
    """An aware time, and no position."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """The time; ``Any``, since click hands over texts and what was converted before."""
        found = super().convert(value, param, ctx)
        if not isinstance(found, datetime):
            self.fail(f'"{value}" is a position. Wanted is a time such as 2026-03-01T10:00:00Z.', param, ctx)
        return found


at_option = click.option("--at", type=Moment(), help="As it was then. Default: now.")
