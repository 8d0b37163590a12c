"""Runs of processes as they stand now: a row for each, sums for counters, a row for each day."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime
from typing import Any, Self
from uuid import UUID

from eventflow.model.event import Event
from eventflow.model.library import Created
from eventflow.model.process import events, long_events
from eventflow.model.process.run import CATEGORY, Route
from eventflow.model.process.status import TERMINAL
from eventflow.model.recorded import Header, Phase
from eventflow.store.database import Transaction
from eventflow_projections.projection import Reading, Tables

Cell = tuple[str, str, str]
"""A process, a channel and a status."""

PASSED = frozenset(f"{CATEGORY}:{one.event_name}" for one in (events.StepSucceeded, events.StepSkipped))
"""What a step is done by. It is always the one that was under way, so that nobody needs the body."""

OVER = frozenset(str(one.value) for one in TERMINAL)


@dataclass(slots=True)
class RunRow:
    """A run as its events add up to it; the columns of ``runs``, in their order. Changes as it heeds them."""

    stream: UUID
    process: str
    definition: int
    channel: str
    status: str
    version: int
    position: int
    created_position: int
    created_at: datetime
    updated_at: datetime
    steps: tuple[str, ...] = ()
    done: tuple[str, ...] = ()
    step: str | None = None
    attempts: int = 0
    subject: str | None = None
    key: str | None = None
    parent: UUID | None = None
    deadline: datetime | None = None
    phase: str | None = None
    due: datetime | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    error: str | None = None
    message: str | None = None
    started_by: str | None = None
    actor: str | None = None
    tenant: str | None = None

    @property
    def id(self) -> UUID:
        """The stream of the run."""
        return self.stream

    @property
    def category(self) -> str:
        """That of all runs."""
        return CATEGORY

    @property
    def cell(self) -> Cell:
        """Where it is counted."""
        return self.process, self.channel, self.status

    @property
    def is_over(self) -> bool:
        """Whether nothing follows any more."""
        return self.status in OVER

    @classmethod
    def begun(cls, header: Header) -> RunRow:
        """The row of a run of which nothing is known but its first header."""
        route = Route.of(header.reaction)
        at = header.recorded_at
        return cls(header.stream, *route, header.status, 0, 0, header.position, at, at, started_by=header.actor)

    @classmethod
    def read(cls, record: Sequence[Any]) -> Self:
        """The row as it stands in the table."""
        row = cls(*record)
        row.steps, row.done = tuple(json.loads(record[_STEPS])), tuple(json.loads(record[_DONE]))
        return row

    def values(self) -> tuple[Any, ...]:
        """The row as the statement takes it. Any: it has columns of several types."""
        values = [getattr(self, name) for name in COLUMNS]
        values[_STEPS], values[_DONE] = json.dumps(self.steps), json.dumps(self.done)
        return tuple(values)

    def heed(self, header: Header, event: Event | None) -> None:
        """This has happened."""
        self.status, self.version, self.position = header.status, header.version, header.position
        self.updated_at = header.recorded_at
        self.actor, self.tenant = header.actor or self.actor, self.tenant or header.tenant
        self.ended_at = (self.ended_at or header.recorded_at) if header.status in OVER else None
        if header.phase is not None:
            self._stand(header)
        if header.name in PASSED:
            self._change(self._past(self.step))
        elif event is not None:
            self._change(self._told(event))

    def _change(self, changes: Mapping[str, Any]) -> None:
        for name, value in changes.items():
            setattr(self, name, value)

    def _stand(self, header: Header) -> None:
        """What is to be done, or what came of it."""
        self.phase, self.due, self.error = header.phase, header.due, header.error
        if header.phase == Phase.CLAIMED:
            self.started_at = self.started_at or header.recorded_at
        route = Route.of(header.reaction)
        if route.process:
            self.definition = route.definition

    def _told(self, event: Event) -> dict[str, Any]:
        """What a body says of where the run is."""
        match event:
            case Created():
                return _created(event.fields)
            case events.StepFailed():
                return {"attempts": event.attempt, "message": event.message}
            case events.Restarted():
                again = self._from(event.step)
                done = tuple(one for one in self.done if one not in again)
                return {"step": event.step, "done": done, "attempts": 0, "message": event.reason}
            case events.WentTo():
                done = (*self.done, *event.skipped)
                return {"step": event.step, "done": done, "attempts": 0, "message": event.reason}
            case long_events.UndoBegan():
                turned = {"steps": event.steps, "done": (), "step": event.steps[0], "attempts": 0}
                return {**turned, "message": event.reason}
            case long_events.StepWaits():
                return {"message": f"waits for {event.what}"}
            case events.Migrated():
                moved = {"definition": event.definition, "steps": event.steps}
                return {**moved, "done": event.done, "step": event.step}
            case _:
                said = getattr(event, "message", None) or getattr(event, "reason", None)
                return {"message": said} if isinstance(said, str) else {}

    def _past(self, step: str | None) -> dict[str, Any]:
        """The step that was under way is done; what it had to say is told by the history."""
        if step is None:
            return {}
        done = (*self.done, step)
        coming = next((one for one in self._from(step)[1:] if one not in done), None)
        return {"done": done, "step": coming, "attempts": 0, "message": None}

    def _from(self, step: str) -> tuple[str, ...]:
        return self.steps[self.steps.index(step) :] if step in self.steps else ()


COLUMNS = tuple(one.name for one in fields(RunRow))
_STEPS, _DONE = COLUMNS.index("steps"), COLUMNS.index("done")


def _created(said: Mapping[str, Any]) -> dict[str, Any]:
    subject = said.get("subject")
    deadline = said.get("deadline")
    parent = said.get("parent")
    return {
        "steps": tuple(said.get("steps", ())),
        "step": said.get("step"),
        "subject": ":".join(map(str, subject)) if subject else None,
        "key": said.get("key"),
        "parent": UUID(parent) if isinstance(parent, str) else parent,
        "deadline": datetime.fromisoformat(deadline) if isinstance(deadline, str) else deadline,
    }


class Running(Reading):
    """The tables ``runs``, ``run_counts`` and ``run_days``.

    * ``step`` is the step that is next or under way, ``attempts`` how often it has failed with the present budget.
    * ``message`` is what the last event had to say, where that was no success.
    * ``phase``, ``due`` and ``error`` are those of the last event that has a phase: what is to be done, or what came of
      it. ``started_at`` is when a worker first began, ``ended_at`` when the run was over.
    * ``started_by`` is who started it, ``actor`` who has last done something to it.
    * ``run_counts`` are the runs of each process, channel and status; ``run_days`` says of each day (UTC) how many
      began, and which number the highest attempt of a step had.

    Kept where there are processes only.
    """

    name = "runs"
    version = 1
    tables = ("runs", "run_counts", "run_days")

    def wants(self, header: Header) -> bool:
        """What begins a run, and what ends well no step: of a claim and a success the header says enough."""
        return header.category == CATEGORY and header.phase != Phase.CLAIMED and header.name not in PASSED

    def read(
        self, batch: Sequence[Header], events: Mapping[int, Event], transaction: Transaction, tables: Tables
    ) -> None:
        """Fold the batch to one row per run, and to sums."""
        own = [header for header in batch if header.category == CATEGORY]
        if not own:
            return
        rows, sums = _present(own, transaction, tables), Counter[Cell]()
        for header in own:
            row = rows.get(header.stream)
            before = None if row is None else row.cell
            row = rows[header.stream] = row or RunRow.begun(header)
            row.heed(header, events.get(header.position))
            _move(sums, before, row.cell)
        transaction.write(tables["put"], [row.values() for row in rows.values()])
        if sums:
            # In order, so that whoever else locks these rows meets them in the same order.
            transaction.write(tables["count"], [(*cell, amount) for cell, amount in sorted(sums.items())])
        _days(own, rows, transaction, tables)


def _move(sums: Counter[Cell], before: Cell | None, now: Cell) -> None:
    """Count that a run has come to a cell, and has left another; a cell that was left again is there all the same."""
    if before != now:
        sums[now] += 1
        if before is not None:
            sums[before] -= 1


def _present(own: Iterable[Header], transaction: Transaction, tables: Tables) -> dict[UUID, RunRow]:
    streams = json.dumps(sorted({str(header.stream) for header in own}))
    found = [RunRow.read(record) for record in transaction.execute(tables["present"], {"streams": streams})]
    return {row.stream: row for row in found}


def _days(own: Sequence[Header], rows: Mapping[UUID, RunRow], transaction: Transaction, tables: Tables) -> None:
    days: dict[tuple[str, str, date], list[int]] = defaultdict(lambda: [0, 0])
    for header in own:
        is_claimed = header.phase == Phase.CLAIMED
        if is_claimed or header.version == 1:
            row = rows[header.stream]
            cell = days[row.process, row.channel, header.recorded_at.astimezone(UTC).date()]
            cell[0] += header.version == 1
            cell[1] = max(cell[1], header.attempt or 0 if is_claimed else 0)
    told = [(*cell[:2], str(cell[2]), *numbers) for cell, numbers in sorted(days.items()) if any(numbers)]
    if told:
        transaction.write(tables["day"], told)
