"""What every recorder asks alike: statements by name, whose rows are headers and bodies."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from uuid import UUID

from eventsourcing.persistence import IntegrityError, Tracking

from eventflow.model.recorded import Header
from eventflow.store.port import Database
from eventflow.store.recorder import COLUMNS, Recorder, Row
from eventflow.store.statements import Statements
from eventflow.store.transaction import Record

LAST = 2**63 - 1
"""The highest position that a database can have."""


class AskingRecorder(Recorder):
    """A recorder on a database of ours: what it asks stands in ``log.sql`` of the database's dialect."""

    def __init__(self, database: Database, **places: str) -> None:
        self.bell = database.bell
        self._database = database
        self._sql = {name: _filled(text, places) for name, text in _statements(database).items()}

    def append_tracked(self, rows: Sequence[Row], tracking: Tracking) -> list[int]:
        """Append rows and move a tracking record in one transaction; raises ``IntegrityError``."""
        with self._database.transaction() as transaction:
            positions = self.append_within(transaction, rows) if rows else []
            if not transaction.execute(self._sql["track"], _tracked(tracking)):
                raise IntegrityError(
                    f"{tracking.application_name} was tracked up to {tracking.notification_id} or further."
                )
        self.bell.ring()
        return positions

    def insert_tracking(self, tracking: Tracking) -> None:
        """Move a tracking record forward."""
        self.append_tracked((), tracking)

    def max_tracking_id(self, application_name: str) -> int | None:
        """How far an application was tracked."""
        found = self._ask("tracked", name=application_name)
        return int(found[0][0]) if found else None

    def headers(self, stream: UUID, after: int = 0) -> list[Header]:
        """The headers of a stream with versions above ``after``."""
        return [Header._make(one) for one in self._ask("headers", stream=stream, after=after)]

    def head(self, stream: UUID) -> Header | None:
        """The last header of a stream."""
        found = self._ask("head", stream=stream)
        return Header._make(found[0]) if found else None

    def at(self, position: int) -> Row | None:
        """The event at one position; nothing where no database can count to."""
        found = self._ask("at", position=position) if position <= LAST else []
        return row(found[0]) if found else None

    def last_position(self) -> int:
        """The highest position in the log, or 0."""
        return int(self._ask("last_position")[0][0])

    def select(self, stream: UUID, gt: int, lte: int, desc: bool, limit: int) -> Iterator[tuple[int, str, bytes]]:
        """Version, name and body of events of a stream."""
        name = "select_backwards" if desc else "select"
        for version, topic, state in self._ask(name, stream=stream, gt=gt, lte=lte, limit=limit):
            yield version, topic, bytes(state)

    def notifications(
        self, start: int, stop: int, limit: int, names: Sequence[str]
    ) -> Iterator[tuple[int, UUID, int, str, bytes]]:
        """Position, stream, version, name and body of events in the order of the log, up to the horizon."""
        upto, wanted = min(stop, self.horizon()), self._list(names)
        for *fields, state in self._ask("notifications", start=start, stop=upto, limit=limit, names=wanted):
            yield *fields, bytes(state)

    def versions(self, stream: UUID, append: UUID) -> dict[int, int]:
        """The versions of a stream that were written by one append, with their positions."""
        return dict(self._ask("versions", stream=stream, append=append))

    @abstractmethod
    def _list(self, names: Sequence[str]) -> Any:
        """A list as a parameter of a statement."""

    def _ask(self, statement: str, /, **params: Any) -> list[Record]:
        return self._database.query(self._sql[statement], params)


def row(record: Record) -> Row:
    """A header and the bytes of its body."""
    return Header._make(record[:-1]), bytes(record[-1])


def dealt(positions: list[int], sizes: Sequence[int]) -> list[list[int]]:
    """The positions of a batch, given back to the appends of these sizes that it was made of.

    >>> dealt([7, 8, 9], [1, 2])
    [[7], [8, 9]]
    """
    left = iter(positions)
    return [[next(left) for _ in range(size)] for size in sizes]


def _statements(database: Database) -> Statements:
    return Statements("eventflow.store", database.dialect, "log.sql")


def _filled(text: str, places: Mapping[str, str]) -> str:
    for name, value in {"columns": COLUMNS, **places}.items():
        text = text.replace(f"{{{name}}}", value)
    return text


def _tracked(tracking: Tracking) -> Mapping[str, Any]:
    return {"name": tracking.application_name, "id": tracking.notification_id}
