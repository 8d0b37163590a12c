"""One item with its whole history, and what can be done with it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import timedelta
from itertools import accumulate
from typing import Any
from uuid import UUID

from eventflow.dashboard.desk import DIGITS, Desk, Done, Page
from eventflow.dashboard.pages.items import check_seen
from eventflow.errors import BadInput, NotFound, Refused, StreamNotFound
from eventflow.model.recorded import Header, Phase
from eventflow.model.system import is_reserved
from eventflow.runtime.archiving.restore import Brought
from eventflow.store.archive.selection import EVERYWHERE, Selection
from eventflow.views import histories, states
from eventflow.views.items import headers_of, held, outside

STEPS = 50
"""Events of a history on one page."""

AT_ONCE = 10_000
"""Events of an item whose bodies are moved while somebody waits for the page."""

TOO_LONG = "That takes longer than a page may. Say it on the command line:"

HOURS = 24 * 366
"""The longest time that a page restores for."""


def detail(desk: Desk) -> Page:
    """One item as the log has it now, and what happened to it, the latest first."""
    id = desk.request.path_params["id"]
    check_seen(desk, id)
    headers = headers_of(desk.app.log, id)
    item = outside(desk.app.database, headers, desk.app)
    upto = desk.asked_number("upto", item["version"], least=1, most=item["version"])
    events = histories.stretch(desk.app, id, max(upto - STEPS, 0), upto, desk.redacted)
    values = {
        "item": {**item, **_held(desk, item)},
        "events": events,
        "older": upto - STEPS if upto > STEPS else None,
        "can": _possible(desk, headers[-1], item["standing"], events),
        "room": histories.ROOM,
        "hours": int(desk.app.settings.restored_for / timedelta(hours=1)),
        "spans": _drawn(states.spans(headers, desk.now)),
        "flow": _flow(desk, headers[-1]),
        "past": _past(desk, id, item["version"]),
        "difference": _difference(desk, id, item["version"]),
        "story": next((one["correlation"] for one in events if one["correlation"]), None),
    }
    return Page("item.html", f"{item['category']} {str(id)[:8]}", values)


def _held(desk: Desk, item: dict[str, Any]) -> dict[str, Any]:
    """What it holds, as this person may see it."""
    if item["erased"]:
        return {"fields": None}
    found = held(desk.app, item["id"])
    if found["fields"] is None:
        return found
    fields = desk.redacted(found["fields"])
    return {"fields": fields, "length": histories.length_of(fields)}


# -- as it was -----------------------------------------------------------------------------------


def _past(desk: Desk, id: UUID, last: int) -> dict[str, Any] | None:
    """What it was at the version that is asked for, as this person may see it."""
    if not desk.asked("at"):
        return None
    return _at(desk, id, desk.asked_number("at", last, least=1, most=last))


def _difference(desk: Desk, id: UUID, last: int) -> dict[str, Any] | None:
    """What differs between the two versions that are asked for, as this person may see them."""
    said = desk.asked("diff")
    if not said:
        return None
    versions = said.split("..")
    if len(versions) != 2 or not all(one.isdecimal() and len(one) < 10 and 0 < int(one) <= last for one in versions):
        raise BadInput(f'"{said}" is no pair of versions: wanted are two numbers from 1 to {last}, such as 1..{last}.')
    before, after = (_at(desk, id, int(one)) for one in versions)
    unreadable = before.get("unreadable") or after.get("unreadable")
    told = [] if unreadable else list(states.differences(before["fields"], after["fields"]))
    status = {"before": before["status"], "after": after["status"]}
    return {"before": before["version"], "after": after["version"], "status": status, "fields": told} | (
        {"unreadable": unreadable} if unreadable else {}
    )


def _at(desk: Desk, id: UUID, version: int) -> dict[str, Any]:
    found = states.at(desk.app, id, version)
    if found["fields"] is None:
        return found
    fields = desk.redacted(found["fields"])
    return {**found, "fields": fields, "length": histories.length_of(fields)}


def _drawn(spans: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The same, each with its place on a line of 1000, on which long times are shortened: most are waited away."""
    weights = [1 + math.log1p(one["lasted"]) for one in spans]
    ends = [*accumulate(weights)]
    scale = 1000 / ends[-1] if ends else 0
    return [
        {**one, "x": round((end - weight) * scale, 1), "width": round(weight * scale, 1)}
        for one, weight, end in zip(spans, weights, ends, strict=True)
    ]


def _flow(desk: Desk, head: Header) -> dict[str, Any] | None:
    """The flow that it is bound to; its name, if there still is one of this id."""
    if head.flow is None:
        return None
    try:
        bound = desk.app.flows.of(head.stream)
    except NotFound:
        bound = None
    return {"id": head.flow, "name": None if bound is None else bound.name("en")}


# -- what can be done with it --------------------------------------------------------------------


def defibrillate(desk: Desk) -> Done:
    """Restart what failed."""
    id = _meant(desk, "items.defibrillate").stream
    header = desk.app.defibrillate(id, reason=desk.said("reason"), actor=desk.actor)
    return Done(f"Restarted: it is {header.status} now.", f"/item/{id}")


def cancel(desk: Desk) -> Done:
    """Let go of it."""
    id = _meant(desk, "items.cancel").stream
    header = desk.app.cancel(id, reason=desk.said("reason"), actor=desk.actor)
    return Done(f"Cancelled: it is {header.status} now.", f"/item/{id}")


