"""What a step leaves behind in passing: lines of logging, and what it notes itself. Both go into its record, masked."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from eventflow.model.content import clean
from eventflow.model.masking import Masker
from eventflow.model.process.events import Note

MOST = 100
"""Lines of one attempt of a step."""

LONGEST = 1000
"""Characters of one line."""

NOTED = "eventflow_noted"
"""The mark of a line that was taken down: however many collectors there are, it is so once."""


class Notes:
    """The lines of one attempt, the first hundred of them. Changes as it goes on."""

    def __init__(self, masker: Masker) -> None:
        self._masker, self._lines, self._more = masker, list[Note](), 0

    def add(self, level: str, source: str, text: str) -> None:
        """One line more."""
        if len(self._lines) >= MOST:
            self._more += 1
            return
        shown = self._masker.text(clean(text[: 4 * LONGEST]))
        self._lines.append(Note(level, source, shown if len(shown) <= LONGEST else shown[: LONGEST - 1] + "…"))

    def __call__(self) -> tuple[Note, ...]:
        """The lines until now."""
        if not self._more:
            return tuple(self._lines)
        return (*self._lines, Note("INFO", "eventflow", f"{self._more} more lines were not kept."))


_NOTES: ContextVar[Notes | None] = ContextVar("eventflow_notes", default=None)


@contextmanager
def noting(masker: Masker) -> Iterator[Notes]:
    """Keep what is logged and noted in this block, by this thread."""
    notes = Notes(masker)
    token = _NOTES.set(notes)
    try:
        yield notes
    finally:
        _NOTES.reset(token)


def note(text: str, /, **facts: Any) -> None:
    """Leave a line in the record of the step that is under way; outside of one nothing happens.

    ``facts`` are added to it: ``note("charged", amount=12)`` reads ``charged amount=12``.
    """
    notes = _NOTES.get()
    if notes is not None:
        told = " ".join(f"{name}={value!r}" for name, value in facts.items())
        notes.add("NOTE", "", f"{text} {told}".strip())


class Collector(logging.Handler):
    """Takes down what the program's logging lets through while a step is under way in the same thread."""

    def emit(self, record: logging.LogRecord) -> None:
        """One line."""
        if getattr(record, NOTED, False):
            return
        notes = _NOTES.get()
        setattr(record, NOTED, True)
        _print_alone(record)
        if notes is None:
            return
        try:
            text = record.getMessage()
        except Exception:  # noqa: BLE001  # what a line is made of is user code
            self.handleError(record)
            return
        notes.add(record.levelname, record.name, text)


def _print_alone(record: logging.LogRecord) -> None:
    """Print what logging prints by itself where nobody else listens: that somebody takes notes must not silence it."""
    last = logging.lastResort
    if last is not None and record.levelno >= last.level and not _is_heard(logging.getLogger(record.name)):
        last.handle(record)


def _is_heard(logger: logging.Logger | None) -> bool:
    while logger is not None:
        if any(not isinstance(one, Collector) for one in logger.handlers):
            return True
        logger = logger.parent if logger.propagate else None
    return False
