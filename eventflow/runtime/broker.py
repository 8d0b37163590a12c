"""Messages by Dramatiq: one actor per queue, on the Stub broker embedded, on RabbitMQ or Redis in production."""

from __future__ import annotations

import ctypes
import logging
import os
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from functools import cache
from typing import Any, TypeVar
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import dramatiq
from dramatiq.asyncio import EventLoopThread
from dramatiq.brokers.stub import StubBroker
from dramatiq.errors import BrokerConnectionError
from dramatiq.middleware import AsyncIO, Middleware, ShutdownNotifications, TimeLimit, TimeLimitExceeded
from dramatiq.middleware import Shutdown as WorkerShutdown
from dramatiq.middleware.threading import raise_thread_exception
from dramatiq.rate_limits import RateLimiterBackend
from dramatiq.worker import QUEUE_PREFETCH

from eventflow.errors import Misconfigured, Unavailable
from eventflow.runtime.interrupts import Overdue, Overruled, Stopping
from eventflow.runtime.job import Job
from eventflow.runtime.seats import AHEAD

log = logging.getLogger("eventflow.broker")

T = TypeVar("T")
Handle = Callable[[Job], None]

IDLE = timedelta(milliseconds=100)
"""How long a thread waits for a message before it looks whether it is to end."""


class _Deadlines(TimeLimit):
    """Dramatiq's time limit, armed around the user's handler only: what records its outcome must not be cut."""

    def after_process_boot(self, broker: dramatiq.Broker) -> None:
        """Watch the clock, with the watch that all brokers of this process share."""
        with _starting:
            self.manager = watch = _watch(os.getpid())
            if not watch.is_alive():
                super().after_process_boot(broker)  # type: ignore[no-untyped-call]

    def before_process_message(self, broker: dramatiq.Broker, message: dramatiq.MessageProxy) -> None:
        """The runner arms it when the handler begins."""

    def arm(self, seconds: float) -> None:
        self.manager.add_timeout(threading.get_ident(), seconds * 1000)  # type: ignore[no-untyped-call]

    def disarm(self) -> None:
        self.manager.remove_timeout(threading.get_ident())  # type: ignore[no-untyped-call]


_starting = threading.Lock()


@cache
def _watch(process: int) -> Any:  # noqa: ARG001  # a process that was forked has a watch of its own
    """What looks for deadlines every 100 ms: one for all brokers, since Dramatiq's never ends."""
    return TimeLimit(interval=100).manager


class _Notices(ShutdownNotifications):
    """Dramatiq's shutdown interrupt, armed around the user's handler only."""

    def before_process_message(self, broker: dramatiq.Broker, message: dramatiq.MessageProxy) -> None:
        """The runner arms it when the handler begins."""

    def before_worker_shutdown(self, broker: dramatiq.Broker, worker: dramatiq.Worker) -> None:
        """Handlers first get their grace; ``interrupt`` strikes when it is over."""

    def interrupt(self) -> None:
        # A copy: handlers that end meanwhile take themselves off the list.
        for thread in list(self.manager.notifications):  # type: ignore[attr-defined]  # threads, not gevent
            raise_thread_exception(thread, WorkerShutdown)

    def arm(self) -> None:
        self.manager.add_notification()

    def disarm(self) -> None:
        self.manager.remove_notification()


class _Loops(AsyncIO):
    """Dramatiq's event loop for coroutines: one for each worker that wants it, not one for the process.

    It begins with the worker and ends with the last coroutine: those have their grace when the worker has stopped.
    """

    def __init__(self) -> None:
        super().__init__()
        self._waiting: list[EventLoopThread] = []

    def thread(self) -> EventLoopThread:
        thread = EventLoopThread(log)
        thread.name, thread.daemon = "eventflow-loop", True
        self._waiting.append(thread)
        return thread

    def before_worker_boot(self, broker: dramatiq.Broker, worker: dramatiq.Worker) -> None:  # noqa: ARG002
        """Whoever asked for the loop ends it."""
        while self._waiting:
            self._waiting.pop().start(timeout=1.0)

    def after_worker_shutdown(self, broker: dramatiq.Broker, worker: dramatiq.Worker) -> None:
        """What still runs on the loop has its grace."""


def _clear_pending() -> None:
    # An interrupt that was raised just before it was disarmed waits in the thread's state: take it back.
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(threading.get_ident()), None)


