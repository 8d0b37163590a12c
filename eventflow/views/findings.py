"""What has to be right for an application to work, looked at: what is well, what is not, and what to do about it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from eventflow.app import Eventflow
from eventflow.errors import EventflowError, Misconfigured, Unavailable
from eventflow.model.masking import Masker
from eventflow.runtime.relay import CHECKPOINT
from eventflow.settings import Settings, unknown_environment
from eventflow.store import figures, schema
from eventflow.store.database import Database
from eventflow.store.keyring import open_keyring
from eventflow.store.log import Log
from eventflow.store.work import Work
from eventflow.store.workers import Workers
from eventflow_projections import Projections

SKEW = timedelta(seconds=2)
SLOW = timedelta(milliseconds=100)
LAG = 1_000
"""Positions a projection may be behind while somebody moves it."""

MANY = 100
"""Up to how many orphans are counted."""


class State(StrEnum):
    """How a finding is."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at; ``hint`` says what to do, ``unreachable`` that a service does not answer."""

    name: str
    state: State
    text: str
    hint: str | None = None
    unreachable: bool = False


def ok(name: str, text: str) -> Finding:
    """All is well."""
    return Finding(name, State.OK, text)


def warn(name: str, text: str, hint: str | None = None) -> Finding:
    """Something to know."""
    return Finding(name, State.WARN, text, hint)


def fail(name: str, text: str, hint: str | None = None, *, unreachable: bool = False) -> Finding:
    """Something to repair."""
    return Finding(name, State.FAIL, text, hint, unreachable)


def of(app: Eventflow) -> Iterator[Finding]:
    """What can be told of an application that is open, at the cost of a few questions to its database."""
    yield from environment()
    yield from safely("database", lambda: _of_database(app))


def _of_database(app: Eventflow) -> Iterator[Finding]:
    yield round_trip(app.database, app.settings)
    yield clock(app.database)
    yield from keys(app.settings, app.database)
    yield from of_log(app.database, app.log, app.projections)


def environment() -> Iterator[Finding]:
    """Whether every variable that is ours means something."""
    problems = unknown_environment()
    yield from (warn("environment", problem, "Correct its name, or take it away.") for problem in problems)
    if not problems:
        yield ok("environment", "every EVENTFLOW_... in it means something")


def habits(settings: Settings) -> str:
    """Where an application keeps things, and how it works, in a line."""
    places = ", ".join(f"{name} {getattr(settings, name)}" for name in ("database", "broker", "objects"))
    return f"{places}, lease {settings.lease.total_seconds():g} s, {settings.threads} threads"


def safely(name: str, look: Callable[[], Iterator[Finding]]) -> Iterator[Finding]:
    """What is found, up to where looking itself fails; that is a finding as well."""
    try:
        yield from look()
    except Unavailable as error:
        yield fail(name, in_a_line(error), "See that it runs, and that its address is right.", unreachable=True)
    except EventflowError as error:
        yield fail(name, in_a_line(error))
    except Exception as error:  # noqa: BLE001 - drivers raise what they like when they are told a wrong address
        yield fail(name, f"{type(error).__name__}: {in_a_line(error)}", "See that it runs.", unreachable=True)


def round_trip(database: Database, settings: Settings) -> Finding:
    """How long the database takes to answer."""
    figures.clock(database)  # the first question opens the connection
    began = time.monotonic()
    figures.clock(database)
    took = timedelta(seconds=time.monotonic() - began)
    text = f"{settings.database} answers in {took.total_seconds() * 1000:.1f} ms"
    if took > SLOW:
        return warn("database", text, "Every event costs at least that: see what is between here and there.")
    return ok("database", text)


