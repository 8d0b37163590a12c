"""What the tests of the store build with: a small category, and ways to say what is appended."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID, uuid4

from eventflow.model.aggregate import Aggregate
from eventflow.model.event import Event
from eventflow.model.recorded import NOWHERE, Context, Draft, Head, Header, Phase
from eventflow.model.vocabulary import Vocabulary
from eventflow.store.log import Append, Log
from eventflow.store.recorder import Row

NOON = datetime(2026, 1, 2, 12, 0, 0, 123456, tzinfo=UTC)


class Status(StrEnum):
    """A document's life."""

    QUEUED = "queued"
    WRITTEN = "written"


class Written(Event):
    """A document got its content."""

    content: str


class Paid(Event):
    """An event of another category."""

    amount: int


class Document(Aggregate[Status], category="document", initial=Status.QUEUED, events=(Written,)):
    """What most events here are about."""

    content: str = ""


class Invoice(Aggregate[Status], category="invoice", initial=Status.QUEUED, events=(Paid,)):
    """Another category."""

    amount: int = 0


def vocabulary() -> Vocabulary:
    """The words of the tests."""
    return Vocabulary.of([Document, Invoice])


def written(content: str = "whales", **said: Any) -> Draft:
    """A draft of the usual event."""
    return Draft(event=Written(content=content), status=Status.WRITTEN, **{"phase": Phase.ANNOUNCED, **said})


def some(count: int, content: str = "whales") -> list[Draft]:
    """Several of them."""
    return [written(f"{content} {number}") for number in range(1, count + 1)]


def appended(
    stream: UUID, drafts: list[Draft], head: Head = NOWHERE, category: str = "document", context: Context = Context()
) -> Append:
    """What to hand to ``Log.append``."""
    return Append(stream, category, head, drafts, context)


def end(headers: list[Header]) -> Head:
    """The head of a stream after these headers."""
    return Head(headers[-1].version, headers[-1].hash)


def a_stream(log: Log, count: int = 1, content: str = "whales") -> list[Header]:
    """A new stream with so many events."""
    return log.append(appended(uuid4(), some(count, content)))


def row(stream: UUID, version: int, *, append: UUID | None = None, body: bytes = b"body", name: str = "t:e") -> Row:
    """A row as a recorder takes it."""
    header = Header(
        0, stream, version, "t", name, "s", None, None, None, NOON, None, None, None, None, None, None, None, None,
        None, None, 1, append or uuid4(), "m", len(body), b"d" * 32, b"h" * 32,
    )  # fmt: skip
    return header, body