class Broker:
    """Carries jobs from the relay to the threads that run them.

    What is carried is a hint with a deterministic id; losing or doubling a message changes nothing that is
    recorded. ``url`` is ``embedded://``, ``amqp://…`` or ``redis://…``; ``?namespace=`` keeps several
    applications apart on one server. ``priorities`` are those of reactions that have one: of what a worker has fetched
    from a queue, the job with the lowest goes first.
    """

    def __init__(self, url: str, queues: Iterable[str], *, priorities: Mapping[str, int] | None = None) -> None:
        self.url, self.namespace = _without_namespace(url)
        self.queues = tuple(sorted(set(queues)))
        self._deadlines = _Deadlines()
        self._notices = _Notices()
        self._loops = _Loops()
        self._middleware = [self._deadlines, self._notices, self._loops]
        self._dramatiq = _open(self.url, self.namespace, self._middleware)
        self._failures = _failures(self._dramatiq)
        self._actors = {queue: self._actor(queue) for queue in self.queues}
        self._priorities = dict(priorities or {})
        self._lanes = {
            (queue, priority): self._actor(queue, priority)
            for queue in self.queues
            for priority in sorted(set(self._priorities.values()))
        }
        self._worker: dramatiq.Worker | None = None
        self._striking = threading.Lock()
        self._exposed: set[int] = set()
        self._handle: Handle | None = None

    @property
    def embedded(self) -> bool:
        """Whether messages live and die with this process."""
        return isinstance(self._dramatiq, StubBroker)

    def loop(self) -> EventLoopThread:
        """The thread of an event loop, which begins with the next worker; ending it is the caller's."""
        return self._loops.thread()

    def send(self, queue: str, jobs: Iterable[Job]) -> None:
        """Hand jobs over; returns when the broker has them. Raises ``Unavailable``."""
        messages = [
            self._lane(queue, job).message_with_options(kwargs=job.message()).copy(message_id=job.id) for job in jobs
        ]
        with self.reached():
            self._enqueue(messages)

    def depth(self, queue: str) -> int:
        """How many messages wait that no worker holds. Raises ``Unavailable``."""
        with self.reached():
            return _depth(self._dramatiq, self._actors[queue].queue_name)

    def counter(self) -> RateLimiterBackend | None:
        """Where Dramatiq's rate limiters count beside the messages, if that is a place for it: with Redis it is."""
        client = getattr(self._dramatiq, "client", None)
        if client is None:
            return None
        from dramatiq.rate_limits.backends import RedisBackend

        found: RateLimiterBackend = RedisBackend(client=client)
        return found

    def start(self, handle: Handle, *, threads: int, queues: Iterable[str] | None = None) -> None:
        """Begin to consume: every job is given to ``handle`` in one of ``threads`` threads.

        Across a network there are ``AHEAD`` times as many, which claim ahead. What is fetched at a time stays the same.
        """
        self._handle = handle
        wanted = {self._actors[one].queue_name for one in queues or self.queues}
        self._dramatiq.emit_after("process_boot")
        self._worker = dramatiq.Worker(
            self._dramatiq,
            queues=wanted | {f"{one}.DQ" for one in wanted},
            worker_timeout=int(IDLE / timedelta(milliseconds=1)),
            worker_threads=threads if self.embedded else AHEAD * threads,
        )
        self._worker.queue_prefetch = QUEUE_PREFETCH or 2 * threads
        self._worker.start()

    def stop(self, grace: float) -> bool:
        """Stop consuming; handlers have ``grace`` seconds to end, then ``Stopping`` strikes them.

        What was fetched and not begun goes back to the queue. Returns whether every thread has ended.
        """
        worker, self._worker = self._worker, None
        if worker is None:
            return True
        late = threading.Timer(grace, self._notices.interrupt)
        late.daemon = True
        late.start()
        try:
            with self.reached():
                worker.stop(timeout=int((grace + 5) * 1000))
        except Unavailable as error:
            log.warning("What was fetched and not begun could not be given back, it is sent again later: %s", error)
        late.cancel()
        # A worker leaves a middleware behind that would wake it again.
        self._dramatiq.middleware[:] = self._middleware
        return not any(thread.is_alive() for thread in worker.workers)

    def close(self) -> None:
        """Close the connections to the broker."""
        self._dramatiq.close()
        if client := getattr(self._dramatiq, "client", None):
            client.connection_pool.disconnect()  # Dramatiq leaves those to Redis to the garbage collector

    @contextmanager
    def exposed(self, seconds: float) -> Iterator[None]:
        """A context in which an interrupt (``Overdue`` after ``seconds``) may strike the present thread."""
        try:
            self._deadlines.arm(seconds)
            self._notices.arm()
            self._exposed.add(threading.get_ident())
            try:
                yield
            finally:
                self._disarm()
        except TimeLimitExceeded:
            self._disarm()
            raise Overdue from None
        except WorkerShutdown:
            self._disarm()
            raise Stopping from None
        except Overruled:
            self._disarm()
            raise

    def strike(self, thread: int, still: Callable[[], bool]) -> None:
        """Let ``Overruled`` strike the handler in a thread, if it is exposed and it is ``still`` so."""
        with self._striking:
            if thread in self._exposed and still():
                raise_thread_exception(thread, Overruled)

    def shielded(self, act: Callable[[], T]) -> T:
        """What ``act`` returns; it is begun again when an interrupt meant for the handler strikes it late."""
        while True:
            try:
                return act()
            except (TimeLimitExceeded, WorkerShutdown, Overruled):
                log.debug("An interrupt came after its handler had ended.")

    @contextmanager
    def reached(self) -> Iterator[None]:
        """A context whose errors say that the broker is ``Unavailable`` when it is."""
        try:
            yield
        except self._failures as error:
            raise Unavailable("The broker", error) from error

    def _disarm(self) -> None:
        self._deadlines.disarm()
        self._notices.disarm()
        with self._striking:
            self._exposed.discard(threading.get_ident())
        _clear_pending()

    def _enqueue(self, messages: list[dramatiq.Message[None]]) -> None:
        together = getattr(self._dramatiq, "enqueue_many", None)
        if together is not None:
            together(messages)
            return
        for message in messages:
            self._dramatiq.enqueue(message)

    def _lane(self, queue: str, job: Job) -> dramatiq.Actor[..., None]:
        if not self._priorities:
            return self._actors[queue]
        return self._lanes.get((queue, self._priorities.get(job.reaction, 0)), self._actors[queue])

    def _actor(self, queue: str, priority: int = 0) -> dramatiq.Actor[..., None]:
        """The actor of a queue; it is the actor that has a priority, by which a worker orders what it has fetched."""
        queue_name = f"{self.namespace}.{queue}"
        name = f"{queue_name}.{priority}" if priority else queue_name
        return dramatiq.Actor(
            self._run, actor_name=name, queue_name=queue_name, priority=priority, broker=self._dramatiq, options={}
        )

    def _run(self, **message: Any) -> None:
        if self._handle is not None:
            self._handle(Job.of(message))


