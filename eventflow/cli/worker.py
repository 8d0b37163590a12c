"""``eventflow worker``: does the work of an application until it is told to stop."""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import timedelta
from math import inf
from types import FrameType

import click

from eventflow.app import Eventflow
from eventflow.cli.application import application
from eventflow.cli.exits import Code
from eventflow.cli.lengths import Length
from eventflow.cli.output import Session, pass_session
from eventflow.errors import Misconfigured, Unavailable, did_you_mean
from eventflow.runtime.worker import Worker
from eventflow.store.workers import Workers

SIGNALS = (signal.SIGTERM, signal.SIGINT)
LOOK = 0.1
"""Seconds between two looks at whether to go on."""

log = logging.getLogger("eventflow.cli.worker")


@click.command()
@click.option("--threads", type=click.IntRange(1), help="Handlers that run at once [default: the setting].")
@click.option("--queues", metavar="A,B", help="Only these queues [default: all of them].")
@click.option("--channel", "channels", metavar="A,B", help="Only these channels of runs; more queues by --queues.")
@click.option("--burst", is_flag=True, help="End when nothing is left to do here now.")
@click.option("--lifetime", type=Length(), help="End well after so long (5m, 12h) [default: never].")
@click.option("--metrics-port", type=click.IntRange(0, 65535), help="Tell Prometheus how it goes [default: do not].")
@click.option("--metrics-host", default="127.0.0.1", show_default=True, help="Whoever reaches this address may ask.")
@click.option("--grace", default=30.0, show_default=True, type=click.FloatRange(0), help="Seconds to finish in.")
@pass_session
def worker(
    session: Session,
    threads: int | None,
    queues: str | None,
    channels: str | None,
    burst: bool,
    lifetime: timedelta | None,
    metrics_port: int | None,
    metrics_host: str,
    grace: float,
) -> Code:
    """Do the work of an application: run its tasks and endpoints, keep its projections.

    Any number of workers may run at once. The first SIGTERM or Ctrl-C lets what runs finish within the grace, and gives
    back what does not; the second one ends at once, and the work is rescued by another worker. Ends with 0 when
    everything ended well, with 1 when a handler could not be stopped or all threads hang.

    With --lifetime it stops by itself after that time, as it does for the first signal: for whoever starts workers anew
    again and again, with the newest program.

    With --metrics-port it answers Prometheus at http://HOST:PORT/metrics; 0 is a port that is free.

    Examples:
      eventflow --app shop.app:app worker --threads 16 --queues default,mail --lifetime 12h
      eventflow --app shop.app:app worker --channel imports --metrics-port 9464 --metrics-host 0.0.0.0
    """
    with application(session) as app:
        served = _served(app, queues, channels)
        hand = app.worker(threads=threads, queues=served)
        _ask_broker(app)
        _tell_neighbours(session, app)
        if burst:
            app.tick()
        with told_to_stop(session) as stopping, _measured(app, metrics_host, metrics_port) as asked:
            hand.start()
            session.hint(_greeting(app, hand, served))
            if asked is not None:
                session.hint(f"Metrics: http://{metrics_host}:{asked}/metrics")
            _work(app, hand, stopping, burst=(served or app.broker.queues) if burst else None, end=_end(lifetime))
            clean = hand.stop(timedelta(seconds=grace))
    return _ended(session, hand, clean=clean)


def _served(app: Eventflow, queues: str | None, channels: str | None) -> list[str] | None:
    """The queues that are named, those of channels among them; nothing when all are meant."""
    if queues is None and channels is None:
        return None
    known = [name for name in app.channels if name in app.broker.queues]
    return [*_named("queue", queues, app.broker.queues), *_named("channel", channels, known)]


def _named(what: str, names: str | None, known: Sequence[str]) -> list[str]:
    wanted = [one.strip() for one in (names or "").split(",") if one.strip()]
    for one in wanted:
        if one not in known:
            there = f"There is {', '.join(known)}." if known else "No process goes through any."
            raise click.UsageError(f'There is no {what} "{one}".{did_you_mean(one, known)} {there}')
    return wanted


def _ask_broker(app: Eventflow) -> None:
    """Raise ``Unavailable`` now rather than try for ever; a broker that goes away later is waited for."""
    for queue in app.broker.queues:
        app.broker.depth(queue)


def _measured(app: Eventflow, host: str, port: int | None) -> AbstractContextManager[int | None]:
    """Answers Prometheus while the worker works, if that is wanted; gives the port."""
    if port is None:
        return nullcontext()
    try:
        from eventflow.prometheus import served
    except ImportError as error:
        raise Misconfigured("--metrics-port needs its library: pip install 'eventflow[prometheus]'.") from error
    return served(app, port=port, host=host)


def _end(lifetime: timedelta | None) -> float:
    return inf if lifetime is None else time.monotonic() + lifetime.total_seconds()


def _work(app: Eventflow, hand: Worker, stopping: threading.Event, *, burst: Sequence[str] | None, end: float) -> None:
    """Go on until there is a reason not to; with ``burst``, until nothing is left to do on these queues."""
    while not stopping.wait(LOOK) and not hand.hung.is_set() and time.monotonic() < end:
        try:
            if burst is not None and app.settle(burst):
                return
        except Unavailable as error:
            log.warning("Whether work is left cannot be told: %s", error)


@contextmanager
def told_to_stop(session: Session) -> Iterator[threading.Event]:
    """An event that the first signal sets; the second one ends the process."""
    stopping = threading.Event()

    def heed(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - the form that signals want
        if stopping.is_set():
            os._exit(128 + number)
        stopping.set()
        session.hint("Stopping: what runs may finish. Once more to end at once.")

    before = {one: signal.signal(one, heed) for one in SIGNALS}
    try:
        yield stopping
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)


def _tell_neighbours(session: Session, app: Eventflow) -> None:
    if app.broker.embedded and any(one.fresh for one in Workers(app.database).all()):
        session.warn(
            "Another worker is at work on this database. With the embedded broker one works at a time: this one"
            " takes over when it ends. To share the work, name a broker: --broker amqp://... or redis://..."
        )


def _greeting(app: Eventflow, hand: Worker, served: Sequence[str] | None) -> str:
    on = ", ".join(app.broker.queues if served is None else served)
    return f"Worker {hand.name}: {hand.threads} threads on {on}; {app.settings.database}, {app.settings.broker}."


def _ended(session: Session, hand: Worker, *, clean: bool) -> Code:
    if hand.hung.is_set():
        session.warn("Every thread hangs in a handler that cannot be interrupted. Start the worker anew.")
    elif not clean:
        session.warn("A handler did not end; what it held is given to another worker when the lease is over.")
    else:
        session.hint("Ended well.")
    return Code.OK if clean and not hand.hung.is_set() else Code.SOME_FAILED
