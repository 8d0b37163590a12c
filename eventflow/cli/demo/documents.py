"""What the demo is about: files that are read, counted and sent to a press."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

from eventflow.model.aggregate import Aggregate
from eventflow.model.event import Event
from eventflow.model.exchange import Exchange, Request
from eventflow.model.reaction import Reaction, endpoint, task
from eventflow.model.retry import Retry

TOKEN = "Bearer press-4f1c9ab27d"
"""The press asks for it; the log never shows it."""


class DocumentStatus(StrEnum):
    """Where a document stands on its way from the disk to the press."""

    QUEUED = "queued"
    READING = "reading"
    READ = "read"
    SENDING = "sending"
    COMPLETE = "complete"
    ERROR = "error"


class Counted(Event):
    """The file was read."""

    size: int
    words: int
    lines: int
    sha256: str


class Published(Event):
    """The press took it."""

    url: str


class Document(
    Aggregate[DocumentStatus],
    category="document",
    initial=DocumentStatus.QUEUED,
    defibrillate={DocumentStatus.ERROR: DocumentStatus.QUEUED},
):
    """A file on its way to the press."""

    path: str
    size: int = 0
    words: int = 0
    lines: int = 0
    sha256: str = ""
    url: str = ""


def document_id(path: Path) -> UUID:
    """The same id for the same file, so that a demo that starts again knows its documents."""
    return uuid5(NAMESPACE_URL, path.resolve().as_uri())


@task(
    Document,
    on=DocumentStatus.QUEUED,
    processing=DocumentStatus.READING,
    complete=DocumentStatus.READ,
    failed=DocumentStatus.ERROR,
)
def read(document: Document) -> Counted:
    """Read the file, count its words and lines, take its fingerprint."""
    content = Path(document.path).read_bytes()
    return Counted(
        size=len(content),
        words=len(content.split()),
        lines=content.count(b"\n"),
        sha256=hashlib.sha256(content).hexdigest(),
    )


def reactions(press: str) -> list[Reaction[Any, Any]]:
    """The task that reads and the endpoint that posts to the press at this address."""

    @endpoint(
        Document,
        on=DocumentStatus.READ,
        processing=DocumentStatus.SENDING,
        complete=DocumentStatus.COMPLETE,
        failed=DocumentStatus.ERROR,
        retry=Retry(attempts=4, after=timedelta(milliseconds=100), backoff="exponential"),
    )
    def send(document: Document) -> Exchange[Published]:
        facts = document.model_dump(mode="json", include={"path", "size", "words", "lines", "sha256"})
        request = Request("POST", f"{press}/documents", json=facts, headers={"Authorization": TOKEN})
        response = yield request
        response.raise_for_status(request)
        return Published(url=response.json()["url"])

    return [read, send]
