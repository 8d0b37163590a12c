"""What an application comes to now, as Prometheus reads it: gauges that are asked for when somebody looks.

::

    print(exposition(app))
    Starlette(routes=[Mount("/metrics", Exposed(app))])  # an ASGI application
    with served(app, port=9464): ...                     # eventflow worker --metrics-port 9464

The gauges are those of the log and its projections, the same whichever process is asked. How long handlers take is
known by the worker that runs them.
"""

from __future__ import annotations

import asyncio
import logging
import platform
import threading
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from prometheus_client import CollectorRegistry, Histogram, generate_latest, make_asgi_app, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.registry import Collector

from eventflow.__about__ import __version__
from eventflow.app import Eventflow
from eventflow.errors import Refused, Unavailable
from eventflow.model.lock import CommandState
from eventflow.runtime.attempt import Attempt, Fenced
from eventflow.runtime.relay import CHECKPOINT
from eventflow.runtime.switches import QUEUE
from eventflow.runtime.telemetry import Asked, Listener
from eventflow.store.work import Backlog
from eventflow.store.workers import Workers
from eventflow_projections import Metrics

log = logging.getLogger("eventflow.prometheus")

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)
"""What the timings of handlers are sorted by."""

Sample = tuple[Sequence[str], float]
"""The values of the labels, and the number."""


def exposition(app: Eventflow) -> str:
    """All gauges as the text that Prometheus reads. What cannot be reached is left out, and ``eventflow_up`` is 0."""
    return generate_latest(_registry(Gauges(app))).decode()


class Exposed:
    """An ASGI application that answers every request with the gauges; whoever mounts it says who may look.

    It leaves the application open: whoever opened that closes it.
    """

    def __init__(self, app: Eventflow) -> None:
        self._gauges = Gauges(app)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """One request; ``Any``, as ASGI has it."""
        if scope["type"] != "http":
            raise NotImplementedError(f"Figures are asked for over http, not over {scope['type']}.")
        # The database is waited for by a thread, and not by the event loop.
        found = await asyncio.to_thread(lambda: list(self._gauges.collect()))
        answer: Callable[..., Awaitable[None]] = make_asgi_app(_registry(Collected(found)))
        await answer(scope, receive, send)


@contextmanager
def served(app: Eventflow, *, port: int, host: str = "127.0.0.1") -> Iterator[int]:
    """Answer scrapes at this address while the block runs, with the timings of this process; gives the port.

    With port 0 it is one that is free. Raises ``Refused`` when nobody can listen there.
    """
    timings = Timings()
    try:
        server, thread = start_http_server(port, host, _registry(Gauges(app), timings.attempts, timings.requests))
    except OSError as error:
        raise Refused(f"Nobody can ask for figures at {host}:{port}: {error}. Name another port or host.") from error
    try:
        with app.telemetry.heard_by(timings):
            yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class Timings(Listener):
    """How long the handlers of this process take, and what comes of them."""

    def __init__(self) -> None:
        said = "How long a handler worked (a run up to where it had to wait), by what came of it."
        self.attempts = _histogram("eventflow_attempt_duration_seconds", said, "reaction outcome")
        said = "How long another system took to answer a handler, by the status of its answer."
        self.requests = _histogram("eventflow_request_duration_seconds", said, "reaction status")

    @contextmanager
    def working(self, attempt: Attempt) -> Iterator[None]:
        """Measure it."""
        began, fenced = time.perf_counter(), False
        try:
            yield
        except Fenced:
            fenced = True
            raise
        finally:
            outcome = "fenced" if fenced else str(attempt.came_to)
            self.attempts.labels(attempt.reaction.name, outcome).observe(time.perf_counter() - began)

    def asked(self, asked: Asked, began: int) -> None:
        """Measure it."""
        status = "none" if asked.status is None else str(asked.status)
        self.requests.labels(asked.attempt.reaction.name, status).observe((time.time_ns() - began) / 1e9)


class Gauges(Collector):
    """The gauges of an application; read anew each time, by one at a time."""

    def __init__(self, app: Eventflow) -> None:
        self._app, self._mutex = app, threading.Lock()

    def collect(self) -> Iterator[Metric]:
        """What there is to say now."""
        with self._mutex:
            try:
                found = [metric for ask in _ASKED for metric in ask(self._app)]
            except Unavailable as error:
                log.warning("There are no figures now: %s", error)
                found = []
        yield InfoMetricFamily(
            "eventflow_build", "What runs here.", {"version": __version__, "python": platform.python_version()}
        )
        yield _gauge("eventflow_up", "Whether the database could be asked.", "", [((), bool(found))])
        yield from found


class Collected(Collector):
    """What was collected before."""

    def __init__(self, found: Sequence[Metric]) -> None:
        self._found = found

    def collect(self) -> Iterable[Metric]:
        """The same again."""
        return self._found


def _registry(*collectors: Collector) -> CollectorRegistry:
    registry = CollectorRegistry()
    for one in collectors:
        registry.register(one)
    return registry


