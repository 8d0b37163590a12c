"""People whose data may be erased, parcels whose data may not, and ways to look for what is left of somebody."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from uuid import UUID

from eventflow import Aggregate, Event, Eventflow, transition

MASTER = urlsafe_b64encode(bytes(range(32))).decode()
"""A master key for databases on a server, the same in every process."""

NAME = "Wilhelmina Zebedee"
"""A name that stands nowhere else."""


class Standing(StrEnum):
    """How well somebody is known."""

    NEW = "new"
    KNOWN = "known"
    LOST = "lost"


class Moved(Event):
    """Somebody lives elsewhere."""

    street: str


class Person(
    Aggregate[Standing],
    category="person",
    initial=Standing.NEW,
    erasable=True,
    defibrillate={Standing.LOST: Standing.NEW},
):
    """Somebody."""

    name: str
    street: str = ""

    @transition(Standing.NEW, to=Standing.KNOWN)
    def move(self, street: str) -> Moved:
        """To another street."""
        return Moved(street=street)


class Before(Person, category="person", erasable=False):
    """The same people, before anybody thought of erasing them."""


class Parcel(Aggregate[Standing], category="parcel", initial=Standing.NEW):
    """Something that is nobody's secret."""

    text: str


def somebody(app: Eventflow, moves: int = 2, name: str = NAME) -> UUID:
    """Somebody who has moved a few times."""
    person = Person.create(name=name)
    for number in range(moves):
        person.record(Moved(street=f"{name}'s street, number {number}"))
    app.save(person)
    return person.id


def everything(app: Eventflow) -> bytes:
    """All that the tables hold, byte for byte."""
    return b"\n".join(_told(value) for table in _tables(app) for row in _rows(app, table) for value in row)


def is_mentioned(text: str, *where: bytes | Path) -> bool:
    """Whether a text stands in these bytes or files, in plain."""
    return any(text.encode() in (one if isinstance(one, bytes) else one.read_bytes()) for one in where)


def _told(value: object) -> bytes:
    return bytes(value) if isinstance(value, bytes | memoryview) else str(value).encode()


def _rows(app: Eventflow, table: str) -> list[tuple[object, ...]]:
    return app.database.query(f"SELECT * FROM {table}")


def _tables(app: Eventflow) -> Iterator[str]:
    if app.database.dialect == "sqlite":
        asked = "SELECT name FROM sqlite_master WHERE type = 'table'"
    else:
        asked = "SELECT tablename::text FROM pg_tables WHERE schemaname = current_schema()"
    yield from (str(name) for (name,) in app.database.query(asked))
