"""How a batch goes, as a form says it: which groups ahead, how many in a second, how many in all."""

from __future__ import annotations

from typing import TypedDict

from eventflow.dashboard.desk import Desk
from eventflow.errors import BadInput


class Pace(TypedDict):
    """What is said to a batch beside what it is about."""

    canaries: tuple[int, ...]
    rate: float | None
    limit: int | None


def pace(desk: Desk) -> Pace:
    """What the fields ``canaries``, ``rate`` and ``limit`` say. Raises ``BadInput`` for no numbers above zero."""
    limit = _numbers(desk.said("limit"))
    if len(limit) > 1:
        raise BadInput(f'"{desk.said("limit")}" is no number above zero.')
    return {
        "canaries": _numbers(desk.said("canaries")),
        "rate": _rate(desk.said("rate")),
        "limit": next(iter(limit), None),
    }


def _numbers(said: str | None) -> tuple[int, ...]:
    parts = [one.strip() for one in (said or "").split(",") if one.strip()]
    if not all(one.isdecimal() and int(one[:10]) > 0 and len(one) < 10 for one in parts):
        raise BadInput(f'"{said}" is no list of numbers above zero such as 1, 10, 100.')
    return tuple(map(int, parts))


def _rate(said: str | None) -> float | None:
    try:
        rate = None if said is None else float(said)
    except ValueError:
        rate = 0.0
    if rate is not None and not 0 < rate < float("inf"):
        raise BadInput(f'"{said}" is no number in a second above zero.')
    return rate
