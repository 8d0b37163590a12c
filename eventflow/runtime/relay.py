"""From the log to the broker: what is due becomes a message, what is due later waits in the log's own table.

The relay follows the log as one reader among others. Of each stream it keeps one row: what is to be done with it
next (``eventflow.store.work``), moved in one transaction with its checkpoint. Messages go out first, so that a
crash in between sends them twice and never not at all; the claim makes twice harmless.

The table is the backlog. The broker holds at most ``max_in_flight`` messages of a queue, however many items are due.
"""

from __future__ import annotations

import logging
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from eventflow.model.process.run import Run
from eventflow.model.process.status import STARTING
from eventflow.model.reaction import Reaction
from eventflow.model.recorded import Header, Phase
from eventflow.model.routine import Routine
from eventflow.model.switch import Switch
from eventflow.runtime.broker import Broker
from eventflow.runtime.job import Job
from eventflow.runtime.switches import QUEUE, Switches
from eventflow.runtime.telemetry import Telemetry
from eventflow.store.log import Log
from eventflow.store.work import FAR_AHEAD, LONG_AGO, Due, Task, Work

log = logging.getLogger("eventflow.relay")

CHECKPOINT = "relay"

LOOK_AGAIN = 0.1
"""Seconds after which the table is looked into again, where limits may have put something off."""


class Routes:
    """Which reaction answers to which status of which category, and on which queue."""

    def __init__(self, reactions: Iterable[Reaction[Any, Any]]) -> None:
        self.reactions: dict[str, Reaction[Any, Any]] = {one.name: one for one in reactions}
        self._by_status = {
            (one.aggregate.category, str(one.on.value), flow): one
            for one in self.reactions.values()
            if not isinstance(one, Routine)
            for flow in one.flows
        }

    @property
    def has_routines(self) -> bool:
        """Whether there are runs among what is worked on."""
        return any(isinstance(one, Routine) for one in self.reactions.values())

    def by_queue(self) -> dict[str, list[str]]:
        """The names of the reactions, by the queue they use; those that go first stand first."""
        queues: dict[str, list[str]] = defaultdict(list)
        for one in sorted(self.reactions.values(), key=lambda one: one.priority):
            queues[one.queue].append(one.name)
        return dict(queues)

    def priorities(self) -> dict[str, int]:
        """The reactions that go before others or after them, each with its number."""
        return {one.name: one.priority for one in self.reactions.values() if one.priority}

    def queue(self, reaction: str) -> str | None:
        """The queue of a reaction, or nothing when this program does not know it."""
        known = self.reactions.get(reaction)
        return known.queue if known else None

    def standing(self, header: Header) -> Task | None:
        """What is to be done with a stream whose last header with a phase is this one."""
        if header.phase == Phase.ERASED:
            return None
        if header.phase != Phase.ANNOUNCED:
            return Task.of(header)
        if header.category == Run.category:
            # Its route is known to the program that has its version, which need not be this one.
            return Task.of(header, attempt=1) if header.status in STARTING else None
        reaction = self._reacting(header)
        if reaction is None:
            return None
        task = Task.of(header, reaction=reaction.name, attempt=1)
        if reaction.after is None:
            return task
        return task._replace(due=_later(header.due or header.recorded_at, reaction.after))

    def _reacting(self, header: Header) -> Reaction[Any, Any] | None:
        category, status = header.category, header.status
        own = self._by_status.get((category, status, header.flow)) if header.flow is not None else None
        return own or self._by_status.get((category, status, None))


