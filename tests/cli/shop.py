"""An application for the command line to work on: orders are packed, some of them badly."""

from __future__ import annotations

import logging
import os
import threading
import time
from datetime import timedelta
from enum import StrEnum
from pathlib import Path

from eventflow.app import Eventflow
from eventflow.model.aggregate import Aggregate
from eventflow.model.command import command
from eventflow.model.event import Event
from eventflow.model.people import People
from eventflow.model.probe import Probe
from eventflow.model.reaction import task
from eventflow.runtime import worker
from eventflow.runtime.commands.holding import Held
from eventflow.runtime.ticks import Tick

log = logging.getLogger("shop")

APP = "tests.cli.shop:app"
ROOM = "SHOP_ROOM"
"""Where orders leave marks and look for them: a folder, named in the environment."""


class Status(StrEnum):
    """Where an order stands."""

    NEW = "new"
    PACKING = "packing"
    PACKED = "packed"
    FAILED = "failed"


class Packed(Event):
    """It is in its box."""

    weight: int


class Order(Aggregate[Status], category="order", initial=Status.NEW, defibrillate={Status.FAILED: Status.NEW}):
    """Something to be packed."""

    title: str
    weight: int = 0


@task(
    Order,
    on=Status.NEW,
    processing=Status.PACKING,
    complete=Status.PACKED,
    failed=Status.FAILED,
    time_limit=timedelta(seconds=1),
)
def pack(order: Order) -> Packed:
    """Pack it; what is broken fails until there is glue."""
    if order.title.startswith("broken") and not (room() / "glue").exists():
        raise ValueError(f"{order.title} is broken")
    if order.title == "hangs":
        threading.Event().wait()
    return Packed(weight=len(order.title))


class Parcel(Aggregate[Status], category="parcel", initial=Status.NEW, defibrillate={Status.FAILED: Status.NEW}):
    """Something that takes its time."""


@task(Parcel, on=Status.NEW, processing=Status.PACKING, complete=Status.PACKED, failed=Status.FAILED, queue="slow")
def carry(parcel: Parcel) -> None:
    """Say that it began, and go on until one may end."""
    (room() / f"{parcel.id}.began").touch()
    while not (room() / "end").exists():
        time.sleep(0.01)


def room() -> Path:
    """Where marks are left."""
    return Path(os.environ[ROOM])


def app() -> Eventflow:
    """The shop, on the engines that the settings name."""
    return Eventflow(aggregates=[Order, Parcel], reactions=[pack, carry])


def hasty() -> Eventflow:
    """The same, where a handler that hangs is soon given up."""
    worker.HANGING_GRACE = 0.2
    return app()


def patient() -> Eventflow:
    """The same, with somebody who asks after orders at once, and something that is done every hour."""
    return Eventflow(
        aggregates=[Order, Parcel],
        reactions=[pack, carry],
        probes=[Probe(Order, statuses=[Status.NEW], grace=timedelta(microseconds=1), every=timedelta(hours=1))],
        ticks=[Tick(name="dust", every=timedelta(hours=1), run=dust, purpose="dusts the shelves")],
    )


@command("import-invoices", params=("north", "south"), title="Invoices")
def import_invoices(lock: Held, param: str) -> str:
    """Import what the bank of a region has; it has nothing while there is mud."""
    log.info("asking the bank of the %s", param)
    if (room() / "mud").exists():
        raise ValueError("the bank is away")
    (room() / f"{param}.began").touch()
    while (room() / "stuck").exists():
        lock.check()
        time.sleep(0.01)
    return f"{param}: 3 invoices"


@command("sweep", every=timedelta(hours=1))
def sweep(app: Eventflow) -> None:
    """Sweep the floor."""
    assert app.commands.all()


def commanded() -> Eventflow:
    """The shop with commands, which Eve may neither see nor run."""
    people = People(may_view=lambda actor: actor != "eve", may_manage=lambda actor: actor != "eve")
    return Eventflow(
        aggregates=[Order, Parcel], reactions=[pack, carry], commands=[import_invoices, sweep], people=people
    )


def dust() -> int:
    """Dust three shelves, unless there is mud; somebody may stand in the way."""
    (room() / "dusting").touch()
    while (room() / "stuck").exists():
        time.sleep(0.01)
    if (room() / "mud").exists():
        raise ValueError("there is mud")
    return 3


A_NUMBER = 7
