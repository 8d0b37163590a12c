"""Collect: objects that no segment knows are removed, once nobody can be about them any more."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta

from eventflow.store.archive.catalogue import Catalogue
from eventflow.store.objects import Objects

YOUNG = timedelta(days=1)
"""An object that was made since may belong to somebody who is about it."""

_MADE = re.compile(r"/(\d{4})/(\d{2})/(\d{2})/[0-9a-f-]{36}\.zip$")


class Collector:
    """Looks through the objects of one log."""

    def __init__(self, catalogue: Catalogue, objects: Callable[[], Objects], clock: Callable[[], datetime]) -> None:
        self._catalogue, self._objects, self._clock = catalogue, objects, clock

    def orphans(self, prefix: str) -> Iterator[str]:
        """The keys below a prefix that no segment has, and that are older than a day."""
        today = self._clock().astimezone(UTC).date()
        for key in self._objects().list(f"{prefix}/"):
            made = _made(key)
            if made is not None and made < today - YOUNG and not self._catalogue.is_known(key):
                yield key

    def collect(self, prefix: str) -> list[str]:
        """Remove them, and say which."""
        gone = []
        for key in list(self.orphans(prefix)):
            self._objects().delete(key)
            gone.append(key)
        return gone


def _made(key: str) -> date | None:
    """The day in a key, or nothing if it is not one of a segment.

    >>> _made("archive/0a/2026/01/02/7d1f2c1e-0000-4000-8000-000000000000.zip")
    datetime.date(2026, 1, 2)
    """
    found = _MADE.search(key)
    try:
        return date(*map(int, found.groups())) if found else None
    except ValueError:
        return None
