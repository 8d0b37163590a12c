"""What the demo is about: files that are read, counted and sent to a press."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any
from urllib.parse import unquote_to_bytes, urlsplit
from uuid import NAMESPACE_URL, UUID, uuid5

from eventflow.model.aggregate import Aggregate
from eventflow.model.event import Event
from eventflow.model.exchange import Exchange, Request
from eventflow.model.reaction import Reaction, endpoint, task
from eventflow.model.retry import Retry

TOKEN = "Bearer press-4f1c9ab27d"
"""The press asks for it; the log never shows it."""

CHUNK = 1024 * 1024


class DocumentStatus(StrEnum):
    """Where a document stands on its way from the disk to the press."""

    QUEUED = "queued"
    READING = "reading"
    READ = "read"
    SENDING = "sending"
    COMPLETE = "complete"
    ERROR = "error"


ENDED = (DocumentStatus.COMPLETE, DocumentStatus.ERROR)
"""Nothing reacts to these."""


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


class TooLarge(Exception):
    """The press does not take a document of this size."""


def document_id(path: Path) -> UUID:
    """The same id for the same file, so that a demo that starts again knows its documents."""
    return uuid5(NAMESPACE_URL, path.absolute().as_uri())


def spelled(path: Path) -> str:
    """A path as a text; the name of a file may be bytes that are no text, then it is a URL."""
    try:
        return str(path).encode().decode()
    except UnicodeEncodeError:
        return path.absolute().as_uri()


def located(spelling: str) -> Path:
    """The path behind its spelling."""
    if spelling.startswith("file://"):
        return Path(os.fsdecode(unquote_to_bytes(urlsplit(spelling).path)))
    return Path(spelling)


@task(
    Document,
    on=DocumentStatus.QUEUED,
    processing=DocumentStatus.READING,
    complete=DocumentStatus.READ,
    failed=DocumentStatus.ERROR,
)
def read(document: Document) -> Counted:
    """Read the file, count its words and lines, take its fingerprint."""
    size, words, lines, fingerprint, inside = 0, 0, 0, hashlib.sha256(), False
    for chunk in _chunks(located(document.path)):
        size += len(chunk)
        lines += chunk.count(b"\n")
        # A word that began in the chunk before was counted there.
        words += len(chunk.split()) - (inside and not chunk[:1].isspace())
        inside = not chunk[-1:].isspace()
        fingerprint.update(chunk)
    return Counted(size=size, words=words, lines=lines, sha256=fingerprint.hexdigest())


def _chunks(path: Path) -> Iterator[bytes]:
    # A file may be larger than the memory.
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            yield chunk


def reactions(press: Callable[[], str]) -> list[Reaction[Any, Any]]:
    """The task that reads and the endpoint that posts to the press; where that is, is asked when it is needed."""

    @endpoint(
        Document,
        on=DocumentStatus.READ,
        processing=DocumentStatus.SENDING,
        complete=DocumentStatus.COMPLETE,
        failed=DocumentStatus.ERROR,
        retry=Retry(attempts=3, after=timedelta(milliseconds=100), backoff="exponential"),
    )
    def send(document: Document) -> Exchange[Published]:
        facts = document.model_dump(mode="json", include={"path", "size", "words", "lines", "sha256"})
        request = Request("POST", f"{press()}/documents", json=facts, headers={"Authorization": TOKEN})
        response = yield request
        if response.status == 422:
            raise TooLarge(response.json()["error"])
        response.raise_for_status(request)
        return Published(url=response.json()["url"])

    return [read, send]
