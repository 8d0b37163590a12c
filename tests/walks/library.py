"""The documents that the walks are about."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum

from eventflow.model.aggregate import Aggregate
from eventflow.model.event import Event
from eventflow.model.exchange import AsyncExchange, Exchange, Request
from eventflow.model.reaction import EndpointReaction, TaskReaction, endpoint, task
from eventflow.model.retry import Retry


class Status(StrEnum):
    """A document's life."""

    QUEUED = "queued"
    WRITING = "writing"
    WRITTEN = "written"
    SENDING = "sending"
    COMPLETE = "complete"
    ERROR = "error"


class Written(Event):
    """The text is there."""

    text: str


class Published(Event):
    """The press took it."""

    url: str


class Noted(Event):
    """Somebody left a note: a mere fact."""

    note: str


class Document(
    Aggregate[Status],
    category="document",
    initial=Status.QUEUED,
    defibrillate={Status.ERROR: Status.QUEUED},
    events=(Noted,),
):
    """What it is about."""

    title: str
    text: str = ""
    url: str = ""
    note: str = ""


@task(Document, on=Status.QUEUED, processing=Status.WRITING, complete=Status.WRITTEN, failed=Status.ERROR)
def write(document: Document) -> Written:
    """A trivial task."""
    return Written(text=f"# {document.title}\n")


def sending(url: str, *, retry: Retry | None = None) -> EndpointReaction[Document, Published]:
    """An endpoint that posts to the peer at ``url``."""

    @endpoint(
        Document,
        on=Status.WRITTEN,
        processing=Status.SENDING,
        complete=Status.COMPLETE,
        failed=Status.ERROR,
        retry=retry or Retry(attempts=3, after=timedelta(seconds=30)),
    )
    def send(document: Document) -> Exchange[Published]:
        request = Request(
            "POST", f"{url}/articles", json={"text": document.text}, headers={"Authorization": "Bearer s3cr3t-t0ken"}
        )
        response = yield request
        response.raise_for_status(request)
        return Published(url=response.json()["url"])

    return send


def sending_on_the_loop(url: str, *, retry: Retry | None = None) -> EndpointReaction[Document, Published]:
    """The same, on the event loop."""

    @endpoint(
        Document,
        on=Status.WRITTEN,
        processing=Status.SENDING,
        complete=Status.COMPLETE,
        failed=Status.ERROR,
        retry=retry or Retry(attempts=3, after=timedelta(seconds=30)),
        name="send",
    )
    async def send(document: Document) -> AsyncExchange[Published]:
        request = Request(
            "POST", f"{url}/articles", json={"text": document.text}, headers={"Authorization": "Bearer s3cr3t-t0ken"}
        )
        response = yield request
        response.raise_for_status(request)
        yield Published(url=response.json()["url"])

    return send


__all__ = [
    "Document",
    "Noted",
    "Published",
    "Status",
    "TaskReaction",
    "Written",
    "sending",
    "sending_on_the_loop",
    "write",
]
