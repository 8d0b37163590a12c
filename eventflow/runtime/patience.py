"""Waiting for what is out of reach, for as long as the worker runs."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import TypeVar

from eventflow.errors import Unavailable

log = logging.getLogger("eventflow.patience")

T = TypeVar("T")


class Patience:
    """Tries again while something is ``Unavailable``, with pauses from 50 ms that grow to ``at_most`` seconds.

    Once ``stop`` is set it tries a last time and lets the error through.
    """

    def __init__(self, stop: threading.Event | None = None, *, at_most: float = 2.0) -> None:
        self._stop = stop or threading.Event()
        self._at_most = at_most

    def until_available(self, act: Callable[[], T]) -> T:
        """What ``act`` returns, once it can. Raises ``Unavailable`` only when the worker stops meanwhile."""
        pause = 0.05
        while True:
            try:
                return act()
            except Unavailable as error:
                if self._stop.wait(pause):
                    raise
                log.warning("%s Trying again.", error)
                pause = min(pause * 2, self._at_most)
