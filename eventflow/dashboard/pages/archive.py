"""The archive: what is where, what was done about it, and what may be done while somebody waits for the page.

What takes longer is said with the words of the command line that does it.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from eventflow.dashboard.desk import ROWS, Desk, Done, Page
from eventflow.dashboard.pages.item import hours, restored
from eventflow.dashboard.pages.items import check_known
from eventflow.errors import BadInput, Refused
from eventflow.model.recorded import Context
from eventflow.runtime.archiving.ages import Ages
from eventflow.runtime.archiving.compress import Errand
from eventflow.settings import duration
from eventflow.store.archive.selection import Selection
from eventflow.views.archive import CATEGORY, operations, standing

BODIES = 10_000
"""Bodies that are moved, brought near or compared while somebody waits."""

COPIES = 100_000
"""Copies that are let go of while somebody waits."""

SEGMENTS = 1_000
"""Segments whose objects are looked for while somebody waits."""

BYTES = 64 * 1024 * 1024
"""Bytes of segments that are read while somebody waits."""

TOLD = 400
"""Characters of what is wrong that are told at once."""


def index(desk: Desk) -> Page:
    """How the archive stands, and what was done, the latest first."""
    desk.check_all()
    page = desk.app.items.page(CATEGORY, after=desk.asked("after") or None, limit=ROWS)
    values = {
        "standing": standing(desk.app),
        "operations": operations(desk.app, [one.created_position for one in page.rows]),
        "after": page.after,
        "categories": list(desk.app.aggregates),
        "hours": int(desk.app.settings.restored_for / timedelta(hours=1)),
        "can": {name: desk.may(f"archive.{name}") for name in ("compress", "restore", "purge", "verify", "gc")},
    }
    return Page("archive.html", "Archive", values)


def compress(desk: Desk) -> Done:
    """Move the bodies of old events into the object storage."""
    selection, older = _selection(desk, "archive.compress"), _older(desk)
    ages = desk.app.ages() if older is None else Ages(older)
    errand = Errand(selection, ages, desk.said("reason"), Context(actor=desk.actor))
    ready = desk.app.archives.ready(errand).events
    _check_bounded(ready, BODIES, "compress", selection, f" --older-than {desk.said('older')}" if older else "")
    done = list(desk.app.archives.compress(errand))
    left = [one for each in done for one in each.left]
    told = f"{sum(one.events for one in done):,} bodies have left, in {sum(bool(one.events) for one in done)} segments."
    stays = f" {len(left):,} stay, the first at position {left[0].position}: {left[0].why}" if left else ""
    return Done(_short(told + stays), "/archive")


def restore(desk: Desk) -> Done:
    """Bring copies of archived bodies near, for a while."""
    selection, lasts = _selection(desk, "archive.restore"), hours(desk)
    archived = desk.app.archives.catalogue.totals().events
    _check_bounded(archived, BODIES, "restore", selection, f" --for {int(lasts / timedelta(hours=1))}h")
    brought = desk.app.restore(category=selection.category, lasts=lasts, reason=desk.said("reason"), actor=desk.actor)
    return Done(_short(restored(brought, lasts)), "/archive")


def purge(desk: Desk) -> Done:
    """Let go of restored copies before their time is over."""
    selection = _selection(desk, "archive.purge")
    _check_bounded(desk.app.restorer.amount(selection).events, COPIES, "purge", selection)
    gone = desk.app.purge(category=selection.category, reason=desk.said("reason"), actor=desk.actor)
    return Done(f"{gone:,} restored bodies are gone; the archive has them still.", "/archive")


def verify(desk: Desk) -> Done:
    """Compare every segment with its manifest and with the log."""
    desk.check_all()
    totals = desk.app.archives.catalogue.totals()
    _check_bounded(max(totals.events, totals.size * BODIES // BYTES), BODIES, "verify", Selection())
    faults = list(desk.app.archives.verify())
    if not faults:
        return Done(f"{totals.archives:,} segments are whole.", "/archive")
    first = faults[0]
    where = f"{first.key or 'the log'}" + (f" at position {first.position}" if first.position else "")
    return Done(_short(f"{len(faults):,} are damaged, the first is {where}: {first.why}"), "/archive")


def gc(desk: Desk) -> Done:
    """Remove objects that no segment needs."""
    desk.check_all()
    _check_bounded(desk.app.archives.catalogue.totals().archives, SEGMENTS, "gc", Selection())
    gone = desk.app.archives.collect(reason=desk.said("reason"), context=Context(actor=desk.actor))
    return Done(f"{len(gone):,} objects are gone. Room on the disk is given back by workers every hour.", "/archive")


def _selection(desk: Desk, action: str) -> Selection:
    """All of the archive, or a category of it."""
    desk.check_all()
    category = desk.said("category")
    if category is not None:
        check_known(desk.app, category)
        desk.check(action, category)
    return Selection(category=category)


def _older(desk: Desk) -> timedelta | None:
    """How old is old enough, or nothing for what the settings say."""
    said = desk.said("older")
    if said is None:
        return None
    try:
        found = duration(said)
    except OverflowError:
        found = None
    if not isinstance(found, timedelta) or found < timedelta(0):
        raise BadInput(f'"{said}" is no length of time. Wanted is one such as 30d, 12h, 90m or 0.')
    return found


def _check_bounded(amount: int, most: int, command: str, selection: Selection, more: str = "") -> None:
    """Raise ``Refused`` with the words of the command line for what takes longer than a page may."""
    if amount > most:
        of = f" --category {selection.category}" if selection.category else ""
        raise Refused(
            f"That takes longer than a page may. Say it on the command line: eventflow archive {command}{of}{more}"
        )


def _short(text: str) -> str:
    return text if len(text) <= TOLD else text[: TOLD - 1] + "…"


PAGES = (("/archive", index),)
ACTIONS: tuple[Any, ...] = tuple(
    (f"/archive/{act.__name__}", f"archive.{act.__name__}", act) for act in (compress, restore, purge, verify, gc)
)
