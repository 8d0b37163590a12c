"""Keeping projections up to the log: batches, rebuilds, checks.

A batch is one transaction: the checkpoint moves from where the runner found it, then the rows are written. Whoever
reads the same batch a second time finds the checkpoint elsewhere and writes nothing, so any number of runners in any
number of processes keep the same rows as one, and a crash in the middle leaves both as they were.
"""

from __future__ import annotations

import logging
import re
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Protocol

from eventflow.errors import (
    BodyMissing,
    Conflict,
    Erased,
    Misconfigured,
    NotFound,
    Unavailable,
    Unreadable,
    did_you_mean,
)
from eventflow.model.event import Event
from eventflow.model.recorded import Header, Phase, Recorded
from eventflow.model.telling import MASKER, traced
from eventflow.store.database import Database, Transaction
from eventflow_projections.comparison import Report, compare
from eventflow_projections.generations import Generation, Generations, State
from eventflow_projections.projection import Projection, Reading, Tables

logger = logging.getLogger("eventflow.projections")

BATCH = 500
"""Headers per transaction: enough for the writes to be few, few enough for the locks to be short."""


class Tail(Protocol):
    """What a projection needs of the log: the headers after a position, in order, none left out."""

    def tail(self, after: int, limit: int = ...) -> list[Header]:
        """The next headers."""

    def at_each(self, positions: Sequence[int]) -> list[Recorded]:
        """The events at these positions, for projections that read bodies."""

    def last_position(self) -> int:
        """Where the log ends now."""


@dataclass(frozen=True, slots=True)
class Status:
    """Where a projection stands: ``lag`` is how many positions of the log are before it.

    ``version`` is the live one. ``building`` is the position of the set that will take its place, if there is one;
    ``error`` is why the projection does not move.
    """

    name: str
    version: int
    position: int
    lag: int
    building: int | None = None
    error: str | None = None


class ProjectionRunner:
    """One projection and its checkpoint; several runners of the same projection get along."""

    def __init__(self, database: Database, log: Tail, projection: Projection, *, batch: int = BATCH) -> None:
        self.projection = projection
        self._database, self._log, self._batch = database, log, batch
        self._generations = Generations(database)
        self._made_out: dict[int, Tables] = {}

    @property
    def position(self) -> int:
        """Up to where the live rows are right; 0 before the tables exist."""
        live = self._generations.of(self.projection.name).get(State.LIVE)
        return live.position if live is not None else 0

    def create(self) -> None:
        """Make the tables that are missing."""
        self._generations.create([self.projection])

    def step(self) -> int:
        """Apply the next batch; how many headers it had. 0 means that the end of the log is reached."""
        while True:
            turn = _turn([self], self._generations, self._log, self._batch)
            for error in turn.errors:
                raise error
            if turn.applied or not turn.overtaken:
                return turn.applied

    def catch_up(self) -> int:
        """Apply everything there is; how many headers it was."""
        return _until_zero(self.step)

    def rebuild(self) -> int:
        """Build the tables anew from the first event and let them take the place of the live ones.

        Queries and live updates go on meanwhile. What a rebuild that was killed left behind is dropped by the next one
        (or finished by whoever steps this projection). Raises ``Conflict`` when another rebuild begins meanwhile.
        """
        number = self._generations.begin(self.projection, State.BUILDING).number
        applied = 0
        while (building := self._still(number)).state is not State.LIVE:
            headers = self._log.tail(building.position, self._batch)
            applied += self.feed(building, headers)
            if not headers:
                self._generations.swap(self.projection.name)
        return applied

    def verify(self) -> Report:
        """Build the tables beside the live ones up to the same position, and compare them row by row.

        The live tables stay as they are. Raises ``Conflict`` when another check of this projection begins meanwhile.
        """
        checking = self._generations.begin(self.projection, State.CHECKING)
        try:
            while (report := self._compared(checking.number)) is None:
                self._approach(self._still(checking.number))
            return report
        finally:
            self._generations.drop(checking)

    def standing(self, generations: Sequence[Generation]) -> list[Generation]:
        """Which sets of tables this program keeps: those of its own version."""
        mine = (self.projection.name, self.projection.version)
        return [one for one in generations if (one.name, one.version) == mine and one.state is not State.CHECKING]

    def feed(self, generation: Generation, headers: Sequence[Header]) -> int:
        """Apply headers that follow the set's position; 0 when somebody else did, or when there are none."""
        if not headers:
            return 0
        apply = self._applying(headers)
        with self._database.transaction(derived=True) as transaction:
            if not self._generations.move(transaction, generation, headers[-1].position):
                return 0
            apply(transaction, self._tables(generation))
            erasures = [header for header in headers if header.phase == Phase.ERASED]
            if erasures:
                self.projection.erase(erasures, transaction, self._tables(generation))
        return len(headers)

    def _applying(self, headers: Sequence[Header]) -> Callable[[Transaction, Tables], None]:
        # Bodies may be far away: they are read before the transaction begins.
        projection = self.projection
        if not isinstance(projection, Reading):
            return partial(projection.apply, headers)
        wanted = [header.position for header in headers if projection.wants(header)]
        return partial(projection.read, headers, _events(self._log.at_each(wanted) if wanted else []))

    def _tables(self, generation: Generation) -> Tables:
        if generation.number not in self._made_out:
            made_out = Tables.of(self.projection, self._database.dialect, generation.names)
            self._made_out = {**self._made_out, generation.number: made_out}
        return self._made_out[generation.number]

    def _still(self, number: int) -> Generation:
        found = self._generations.find(number)
        if found is None:
            raise Conflict(f"Another rebuild or check of {self.projection.name} began, so this one stopped.")
        return found

    def _live(self) -> Generation:
        live = self._generations.of(self.projection.name)[State.LIVE]
        if live.version != self.projection.version:
            reason = _outdated(self.projection, live)
            raise Conflict(f"{self.projection.name}: {reason}. Rebuild it, or wait until it has been built.")
        return live

    def _approach(self, checking: Generation) -> None:
        """One batch nearer to the live position, never beyond it."""
        goal = self._live().position
        headers = [header for header in self._log.tail(checking.position, self._batch) if header.position <= goal]
        if headers:
            self.feed(checking, headers)
        elif checking.position < goal:
            # The rows are of a longer log than this one: compare what there is, and the report will say so.
            with self._database.transaction() as transaction:
                self._generations.move(transaction, checking, goal)

    def _compared(self, number: int) -> Report | None:
        self._live()
        with self._database.transaction() as transaction:
            held = self._generations.hold(transaction, self.projection.name)
            live, checking = held[State.LIVE], held.get(State.CHECKING)
            if checking is None or checking.number != number or checking.position != live.position:
                return None
            return compare(transaction, self._generations, live, checking)


