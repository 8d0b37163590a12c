"""A process that holds a lock and says what becomes of it, to be killed and paused from outside."""

from __future__ import annotations

import os
import signal
import threading
from contextlib import closing
from datetime import timedelta
from multiprocessing.connection import Connection
from typing import Any

from eventflow.app import Eventflow
from eventflow.errors import LockLost
from eventflow.runtime.commands.holding import Held
from eventflow.settings import Settings
from tests.processes import forked
from tests.waiting import PATIENCE
from tests.walks.library import Document

LEASE = timedelta(seconds=0.5)


class Holder:
    """A running process that holds a lock from when it has ``begun``. Holds the process, and a pipe to it."""

    def __init__(self, database: str, key: str) -> None:
        self._ours, theirs = forked.Pipe()
        self._process = forked.Process(target=_hold, args=(database, key, theirs), daemon=True)
        self._process.start()
        theirs.close()
        self.token = int(self.hears())

    @property
    def pid(self) -> int:
        """The id of the process."""
        assert self._process.pid is not None
        return self._process.pid

    def hears(self) -> Any:
        """The next thing that it says."""
        assert self._ours.poll(PATIENCE), "The holder says nothing."
        return self._ours.recv()

    def asks(self, what: str) -> Any:
        """What it answers: to ``check``, to ``save``, to ``end``."""
        self._ours.send(what)
        return self.hears()

    def kill(self) -> None:
        """As with ``kill -9``."""
        self._process.kill()
        self._process.join()

    def pause(self) -> None:
        """Hold every thread of it, between two signs of life."""
        self._ours.send("pause")

    def resume(self) -> None:
        """Let it go on as if nothing had been."""
        os.kill(self.pid, signal.SIGCONT)
        assert self.hears() == "awake"

    def close(self) -> None:
        """Leave nothing behind."""
        self.kill()
        self._process.close()
        self._ours.close()


def an_app(database: str, lease: timedelta = LEASE) -> Eventflow:
    """What holders and tests are."""
    settings = Settings(database=database, lock_lease=lease)
    return Eventflow(settings, aggregates=[Document], projections=[])


def _hold(database: str, key: str, pipe: Connection) -> None:
    with closing(an_app(database)) as app:
        beating = _between_beats(app)
        try:
            with app.lock(key) as lock:
                pipe.send(lock.token)
                while (asked := pipe.recv()) != "end":
                    pipe.send(_answer(app, lock, asked, beating))
            pipe.send("ended well")
        except LockLost as error:
            pipe.send(error.code)


def _between_beats(app: Eventflow) -> threading.Lock:
    """Whoever has this is between two signs of life: one that is held in the middle of a beat keeps the database."""
    beating, beat = threading.Lock(), app.locks.beat

    def beat_alone(key: str, token: int) -> bool:
        with beating:
            return beat(key, token)

    app.locks.beat = beat_alone  # type: ignore[method-assign]  # as it is, but for the pause
    return beating


def _answer(app: Eventflow, lock: Held, asked: str, beating: threading.Lock) -> str:
    if asked == "pause":
        with beating:
            os.kill(os.getpid(), signal.SIGSTOP)
        return "awake"
    try:
        if asked == "check":
            lock.check()
        else:
            app.save(Document.create(title=asked), fence=lock)
    except LockLost as error:
        return error.code
    return "held"
