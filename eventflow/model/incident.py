"""What somebody has to be told of: an incident, and for each who is told of it a stream that says whether that worked.

An incident has a name of its own (``kind`` and ``key``). However many workers see it, and however often: the stream of
a notice has an id made of that name and of who is told, so that the second one who wants to begin it is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from uuid import UUID, uuid5

from pydantic import BaseModel, Field

from eventflow.model.aggregate import Aggregate

NAMES = UUID("0b7f4a52-6a0c-4f0b-8a4e-6d1f9a3c2e57")
"""The space of names in which notices have their ids."""

LOCKDOWN, STALE_LOCK, COMMAND_FAILED = "lockdown", "stale-lock", "command-failed"
"""The kinds that the library itself tells of."""


class Incident(BaseModel, frozen=True, extra="forbid"):
    """Something that went wrong once: ``kind`` and ``key`` say what it is, and that it is this one and no other.

    ``subject`` is the one line, ``text`` the whole of what people are told; ``facts`` are for programs.
    """

    kind: str
    key: str
    subject: str
    text: str
    at: datetime
    facts: Mapping[str, str] = Field(default_factory=dict)


class Telling(StrEnum):
    """How far a notice has come."""

    QUEUED = "queued"
    SENDING = "sending"
    TOLD = "told"
    FAILED = "failed"


class Notice(
    Aggregate[Telling],
    category="eventflow_notice",
    initial=Telling.QUEUED,
    defibrillate={Telling.FAILED: Telling.QUEUED},
):
    """An incident on its way to one ``recipient``, who is called here as its notifier is."""

    recipient: str
    incident: Incident

    @classmethod
    def of(cls, incident: Incident, recipient: str) -> Notice:
        """The notice of this incident for this recipient, whoever asks for it."""
        return cls.create(id=notice_id(incident, recipient), recipient=recipient, incident=incident)


def notice_id(incident: Incident, recipient: str) -> UUID:
    """The stream of a notice: the same for the same incident and recipient, wherever it is asked for."""
    return uuid5(NAMES, f"{incident.kind}\n{incident.key}\n{recipient}")