def _without_namespace(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    query = dict(parse_qsl(parts.query))
    namespace = query.pop("namespace", "eventflow")
    return urlunsplit(parts._replace(query=urlencode(query))), namespace


def _open(url: str, namespace: str, middleware: list[Middleware]) -> dramatiq.Broker:
    match urlsplit(url).scheme:
        case "embedded":
            return StubBroker(middleware=middleware)
        case "amqp" | "amqps":
            return _open_rabbitmq(url, middleware)
        case "redis" | "rediss" | "unix":
            return _open_redis(url, namespace, middleware)
    raise Misconfigured(f'The broker "{url}" is not known; wanted is embedded://, amqp://… or redis://….')


def _open_rabbitmq(url: str, middleware: list[Middleware]) -> dramatiq.Broker:
    try:
        from eventflow.runtime.rabbitmq import QuorumBroker
    except ImportError as error:
        raise Misconfigured("RabbitMQ needs its client: pip install 'eventflow[rabbitmq]'.") from error
    return QuorumBroker(url=url, middleware=middleware, confirm_delivery=True)


def _open_redis(url: str, namespace: str, middleware: list[Middleware]) -> dramatiq.Broker:
    try:
        from dramatiq.brokers.redis import RedisBroker
    except ImportError as error:
        raise Misconfigured("Redis needs its client: pip install 'eventflow[redis]'.") from error
    return RedisBroker(url=url, namespace=namespace, middleware=middleware)


def _failures(broker: dramatiq.Broker) -> tuple[type[Exception], ...]:
    """What is raised when the broker is out of reach: that of Redis lets the errors of its client through."""
    if not hasattr(broker, "client"):
        return BrokerConnectionError, OSError
    from redis import RedisError

    return BrokerConnectionError, OSError, RedisError


def _depth(broker: dramatiq.Broker, queue: str) -> int:
    if isinstance(broker, StubBroker):
        return int(broker.queues[queue].qsize())
    if hasattr(broker, "client"):
        return int(broker.client.llen(f"{broker.namespace}:{queue}"))  # type: ignore[attr-defined]
    return int(broker.depth(queue))  # type: ignore[attr-defined]
