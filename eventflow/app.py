"""The composition root: what you have said, on the engines you have chosen, as one object."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from functools import cached_property
from types import TracebackType
from typing import Any, Self, TypeVar
from uuid import UUID

from eventflow.errors import Misconfigured, StreamNotFound, UnknownEvent
from eventflow.model.aggregate import Aggregate
from eventflow.model.exchange import Timeout
from eventflow.model.masking import Masker
from eventflow.model.reaction import Reaction, check
from eventflow.model.recorded import Context, Header, Recorded
from eventflow.model.vocabulary import Vocabulary
from eventflow.runtime.broker import Broker
from eventflow.runtime.follower import Every, Follower
from eventflow.runtime.ids import Ids
from eventflow.runtime.network import Network
from eventflow.runtime.patience import Patience
from eventflow.runtime.relay import CHECKPOINT, Relay, Routes
from eventflow.runtime.repository import Repository
from eventflow.runtime.rescue import Rescue
from eventflow.runtime.runner import Runner
from eventflow.runtime.worker import Worker
from eventflow.settings import Settings
from eventflow.store.codec import Codec
from eventflow.store.database import Database, open_database
from eventflow.store.log import Log, open_log
from eventflow.store.objects import Objects, open_objects
from eventflow.store.work import Work
from eventflow.store.workers import Workers
from eventflow_projections import Items, Projection, Projections, standard
from eventflow_projections.runner import BATCH

A = TypeVar("A", bound=Aggregate[Any])

RELAY = "relay"
RESEND_AFTER = timedelta(seconds=30)


def utc_now() -> datetime:
    """The present time, aware."""
    return datetime.now(UTC)


class Eventflow:
    """An application: the only place where aggregates, reactions and projections meet their engines.

    Embedded by default (SQLite, a worker in this process, a folder); ``settings`` name others. Nothing is
    connected on import, and several applications may live side by side. A message that nobody took for
    ``resend_after`` is sent again once its queue is empty: the broker, or a worker that died, has lost it.

    Raises ``Misconfigured`` with every problem of the composition at once, ``Unavailable`` when the database
    is out of reach.
    """

    def __init__(
        self,
        settings: Settings | None = None,
        *,
        aggregates: Sequence[type[Aggregate[Any]]],
        reactions: Sequence[Reaction[Any, Any]] = (),
        projections: Sequence[Projection] | None = None,
        masker: Masker | None = None,
        codec: Codec | None = None,
        clock: Callable[[], datetime] = utc_now,
        ids: Callable[[], UUID] | None = None,
        resend_after: timedelta = RESEND_AFTER,
    ) -> None:
        problems = check(reactions, aggregates)
        if problems:
            raise Misconfigured(*problems)
        self.settings = settings or Settings()
        self.aggregates = {one.category: one for one in aggregates}
        self.routes = Routes(reactions)
        self.vocabulary = Vocabulary.of(aggregates, reactions)
        self.masker = masker or Masker()
        self.clock = clock
        self._ids = ids or Ids()
        self._resend_after = resend_after
        self.database: Database = open_database(self.settings.database.get_secret_value())
        self.log: Log = open_log(self.database, self.vocabulary, codec=codec or Codec(), clock=clock, ids=self._ids)
        self.repository = Repository(self.log, snapshot_every=self.settings.snapshot_every)
        self.projections = Projections(self.database, self.log, standard() if projections is None else projections)
        self.projections.create()
        self.items = Items(self.database, clock=clock)
        self._work = Work(self.database)
        self._network = Network(
            timeout=Timeout(connect=self.settings.http_connect_timeout, read=self.settings.http_read_timeout)
        )

    # -- commands and reads ----------------------------------------------------------------------

    def save(self, *aggregates: Aggregate[Any], actor: str | None = None, correlation: UUID | None = None) -> int:
        """Append what the aggregates have decided, all or nothing; returns the position to ``wait_for``.

        Raises ``VersionConflict`` when somebody else was faster, ``Unwritable``, ``Unavailable``.
        """
        headers = self.repository.save(*aggregates, context=Context(actor=actor, correlation=correlation))
        return headers[-1].position if headers else self.log.last_position()

    def get(self, kind: type[A], id: UUID) -> A:
        """The aggregate as the log has it now. Raises ``StreamNotFound``."""
        return self.repository.get(kind, id)

    def find(self, id: UUID) -> Aggregate[Any]:
        """The aggregate of whatever category. Raises ``StreamNotFound``."""
        return self.repository.get(self._kind(id), id)

    def history(self, id: UUID) -> list[Recorded]:
        """Every event of a stream, oldest first; bodies are read when touched. Raises ``StreamNotFound``."""
        self._kind(id)
        return self.log.read(id)

    def defibrillate(self, id: UUID, *, reason: str | None = None, actor: str | None = None) -> Header:
        """Restart what has failed. Raises ``TransitionRefused`` when its status has nowhere to restart from."""
        headers = self.repository.change(
            self._kind(id), id, lambda one: one.defibrillate(reason), context=Context(actor=actor)
        )
        return headers[-1]

    def _kind(self, id: UUID) -> type[Aggregate[Any]]:
        head = self.log.head(id)
        if head is None:
            raise StreamNotFound(id)
        if head.category not in self.aggregates:
            raise UnknownEvent(head.name, sorted(self.aggregates))
        return self.aggregates[head.category]

    # -- work ------------------------------------------------------------------------------------

    @cached_property
    def broker(self) -> Broker:
        """The broker; connected when first used, so that a program that only appends needs none."""
        return Broker(self.settings.broker.get_secret_value(), self.routes.by_queue() or ["default"])

    def worker(self, *, threads: int | None = None, queues: Iterable[str] | None = None) -> Worker:
        """A worker for this application, not started yet."""
        id, stopping = self._ids(), threading.Event()
        return Worker(
            id,
            f"{socket.gethostname()}:{os.getpid()}",
            broker=self.broker,
            runner=self._runner(id, stopping),
            workers=Workers(self.database),
            followers=[self._leader(id), self._projector()],
            lease=self.settings.lease,
            threads=threads or self.settings.threads,
            queues=queues,
            stopping=stopping,
        )

    def _runner(self, owner: UUID, stopping: threading.Event) -> Runner:
        return Runner(
            self.repository,
            self.routes.reactions,
            owner=owner,
            clock=self.clock,
            network=self._network,
            masker=self.masker,
            guard=self.broker,
            patience=Patience(stopping),
            record_limit=self.settings.record_limit,
        )

    def _relay(self) -> Relay:
        return Relay(
            self.log,
            self._work,
            self.broker,
            self.routes,
            clock=self.clock,
            max_in_flight=self.settings.max_in_flight,
            resend_after=self._resend_after,
        )

    def _leader(self, owner: UUID) -> Follower:
        relay = self._relay()
        rescue = Rescue(
            self._work,
            self.repository,
            self.routes,
            clock=self.clock,
            masker=self.masker,
            own=owner,
            alone=self.broker.embedded,
            patience=self.settings.lease / 2,
        )
        resend = Every(self._resend_after / 3, relay.resend_lost)

        def take_over() -> None:
            relay.start()
            rescue.start()

        def look_after() -> None:
            rescue.step()
            resend()

        often = min(1.0, self.settings.lease.total_seconds() / 4)
        return Follower(RELAY, self.database, relay.step, start=take_over, idle=look_after, idle_every=often)

    def relay(self) -> None:
        """Send what is due to the broker and return, for programs that append and run no worker.

        Does nothing while a worker leads: it relays already.
        """
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

    def _projector(self) -> Follower:
        full = BATCH * len(self.projections.runners)  # a step is counted once for each projection
        return Follower("projections", self.database, self.projections.step_all, gather=0.25, full=full)

    def drain(self, *, timeout: timedelta = timedelta(minutes=5)) -> None:
        """Do everything that is due now, in this process, and return when nothing is left to do.

        What is due later (a retry, say) stays for later. Raises ``TimeoutError`` when it takes too long.
        """
        worker = self.worker()
        worker.start()
        try:
            self._until(self.is_idle, timeout)
        finally:
            worker.stop()

    def is_idle(self) -> bool:
        """Whether nothing is due now and every projection has seen the end of the log."""
        end = self.log.last_position()
        relayed = self._work.position(CHECKPOINT) >= end and not self._work.outstanding(self.clock())
        return relayed and self._projected(end) and self.log.last_position() == end

    def _projected(self, position: int) -> bool:
        return all(one.position >= position for one in self.projections.status())

    def wait_for(self, position: int, *, timeout: timedelta = timedelta(seconds=10)) -> None:
        """Return when every projection shows the event at this position: read your own writes.

        Raises ``Unavailable``, with the projection that is behind and why, when the time is over.
        """
        self.projections.wait_for(position, timeout)

    def _until(self, reached: Callable[[], bool], timeout: timedelta) -> None:
        end, pause = time.monotonic() + timeout.total_seconds(), 0.002
        while not reached():
            if time.monotonic() > end:
                raise TimeoutError(f"Not there after {timeout.total_seconds():g} s.")
            time.sleep(pause)
            pause = min(pause * 1.5, 0.05)

    # -- housekeeping ----------------------------------------------------------------------------

    @cached_property
    def objects(self) -> Objects:
        """Where archives are kept; opened when first used."""
        return open_objects(self.settings.objects.get_secret_value())

    def close(self) -> None:
        """Close every connection this application holds."""
        if "broker" in self.__dict__:
            self.broker.close()
        self._network.close()
        self.database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
