"""What actions that let things rest have in common: which thing, until when."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from eventflow.app import Eventflow
from eventflow.dashboard.desk import Desk
from eventflow.errors import BadInput
from eventflow.settings import duration


def named(desk: Desk, action: str, check_known: Callable[[Eventflow, str], None]) -> str:
    """The thing that the address names, if there is one of this name and this person may do that with it."""
    name = str(desk.request.path_params["name"])
    desk.check_all()
    check_known(desk.app, name)
    desk.check(action, name)
    return name


def paused(desk: Desk, kind: str, name: str) -> None:
    """Let it rest, for the reason and as long as the form says. Raises ``BadInput``, ``Refused``."""
    desk.app.switches.pause(kind, name, reason=desk.said("reason"), until=end_of(desk), actor=desk.actor)


def resumed(desk: Desk, kind: str, name: str) -> str:
    """Let it go on; in words, whether it rested."""
    rested = desk.app.switches.resume(kind, name, actor=desk.actor)
    return f"{name} {'goes on' if rested else 'was not paused'}."


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
