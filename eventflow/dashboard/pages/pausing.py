"""What actions that pause have in common: until when."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from eventflow.dashboard.desk import Desk
from eventflow.errors import BadInput
from eventflow.settings import duration


def end_of(desk: Desk) -> datetime | None:
    """When a pause ends by itself, by the field ``for`` (``2h``) or the field ``until``; nothing when both are empty.

    Raises ``BadInput`` for both at once, and for what is no time.
    """
    lasting, until = desk.said("for"), desk.said("until")
    if lasting is not None and until is not None:
        raise BadInput("Say either for how long, or until when.")
    if lasting is not None:
        return _after(desk.now, lasting)
    return None if until is None else _moment(until)


def _after(now: datetime, lasting: str) -> datetime:
    try:
        span = duration(lasting)
        end = now + span if isinstance(span, timedelta) and span > timedelta(0) else None
    except OverflowError:
        end = None
    if end is None:
        raise BadInput(f'"{lasting}" is no length of time. Wanted is one such as 90s, 30m, 2h or 3d.')
    return end


def _moment(until: str) -> datetime:
    try:
        time = datetime.fromisoformat(until)
    except ValueError:
        raise BadInput(f'"{until}" is no time. Wanted is one such as 2026-11-21T08:00.') from None
    return time if time.tzinfo else time.replace(tzinfo=UTC)
