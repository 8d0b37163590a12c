"""``eventflow log``: read the log as it is, at its end, at one place, or as a sum."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID

import click

from eventflow.cli import history
from eventflow.cli.exits import Code
from eventflow.cli.output import Session, Table, moment, one_line, pass_session
from eventflow.cli.view import View, opened
from eventflow.errors import BodyMissing, DamagedBody, NotFound, StreamNotFound
from eventflow.model.recorded import Header
from eventflow.store import figures
from eventflow.views import documents, tails
from eventflow.views.selection import selection

BATCH = 500
PAUSE = 0.5
"""Seconds after which a follower looks by itself, should nobody ring."""

SAMPLE = 20

Wanted = Callable[[Header], bool]


@click.group()
def log() -> None:
    """Read the log: its end, one event, figures. Needs no application; with one, bodies are read in its words."""


@log.command()
@click.option("--follow", "-f", is_flag=True, help="Wait for more, until interrupted.")
@click.option("--after", metavar="POSITION", type=click.IntRange(0), help="Begin behind this position.")
@click.option("--limit", type=click.IntRange(1), help="At most so many [default: 20; without an end after --follow].")
@click.option("--where", default="", metavar="FILTER", help='Which ones: "category:order status:error -name:touched".')
@pass_session
def tail(session: Session, follow: bool, after: int | None, limit: int | None, where: str) -> None:
    """The headers at the end of the log, or behind a position; with --json one document per line.

    --follow shows the last ones first (--limit says how many) and then whatever is appended.

    Example:
      eventflow log tail --follow --where "category:order status:error"
    """
    wanted = selection(where)
    with opened(session) as view:
        end = view.log.last_position()
        if after is None:
            for header in tails.tail(view.log, end, limit or 20, wanted).headers:
                _line(session, header)
            if follow:
                _forward(session, view, end, wanted)
        else:
            _forward(session, view, after, wanted, limit=limit or (None if follow else 20), follow=follow)


@log.command()
@click.argument("place", metavar="POSITION|STREAM")
@pass_session
def show(session: Session, place: str) -> None:
    """One event by its position, with its whole header and its body; or the headers of a stream by its id.

    Example:
      eventflow log show 4711 --json
    """
    with opened(session) as view:
        # A UUID may consist of digits, but of 32 of them.
        if place.isdecimal() and len(place) < 20:
            _show_event(session, view, int(place))
        else:
            _show_stream(session, view, view.stream(place))


@log.command()
@pass_session
def stats(session: Session) -> Code:
    """How much there is, of what; the hash chains of a few streams are checked on the way.

    Example:
      eventflow log stats
    """
    with opened(session) as view:
        totals, shares = figures.totals(view.database), figures.shares(view.database)
        sample = _sample(view, totals.last)
        damages = list(_damages(view, sample))
    document = {**totals._asdict(), "names": [one._asdict() for one in shares], "chains": _chains(sample, damages)}
    session.answer(document, Table(("category", "name", "events", "bytes"), shares))
    session.say(
        f"{totals.events} events of {totals.streams} streams up to {totals.last}, {totals.bytes} bytes of bodies."
    )
    _tell(session, len(sample), damages)
    return Code.DAMAGED if damages else Code.OK


@log.command()
@click.argument("streams", nargs=-1, metavar="[STREAM]...")
@click.option("--all", "everything", is_flag=True, help="Every stream of the log.")
@pass_session
def verify(session: Session, streams: tuple[str, ...], everything: bool) -> Code:
    """Recompute the hash chains of streams: nothing was changed, left out or put in. Ends with 7 when something was.

    Example:
      eventflow log verify --all
    """
    if bool(streams) == everything:
        raise click.UsageError("Say which streams, or --all.")
    checked = erased = 0
    damages: list[dict[str, Any]] = []
    with opened(session) as view:
        for stream in _beginnings(view) if everything else [_existing(view, one) for one in streams]:
            checked += 1
            found = _checked(view, stream)
            erased += found is True
            damages += [found] if isinstance(found, dict) else []
    document = {"streams": checked, "erased": erased, "damaged": damages}
    besides = f" {erased} were erased," if erased else ""
    session.answer(document, f"{checked} streams were checked,{besides} {len(damages)} are damaged.")
    for damage in damages:
        session.warn(f"{damage['stream']}: {damage['error']}")
    return Code.DAMAGED if damages else Code.OK


def _forward(
    session: Session, view: View, after: int, wanted: Wanted, *, limit: int | None = None, follow: bool = True
) -> None:
    told = 0
    for header in _passing(view, after, follow=follow):
        if wanted(header):
            _line(session, header)
            told += 1
        if told == limit:
            return


def _passing(view: View, after: int, *, follow: bool) -> Iterator[Header]:
    bell = view.log.bell
    while True:
        seen = bell.wait(-1, 0)
        headers = view.log.tail(after, BATCH)
        yield from headers
        if headers:
            after = headers[-1].position
        elif follow:
            bell.wait(seen, PAUSE)
        else:
            return


def _line(session: Session, header: Header) -> None:
    at = f"{header.position:>8}  {moment(header.recorded_at)}"
    place = f"{at}  {one_line(header.category)} {header.stream}  v{header.version:<3}"
    told = f"{place} {history.told(header)}"
    error = f"  {click.style(one_line(header.error), fg='red')}" if header.error else ""
    session.line(_facts(header), told + error)


def _facts(header: Header) -> dict[str, Any]:
    return header._asdict()


def _show_event(session: Session, view: View, position: int) -> None:
    recorded = view.log.at(position)
    if recorded is None:
        raise NotFound(f"There is no event at position {position}; the log ends at {view.log.last_position()}.")
    document = {**_facts(recorded.header), **documents.body(recorded)}
    rows = [(name, history.as_text(value)) for name, value in document.items() if value is not None]
    session.answer(document, Table(("", ""), rows))


def _show_stream(session: Session, view: View, stream: UUID) -> None:
    headers = view.log.headers(stream)
    if not headers:
        raise StreamNotFound(stream)
    columns = ("version", "position", "recorded", "name", "status", "phase", "attempt", "actor", "bytes", "error")
    rows = [
        (
            one.version, one.position, moment(one.recorded_at), one.name, one.status, one.phase, one.attempt,
            one.actor, one.size, one.error,
        )
        for one in headers
    ]  # fmt: skip
    session.answer({"stream": stream, "headers": [_facts(one) for one in headers]}, Table(columns, rows))


def _existing(view: View, id: str) -> UUID:
    stream = view.stream(id)
    if view.log.head(stream) is None:
        raise StreamNotFound(stream)
    return stream


def _beginnings(view: View) -> Iterator[UUID]:
    return (header.stream for header in _passing(view, 0, follow=False) if header.version == 1)


def _sample(view: View, last: int) -> list[UUID]:
    """The streams of events that lie evenly over the log."""
    places = (number * last // SAMPLE for number in range(SAMPLE))
    found = (header for place in places for header in view.log.tail(place, 1))
    return list(dict.fromkeys(header.stream for header in found))


def _damages(view: View, streams: list[UUID]) -> Iterator[dict[str, Any]]:
    for stream in streams:
        found = _checked(view, stream)
        if isinstance(found, dict):
            yield found


def _checked(view: View, stream: UUID) -> dict[str, Any] | bool:
    """What is damaged, or whether the stream was erased."""
    try:
        return view.log.verify(stream)
    except (DamagedBody, BodyMissing) as error:
        return {"stream": stream, "position": error.position, "name": error.name, "error": str(error)}


def _chains(sample: list[UUID], damages: list[dict[str, Any]]) -> dict[str, Any]:
    return {"checked": len(sample), "damaged": damages}


def _tell(session: Session, checked: int, damages: list[dict[str, Any]]) -> None:
    if not damages:
        session.say(f"The hash chains of {checked} streams were checked: unbroken.")
    for damage in damages:
        session.warn(f"{damage['stream']}: {damage['error']}")