def schema_of(database: Database, found: schema.Status) -> Iterator[Finding]:
    """Whether the tables are those of this program."""
    if not found.present:
        yield warn(
            "schema", "there is none yet", "It is made when an application opens it, or by: eventflow schema upgrade"
        )
    elif found.present < found.wanted:
        yield fail("schema", f"version {found.present}, wanted is {found.wanted}", "Run: eventflow schema upgrade")
    elif found.present > found.wanted:
        yield fail("schema", f"version {found.present}, known is {found.wanted}", "Install a newer eventflow.")
    elif differences := schema.verify(database):
        yield fail("schema", f"{len(differences)} differences: {differences[0]}", "See: eventflow schema verify")
    else:
        yield ok("schema", f"version {found.present}")


def clock(database: Database) -> Finding:
    """Whether the clock here and that of the database agree."""
    before = datetime.now(UTC)
    theirs = figures.clock(database)
    ours = before + (datetime.now(UTC) - before) / 2
    skew = abs(theirs - ours)
    text = f"{skew.total_seconds():.3f} s between here and the database"
    if skew > SKEW:
        return warn("clock", text, "Let both keep time (NTP): retries and ages are told by ours, leases by theirs.")
    return ok("clock", text)


def keys(settings: Settings, database: Database) -> Iterator[Finding]:
    """Whether the master keys are here that wrap something."""
    said = settings.master_key
    keyring = open_keyring(database, said.get_secret_value() if said else None)
    used = list(keyring.in_use())
    try:
        if used:
            keyring.check()
            yield ok("keys", f"{len(used)} master keys are in use, and here; {keyring.masters.current} wraps new ones")
    except Misconfigured as error:
        yield fail("keys", in_a_line(error), "Put the master key back: nothing opens what it wraps without it.")


def of_log(database: Database, log: Log, kept: Projections | None) -> Iterator[Finding]:
    """Whether somebody does the work, and how far that is; of projections if there are any."""
    fresh = [one for one in Workers(database).all() if one.fresh]
    yield from _workers(database)
    yield _relay(database, log, is_worked_on=bool(fresh))
    yield _orphans(database)
    if kept is None:
        yield warn("projections", "there are none yet", "They are made when an application opens the log.")
    else:
        yield from _projections(kept, is_worked_on=bool(fresh))


def _workers(database: Database) -> Iterator[Finding]:
    workers = Workers(database).all()
    fresh = [one.name for one in workers if one.fresh]
    yield ok("workers", f"{len(fresh)} at work{': ' if fresh else ''}{', '.join(fresh)}")
    for one in workers:
        if not one.fresh:
            text = f"{one.name} has been silent since {one.beat_at:%Y-%m-%d %H:%M:%S} UTC"
            yield warn("workers", text, "It died or hangs; what it held is rescued by a worker that runs.")


def _relay(database: Database, log: Log, *, is_worked_on: bool) -> Finding:
    behind = log.last_position() - Work(database).position(CHECKPOINT)
    text = f"{behind} events behind the log"
    if behind > 0 and not is_worked_on:
        return warn("relay", text, "Nobody does the work. Start a worker: eventflow worker")
    return (
        warn("relay", text, "Is the broker full, or the leading worker overloaded?")
        if behind > LAG
        else ok("relay", text)
    )


def _orphans(database: Database) -> Finding:
    orphans = Work(database).orphans(MANY)
    if not orphans:
        return ok("claims", "none is an orphan")
    amount = f"{len(orphans)}{' or more' if len(orphans) == MANY else ''}"
    hint = "A worker that runs gives them back within a second or two: eventflow worker"
    return warn(
        "claims", f"{amount} of workers that are gone, such as {orphans[0].reaction} on {orphans[0].stream}", hint
    )


def _projections(kept: Projections, *, is_worked_on: bool) -> Iterator[Finding]:
    for one in kept.status():
        text = f"{one.name}: {one.lag} events behind the log"
        if one.error:
            yield fail(
                "projections",
                f"{text}; {one.error}",
                f"When the cause is gone: eventflow projections rebuild {one.name}",
            )
        elif one.lag > (LAG if is_worked_on else 0):
            yield warn("projections", text, "A running worker keeps them up to it: eventflow worker")
        else:
            yield ok("projections", text)


def in_a_line(error: Exception) -> str:
    """What went wrong, without secrets."""
    return " ".join(Masker().text(str(error)).split())