class Projections:
    """All projections of a program, kept together: the log is read once for those that stand at the same position."""

    def __init__(self, database: Database, log: Tail, projections: Sequence[Projection], *, batch: int = BATCH) -> None:
        _check(projections)
        self.runners = {one.name: ProjectionRunner(database, log, one, batch=batch) for one in projections}
        self._log, self._batch = log, batch
        self._generations = Generations(database)
        self._moved = threading.Condition()

    def create(self) -> None:
        """Make the tables that are missing, and begin to build those of newer versions beside the live ones.

        Any number of programs may do this at once. A program whose version is older than the live one leaves
        everything alone; its projection stands still until it is rebuilt on purpose.
        """
        self._generations.create([runner.projection for runner in self.runners.values()])

    def status(self) -> list[Status]:
        """Where each projection stands, in the order in which they were given."""
        return self._status(self._log.last_position())

    def step_all(self) -> int:
        """Apply one batch to each projection that is not at the end of the log; how many headers that was, in sum.

        0 means that there is nothing to do until the log's bell rings. A projection that raises stays where it is,
        says why in its status, is tried again at the next call, and keeps none of the others from moving.
        """
        while True:
            turn = _turn(list(self.runners.values()), self._generations, self._log, self._batch)
            if turn.applied or not turn.overtaken:
                return self._ring(turn.applied)

    def catch_up(self) -> int:
        """Apply everything there is; how many headers, in sum. Raises what a projection raised that cannot go on."""
        applied = 0
        while (turn := _turn(list(self.runners.values()), self._generations, self._log, self._batch)).read:
            applied += self._ring(turn.applied)
            if turn.errors and not turn.applied:
                raise turn.errors[0]
        return applied

    def wait_for(self, position: int, timeout: timedelta = timedelta(seconds=5)) -> None:
        """Wait until all live rows are right up to this position: then one reads what one wrote.

        Somebody has to be running the projections meanwhile. Raises ``Unavailable`` when the time is over.
        """
        deadline, pause = time.monotonic() + timeout.total_seconds(), 0.001
        while behind := [one for one in self._status(position) if one.position < position]:
            left = deadline - time.monotonic()
            if left <= 0:
                raise _late(behind[0], position, timeout)
            with self._moved:
                self._moved.wait(min(pause, left))
            pause = min(pause * 2, 0.05)

    def rebuild(self, name: str) -> int:
        """Build one projection anew and swap it in; see ``ProjectionRunner.rebuild``."""
        return self._runner(name).rebuild()

    def verify(self, name: str) -> Report:
        """Compare the live rows of one projection with a fresh build; see ``ProjectionRunner.verify``."""
        return self._runner(name).verify()

    def _status(self, end: int) -> list[Status]:
        sets = self._generations.all()
        return [_status(runner.projection, sets, end) for runner in self.runners.values()]

    def _ring(self, applied: int) -> int:
        if applied:
            with self._moved:
                self._moved.notify_all()
        return applied

    def _runner(self, name: str) -> ProjectionRunner:
        if name not in self.runners:
            known = list(self.runners)
            raise NotFound(f'No projection is called "{name}".{did_you_mean(name, known)} There is {", ".join(known)}.')
        return self.runners[name]


