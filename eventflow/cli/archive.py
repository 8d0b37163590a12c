"""``eventflow archive``: what leaves the database, whether it is whole, what it comes to."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import wraps
from typing import Any, TypeVar
from uuid import UUID

import click

from eventflow.app import Eventflow
from eventflow.cli.actor import actor, reason_option
from eventflow.cli.application import application
from eventflow.cli.exits import Code
from eventflow.cli.lengths import Age
from eventflow.cli.output import Session, Table, moment, pass_session
from eventflow.model.recorded import Context
from eventflow.runtime.archiving.ages import Ages
from eventflow.runtime.archiving.compress import Compressed, Errand
from eventflow.runtime.archiving.reseal import GRACE, WHERE, Order, Prospect, Resealed
from eventflow.runtime.archiving.restore import Brought, Wish, total
from eventflow.store.archive.restored import Amount
from eventflow.store.archive.selection import EVERYWHERE, Selection
from eventflow.views.archive import standing

F = Callable[..., Code | None]
T = TypeVar("T")


def chosen(command: F) -> F:
    """The options that choose events; the command gets the ``selection`` that they make."""

    @click.option("--stream", type=click.UUID, metavar="ID", help="Of this item only.")
    @click.option("--category", metavar="CATEGORY", help="Of this category only.")
    @click.option("--from", "lo", type=click.IntRange(1), metavar="POSITION", help="From this position on.")
    @click.option("--to", "hi", type=click.IntRange(1), metavar="POSITION", help="Up to this position.")
    @click.option("--event", type=click.IntRange(1), metavar="POSITION", help="One event only.")
    @wraps(command)
    def choosing(
        stream: UUID | None, category: str | None, lo: int | None, hi: int | None, event: int | None, **said: Any
    ) -> Code | None:
        if event is not None and (lo is not None or hi is not None):
            raise click.UsageError("--event names one event; --from and --to name many.")
        stretch = {"lo": event or lo or 0, "hi": event or hi or EVERYWHERE}
        return command(selection=Selection(stream=stream, category=category, **stretch), **said)

    return choosing


@click.group()
def archive() -> None:
    """Old bodies in the object storage: move them there, look after them."""


@archive.command()
@chosen
@click.option("--older-than", type=Age(), help="How old is old enough (30d, 12h, 0). Default: the settings.")
@reason_option
@click.option("--dry-run", is_flag=True, help="Say how much would leave.")
@pass_session
def compress(
    session: Session, selection: Selection, older_than: timedelta | None, reason: str | None, dry_run: bool
) -> Code:
    """Move the bodies of old events into the object storage.

    Headers stay, so that lists, history and counters are as before; bodies are read from there when somebody wants
    them. Workers do this by themselves once there is enough for an object. Whoever interrupts it loses nothing: said
    again, it goes on. Ends with 1 when something could not leave.

    Example:
      eventflow --app shop.app:app archive compress --category order --older-than 90d --dry-run
    """
    with application(session) as app:
        ages = app.ages() if older_than is None else Ages(older_than)
        errand = Errand(selection, ages, reason, Context(actor=actor()))
        if dry_run:
            ready = app.archives.ready(errand)
            text = f"Would leave: {ready.events:,} bodies of {ready.streams:,} streams, {_size(ready.freed)}."
            session.answer({"dry_run": True, **ready._asdict()}, text)
            return Code.OK
        done = list(_followed(session, app, errand))
    left = [one for each in done for one in each.left]
    sums = {name: sum(getattr(one, name) for one in done) for name in ("events", "size", "freed")}
    segments = [one._asdict() for one in done if one.events]
    session.answer({"dry_run": False, **sums, "segments": segments}, _told(sums, len(segments)))
    for one in left[:20]:
        session.warn(f"The body at position {one.position} stays: {one.why}")
    return Code.SOME_FAILED if left else Code.OK


@archive.command()
@chosen
@click.option("--for", "lasts", type=Age(), help="For how long (2d, 12h). Default: restored_for of the settings.")
@reason_option
@click.option("--dry-run", is_flag=True, help="Say how many bodies are meant.")
@pass_session
def restore(session: Session, selection: Selection, lasts: timedelta | None, reason: str | None, dry_run: bool) -> Code:
    """Bring copies of archived bodies into the database for a while.

    They are read without the object storage until then, and go by themselves; the archive keeps what it has. Ends with
    1 when something is damaged or missing.

    Example:
      eventflow --app shop.app:app archive restore --category order --for 12h --reason "the yearly audit"
    """
    wish = Wish(selection, reason, Context(actor=actor()))
    with application(session) as app:
        meant = app.restorer.archived(wish.selection)
        if dry_run:
            session.answer({"dry_run": True, "events": meant}, f"Would be restored: {meant:,} bodies.")
            return Code.OK
        lasts = lasts or app.settings.restored_for
        done = total(_brought(session, app.restorer.restore(wish, lasts=lasts), meant))
    left = [{"position": getattr(one, "position", None), "error": str(one)} for one in done.left]
    document = {"dry_run": False, **done.amount._asdict(), "for": lasts.total_seconds(), "left": left}
    session.answer(document, f"{done.amount.events:,} bodies are near now, for {lasts}: {_size(done.amount.size)}.")
    for one in done.left[:20]:
        session.warn(str(one))
    return Code.SOME_FAILED if left else Code.OK


@archive.command()
@chosen
@reason_option
@click.option("--dry-run", is_flag=True, help="Say how much would go.")
@pass_session
def purge(session: Session, selection: Selection, reason: str | None, dry_run: bool) -> None:
    """Let go of restored copies before their time is over; the archive has the bodies still.

    Example:
      eventflow --app shop.app:app archive purge --category order
    """
    wish = Wish(selection, reason, Context(actor=actor()))
    with application(session) as app:
        if dry_run:
            found = app.restorer.amount(wish.selection)
        else:
            gone = list(app.restorer.purge(wish))
            found = Amount(sum(one.events for one in gone), sum(one.size for one in gone))
    told = f"{'Would go' if dry_run else 'Gone'}: {found.events:,} restored bodies, {_size(found.size)}."
    session.answer({"dry_run": dry_run, **found._asdict()}, told if found.events else "Nothing is restored.")


@archive.command()
@chosen
@click.option("--grace", type=Age(), default=GRACE, help="How long old objects stay (12h, 0). Default: a day.")
@reason_option
@click.option("--dry-run", is_flag=True, help="Say how much is meant.")
@pass_session
def reseal(session: Session, selection: Selection, grace: timedelta, reason: str | None, dry_run: bool) -> Code:
    """Encipher what was recorded in plain before its class was erasable, so that it can be erased.

    Segments that hold some of it are written anew, and so are those whose dictionary was made of it; the old objects
    are removed by the workers and by "archive gc" when their grace is over. What the database has of it is overwritten.
    Start all programs again with the erasable class first. Backups from before hold the old objects: throw those away,
    their names are told. Whoever interrupts it loses nothing: said again, it goes on. Ends with 1 when something was
    left as it was.

    Examples:
      eventflow --app shop.app:app archive reseal --category person --dry-run
      eventflow --app shop.app:app archive reseal --category person --reason "to be erased one day"
    """
    order = Order(selection, grace, reason, Context(actor=actor()))
    with application(session) as app:
        found = app.resealer.prospect(order.selection)
        if dry_run:
            session.answer({"dry_run": True, **found._asdict()}, f"Would be enciphered: {_meant(found)}.")
            return Code.OK
        done = list(_resealed(session, app, order, found))
    sums = {what: sum(one.bodies for one in done if one.what == what) for what in WHERE}
    replaced = [one._asdict() for one in done if one.key is not None]
    left = [one.left for one in done if one.left is not None]
    session.answer({"dry_run": False, **sums, "segments": replaced, "left": left}, _enciphered(sums, replaced))
    for why in left[:20]:
        session.warn(why)
    return Code.SOME_FAILED if left else Code.OK


@archive.command()
@pass_session
def verify(session: Session) -> Code:
    """Compare every segment with its manifest and with the log; ends with 7 when something is wrong.

    Everything that is archived is read for it.

    Example:
      eventflow --app shop.app:app archive verify --json
    """
    with application(session) as app:
        total = app.archives.catalogue.totals().archives
        faults = list(_counted(session, total, app.archives.verify))
        erased = app.log.keyring.standing().get("", 0)
    rows = [(one.key, one.position, one.why) for one in faults]
    document = {"whole": not faults, "segments": total, "erased": erased, "faults": [one._asdict() for one in faults]}
    besides = f" {erased} streams were erased: what is left of them opens no more." if erased else ""
    whole = f"{total} segments are whole.{besides}"
    session.answer(document, Table(("segment", "position", "fault"), rows) if rows else whole)
    return Code.DAMAGED if faults else Code.OK


@archive.command()
@pass_session
def status(session: Session) -> None:
    """How much is archived, how much is still in the database, and who is at work.

    Example:
      eventflow --app shop.app:app archive status
    """
    with application(session) as app:
        found = standing(app)
    archived = found["archived"]
    rows = [
        ("segments", f"{archived['archives']:,}"),
        ("archived bodies", f"{archived['events']:,}"),
        ("bytes in the object storage", _size(archived["size"])),
        ("bytes that left the database", _size(archived["freed"])),
        ("bodies in the database", f"{found['hot']:,}"),
        ("bytes on its disk", _size(found["disk"])),
        ("restored bodies", f"{found['restored']['events']:,}"),
        ("old enough to leave", f"{found['ready']['events']:,}"),
        ("segments in the making", len(found["unfinished"])),
        ("replaced segments, not yet removed", len(found["replaced"])),
        ("last one", moment(found["last"]) if found["last"] else None),
    ]
    session.answer(found, Table(("", ""), rows))


@archive.command()
@reason_option
@click.option("--dry-run", is_flag=True, help="Say what would be removed.")
@pass_session
def gc(session: Session, reason: str | None, dry_run: bool) -> None:
    """Remove objects that no segment needs, and give the room of what left back to the disk.

    An object is removed if it lies where this log keeps its segments, is older than a day, and nobody knows it: one
    that was killed has left it there; and if another one took its place ("archive reseal") and its grace is over. Two
    databases that are copies of each other must not share a bucket.

    Example:
      eventflow --app shop.app:app archive gc --dry-run
    """
    with application(session) as app:
        if dry_run:
            keys = app.archives.orphans()
            session.answer({"dry_run": True, "objects": keys}, "\n".join(keys) or "Nothing would be removed.")
            return
        keys = app.archives.collect(reason=reason, context=Context(actor=actor()))
        before, after = app.archives.give_back()
    text = f"Removed {len(keys)} objects; the disk of the database: {_size(before)} before, {_size(after)} now."
    session.answer({"dry_run": False, "objects": keys, "before": before, "after": after}, text)


def _followed(session: Session, app: Eventflow, errand: Errand) -> Iterator[Compressed]:
    with progress(session, "compress", app.archives.ready(errand).events) as advance:
        for done in app.archives.compress(errand):
            advance(done.events)
            yield done


def _brought(session: Session, portions: Iterator[Brought], meant: int) -> Iterator[Brought]:
    with progress(session, "restore", meant) as advance:
        for portion in portions:
            advance(portion.amount.events + len(portion.left))
            yield portion


def _resealed(session: Session, app: Eventflow, order: Order, found: Prospect) -> Iterator[Resealed]:
    # A segment is as much work as it is long; what is in the database goes by its number.
    with progress(session, "reseal", found.segments + found.hot + found.copies + found.snapshots) as advance:
        for done in app.resealer.run(order):
            advance(1 if done.what == "archived" else done.bodies)
            yield done


def _meant(found: Prospect) -> str:
    archived = f"{found.bodies:,} bodies in {found.segments:,} segments of {_size(found.size)}"
    return f"{archived}; in the database {found.hot:,} bodies, {found.copies:,} copies, {found.snapshots:,} snapshots"


def _enciphered(sums: dict[str, int], replaced: list[dict[str, Any]]) -> str:
    if not replaced and not any(sums.values()):
        return "Nothing stands in plain that can be erased."
    near = ", ".join(f"{sums[what]:,} {what}" for what in WHERE[1:])
    text = f"{sums['archived']:,} archived bodies are enciphered in {len(replaced)} segments; in the database: {near}."
    gone = [f"  {one['replaced']} was replaced: throw copies of it away" for one in replaced]
    return "\n".join([text, *gone])


def _counted(session: Session, total: int, verify: Callable[[Callable[[object], None]], Iterable[T]]) -> Iterator[T]:
    with progress(session, "verify", total) as advance:
        yield from verify(lambda _: advance(1))


@contextmanager
def progress(session: Session, what: str, total: int) -> Iterator[Callable[[int], None]]:
    """A bar, where there is a terminal to draw it on."""
    from rich.progress import Progress

    console = session.console()
    if not console.is_terminal:
        yield lambda _: None
        return
    with Progress(console=console, transient=True) as bar:
        shown = bar.add_task(what, total=total)
        yield lambda amount: bar.advance(shown, amount)


def _told(sums: dict[str, int], segments: int) -> str:
    if not segments:
        return "Nothing is old enough to leave, or it has left already."
    return (
        f"{sums['events']:,} bodies have left in {segments} segments:"
        f" {_size(sums['freed'])} in the database were {_size(sums['size'])} in the object storage."
    )


def _size(amount: int) -> str:
    """Bytes for people.

    >>> _size(512), _size(1536), _size(3 * 1024**3)
    ('512 B', '1.5 KiB', '3.0 GiB')
    """
    size, unit = float(amount), "B"
    for larger in ("KiB", "MiB", "GiB", "TiB"):
        if size < 1024:
            break
        size, unit = size / 1024, larger
    return f"{amount} B" if unit == "B" else f"{size:.1f} {unit}"
