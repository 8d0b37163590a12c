"""Long answers, some rows at a time: pages, and the cursors that lead from one to the next."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from eventflow.errors import BadFilter

Row = TypeVar("Row")

MOST = 1_000
"""The most rows that one answer has."""

LAST = 2**63 - 1
"""Behind every position."""


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    """Some rows, and the cursor to ask for those after them; without one, these were the last."""

    rows: tuple[Row, ...]
    after: str | None = None


def page(
    rows: Callable[[int, int], list[Row]], key: Callable[[Row], int], *, start: int, after: str | None, limit: int
) -> Page[Row]:
    """The page behind the cursor ``after``, or the first one, behind ``start``; raises ``BadFilter`` for no cursor.

    ``rows`` is called with a position and a number: so many rows are behind it, in the order of their ``key``.

    >>> page(lambda start, limit: [*range(start + 1, 6)][:limit], int, start=0, after=None, limit=3)
    Page(rows=(1, 2, 3), after='WzNd')
    >>> page(lambda start, limit: [*range(start + 1, 6)][:limit], int, start=0, after="WzNd", limit=3)
    Page(rows=(4, 5), after=None)
    """
    limit = bounded(limit)
    # One more than is shown: only then one knows whether these are the last.
    found = rows(_position(after, start), limit + 1)
    return Page(tuple(found[:limit]), _cursor(key(found[limit - 1])) if len(found) > limit else None)


def bounded(limit: int) -> int:
    """At least one row, and never more than there may be in an answer."""
    return max(1, min(limit, MOST))


def _cursor(position: int) -> str:
    return base64.urlsafe_b64encode(json.dumps([position]).encode()).decode().rstrip("=")


def _position(cursor: str | None, start: int) -> int:
    if cursor is None:
        return start
    try:
        [position] = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (ValueError, TypeError):
        position = None
    if type(position) is not int or not 0 <= position <= LAST:
        raise BadFilter(cursor, 0, "a cursor from the page before")
    return position
