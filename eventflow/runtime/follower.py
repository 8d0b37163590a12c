"""Something that follows the log: one at a time for each log, in a thread of its own, for as long as it runs."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from eventflow.errors import Unavailable
from eventflow.model.masking import Masker
from eventflow.model.telling import MASKER, traced
from eventflow.store.database import Database

log = logging.getLogger("eventflow.follower")

MANY = 100
"""So much done in one step means that more is on its way."""


class Follower:
    """Calls ``step`` while there is something to do, and waits for the log's bell when there is not.

    Of all processes with a follower of this name one leads; when it ends, however it ends, another takes over.
    The bell is a hint: without it ``step`` is called again after a pause of ``shortest`` to ``longest`` seconds.
    When ``rest`` says that something is due in so many seconds, it is called then. ``start`` is called whenever
    leadership is won; ``idle`` between steps, about every ``idle_every`` seconds. After a step that did much, but less
    than ``full``, it lets more gather, for up to ``gather`` seconds. One without a ``step`` sleeps between, whatever
    the bell does.
    """

    def __init__(
        self,
        name: str,
        database: Database,
        step: Callable[[], int] | None,
        *,
        start: Callable[[], None] = lambda: None,
        idle: Callable[[], object] = lambda: None,
        idle_every: float = 1.0,
        rest: Callable[[], float | None] = lambda: None,
        shortest: float = 0.02,
        longest: float = 0.5,
        full: int = 500,
        gather: float = 0.1,
        masker: Masker = MASKER,
    ) -> None:
        self.name, self._masker = name, masker
        self._database, self._step, self._start = database, step, start
        self._idle, self._idle_every, self._rest = idle, idle_every, rest
        self._shortest, self._longest = shortest, longest
        self._full, self._gather = full, gather
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def begin(self) -> None:
        """Follow in a thread of its own."""
        self._stop.clear()
        self._thread = threading.Thread(target=self._run, name=f"eventflow-{self.name}", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Begin no further step."""
        self._stop.set()
        self._database.bell.ring()

    def end(self, timeout: float = 10.0) -> None:
        """Finish the present step and end."""
        self.close()
        if self._thread is not None:
            self._thread.join(timeout)

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self._lead()
            except Unavailable as error:
                log.warning("%s: %s", self.name, error)
            except Exception as error:  # noqa: BLE001
                # A projection is user code too: one bad step must not end the follower for good.
                trace = traced(error, self._masker)
                log.error("%s stumbled and starts again at its checkpoint.\n%s", self.name, trace)
            self._stop.wait(self._longest)

    def _lead(self) -> None:
        leadership = self._database.leadership(self.name)
        if not leadership.acquire():
            return
        try:
            self._start()
            while leadership.held and not self._stop.is_set():
                self._follow()
        finally:
            leadership.release()

    def _follow(self) -> None:
        """Work off what is there and wait for more, until it is time to look after the house again."""
        self._idle()
        if self._step is None:
            self._stop.wait(self._idle_every)
            return
        again, pause = time.monotonic() + self._idle_every, self._shortest
        while time.monotonic() < again and not self._stop.is_set():
            seen = self._database.bell.wait(-1, 0)
            done = self._step()
            if not done:
                self._database.bell.wait(seen, self._nap(pause))
                pause = min(pause * 2, self._longest)
                continue
            pause = self._shortest
            if done < self._full:
                # A few are passed on at once. While many come, a step for each handful would cost those who append
                # most of the machine: let more of them gather.
                self._stop.wait(self._gather * min(1.0, done / MANY))

    def _nap(self, pause: float) -> float:
        """How long to wait for the bell: until something is due, if that is sooner."""
        due = self._rest()
        return pause if due is None or due <= 0 else min(pause, due)
