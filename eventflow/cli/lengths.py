"""Lengths of time, as commands take them: ``90s``, ``30m``, ``2h``, ``3d``."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import click

from eventflow.settings import duration


class Age(click.ParamType[timedelta]):
    """A time that may be nothing."""

    name = "age"
    such_as = "30d, 12h, 90m or 0"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        """The time; ``Any``, since click hands over texts and what was converted before."""
        found = duration(value)
        if not isinstance(found, timedelta) or not self.fits(found):
            self.fail(f'"{value}" is no length of time. Wanted is one such as {self.such_as}.', param, ctx)
        return found

    def fits(self, found: timedelta) -> bool:
        """Whether it is long enough."""
        return found >= timedelta(0)


class Length(Age):
    """A time above nothing."""

    name = "time"
    such_as = "90s, 30m, 2h or 3d"

    def fits(self, found: timedelta) -> bool:
        """Whether it is more than nothing."""
        return found > timedelta(0)
