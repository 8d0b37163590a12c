"""Documents to speak of in these tests, and the log's way with them in small."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import partial
from hashlib import sha256
from typing import Any, TypeVar
from uuid import UUID

from eventflow.model.aggregate import Aggregate, folds
from eventflow.model.event import Event
from eventflow.model.exchange import Exchange, Request
from eventflow.model.reaction import endpoint, task
from eventflow.model.recorded import Draft, Header, Recorded
from eventflow.model.retry import Retry
from eventflow.model.transition import transition

A = TypeVar("A", bound=Aggregate[Any])

NOW = datetime(2026, 1, 1, tzinfo=UTC)
WORKER = UUID(int=7)


class Status(StrEnum):
    """Where a document stands."""

    QUEUED = "queued"
    WRITING = "writing"
    WRITTEN = "written"
    APPROVED = "approved"
    PUBLISHING = "publishing"
    PUBLISHED = "published"
    ERROR = "error"


class Begun(Event):
    """Somebody writes it."""


class Written(Event):
    """It has a text now."""

    content: str


class Stamped(Event):
    """It was looked at once more."""

    by: str


class Approved(Event):
    """Somebody takes the blame."""

    by: str


class Published(Event):
    """The press has it."""

    url: str


class GivenUp(Event):
    """It will not be."""

    why: str


class Document(
    Aggregate[Status],
    category="document",
    initial=Status.QUEUED,
    defibrillate={Status.ERROR: Status.QUEUED},
    events=(Stamped,),
):
    """A text on its way to the press."""

    title: str
    content: str = ""
    url: str | None = None
    stamps: tuple[str, ...] = ()

    @transition(Status.QUEUED, to=Status.WRITING)
    def begin(self) -> Begun:
        """Claim it."""
        return Begun()

    @transition(Status.WRITING, to=Status.WRITTEN)
    def write(self, content: str) -> Written:
        """Give it a text."""
        return Written(content=content)

    @transition(Status.WRITTEN, to=Status.APPROVED)
    def approve(self, by: str) -> Approved:
        """Take the blame."""
        return Approved(by=by)

    @transition(to=Status.ERROR)
    def give_up(self, why: str) -> GivenUp:
        """Leave it."""
        return GivenUp(why=why)

    @folds(Stamped)
    def add_stamp(self, event: Stamped) -> Mapping[str, Any]:
        """One stamp more."""
        return {"stamps": (*self.stamps, event.by)}


@task(Document, on=Status.QUEUED, processing=Status.WRITING, complete=Status.WRITTEN, failed=Status.ERROR)
def generate(document: Document) -> Written | tuple[Stamped, Written] | None:
    """Write a text."""
    return Written(content=f"# {document.title}")


@task(Document, on=Status.QUEUED, processing=Document.begin, complete=Document.write, failed=Document.give_up)
def draft(document: Document) -> str:
    """Write a text, in the document's own words."""
    return f"# {document.title}"


@endpoint(
    Document,
    on=Status.APPROVED,
    processing=Status.PUBLISHING,
    complete=Status.PUBLISHED,
    failed=Status.ERROR,
    retry=Retry(attempts=5, after=timedelta(seconds=30)),
)
def publish(document: Document) -> Exchange[Published]:
    """Give it to the press."""
    request = Request("POST", "https://press.example/articles", json={"text": document.content})
    response = yield request
    response.raise_for_status(request)
    return Published(url=response.json()["url"])


def a_document(title: str = "Whales", status: Status | None = None) -> Document:
    """A new one that is saved."""
    document = Document.create(title=title, status=status)
    save(document)
    return document


def commands_stay_themselves() -> bool:
    """Whether the commands are still called as on their class, whoever else mentions them."""
    return (Document.write.name, Document.write.qualified) == ("write", "Document.write")


def header_of(draft: Draft, category: str, before: bytes) -> Header:
    """The header that the log would give a draft."""
    hash = sha256(before + repr(draft).encode()).digest()
    return Header(
        draft.version, draft.stream, draft.version, category, f"{category}:{draft.name}", draft.status, draft.previous,
        draft.phase, draft.kind, NOW, draft.reaction, draft.attempt, draft.owner, draft.due, draft.error, None, None,
        None, None, None, draft.event.event_version, draft.stream, "m", 0, b"", hash,
    )  # fmt: skip


def save(document: Aggregate[Any]) -> list[Recorded]:
    """What the log has of the pending events afterwards; the document stands behind them then."""
    recorded, before = [], document.head.hash
    for one in document.pending:
        header = header_of(one, document.category, before)
        revive = partial(type(one.event).revive, one.event.event_body(), one.event.event_version)
        recorded.append(Recorded(header, revive))
        before = header.hash
    document.saved([one.header for one in recorded])
    return recorded


def again(kind: type[A], recorded: Iterable[Recorded]) -> A:
    """The document as the log knows it."""
    return kind.replay(list(recorded))
