"""Where each item stands now: one row per stream."""

from __future__ import annotations

import re
from collections.abc import Sequence
from hashlib import sha256
from typing import Any
from uuid import UUID

from eventflow.model.recorded import Header
from eventflow.store.database import Transaction
from eventflow_projections.projection import Projection, Tables


class Current(Projection):
    """The table ``items``.

    * ``status``, ``version``, ``position``, ``updated_at`` are those of the last event, a mere fact included.
    * ``previous`` is the status that the item stood in before it entered the present one.
    * ``phase``, ``reaction``, ``attempt``, ``due`` and ``error`` are those of the last event that has a phase: what is
      to be done, or what came of it. So an error stays while facts are added and while the retry waits, and goes
      when the next attempt is claimed, when the item is announced without one, or when it is brought back.
    * ``tenant`` is the first that any event of the stream names.
    * ``fingerprint`` stands for the kind of error; see ``fingerprint``.
    * ``flow`` is the one that the stream is bound to.
    """

    name = "current"
    version = 3
    tables = ("items",)

    def apply(self, batch: Sequence[Header], transaction: Transaction, tables: Tables) -> None:
        """Fold the batch to one row per stream."""
        transaction.write(tables["upsert"], [row.values() for row in fold(batch).values()])


def fold(batch: Sequence[Header]) -> dict[UUID, Row]:
    """What a batch says about each of its streams."""
    rows: dict[UUID, Row] = {}
    for header in batch:
        row = rows.get(header.stream)
        if row is None:
            row = rows[header.stream] = Row(header)
        row.add(header)
    return rows


class Row:
    """What a batch says about one stream; grows with each header."""

    __slots__ = ("first", "last", "phased", "previous", "tenant")

    def __init__(self, first: Header) -> None:
        self.first = self.last = first
        self.phased: Header | None = None
        self.previous: str | None = None
        self.tenant: str | None = None

    def add(self, header: Header) -> None:
        """Take in the next header of the stream."""
        self.last = header
        if header.phase is not None:
            self.phased = header
        if header.previous is not None and header.previous != header.status:
            self.previous = header.previous
        if self.tenant is None:
            self.tenant = header.tenant

    def values(self) -> tuple[Any, ...]:
        """The row as the statement takes it. Any: it has columns of several types."""
        first, last, phased = self.first, self.last, self.phased
        return (
            last.stream,
            last.category,
            last.status,
            self.previous,
            last.version,
            last.position,
            first.position,
            first.recorded_at,
            last.recorded_at,
            self.tenant,
            *(_work(phased) if phased is not None else _UNSAID),
            last.flow,
        )


_UNSAID = (None,) * 6


def _work(phased: Header) -> tuple[Any, ...]:
    mark = fingerprint(phased.error) if phased.error is not None else None
    return phased.phase, phased.reaction, phased.attempt, phased.due, phased.error, mark


_VARYING = (
    (re.compile(r"\b[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}\b"), "<id>"),
    (re.compile(r"\b(?:0x[0-9a-fA-F]+|(?=[0-9a-fA-F]*[0-9])[0-9a-fA-F]{8,})\b"), "<hex>"),
    (re.compile(r"[0-9]+"), "<n>"),
)


def normalised(error: str) -> str:
    """An error's text without what differs from case to case.

    >>> normalised("Order 17 of 0b0c9a52-1d7e-4d0a-9c1f-7f1f4f4c8a11 took 30.5 s at 0x7f3a")
    'Order <n> of <id> took <n>.<n> s at <hex>'
    """
    for pattern, name in _VARYING:
        error = pattern.sub(name, error)
    return error


def fingerprint(error: str) -> str:
    """A short name for a kind of error: errors that differ in numbers and ids only have the same.

    >>> fingerprint("Order 17 was late") == fingerprint("Order 4 was late")
    True
    """
    return sha256(normalised(error).encode("utf-8", "replace")).hexdigest()[:12]
