"""Who tells a handler that its work is no longer wanted: somebody cancelled the item, or moved it on by hand."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from datetime import timedelta

from eventflow.errors import Unavailable
from eventflow.runtime.attempt import Attempt
from eventflow.store.log import Log

log = logging.getLogger("eventflow.runner")

PAUSE = timedelta(seconds=0.5)
"""Between two looks. What ends sooner is never looked for."""


class Lookout:
    """Looks into the log for the streams on which something has been running for a while: one question for all.

    At first the attempt is told (``cancelled()`` says so to its handler); if it still runs at the next look,
    ``strike`` interrupts it. It works whoever moved the stream, in whatever process: the log is what both know.
    """

    def __init__(
        self,
        history: Log,
        running: Mapping[int, Attempt],
        strike: Callable[[int, Attempt], None],
        *,
        pause: timedelta = PAUSE,
    ) -> None:
        self._log, self._running, self._strike = history, running, strike
        self._pause = pause.total_seconds()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="eventflow-lookout", daemon=True)

    def begin(self) -> None:
        """Look again and again in the background."""
        self._thread.start()

    def end(self) -> None:
        """Look no more."""
        self._stop.set()
        self._thread.join(self._pause + 5)

    def look(self) -> None:
        """Tell those that were overruled, and interrupt those that were told before."""
        late = time.monotonic() - self._pause
        lasting = [(key, one) for key, one in list(self._running.items()) if one.began <= late]
        for key, one in lasting:
            if one.overruled:
                self._strike(key, one)
        asked = [one for _, one in lasting if not one.overruled]
        if asked:
            self._tell(asked)

    def _tell(self, attempts: list[Attempt]) -> None:
        heads = self._log.heads([one.job.stream for one in attempts])
        for one, head in zip(attempts, heads, strict=True):
            if head is not None and head.version > one.document.version and self._moved(one):
                one.overruled = True

    def _moved(self, attempt: Attempt) -> bool:
        # What it says to others, and facts that others record, leave the claim as it is.
        headers = self._log.headers(attempt.job.stream)
        return any(one.phase is not None and one.version > attempt.claim for one in headers)

    def _run(self) -> None:
        while not self._stop.wait(self._pause):
            try:
                self.look()
            except Unavailable as error:
                log.info("Whether anything was cancelled cannot be seen: %s", error)
            except Exception:
                log.exception("The lookout stumbled and goes on.")
