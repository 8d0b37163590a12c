"""Incidents on their way to people: one notice for each who is to be told, sent by the same machinery as all work.

A notice is a stream, sending it a reaction: claimed before it is sent, tried again later and later, failed in the end
and brought back like any item. So a mail server that is away changes nothing of what was recorded about the incident
itself, and whoever is not told is seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple, Protocol
from uuid import UUID

from eventflow.errors import Misconfigured, NotFound, Refused, VersionConflict
from eventflow.model.incident import Incident, Notice, Telling, notice_id
from eventflow.model.reaction import Reaction, task
from eventflow.model.recorded import Context
from eventflow.model.retry import Retry
from eventflow.runtime.repository import Repository
from eventflow.store.log import Log

PATIENT = Retry(
    attempts=20,
    after=timedelta(seconds=30),
    backoff="exponential",
    at_most=timedelta(hours=1),
    jitter=0.2,
    unless=(NotFound, Refused),
)
"""About half a day: a night without a mail server. What a server will never take is not tried again."""

FIRST = -100
"""Who has to be told is told before other work is begun."""

TIME_LIMIT = timedelta(minutes=2)


class Notifier(Protocol):
    """Tells somebody of incidents: write one for a pager or a chat, and give it in ``notifiers=[...]``.

    It is called in a worker, and again later when it raises. It may be called a second time for the same notice when
    its worker was killed in the middle: say ``str(notice)`` to the other side as what makes both the same.
    """

    @property
    def name(self) -> str:
        """Who is told, without secrets: it goes into the log. Two notifiers never share one."""

    def wants(self, kind: str) -> bool:
        """Whether it tells of incidents of this kind."""

    def tell(self, incident: Incident, notice: str) -> None:
        """Tell of it; ``notice`` is the same each time it is tried."""


class Untold(NamedTuple):
    """Somebody who was not told of an incident, and why; ``due`` is when that is tried again, if it is."""

    notice: UUID
    recipient: str
    subject: str
    error: str
    due: datetime | None


class Incidents:
    """The incidents of one log, told once to each notifier."""

    def __init__(self, log: Log, repository: Repository, notifiers: Sequence[Notifier]) -> None:
        self._log, self._repository = log, repository
        self.notifiers = {one.name: one for one in notifiers}

    def report(self, incident: Incident, *, context: Context = Context()) -> int:
        """Have it told; returns how many are told of it. Whoever comes second, in whatever process, tells nobody."""
        begun = 0
        for notice in self.notices(incident):
            try:
                self._repository.save(notice, context=context)
            except VersionConflict:
                continue
            begun += 1
        return begun

    def has_listeners(self, kind: str) -> bool:
        """Whether anybody is told of incidents of this kind."""
        return any(one.wants(kind) for one in self.notifiers.values())

    def notices(self, incident: Incident) -> list[Notice]:
        """A new notice for each who is to be told and was not, to be saved together with what tells of the incident."""
        wanted = [name for name, one in self.notifiers.items() if one.wants(incident.kind)]
        if not wanted:
            return []
        heads = self._log.heads([notice_id(incident, name) for name in wanted])
        return [Notice.of(incident, name) for name, head in zip(wanted, heads, strict=True) if head is None]

    def untold(self, notice: UUID, error: str, due: datetime | None) -> Untold:
        """What there is to say of a notice that did not arrive until now."""
        told = self._repository.get(Notice, notice)
        return Untold(notice, told.recipient, told.incident.subject, error, due)


def telling(notifiers: Sequence[Notifier]) -> list[Reaction[Any, Any]]:
    """The reaction that sends notices; none when there is nobody to be told. Raises ``Misconfigured``."""
    by_name = {one.name: one for one in notifiers}
    if len(by_name) < len(notifiers):
        names = [one.name for one in notifiers]
        twice = sorted({one for one in names if names.count(one) > 1})
        raise Misconfigured(*(f'Two notifiers are called "{one}". Give them different names.' for one in twice))
    if not by_name:
        return []

    @task(
        Notice,
        on=Telling.QUEUED,
        processing=Telling.SENDING,
        complete=Telling.TOLD,
        failed=Telling.FAILED,
        retry=PATIENT,
        priority=FIRST,
        time_limit=TIME_LIMIT,
    )
    def eventflow_notify(notice: Notice) -> None:
        notifier = by_name.get(notice.recipient)
        if notifier is None:
            raise NotFound(f'This program has no notifier "{notice.recipient}". It has {", ".join(by_name)}.')
        notifier.tell(notice.incident, str(notice.id))

    return [eventflow_notify]
