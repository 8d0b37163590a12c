"""A worker as a process of its own, to be killed, paused and stopped from outside."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from multiprocessing import parent_process
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Self
from uuid import UUID

import dramatiq.worker

from eventflow.app import Eventflow
from eventflow.runtime import worker
from eventflow.settings import Settings
from eventflow.store.postgres import connections, leadership
from tests.crash import faults
from tests.crash.labours import reactions
from tests.processes import forked
from tests.waiting import PATIENCE
from tests.walks.library import Document


@dataclass(frozen=True)
class Order:
    """What a worker is told: its engines, its peer, its habits (in seconds) and where it is to die."""

    database: str
    broker: str
    peer: str
    diary: Path
    lease: float = 1.0
    threads: int = 4
    grace: float = 5.0
    resend_after: float = 2.0
    leader_silence: float = 2.0
    fault: str | None = None
    nth: int = 1
    on_the_loop: bool = False
    queues: tuple[str, ...] | None = None

    def application(self) -> Eventflow:
        """The application that the worker belongs to; the tests append and look through one like it."""
        settings = Settings(database=self.database, broker=self.broker, lease=timedelta(seconds=self.lease))
        resend = timedelta(seconds=self.resend_after)
        return Eventflow(
            settings,
            aggregates=[Document],
            reactions=reactions(self.peer, on_the_loop=self.on_the_loop),
            resend_after=resend,
        )


class Program:
    """A running worker. Holds its process, and the pipe on which it says who it is once it has begun."""

    def __init__(self, order: Order) -> None:
        self._hears, says = forked.Pipe(duplex=False)
        self._process = forked.Process(target=_run, args=(order, says), daemon=True)
        self._process.start()
        says.close()
        self.worker: UUID | None = None

    @property
    def pid(self) -> int:
        """The id of the process."""
        assert self._process.pid is not None
        return self._process.pid

    @property
    def runs(self) -> bool:
        """Whether it has not ended yet."""
        return self._process.is_alive()

    def begun(self) -> Self:
        """Wait until it consumes."""
        assert self._hears.poll(PATIENCE), "The worker did not begin."
        self.worker = self._hears.recv()
        return self

    def kill(self) -> None:
        """As with ``kill -9``, and wait until it is gone."""
        self._process.kill()
        self._process.join()

    def ask_to_stop(self) -> None:
        """As a supervisor does at first."""
        self._process.terminate()

    def pause(self) -> None:
        """Hold every thread of it."""
        os.kill(self.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on as if nothing had been."""
        os.kill(self.pid, signal.SIGCONT)

    def ended(self) -> int:
        """Its exit code, negative for a signal, as soon as it has ended."""
        self._process.join(PATIENCE)
        assert self._process.exitcode is not None, f"The worker still runs after {PATIENCE:g} s."
        return self._process.exitcode

    def close(self) -> None:
        """Leave nothing behind."""
        self.kill()
        self._process.close()
        self._hears.close()


def _run(order: Order, says: Connection) -> None:
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    _write_to(order.diary)
    threading.Thread(target=_follow_the_parent, daemon=True).start()
    _hurry(order)
    if order.fault is not None:
        faults.install(order.fault, order.nth)
    with closing(order.application()) as app:
        hand = app.worker(threads=order.threads, queues=order.queues)
        hand.start()
        says.send(hand.id)
        signal.sigwait({signal.SIGTERM})
        hand.stop(timedelta(seconds=order.grace))


def _hurry(order: Order) -> None:
    # What takes its time in production, so that nothing is done in vain.
    leadership.LEADER_SILENCE = timedelta(seconds=order.leader_silence)
    connections.HELD = timedelta(seconds=order.leader_silence)
    worker.LAST_WORDS = 2.0
    dramatiq.worker.CONSUMER_RESTART_DELAY_SECS = 0.3
    dramatiq.worker.POST_PROCESS_MESSAGE_RETRY_DELAY_SECS = 0.3  # type: ignore[assignment]  # it is slept for


def _write_to(diary: Path) -> None:
    with diary.open("a") as file:
        os.dup2(file.fileno(), sys.stdout.fileno())
        os.dup2(file.fileno(), sys.stderr.fileno())
    words = "%(relativeCreated)d %(process)d %(threadName)s %(name)s %(message)s"
    logging.basicConfig(level=logging.INFO, format=words)
    logging.getLogger("pika").setLevel(logging.WARNING)


def _follow_the_parent() -> None:
    parent = parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)
