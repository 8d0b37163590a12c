"""What waits on each queue, in the log and with the broker, and whether the queue is paused."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from eventflow.app import Eventflow
from eventflow.errors import NotFound, Unavailable, did_you_mean
from eventflow.runtime.switches import QUEUE
from eventflow.store.work import Backlog
from eventflow.views.switches import told


def queues(app: Eventflow) -> list[dict[str, Any]]:
    """Every queue: its reactions, how much of them waits, runs or is due later, and its switch."""
    backlog = {one.reaction: one for one in app.backlog()}
    return [_queue(app, name, reactions, backlog) for name, reactions in sorted(app.routes.by_queue().items())]


def reactions(app: Eventflow) -> list[dict[str, Any]]:
    """Every reaction: its queue, and how much of it is to be done."""
    backlog = {one.reaction: one for one in app.backlog()}
    names = ((queue, name) for queue, some in sorted(app.routes.by_queue().items()) for name in some)
    nothing = Backlog("", 0, 0, 0, 0, None)
    return [{"queue": queue, **backlog.get(name, nothing)._asdict(), "reaction": name} for queue, name in names]


def paused(app: Eventflow) -> list[str]:
    """The queues that rest now."""
    return [name for name in sorted(app.routes.by_queue()) if app.switches.is_paused(QUEUE, name)]


def check_known(app: Eventflow, name: str) -> None:
    """Raise ``NotFound`` when there is no such queue."""
    known = sorted(app.routes.by_queue())
    if name not in known:
        raise NotFound(f'There is no queue "{name}".{did_you_mean(name, known)} There is {", ".join(known)}.')


def _queue(app: Eventflow, name: str, reactions: Iterable[str], backlog: dict[str, Backlog]) -> dict[str, Any]:
    some = [backlog[one] for one in reactions if one in backlog]
    return {
        "name": name,
        "reactions": list(reactions),
        **told(app.switches, QUEUE, name),
        "waiting": sum(one.waiting for one in some),
        "sent": sum(one.sent for one in some),
        "depth": _depth(app, name),
        "running": sum(one.running for one in some),
        "later": sum(one.later for one in some),
        "next_due": min((one.next_due for one in some if one.next_due), default=None),
    }


def _depth(app: Eventflow, name: str) -> int | None:
    """What the broker says; an embedded one is in another process, and one that is away says nothing."""
    if app.broker.embedded:
        return None
    try:
        return app.broker.depth(name)
    except Unavailable:
        return None
