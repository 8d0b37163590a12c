"""Streams as rows of a log, without a log: what segments are made of."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

from eventflow.model.recorded import Header
from eventflow.store import chain
from eventflow.store.archive.segment import Slice
from eventflow.store.codec import Codec

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
HOUSE = UUID("00000000-0000-4000-8000-000000000000")

Row = tuple[Header, bytes]


def a_header(stream: UUID, version: int, position: int, **fields: Any) -> Header:
    """A header without a body, and outside of every chain."""
    usual: dict[str, Any] = dict.fromkeys(Header._fields)
    usual |= {
        "position": position,
        "stream": stream,
        "version": version,
        "category": "order",
        "name": "order:noted",
        "status": "open",
        "recorded_at": NOON + timedelta(milliseconds=position),
        "correlation": stream,
        "schema": 1,
        "append": uuid5(stream, str(version)),
    }
    return Header(**{**usual, **fields})


def a_stream(
    bodies: Sequence[dict[str, Any]],
    *,
    number: int = 1,
    codec: Codec | None = None,
    start: int = 1,
    **fields: Any,
) -> Slice:
    """A stream of events with these bodies, from its first version on."""
    stream = uuid5(HOUSE, str(number))
    rows: list[Row] = []
    previous = b""
    for version, body in enumerate(bodies, start=1):
        row = a_row(a_header(stream, version, start + version - 1, **fields), body, previous, codec or Codec())
        rows.append(row)
        previous = row[0].hash
    return Slice(stream, "order", rows)


def a_row(header: Header, body: dict[str, Any], previous: bytes, codec: Codec) -> Row:
    """What the log would have made of a header and a body."""
    tag, kept, digest = codec.seal(header.name, body)
    header = header._replace(codec=tag, size=len(kept), digest=digest)
    return header._replace(hash=chain.link(previous, header[:-1])), kept


def an_order(number: int) -> dict[str, Any]:
    """A body that has much in common with others of its kind."""
    return {
        "number": f"{number:08d}",
        "customer": {"name": f"Customer {number % 40}", "city": ["Lisbon", "Porto", "Faro"][number % 3]},
        "lines": [{"sku": f"SKU-{number * line % 977:05d}", "quantity": line, "unit": "pcs"} for line in range(1, 12)],
    }
