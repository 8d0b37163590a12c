"""The sign of life of a worker: its lease on everything it has claimed, and the watch over handlers that hang."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from datetime import timedelta

from eventflow.errors import Unavailable

log = logging.getLogger("eventflow.heart")


class Heart:
    """Beats three times a lease in a thread of its own, and lets ``watch`` look after the handlers each time.

    A beat that fails is tried again at the next; a worker whose beats stay away loses its claims to the rescue.
    """

    def __init__(self, lease: timedelta, beat: Callable[[], None], watch: Callable[[], None]) -> None:
        self._pause = lease.total_seconds() / 3
        self._beat, self._watch = beat, watch
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="eventflow-heart", daemon=True)

    def begin(self) -> None:
        """Beat once, so that no claim is ever without a lease, then go on in the background."""
        self._beat()
        self._thread.start()

    def go_on(self) -> None:
        """The same, for somebody who has just given a sign of life."""
        self._thread.start()

    def end(self) -> None:
        """Stop beating."""
        self._stop.set()
        self._thread.join(self._pause + 5)

    def _run(self) -> None:
        while not self._stop.wait(self._pause):
            for act in (self._beat, self._watch):
                try:
                    act()
                except Unavailable as error:
                    log.warning("A heartbeat was missed: %s", error)
                except Exception:
                    log.exception("The heart stumbled and goes on.")
