"""One event as a line of JSON: its header, and its body for people to read.

What follows from the rest is left out: the digest from the body, the hash from the line before (only where none is
before it, it is said), a correlation that is the stream itself, and a cause that is the line before. A body that was
enciphered after it had been appended stands as ``secret``, and the digest of what was appended is said beside it.
"""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from hashlib import sha256
from operator import attrgetter
from typing import Any
from uuid import UUID

from eventflow.errors import DamagedBody
from eventflow.model.recorded import Header
from eventflow.store import chain
from eventflow.store.archive import bodies
from eventflow.store.codec import Codec
from eventflow.store.marks import is_veiled, marked, unmarked

Row = tuple[Header, bytes]
Bare = Callable[[str, bytes], bytes]

_CODEC = Codec()

_PACKED = ("m", "mz")
"""How a body is tagged that is no secret."""


def written(rows: Sequence[Row], bare: Bare = _CODEC.bare) -> list[bytes]:
    """The lines of consecutive versions of one stream. Raises ``DamagedBody`` for what is not as it was appended."""
    lines: list[bytes] = []
    before: Header | None = None
    for header, body in rows:
        if before is not None or header.version == 1:
            _prove(header, before.hash if before is not None else b"")
        said = _secret(header, body) if is_veiled(body) else _said(header, _known(header, body, bare))
        lines.append(_line(header, before, said))
        before = header
    return lines


def read(text: bytes) -> list[Row]:
    """The headers behind lines, with bare bodies: packed, enciphered, or with the mark of what was enciphered later.

    Raises ``ValueError`` for what is no line.
    """
    rows: list[Row] = []
    before: Header | None = None
    for line in text.splitlines():
        before, body = _row(line, before)
        rows.append((before, body))
    return rows


def _prove(header: Header, previous: bytes) -> None:
    if chain.link(previous, header[:-1]) != header.hash:
        raise DamagedBody(header.position, header.name, "its header, or the order of its stream, was changed")


def _known(header: Header, body: bytes, bare: Bare) -> bytes:
    """The body without its compression, when it is what the header says."""
    try:
        known = bare(header.codec, body)
    except ValueError as error:
        raise DamagedBody(header.position, header.name, str(error)) from error
    if sha256(known).digest() != header.digest:
        raise DamagedBody(header.position, header.name, "its bytes are not the ones that were appended")
    return known


def _said(header: Header, bare: bytes) -> str:
    said = bodies.as_json(bare) if header.codec in _PACKED else None
    return f'"body":{said}' if said is not None else f'"raw":"{b64encode(bare).decode()}"'


def _secret(header: Header, kept: bytes) -> str:
    return f'"digest":"{header.digest.hex()}","secret":"{b64encode(unmarked(kept)).decode()}"'


def _line(header: Header, before: Header | None, body: str) -> bytes:
    # What is the same throughout a stream comes first and what never is stands together: fewer matches to name. An
    # id without dashes is 6 bytes less of every event when it is compressed.
    return (
        f'{{"stream":"{_id(header.stream)}",{_usual(*_named(header))}{_seldom(header, before)}'
        f'"at":"{_instant(header.recorded_at)}","version":{header.version},"position":{header.position},'
        f'"size":{header.size},"append":"{header.append.hex}",{body}}}\n'
    ).encode()


_named = attrgetter(
    "category", "tenant", "actor", "flow", "name", "status", "previous", "phase", "kind", "reaction", "codec", "schema",
    "attempt",
)  # fmt: skip


@lru_cache(maxsize=4096)
def _usual(
    category: str, tenant: str | None, actor: str | None, flow: str | None, name: str, status: str,
    previous: str | None, phase: str | None, kind: str | None, reaction: str | None, codec: str, schema: int,
    attempt: int | None,
) -> str:  # fmt: skip
    # The same few come again and again.
    told = {
        "category": category, "tenant": tenant, "actor": actor, "flow": flow, "name": name, "status": status,
        "previous": previous, "phase": phase, "kind": kind, "reaction": reaction, "codec": codec, "schema": schema,
        "attempt": attempt,
    }  # fmt: skip
    return "".join(f'"{key}":{_text(said)},' for key, said in told.items() if said is not None)


def _seldom(header: Header, before: Header | None) -> str:
    told = ""
    if before is None and header.version > 1:
        told += f'"hash":"{header.hash.hex()}",'
    if header.correlation != header.stream:
        told += f'"correlation":{_text(_maybe(header.correlation))},'
    if header.causation != (before.position if before is not None else None):
        told += f'"causation":{_text(header.causation)},'
    if header.owner is not None:
        told += f'"owner":"{header.owner.hex}",'
    if header.due is not None:
        told += f'"due":"{_instant(header.due)}",'
    if header.error is not None:
        told += f'"error":{_text(header.error)},'
    return told


def _maybe(id: UUID | None) -> str | None:
    return None if id is None else id.hex


def _text(value: str | int | None) -> str:
    return json.dumps(value, ensure_ascii=False)


@lru_cache(maxsize=256)
def _id(value: UUID) -> str:
    return str(value)


def _instant(value: datetime) -> str:
    return (value if value.tzinfo is UTC else value.astimezone(UTC)).isoformat()


def _row(line: bytes, before: Header | None) -> Row:
    try:
        told = json.loads(line)
        bare = _bare(told, line)
        fields = _header(told, bare, before)
        hash = bytes.fromhex(told["hash"]) if "hash" in told else chain.link(before.hash if before else b"", fields)
    except (KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(f"a line is not as it was written ({type(error).__name__}: {error})") from error
    return Header._make((*fields, hash)), bare


def _bare(told: dict[str, Any], line: bytes) -> bytes:
    if "secret" in told:
        return marked(b64decode(told["secret"], validate=True))
    if "raw" in told:
        return b64decode(told["raw"], validate=True)
    return bodies.as_packed(told["body"], marked=bodies.is_marked(line))


def _header(told: dict[str, Any], bare: bytes, before: Header | None) -> tuple[Any, ...]:
    """Every field but the hash."""
    ask = told.get
    return (
        told["position"], UUID(told["stream"]), told["version"], told["category"], told["name"], told["status"],
        ask("previous"), ask("phase"), ask("kind"), datetime.fromisoformat(told["at"]), ask("reaction"),
        ask("attempt"), _maybe_id(ask("owner")), _maybe_instant(ask("due")), ask("error"),
        _maybe_id(ask("correlation", told["stream"])), ask("causation", before.position if before else None),
        ask("actor"), ask("tenant"), ask("flow"), told["schema"], UUID(told["append"]), told["codec"], told["size"],
        bytes.fromhex(told["digest"]) if "secret" in told else sha256(bare).digest(),
    )  # fmt: skip


def _maybe_id(said: str | None) -> UUID | None:
    return None if said is None else UUID(said)


def _maybe_instant(said: str | None) -> datetime | None:
    return None if said is None else datetime.fromisoformat(said)
