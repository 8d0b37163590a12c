"""How what may be paused stands: a queue, a tick."""

from __future__ import annotations

from typing import Any

from eventflow.runtime.switches import Switches


def told(switches: Switches, kind: str, name: str) -> dict[str, Any]:
    """How a switch stands: whether it rests, and if so why, until when, since when and by whom."""
    head, switch = switches.head(kind, name), switches.get(kind, name)
    if head is None or switch is None or not switches.is_paused(kind, name):
        return {"paused": False}
    return {"paused": True, "reason": switch.reason, "until": switch.until, "since": head.recorded_at, "by": head.actor}
