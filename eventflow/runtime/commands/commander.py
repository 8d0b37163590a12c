"""Commands at their time, each in a thread of its own: one that takes an hour keeps no other from its rhythm."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from eventflow.runtime.follower import Follower
from eventflow.runtime.ticks import Ticks
from eventflow.store.database import Database

log = logging.getLogger("eventflow.commands")

COMMANDER = "commands"

Pause = Callable[[float], bool]
"""Waits for so many seconds, and says whether it is to end."""


class Commander(Follower):
    """Starts what is due; of all processes one does it. Holds the threads in which commands run.

    A run that goes on when another process takes over keeps its lock, so that nothing runs twice. ``left`` waits until
    it is known whether the lock under which something should have run was left behind by a dead one.
    """

    def __init__(
        self, ticks: Ticks, database: Database, *, stop: Callable[[], None], left: Callable[[str, Pause], bool]
    ) -> None:
        super().__init__(COMMANDER, database, None, start=ticks.start, idle=self._begin_due, idle_every=0.5)
        self._ticks, self._stop_running, self._left = ticks, stop, left
        self._threads: dict[str, threading.Thread] = {}

    def close(self) -> None:
        """Begin nothing more, and ask what runs to end."""
        super().close()
        if self._alive():
            self._stop_running()

    def end(self, timeout: float = 10.0) -> None:
        """Wait for what runs; what does not heed ``check()`` is left with its lock, which it keeps alive."""
        super().end(timeout)
        until = time.monotonic() + timeout
        for thread in self._threads.values():
            thread.join(max(0.0, until - time.monotonic()))
        for name in self._alive():
            log.warning("%s does not end. It keeps its lock for as long as this process lives.", name)

    def _begin_due(self) -> None:
        running = self._alive()
        for name in self._ticks.due():
            if name not in running:
                thread = threading.Thread(target=self._run_one, args=(name,), name=f"eventflow-{name}", daemon=True)
                self._threads[name] = thread
                thread.start()

    def _run_one(self, name: str) -> None:
        try:
            run = self._ticks.run(name)
            # Whoever was killed in the middle of it has left its lock behind: it is not put off until the next time.
            if not run.done and not run.error and self._left(name, self._stop.wait):
                self._ticks.run(name)
        except Exception:
            # What the command raises is kept by the tick; this is about keeping that, and is tried again at its time.
            log.exception("%s: what came of it could not be kept.", name)

    def _alive(self) -> list[str]:
        return [name for name, thread in self._threads.items() if thread.is_alive()]
