"""What a piece of work says in the program's log while it is done, kept for whoever asks later what happened."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime

from eventflow.model.lock import Line
from eventflow.model.masking import Masker
from eventflow.model.plain import plain_error

MOST = 200
"""Lines that are kept; of more, the last ones."""

LONGEST = 1000
"""Characters of a line that are kept."""


class Lines:
    """The last lines that were said, masked. Grows to a limit; ``dropped`` counts what went beyond it."""

    def __init__(self, clock: Callable[[], datetime], masker: Masker) -> None:
        self._clock, self._masker = clock, masker
        self._lines: deque[Line] = deque(maxlen=MOST)
        self.dropped = 0

    def add(self, level: str, text: str) -> None:
        """Keep a line."""
        self.dropped += len(self._lines) == MOST
        self._lines.append(Line(at=self._clock(), level=level, text=_one_line(self._masker.text(text))))

    def all(self) -> tuple[Line, ...]:
        """Those that are kept, in order."""
        return tuple(self._lines)


# A variable of the context and not of a thread: what a task of an event loop says on behalf of the work belongs to it.
_HEARD: ContextVar[Lines | None] = ContextVar("eventflow_ears", default=None)


class _Ears(logging.Handler):
    """Writes down what is said in the context of somebody who listens."""

    def emit(self, record: logging.LogRecord) -> None:
        """Keep it, if this context is listened to."""
        lines = _HEARD.get()
        if lines is None:
            return
        try:
            lines.add(record.levelname.lower(), record.getMessage())
        except Exception:  # noqa: BLE001 - arguments that do not fit the message are the caller's; as in any handler
            self.handleError(record)


_EARS, _COUNTING = _Ears(), threading.Lock()
_listeners = 0


@contextmanager
def listening(lines: Lines) -> Iterator[None]:
    """While this lasts, what the program's loggers let through in this context is kept in ``lines``."""
    _come()
    token = _HEARD.set(lines)
    try:
        yield
    finally:
        _HEARD.reset(token)
        _go()


def _come() -> None:
    global _listeners
    with _COUNTING:
        _listeners += 1
        logging.getLogger().addHandler(_EARS)  # once is enough: it is the same one


def _go() -> None:
    global _listeners
    with _COUNTING:
        _listeners -= 1
        if _listeners == 0:
            logging.getLogger().removeHandler(_EARS)


def _one_line(text: str) -> str:
    return plain_error(text, LONGEST)
