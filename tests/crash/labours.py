"""What the workers of these tests do: documents whose titles say how hard they are to write."""

from __future__ import annotations

import os
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

from eventflow.model.reaction import Reaction, task
from eventflow.model.retry import Retry
from tests.walks.library import Document, Status, Written, sending, sending_on_the_loop

PATIENT = Retry(attempts=5, after=timedelta(seconds=0.1))

FOR_EVER = 600.0
"""Longer than any test, in seconds."""


@task(
    Document,
    on=Status.QUEUED,
    processing=Status.WRITING,
    complete=Status.WRITTEN,
    failed=Status.ERROR,
    retry=Retry(attempts=2),
)
def labour(document: Document) -> Written:
    """Hard only at first: a document that was interrupted before is written at once."""
    if not document.standing.interruptions:
        word, _, rest = document.title.partition(" ")
        _HARDSHIPS.get(word, _nothing)(rest)
    return Written(text=f"{document.title}\nwritten by {os.getpid()}")


def reactions(peer: str, retry: Retry = PATIENT, *, on_the_loop: bool = False) -> list[Reaction[Any, Any]]:
    """Write a document, then send it to the peer at this URL, from a thread or from the event loop."""
    return [labour, (sending_on_the_loop if on_the_loop else sending)(peer, retry=retry)]


def _nothing(rest: str) -> None:
    """Most titles are easy."""


def _told(rest: str) -> None:
    """Until there is a file of this name."""
    while not Path(rest).exists():
        time.sleep(0.01)


def _brief(rest: str) -> None:
    time.sleep(0.7)


def _steady(rest: str) -> None:
    time.sleep(4.0)


def _interruptible(rest: str) -> None:
    end = time.monotonic() + FOR_EVER
    while time.monotonic() < end:
        time.sleep(0.01)


def _deaf(rest: str) -> None:
    time.sleep(FOR_EVER)


_HARDSHIPS = {"told": _told, "brief": _brief, "steady": _steady, "long": _interruptible, "deaf": _deaf}
