"""What other libraries must not say in a program's log while they speak for us: addresses as they are on the wire."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager

LOGGERS = ("urllib3.connectionpool",)
"""They tell every request at the level of debugging, with its whole address; the log has it, masked."""

_present = threading.local()


class _Discreet(logging.Filter):
    """Lets nothing through that is said on behalf of a request of ours."""

    def filter(self, record: logging.LogRecord) -> bool:  # noqa: ARG002  # whatever it says
        return not getattr(_present, "speaking", False)


_DISCREET = _Discreet()


@contextmanager
def discretion() -> Iterator[None]:
    """While this lasts, in this thread, the loggers of those who carry requests are silent."""
    for name in LOGGERS:
        logging.getLogger(name).addFilter(_DISCREET)  # once is enough: it is the same one
    _present.speaking = True
    try:
        yield
    finally:
        _present.speaking = False
