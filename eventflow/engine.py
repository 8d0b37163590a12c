"""What moves the work of one application: its broker, its workers, and what runs in one of them for all."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import cached_property
from uuid import UUID

from eventflow.errors import Misconfigured, ProjectionStopped, Unavailable
from eventflow.model.channel import Channel
from eventflow.model.exchange import Timeout
from eventflow.model.limits import Limit
from eventflow.model.masking import Masker
from eventflow.model.process.registry import Registry
from eventflow.model.reaction import AsyncEndpointReaction
from eventflow.runtime.asynchronous import Asynchronous
from eventflow.runtime.attempt import Attempt
from eventflow.runtime.broker import Broker
from eventflow.runtime.clerk import Clerk
from eventflow.runtime.commands.commander import COMMANDER, Commander
from eventflow.runtime.commands.commands import Commands
from eventflow.runtime.coroutines import Coroutines, Wire
from eventflow.runtime.doors import Doors, Known
from eventflow.runtime.follower import Follower
from eventflow.runtime.gate import Gate
from eventflow.runtime.limits import Limits, Peers
from eventflow.runtime.lookout import Lookout
from eventflow.runtime.network import Network
from eventflow.runtime.patience import Patience
from eventflow.runtime.relay import CHECKPOINT, Relay, Routes
from eventflow.runtime.repository import Repository
from eventflow.runtime.rescue import Rescue
from eventflow.runtime.runner import Runner
from eventflow.runtime.seats import Seats
from eventflow.runtime.switches import QUEUE, Switches
from eventflow.runtime.telemetry import Telemetry
from eventflow.runtime.throttle import Throttle
from eventflow.runtime.ticks import Tick, Ticks
from eventflow.runtime.turns import Turns
from eventflow.runtime.worker import Worker
from eventflow.settings import Settings
from eventflow.store.database import Database
from eventflow.store.limits import Circuits, Places, Tallies
from eventflow.store.log import Log
from eventflow.store.ticks import Run, Runs
from eventflow.store.work import Backlog, Work
from eventflow.store.workers import Workers
from eventflow_projections import Projections
from eventflow_projections.runner import BATCH

RELAY = "relay"
SCHEDULER = "scheduler"
ARCHIVER = "archiver"
FREE_EVERY = timedelta(seconds=5)
FORGET_EVERY = timedelta(hours=1)

RESCUES = "gives back what dead workers hold"
RESENDS = "sends again what the broker has lost"
FREES = "takes back the places of workers that are gone"
FORGETS = "forgets what was counted in periods that are over"


class Engine:
    """Runs the work that the log calls for, on the broker that the settings name.

    Built by ``Eventflow``, which says what is to be run; this says how. Nothing is connected before it is used.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        routes: Routes,
        registry: Registry,
        database: Database,
        log: Log,
        repository: Repository,
        projections: Projections,
        switches: Switches,
        masker: Masker,
        clock: Callable[[], datetime],
        ids: Callable[[], UUID],
        resend_after: timedelta,
        limits: Sequence[Limit],
        ticks: Sequence[Tick],
        archiving: Sequence[Tick] = (),
        channels: Mapping[str, Channel],
        fatal: Known,
        commands: Commands,
        telemetry: Telemetry,
    ) -> None:
        self._registry, self._telemetry = registry, telemetry
        self.settings, self.routes, self.database, self.log = settings, routes, database, log
        self.repository, self.projections, self.switches = repository, projections, switches
        self.masker, self.clock, self._ids, self._resend_after = masker, clock, ids, resend_after
        self.work, self._limits = Work(database), tuple(limits)
        self.doors = Doors(channels, log=log, work=self.work, known=fatal, clock=clock)
        concurrency = any(one.concurrency for one in routes.reactions.values())
        self.is_limited = bool(limits) or concurrency or bool(self.doors)
        self.ticks = self._ticking(*ticks, *(self._limit_rhythms() if self.is_limited else ()))
        self.archiving = self._ticking(*archiving)
        self.commanding, self._commands = self._ticking(*commands.ticks()), commands
        self._timeout = Timeout(
            connect=settings.http_connect_timeout, read=settings.http_read_timeout, total=settings.http_total_timeout
        )
        self._network = Network(timeout=self._timeout, limit=settings.http_answer_limit)

    @cached_property
    def broker(self) -> Broker:
        """The broker; connected when first used, so that a program that only appends needs none."""
        return Broker(
            self.settings.broker.get_secret_value(),
            self.routes.by_queue() or ["default"],
            priorities=self.routes.priorities(),
        )

    def worker(self, *, threads: int | None = None, queues: Iterable[str] | None = None) -> Worker:
        """A worker for this application, not started yet."""
        return self._hand([*self._ticking_followers(), self._projector()], threads=threads, queues=queues)

    def relay(self) -> None:
        """Send what is due to the broker, unless a worker leads: it relays already."""
        leadership = self.database.leadership(RELAY)
        if not leadership.acquire():
            return
        try:
            relay = self._relay()
            relay.start()
            while relay.step():
                pass
        finally:
            leadership.release()

    def tick(self) -> list[Run] | None:
        """Do what is due of the ticks, unless another process does; nothing is returned then."""
        runs = self._run_due(SCHEDULER, self.ticks)
        commands = self._run_due(COMMANDER, self.commanding) if self.commanding.all() else None
        return None if runs is commands is None else [*(runs or ()), *(commands or ())]

    def _run_due(self, leader: str, ticks: Ticks) -> list[Run] | None:
        leadership = self.database.leadership(leader)
        if not leadership.acquire():
            return None
        try:
            ticks.start()
            return ticks.run_due()
        finally:
            leadership.release()

    def scheduler(self) -> list[Follower]:
        """The followers of a process that runs no handlers; messages of an embedded broker would die in it."""
        ticking = self._ticking_followers()
        return ticking if self.broker.embedded else [self._leader(self._ids()), *ticking]

    def drain(self, timeout: timedelta) -> None:
        """Do everything that is due now: first the work, then the ticks, then what they have begun."""
        worker, end = self._hand([self._projector()]), time.monotonic() + timeout.total_seconds()
        worker.start()
        try:
            self._until(self.settle, timeout)
            while time.monotonic() < end and any(run.done for run in self.tick() or ()):
                self._until(self.settle, timeout)
        finally:
            worker.stop()

    def settle(self, queues: Collection[str] | None = None) -> bool:
        """Whether nothing is left to do now; brings the projections to the end of the log once the work is done.

        With ``queues`` it is about what this program does there.
        """
        if not self._is_worked_off(self.log.last_position(), queues):
            return False
        try:
            self.projections.catch_up()
        except Unavailable:
            raise
        except Exception as error:  # noqa: BLE001 - a projection is user code: its status names it
            self._check_projected(self.log.last_position(), error)
        return self.is_idle(queues)

    def is_idle(self, queues: Collection[str] | None = None) -> bool:
        """Whether nothing is due now (on these queues) and every projection has seen the end of the log."""
        end = self.log.last_position()
        return self._is_worked_off(end, queues) and self._check_projected(end) and self.log.last_position() == end

    def backlog(self) -> list[Backlog]:
        """How much there is to be done of each reaction, and where it is."""
        return self.work.backlog(self.clock())

    def waits(self, id: UUID) -> str | None:
        """What keeps the work on a stream from being begun, if anything does."""
        held = self.work.held(id)
        return held.what if held else None

    def close(self) -> None:
        """Close the connections to the broker and to other systems."""
        if "broker" in self.__dict__:
            self.broker.close()
        self._network.close()

    def _hand(
        self, followers: list[Follower], *, threads: int | None = None, queues: Iterable[str] | None = None
    ) -> Worker:
        id, stopping = self._ids(), threading.Event()
        threads = threads or self.settings.threads
        runner = self._runner(id, stopping, Seats(threads))
        return Worker(
            id,
            f"{socket.gethostname()}:{os.getpid()}",
            broker=self.broker,
            runner=runner,
            lookout=Lookout(self.log, runner.running, runner.strike),
            gate=Gate(self.routes, self.switches, self.work),
            workers=Workers(self.database),
            followers=[self._leader(id), *followers],
            lease=self.settings.lease,
            threads=threads,
            queues=queues,
            stopping=stopping,
        )

    def _runner(self, owner: UUID, stopping: threading.Event, seats: Seats | None = None) -> Runner:
        return Runner(
            self.repository,
            self.routes.reactions,
            owner=owner,
            clock=self.clock,
            network=self._network,
            masker=self.masker,
            guard=self.broker,
            patience=Patience(stopping),
            limits=self._limiting(owner, Patience(stopping)) if self.is_limited else None,
            record_limit=self.settings.record_limit,
            opens=self._coroutines,
            give_back=lambda job: self.work.release(job.stream, job.version),
            quiet=self.doors.quiet,
            registry=self._registry,
            seats=seats,
            telemetry=self._telemetry,
        )

    def _limiting(self, owner: UUID, patience: Patience) -> Limits:
        throttle = Throttle(self.broker, Tallies(self.database))
        return Limits(
            self.routes.reactions,
            peers=Peers(self._limits, throttle=throttle, circuits=Circuits(self.database), clock=self.clock),
            turns=self._turns(owner, patience),
            doors=self.doors,
            repository=self.repository,
            clock=self.clock,
            patience=patience,
        )

    def _turns(self, owner: UUID, patience: Patience) -> Turns:
        return Turns(Places(self.database, self.work), self.work, clock=self.clock, owner=owner, patience=patience)

    def _coroutines(self, clerk: Clerk, running: dict[int, Attempt]) -> Coroutines:
        places = self.settings.async_concurrency
        loop = Asynchronous(self.broker.loop(), places=places, masker=self.masker)
        return Coroutines(loop, self._wire(places), clerk, running, self._telemetry)

    def _wire(self, pool: int) -> Wire | None:
        if not any(isinstance(one, AsyncEndpointReaction) for one in self.routes.reactions.values()):
            return None
        try:
            from eventflow.runtime.nonblocking import Nonblocking
        except ImportError as error:
            raise Misconfigured("Async endpoints need their client: pip install 'eventflow[async]'.") from error
        return Nonblocking(timeout=self._timeout, pool=pool, limit=self.settings.http_answer_limit)

    def _relay(self) -> Relay:
        return Relay(
            self.log,
            self.work,
            self.broker,
            self.routes,
            clock=self.clock,
            switches=self.switches,
            telemetry=self._telemetry,
            is_limited=self.is_limited,
            max_in_flight=self.settings.max_in_flight,
            resend_after=self._resend_after,
            told=self.doors.follow,
        )

    def _leader(self, owner: UUID) -> Follower:
        relay = self._relay()
        rescue = Rescue(
            self.work,
            self.repository,
            self.routes,
            clock=self.clock,
            masker=self.masker,
            own=owner,
            alone=self.broker.embedded,
            patience=self.settings.lease / 2,
        )
        often = min(1.0, self.settings.lease.total_seconds() / 4)
        ticks = self._ticking(
            Tick(name="rescue", every=timedelta(seconds=often), run=rescue.step, purpose=RESCUES),
            Tick(name="resend", every=self._resend_after / 3, run=relay.resend_lost, purpose=RESENDS),
        )

        def take_over() -> None:
            relay.start()
            rescue.start()
            ticks.start()

        return Follower(
            RELAY, self.database, relay.step, start=take_over, idle=ticks.step, idle_every=often, rest=relay.rest
        )

    def _limit_rhythms(self) -> list[Tick]:
        places, tallies = Places(self.database, self.work), Tallies(self.database)
        return [
            Tick(name="places", every=FREE_EVERY, run=lambda: places.free(self.clock()), purpose=FREES),
            Tick(name="tallies", every=FORGET_EVERY, run=tallies.prune, purpose=FORGETS),
        ]

    def _ticking(self, *ticks: Tick) -> Ticks:
        host = f"{socket.gethostname()}:{os.getpid()}"
        return Ticks(
            ticks, runs=Runs(self.database), switches=self.switches, clock=self.clock, masker=self.masker, host=host
        )

    def _ticking_followers(self) -> list[Follower]:
        return [self._scheduler(), self._archiver(), *([self._commander()] if self.commanding.all() else [])]

    def _commander(self) -> Follower:
        return Commander(self.commanding, self.database, stop=self._commands.stop, left=self._commands.was_left)

    def _scheduler(self) -> Follower:
        # A thread of its own: what takes its time here must not keep the relay from its work.
        return Follower(SCHEDULER, self.database, None, start=self.ticks.start, idle=self.ticks.step)

    def _archiver(self) -> Follower:
        # Another one: a segment takes seconds, and what is due in the meantime must not wait for it.
        return Follower(ARCHIVER, self.database, None, start=self.archiving.start, idle=self.archiving.step)

    def _projector(self) -> Follower:
        full = BATCH * len(self.projections.runners)  # a step is counted once for each projection
        return Follower(
            "projections", self.database, self.projections.step_all, gather=0.25, full=full, masker=self.masker
        )

    def _is_worked_off(self, position: int, queues: Collection[str] | None) -> bool:
        return self.work.position(CHECKPOINT) >= position and not self._is_anything_due(queues)

    def _is_anything_due(self, queues: Collection[str] | None) -> bool:
        paused = {name for name in self.routes.by_queue() if self.switches.is_paused(QUEUE, name)}
        if not paused and queues is None:
            return self.work.outstanding(self.clock())
        # Work that this program does not know has no queue here.
        known = [(one, self.routes.queue(one.reaction)) for one in self.work.backlog(self.clock())]
        return any(
            one.running or ((one.waiting or one.sent) and queue not in paused)
            for one, queue in known
            if queues is None or queue in queues
        )

    def _check_projected(self, position: int, cause: Exception | None = None) -> bool:
        behind = [one for one in self.projections.status() if one.position < position]
        for one in behind:
            if one.error is not None:
                raise ProjectionStopped(one.name, one.position, position, one.error) from cause
        return not behind

    def _until(self, reached: Callable[[], bool], timeout: timedelta) -> None:
        end, pause = time.monotonic() + timeout.total_seconds(), 0.002
        while not reached():
            if time.monotonic() > end:
                raise TimeoutError(f"Not there after {timeout.total_seconds():g} s.")
            time.sleep(pause)
            pause = min(pause * 1.5, 0.05)