def _histogram(name: str, help: str, labels: str) -> Histogram:
    return Histogram(name, help, labels.split(), buckets=SECONDS, registry=None)


def _gauge(name: str, help: str, labels: str, samples: Iterable[Sample]) -> Metric:
    return _filled(GaugeMetricFamily(name, help, labels=labels.split()), samples)


def _filled(family: GaugeMetricFamily | CounterMetricFamily, samples: Iterable[Sample]) -> Metric:
    for values, number in samples:
        family.add_metric(values, number)
    return family


# -- what is asked, each with a query or two -----------------------------------------------------


def _log(app: Eventflow) -> Iterator[Metric]:
    relayed = app.engine.work.position(CHECKPOINT)
    yield _gauge("eventflow_log_position", "The last position of the log.", "", [((), app.log.last_position())])
    yield _gauge("eventflow_relay_position", "Up to where the relay has followed the log.", "", [((), relayed)])


def _items(app: Eventflow) -> Iterator[Metric]:
    if "metrics" not in app.projections.runners:
        return
    found = [((one.category, one.status), one) for one in Metrics(app.database).counts()]
    standing, entered = [(of, one.population) for of, one in found], [(of, one.entered) for of, one in found]
    yield _gauge("eventflow_items", "Items that stand in a status now.", "category status", standing)
    counter = CounterMetricFamily("eventflow_items_entered", "Entries into it.", labels=("category", "status"))
    yield _filled(counter, entered)


def _runs(app: Eventflow) -> Iterator[Metric]:
    if "runs" not in app.projections.runners:
        return
    found = [((one.process, one.channel, one.status), one.amount) for one in app.runs.counts()]
    yield _gauge("eventflow_runs", "Runs of processes that stand in a status.", "process channel status", found)


def _backlog(app: Eventflow) -> Iterator[Metric]:
    # What nothing waits for is told as 0: a series that goes away looks like one that nobody could read.
    empty = {name: Backlog(name, 0, 0, 0, 0, None) for name in app.routes.reactions}
    found = empty | {one.reaction: one for one in app.backlog()}
    samples = [
        ((app.routes.queue(name) or "", name, state), getattr(one, state))
        for name, one in found.items()
        for state in ("waiting", "sent", "running", "later")
    ]
    paused = [((name,), app.switches.is_paused(QUEUE, name)) for name in app.routes.by_queue()]
    yield _gauge("eventflow_backlog", "Work that is to be done.", "queue reaction state", samples)
    yield _gauge("eventflow_queue_paused", "Whether a queue rests.", "queue", paused)


def _workers(app: Eventflow) -> Iterator[Metric]:
    fresh = [one.fresh for one in Workers(app.database).all()]
    states = [(("alive",), sum(fresh)), (("silent",), len(fresh) - sum(fresh))]
    yield _gauge("eventflow_workers", "Workers that have not signed off.", "state", states)


def _projections(app: Eventflow) -> Iterator[Metric]:
    found = [((one.name,), one) for one in app.projections.status()]
    positions, lags = [(of, one.position) for of, one in found], [(of, one.lag) for of, one in found]
    failed = [(of, one.error is not None) for of, one in found]
    yield _gauge("eventflow_projection_position", "Up to where it has followed the log.", "projection", positions)
    yield _gauge("eventflow_projection_lag_events", "Positions of the log before it.", "projection", lags)
    yield _gauge("eventflow_projection_failed", "Whether an error keeps it from going on.", "projection", failed)


def _commands(app: Eventflow) -> Iterator[Metric]:
    found, now = app.commands.statuses(), app.clock()
    states = [((one.key, str(state)), one.state is state) for one in found for state in CommandState]
    ages = [((one.key,), (now - one.since).total_seconds()) for one in found if one.since is not None]
    yield _gauge("eventflow_command_state", "How a command stands: 1 for its state.", "command state", states)
    yield _gauge("eventflow_command_lock_age_seconds", "For how long its lock is held.", "command", ages)


def _archive(app: Eventflow) -> Iterator[Metric]:
    archived, near = app.archives.catalogue.totals(), app.restorer.amount()
    last = app.archives.catalogue.last_sealed()
    sealed = [] if last is None or last.sealed_at is None else [last.sealed_at.timestamp()]
    for name, help, numbers in (
        ("archive_segments", "Segments in the object storage.", [archived.archives]),
        ("archive_bodies", "Bodies in them.", [archived.events]),
        ("archive_stored_bytes", "How large they are.", [archived.size]),
        ("archive_freed_bytes", "What has left the database for them.", [archived.freed]),
        ("archive_sealed_timestamp_seconds", "When the last one was finished.", sealed),
        ("restored_bodies", "Archived bodies that have a copy in the database.", [near.events]),
        ("restored_bytes", "How large these copies are.", [near.size]),
    ):
        yield _gauge(f"eventflow_{name}", help, "", [((), number) for number in numbers])


_ASKED = (_log, _items, _runs, _backlog, _workers, _projections, _commands, _archive)