def wake(desk: Desk) -> Done:
    """Let what was put aside go on now."""
    id = _meant(desk, "items.wake").stream
    desk.app.wake(id, actor=desk.actor)
    return Done("It is due now.", f"/item/{id}")


def touch(desk: Desk) -> Done:
    """Announce its status once more."""
    id = _meant(desk, "items.touch").stream
    header = desk.app.touch(id, actor=desk.actor)
    return Done(f"It was announced once more as {header.status}.", f"/item/{id}")


def compress(desk: Desk) -> Done:
    """Move its bodies into the object storage now, however young they are."""
    head = _meant(desk, "archive.compress")
    id = head.stream
    _refuse_long(head, f"eventflow archive compress --stream {id} --older-than 0")
    done = desk.app.archive(stream=id, older_than=timedelta(0), reason=desk.said("reason"), actor=desk.actor)
    return Done(f"{sum(one.events for one in done):,} bodies have left.", f"/item/{id}")


def restore(desk: Desk) -> Done:
    """Bring copies of its archived bodies near, for a while."""
    head, lasts = _meant(desk, "archive.restore"), hours(desk)
    id = head.stream
    _refuse_long(head, f"eventflow archive restore --stream {id} --for {int(lasts / timedelta(hours=1))}h")
    brought = desk.app.restore(stream=id, lasts=lasts, reason=desk.said("reason"), actor=desk.actor)
    return Done(restored(brought, lasts), f"/item/{id}")


def purge(desk: Desk) -> Done:
    """Let go of the copies before their time is over."""
    id = _meant(desk, "archive.purge").stream
    gone = desk.app.purge(stream=id, reason=desk.said("reason"), actor=desk.actor)
    return Done(f"{gone:,} restored bodies are gone; the archive has them still.", f"/item/{id}")


def _meant(desk: Desk, action: str) -> Header:
    """The head of the item that an action is about, if this person sees it and may do that with its category."""
    id: UUID = desk.request.path_params["id"]
    check_seen(desk, id)
    head = desk.app.log.head(id)
    if head is None:
        raise StreamNotFound(id)
    desk.check(action, head.category)
    return head


def _refuse_long(head: Header, words: str) -> None:
    """Raise ``Refused``, with what to say in place of it, for an item of very many events."""
    if head.version > AT_ONCE:
        raise Refused(f"{TOO_LONG} {words}")


def hours(desk: Desk) -> timedelta:
    """For how long something is restored. Raises ``BadInput`` for what is no number of hours."""
    said = desk.said("hours") or ""
    if not said.isdecimal() or len(said) > DIGITS or not 0 < int(said) <= HOURS:
        raise BadInput(f'"{said}" is no number of hours from 1 to {HOURS}.')
    return timedelta(hours=int(said))


def restored(brought: Brought, lasts: timedelta) -> str:
    """What was restored, in words."""
    told = f"{brought.amount.events:,} bodies are near now, for {int(lasts / timedelta(hours=1)):,} hours."
    return told if not brought.left else f"{told} {len(brought.left):,} could not be restored: {brought.left[0]}"


def _possible(
    desk: Desk, head: Header, standing: Mapping[str, Any], events: Sequence[Mapping[str, Any]]
) -> dict[str, bool]:
    """What this person can do with the item now."""
    if head.phase == Phase.ERASED:
        return dict.fromkeys(("defibrillate", "cancel", "wake", "touch", "compress", "restore", "purge"), False)
    return {**_moves(desk, head, standing), **_copies(desk, head, events)}


def _moves(desk: Desk, head: Header, standing: Mapping[str, Any]) -> dict[str, bool]:
    """What its class lets one do where it stands."""
    kind = desk.app.aggregates.get(head.category)
    status = kind.statuses.get(head.status) if kind is not None else None
    can = {
        "defibrillate": kind is not None and status in kind.restarts,
        "cancel": kind is not None and status in kind.cancellations,
        "wake": kind is not None and standing["phase"] == Phase.DEFERRED,
        "touch": status is not None,
    }
    return {name: one and desk.may(f"items.{name}", head.category) for name, one in can.items()}


def _copies(desk: Desk, head: Header, events: Sequence[Mapping[str, Any]]) -> dict[str, bool]:
    """What can be done about where its bodies lie."""
    id, category = head.stream, head.category
    is_hot = any(one["lies"] == histories.IN_DATABASE and one["size"] for one in events)
    has_left = bool(desk.app.archives.catalogue.places(id, 1, EVERYWHERE))
    has_copies = has_left and desk.app.restorer.amount(Selection(stream=id)).events > 0
    return {
        "compress": is_hot and not is_reserved(category) and desk.may("archive.compress", category),
        "restore": has_left and desk.may("archive.restore", category),
        "purge": has_copies and desk.may("archive.purge", category),
    }


PAGES = (("/item/{id:uuid}", detail),)
ACTIONS = (
    ("/item/{id:uuid}/defibrillate", "items.defibrillate", defibrillate),
    ("/item/{id:uuid}/cancel", "items.cancel", cancel),
    ("/item/{id:uuid}/wake", "items.wake", wake),
    ("/item/{id:uuid}/touch", "items.touch", touch),
    ("/item/{id:uuid}/compress", "archive.compress", compress),
    ("/item/{id:uuid}/restore", "archive.restore", restore),
    ("/item/{id:uuid}/purge", "archive.purge", purge),
)