class Relay:
    """Follows the log and keeps the broker fed. One at a time for each log: its caller holds the leadership."""

    def __init__(
        self,
        log: Log,
        work: Work,
        broker: Broker,
        routes: Routes,
        *,
        clock: Callable[[], datetime],
        switches: Switches,
        telemetry: Telemetry,
        is_limited: bool = False,
        max_in_flight: int = 1000,
        batch: int = 500,
        resend_after: timedelta = timedelta(seconds=30),
        told: Callable[[Sequence[Header]], object] = len,
    ) -> None:
        self._told, self._telemetry = told, telemetry
        self._log, self._work, self._broker, self._routes, self._clock = log, work, broker, routes, clock
        self._max_in_flight, self._batch, self._resend_after = max_in_flight, batch, resend_after
        self._switches, self._is_limited = switches, is_limited
        self._look_at = 0.0
        self._by_queue = routes.by_queue()
        self._paused: frozenset[str] = frozenset()
        self._room: dict[str, int] = {}
        self._position = 0
        self._wake_at: datetime | None = LONG_AGO

    def start(self) -> None:
        """Take over from whoever led before: begin at the checkpoint, trust no count made earlier."""
        self._position = self._work.position(CHECKPOINT)
        self._room.clear()
        self._paused = frozenset()
        self._wake_at = LONG_AGO
        if self._broker.embedded:
            # Messages of an embedded broker died with the process that held them.
            self._work.unsend()

    def step(self) -> int:
        """Follow one batch of headers and send what became due; returns how much there was to do."""
        headers = self._log.tail(self._position, self._batch)
        if any(header.category == Switch.category for header in headers):
            self._switches.forget()
        self._heed_switches()
        if headers:
            self._relay(headers)
        return len(headers) + self.send_due()

    def rest(self) -> float | None:
        """The seconds until something waiting is due, if anything is: a step before that finds new headers only."""
        return None if self._wake_at is None else (self._wake_at - self._clock()).total_seconds()

    def _heed_switches(self) -> None:
        """Take back what waits for workers on a queue that was paused; feed one that goes on."""
        paused = frozenset(one for one in self._by_queue if self._switches.is_paused(QUEUE, one))
        if paused == self._paused:
            return
        for queue in paused - self._paused:
            taken = sum(self._work.unsend(name, FAR_AHEAD) for name in self._by_queue[queue])
            log.info("The queue %s is paused; %d messages were taken back.", queue, taken)
        self._paused = paused
        self._room.clear()
        self._wake_at = LONG_AGO

    def _relay(self, headers: list[Header]) -> None:
        last = {header.stream: header for header in headers if header.phase}
        standing = {stream: self._routes.standing(header) for stream, header in last.items()}
        tasks = [task for task in standing.values() if task]
        sent = self._send(task.ready() for task in tasks if self._is_due(task))
        _tell_of_the_erased(last.values())
        ended = [stream for stream, task in standing.items() if task is None]
        self._work.move(CHECKPOINT, self._position, headers[-1].position, tasks, ended, sent, self._clock())
        self._position = headers[-1].position
        self._told(headers)
        self._remember([task for task in tasks if task.phase != Phase.CLAIMED and task.ready() not in set(sent)])

    def _remember(self, waiting: list[Task]) -> None:
        """Know when to look into the table again, so that a step without anything due costs no query."""
        for task in waiting:
            due = task.due or LONG_AGO
            self._wake_at = due if self._wake_at is None else min(self._wake_at, due)

    def _is_due(self, task: Task) -> bool:
        return task.phase != Phase.CLAIMED and (task.due is None or task.due <= self._clock())

    def send_due(self) -> int:
        """Send what waited for its time or for room; returns how many were sent."""
        now = self._clock()
        if not self._is_time(now):
            return 0
        names = self._with_room()
        if not names:
            return 0
        sent = self._send(self._work.due(names, now, self._batch))
        if sent:
            self._work.sent(sent, now)
        else:
            self._wake_at = self._next_due()
        return len(sent)

    def _is_time(self, now: datetime) -> bool:
        """Whether there may be something in the table that is due."""
        if self._is_limited:
            postponed = self._work.take_postponed()
            if postponed is not None:
                self._wake_at = postponed if self._wake_at is None else min(self._wake_at, postponed)
            # What workers in other processes have put off, or called, is in the table only.
            if time.monotonic() >= self._look_at:
                self._look_at = time.monotonic() + LOOK_AGAIN
                return True
        return self._wake_at is not None and now >= self._wake_at

    def _next_due(self) -> datetime | None:
        # Of the paused queues nothing is due, whatever their table says: their switch says when to look again. Nor is
        # anything of the versions of processes that only another program knows.
        fed = [name for queue, names in self._by_queue.items() if queue not in self._paused for name in names]
        some = self._paused or self._is_limited or self._routes.has_routines
        return self._work.next_due(fed if some else None)

    def _send(self, tasks: Iterable[Due]) -> list[Due]:
        by_queue: dict[str, list[Due]] = defaultdict(list)
        for task in tasks:
            queue = self._routes.queue(task.reaction)
            if queue is not None:
                by_queue[queue].append(task)
        return [task for queue, some in by_queue.items() for task in self._send_to(queue, some)]

    def _send_to(self, queue: str, tasks: list[Due]) -> list[Due]:
        if queue in self._paused:
            return []
        fitting = tasks[: self._room_for(queue, len(tasks))]
        if fitting:
            jobs, began = [job(task) for task in fitting], self._telemetry.now()
            self._broker.send(queue, jobs)
            self._telemetry.sent(queue, jobs, began)
            self._room[queue] -= len(fitting)
        return fitting

    def _with_room(self) -> list[str]:
        """The reactions whose queue takes more: a full queue must not hide what waits for another."""
        fed = {queue: names for queue, names in self._by_queue.items() if queue not in self._paused}
        return [name for queue, names in fed.items() if self._room_for(queue, 1) for name in names]

    def _room_for(self, queue: str, wanted: int) -> int:
        """How many messages the queue may take; counted anew only when the last count is used up."""
        if self._room.get(queue, 0) < wanted:
            in_flight = self._work.in_flight()
            for name, reactions in self._by_queue.items():
                self._room[name] = self._max_in_flight - sum(in_flight.get(one, 0) for one in reactions)
        return max(0, self._room[queue])

    def resend_lost(self) -> int:
        """Send again what was sent long ago and never claimed, where the broker says that nothing waits any more."""
        before = self._clock() - self._resend_after
        lost = 0
        for queue, names in self._by_queue.items():
            if self._broker.depth(queue) == 0:
                lost += sum(self._work.unsend(name, before) for name in names)
        # A worker may have put something back meanwhile, because its queue was paused just then.
        self._wake_at = LONG_AGO
        return lost


def _tell_of_the_erased(headers: Iterable[Header]) -> None:
    for header in headers:
        if header.phase == Phase.ERASED:
            log.info("%s %s was erased: whatever was to be done with it is dropped.", header.category, header.stream)


def _later(begin: datetime, after: timedelta) -> datetime:
    try:
        return begin + after
    except OverflowError:
        return FAR_AHEAD


def job(task: Due) -> Job:
    """The job that a due task is."""
    return Job(task.reaction, task.stream, task.version, task.attempt, task.position)
