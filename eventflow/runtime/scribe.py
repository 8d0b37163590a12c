"""Outcomes on their way into the log: written down together, while those who worked go on.

A claim is waited for, its outcome is not. When the process dies in between, it is as if the handler had been cut
short a moment earlier: the claim is found without an owner and the work is done again, under the same idempotency
key. So a thread need not stand still until its outcome is on the disk, and one append takes many outcomes.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from queue import Empty, Full, Queue
from typing import Generic, TypeVar

from eventflow.errors import Unavailable
from eventflow.model.masking import Masker
from eventflow.model.telling import MASKER, traced

log = logging.getLogger("eventflow.scribe")

T = TypeVar("T")

MOST = 64
"""Outcomes in one append."""

GATHER = 0.002
"""Seconds that the first outcome waits for others while there are many: an append costs the same for one or ten."""

LULL = 0.02
"""Seconds after the last append for which there are many; an outcome that comes later is written at once."""


class Scribe(Generic[T]):
    """A thread that writes what it is handed: ``together`` if that can be done, ``alone`` one by one if not.

    ``together`` says whether it could. At most ``waiting`` outcomes are handed over and not written yet; whoever
    brings one more waits.
    """

    def __init__(
        self, together: Callable[[list[T]], bool], alone: Callable[[T], None], *, waiting: int, masker: Masker = MASKER
    ) -> None:
        self._together, self._alone, self._masker = together, alone, masker
        self._queue: Queue[T | None] = Queue(waiting)
        self._wrote_at = 0.0
        self._thread = threading.Thread(target=self._run, name="eventflow-scribe", daemon=True)
        self._thread.start()

    def put(self, outcome: T) -> None:
        """Hand an outcome over."""
        self._queue.put(outcome)

    def offer(self, outcome: T) -> bool:
        """Hand an outcome over if nobody has to wait for that; whether it was."""
        try:
            self._queue.put_nowait(outcome)
        except Full:
            return False
        return True

    def end(self, timeout: float) -> bool:
        """Write what was handed over and end; whether that was done in time."""
        deadline = time.monotonic() + timeout
        try:
            self._queue.put(None, timeout=timeout)
        except Full:  # nothing can be written just now: the claims are left to the rescue
            return False
        self._thread.join(max(0.0, deadline - time.monotonic()))
        return not self._thread.is_alive()

    def _run(self) -> None:
        ended = False
        while not ended:
            batch, ended = self._batch()
            self._write(batch)
            self._wrote_at = time.monotonic()

    def _batch(self) -> tuple[list[T], bool]:
        batch: list[T] = []
        try:
            one = self._queue.get()
            if time.monotonic() < self._wrote_at + LULL:
                time.sleep(GATHER)
            while one is not None:
                batch.append(one)
                if len(batch) == MOST:
                    return batch, False
                one = self._queue.get_nowait()
        except Empty:
            return batch, False
        return batch, True

    def _write(self, batch: list[T]) -> None:
        if len(batch) > 1 and self._together(batch):
            return
        for one in batch:
            try:
                self._alone(one)
            except Unavailable as error:
                log.warning("Outcomes are left to the rescue, as the worker stops: %s", error)
                return
            except Exception as error:  # noqa: BLE001  # it may be a user's: the next outcomes are to be written all the same
                trace = traced(error, self._masker)
                log.error(
                    "An outcome could not be written; its claim will be rescued when this worker ends.\n%s", trace
                )