@dataclass(slots=True)
class _Turn:
    """What came of offering everybody their next batch; grows while that is done."""

    read: int = 0
    applied: int = 0
    overtaken: bool = False
    errors: list[Exception] = field(default_factory=list)


def _turn(runners: Sequence[ProjectionRunner], generations: Generations, log: Tail, batch: int) -> _Turn:
    turn = _Turn()
    for position, places in sorted(_by_position(runners, generations.all()).items()):
        headers = log.tail(position, batch)
        turn.read += len(headers)
        for runner, generation in places:
            _offer(turn, runner, generation, headers, generations)
    return turn


def _by_position(
    runners: Sequence[ProjectionRunner], generations: Sequence[Generation]
) -> dict[int, list[tuple[ProjectionRunner, Generation]]]:
    places: dict[int, list[tuple[ProjectionRunner, Generation]]] = defaultdict(list)
    for runner in runners:
        for generation in runner.standing(generations):
            places[generation.position].append((runner, generation))
    return places


def _offer(
    turn: _Turn, runner: ProjectionRunner, generation: Generation, headers: Sequence[Header], generations: Generations
) -> None:
    if not headers:
        if generation.state is State.BUILDING:
            generations.swap(generation.name)
        return
    try:
        applied = runner.feed(generation, headers)
    except Unavailable:
        raise
    # A projection is user code: whatever it raises becomes its status, and the others go on.
    except Exception as error:  # noqa: BLE001
        _stop(generations, generation, error)
        turn.errors.append(error)
    else:
        turn.applied += applied
        turn.overtaken = turn.overtaken or not applied


def _stop(generations: Generations, generation: Generation, error: Exception) -> None:
    reason = MASKER.text(f"{type(error).__name__}: {error}")
    if reason != generation.error:  # it is tried again every moment, and told once
        logger.error("The projection %s stands still at %d.\n%s", generation.name, generation.position, traced(error))
        generations.stop(generation, reason)


def _events(found: Sequence[Recorded]) -> dict[int, Event]:
    events = {}
    for one in found:
        try:
            events[one.header.position] = one.event
        except (Unreadable, BodyMissing, Erased) as error:
            logger.warning("%r is projected without its body: %s", one, error)
    return events


def _until_zero(step: Callable[[], int]) -> int:
    return sum(iter(step, 0))


def _status(projection: Projection, generations: Sequence[Generation], end: int) -> Status:
    by_state = {one.state: one for one in generations if one.name == projection.name}
    live, building = by_state.get(State.LIVE), by_state.get(State.BUILDING)
    if live is None:
        return Status(projection.name, 0, 0, end, error="its tables were not created yet")
    return Status(
        name=projection.name,
        version=live.version,
        position=live.position,
        lag=max(0, end - live.position),
        building=building.position if building is not None else None,
        error=live.error or (building.error if building is not None else _outdated(projection, live)),
    )


def _outdated(projection: Projection, live: Generation) -> str | None:
    if live.version == projection.version:
        return None
    return f"the live tables are of version {live.version}, this program has version {projection.version}"


def _late(behind: Status, position: int, timeout: timedelta) -> Unavailable:
    reason = f"it stands at {behind.position}" + (f" and stopped with {behind.error}" if behind.error else "")
    what = f"Position {position} of the projection {behind.name} (after {timeout.total_seconds():g} s)"
    return Unavailable(what, reason)


def _check(projections: Sequence[Projection]) -> None:
    problems = _twice("name", [one.name for one in projections])
    tables = [table for one in projections for table in one.tables]
    problems += _twice("table", tables)
    problems += [
        f'A table of a projection cannot be called "{table}": take at most 40 small letters, digits and _.'
        for table in dict.fromkeys(tables)
        if table == "projections" or not re.fullmatch(r"[a-z][a-z0-9_]{0,39}", table)
    ]
    if problems:
        raise Misconfigured(*problems)


def _twice(what: str, names: Sequence[str]) -> list[str]:
    return [f'Two projections have the {what} "{name}".' for name in dict.fromkeys(names) if names.count(name) > 1]
