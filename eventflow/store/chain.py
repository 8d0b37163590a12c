"""The chain of hashes through a stream: each header continues the one before it.

What may not change unnoticed goes in: every field of the header but its position, and the digest of the body.
"""

from __future__ import annotations

from datetime import UTC, datetime
from hashlib import sha256
from typing import Any
from uuid import UUID

from eventflow.store.codec import plain

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def link(previous: bytes, fields: tuple[Any, ...]) -> bytes:
    """The hash of the header with these fields (all but the hash itself), where ``previous`` is the hash before it."""
    (_, stream, version, category, name, status, before, phase, kind, recorded_at, reaction, attempt, owner, due,
     error, correlation, causation, actor, tenant, flow, schema, append, codec, size, digest) = fields  # fmt: skip
    return sha256(previous + plain((
        stream.bytes, version, category, name, status, before, phase, kind, _micros(recorded_at), reaction, attempt,
        _bytes(owner), None if due is None else _micros(due), error, _bytes(correlation), causation, actor, tenant,
        flow, schema, append.bytes, codec, size, digest,
    ))).digest()  # fmt: skip


def _micros(moment: datetime) -> int:
    passed = moment - _EPOCH
    return (passed.days * 86400 + passed.seconds) * 1_000_000 + passed.microseconds


def _bytes(value: UUID | None) -> bytes | None:
    return None if value is None else value.bytes
