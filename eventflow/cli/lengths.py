"""Lengths of time, as commands take them: ``90s``, ``30m``, ``2h``, ``3d``."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import click

from eventflow.settings import duration


class Length(click.ParamType[timedelta]):
    """A time above nothing."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        """The time; ``Any``, since click hands over texts and what was converted before."""
        found = duration(value)
        if not isinstance(found, timedelta) or found <= timedelta(0):
            self.fail(f'"{value}" is no length of time. Wanted is one such as 90s, 30m, 2h or 3d.', param, ctx)
        return found
