"""What actions that pause have in common: for how long."""

from __future__ import annotations

from datetime import datetime, timedelta

from eventflow.dashboard.desk import Desk
from eventflow.errors import BadInput
from eventflow.settings import duration


def end_of(desk: Desk) -> datetime | None:
    """When a pause ends by itself, by the field ``for`` (``2h``). Raises ``BadInput`` for no length of time."""
    said = desk.said("for")
    if said is None:
        return None
    found = duration(said)
    if not isinstance(found, timedelta) or found <= timedelta(0):
        raise BadInput(f'"{said}" is no length of time. Wanted is one such as 90s, 30m, 2h or 3d.')
    return desk.now + found
