"""A shop whose bodies leave, and ways to say what is where."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from enum import StrEnum
from random import Random
from typing import Any
from uuid import UUID, uuid4

from eventflow.model.aggregate import Aggregate
from eventflow.model.event import Event
from eventflow.model.system import SYSTEM
from eventflow.model.vocabulary import Vocabulary
from eventflow.runtime.archiving.ages import Ages
from eventflow.runtime.archiving.compress import Compressor
from eventflow.runtime.archiving.snapshotting import Snapshotting
from eventflow.runtime.repository import Repository
from eventflow.store.archive.catalogue import Catalogue
from eventflow.store.archive.hot import Hot
from eventflow.store.archive.reader import Reader
from eventflow.store.archive.restored import Restored
from eventflow.store.codec import Codec
from eventflow.store.database import Database
from eventflow.store.log import Log, open_log
from eventflow.store.objects import Objects
from eventflow.testing import Clock

NOW = Ages(timedelta(0))
"""Everything is old enough."""


class Status(StrEnum):
    """An order's life."""

    PLACED = "placed"
    PAID = "paid"


class Noted(Event):
    """Somebody wrote something down."""

    note: str


class Order(Aggregate[Status], category="order", initial=Status.PLACED, events=(Noted,)):
    """What most bodies are about."""

    title: str
    note: str = ""


class Invoice(Aggregate[Status], category="invoice", initial=Status.PLACED, events=(Noted,)):
    """Another category."""

    title: str
    note: str = ""


class Shop:
    """A log with what moves its bodies. Changes: its clock."""

    def __init__(self, database: Database, objects: Objects, *, clock: Clock | None = None) -> None:
        self.database, self.objects, self.clock = database, objects, clock or Clock()
        self.vocabulary = Vocabulary.of((Order, Invoice, *SYSTEM), [])
        self.log: Log = open_log(database, self.vocabulary, clock=self.clock, archive=self.reader())
        self.repository = Repository(self.log)
        self.hot = Hot(database)

    def reader(self) -> Reader:
        """Something that reads what has left."""
        return Reader(Catalogue(self.database), Restored(self.database, Codec()), lambda: self.objects)

    def compressor(self, **said: Any) -> Compressor:
        """Something that moves bodies."""
        snapshotting = Snapshotting(self.log, self.hot, self.repository, self.vocabulary)
        told = {"clock": self.clock, "ids": uuid4, **said}
        return Compressor(self.database, self.log, self.repository, lambda: self.objects, snapshotting, **told)

    def order(self, notes: int = 2, *, kind: type[Order | Invoice] = Order, length: int = 300) -> UUID:
        """A new stream with a creation and so many notes."""
        one = kind.create(title="an order")
        for number in range(notes):
            one.record(Noted(note=noise(one.id, number, length)))
        self.repository.save(one)
        return one.id

    def orders(self, count: int, notes: int = 2) -> list[UUID]:
        """Several of them."""
        return [self.order(notes) for _ in range(count)]

    def bodies(self, streams: Iterable[UUID]) -> dict[tuple[UUID, int], Any]:
        """What every event of these streams says."""
        return {(stream, one.header.version): one.event for stream in streams for one in self.log.read(stream)}

    def is_hot(self, stream: UUID) -> list[bool]:
        """Which bodies of a stream are in the database."""
        rows = self.log._recorder.read(stream)  # what is asked is where the bytes are
        return [bool(body) for _, body in rows]


def noise(stream: UUID, number: int, length: int) -> str:
    """Text that can hardly be compressed, the same for the same event."""
    return Random(f"{stream}{number}").randbytes(length // 2).hex()
