"""Packed bodies as JSON that people can read, and back, byte for byte.

What JSON has no word for stands as an object with one key: ``{"$uuid": "…"}``, ``{"$bytes": "…"}``. A key of the body
itself that stands first in its object and begins with a dollar gets another one in front.
"""

from __future__ import annotations

import json
import struct
from base64 import b64decode, b64encode
from collections.abc import Callable
from typing import Any, NamedTuple
from uuid import UUID

import msgpack  # type: ignore[import-untyped]

_DURATION = struct.Struct("!iii")
_MARK = '{"$'
"""No text inside a JSON string looks like this: a quote within one is escaped."""

_Pair = tuple[str, Any]


class _Extension:
    """What msgpack keeps under a number. Not a tuple, which JSON would take for a list."""

    __slots__ = ("code", "content")

    def __init__(self, code: int, content: bytes) -> None:
        self.code, self.content = code, content


class _Unlike(ValueError):
    """Something would not come back as it was."""


def as_json(packed: bytes) -> str | None:
    """A packed body as JSON in one line, or nothing when it would not come back byte for byte."""
    try:
        value = _unpacked(packed)
        if _packed(value) != packed:
            return None
        text, marks = _written(value)
        if text.count(_MARK) != marks:
            text, _ = _written(_escaped(value))
            return text if as_packed(json.loads(text)) == packed else None
    except (ValueError, TypeError, RecursionError, OverflowError, msgpack.UnpackException):
        return None
    return text


def as_packed(value: Any, *, marked: bool = True) -> bytes:
    """The packed body behind what JSON made of it; ``marked`` tells whether it may hold what JSON has no word for."""
    return _packed(_revived(value) if marked else value)


def is_marked(text: bytes) -> bool:
    """Whether JSON holds an object whose first key begins with a dollar."""
    return _MARK.encode() in text


class _Marks:
    """Says in JSON what JSON has no word for, and counts."""

    def __init__(self) -> None:
        self.set = 0

    def __call__(self, value: Any) -> dict[str, Any]:
        self.set += 1
        key, said = _tagged(value)
        return {key: said}


def _refuse(value: Any) -> Any:
    raise TypeError(type(value).__qualname__)


# What was just unpacked holds no circles; looking for them would take a fifth of the time.
_encode = json.JSONEncoder(
    ensure_ascii=False, separators=(",", ":"), allow_nan=False, check_circular=False, default=_refuse
).encode


def _written(value: Any) -> tuple[str, int]:
    """The text, and how many marks were set in it."""
    try:
        # Most bodies are plain; asking for a new encoder each time would cost as much as a small body.
        return _encode(value), 0
    except TypeError:
        marks = _Marks()
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False, default=marks)
        return text, marks.set


def _unpacked(packed: bytes) -> Any:
    return msgpack.unpackb(packed, ext_hook=_Extension)


def _packed(value: Any) -> bytes:
    return bytes(msgpack.packb(value, default=_extended, strict_types=True))


def _extended(value: Any) -> Any:
    if isinstance(value, _Extension):
        return msgpack.ExtType(value.code, value.content)
    raise TypeError(f"{type(value).__qualname__} is not plain data")


class _Kind(NamedTuple):
    word: str
    said: Callable[[bytes], Any]
    meant: Callable[[Any], bytes]


def _base64(content: bytes) -> str:
    return b64encode(content).decode()


def _members(content: bytes) -> list[Any]:
    return list(_unpacked(content))


_KINDS = {
    1: _Kind("$uuid", lambda content: str(UUID(bytes=content)), lambda said: UUID(said).bytes),
    2: _Kind("$datetime", bytes.decode, str.encode),
    3: _Kind("$date", bytes.decode, str.encode),
    4: _Kind("$time", bytes.decode, str.encode),
    5: _Kind("$timedelta", lambda content: list(_DURATION.unpack(content)), lambda said: _DURATION.pack(*said)),
    6: _Kind("$decimal", bytes.decode, str.encode),
    7: _Kind("$set", _members, _packed),
    8: _Kind("$frozenset", _members, _packed),
    9: _Kind("$tuple", _members, _packed),
}
"""The numbers under which the codec keeps what msgpack has no word for."""

_CODES = {kind.word: code for code, kind in _KINDS.items()}


def _tagged(value: Any) -> _Pair:
    if isinstance(value, bytes):
        return "$bytes", _base64(value)
    if not isinstance(value, _Extension):
        raise _Unlike(type(value).__qualname__)
    kind = _KINDS.get(value.code)
    if kind is None:
        return "$ext", [value.code, _base64(value.content)]
    said = kind.said(value.content)
    if kind.meant(said) != value.content:
        raise _Unlike(kind.word)
    return kind.word, said


def _revived(value: Any) -> Any:
    if isinstance(value, list):
        return [_revived(one) for one in value]
    if not isinstance(value, dict):
        return value
    first = next(iter(value), "")
    if first.startswith("$") and not first.startswith("$$"):
        return _meant(first, value[first])
    return {key[1:] if key is first and key.startswith("$$") else key: _revived(one) for key, one in value.items()}


def _meant(word: str, said: Any) -> Any:
    try:
        if word == "$bytes":
            return b64decode(said, validate=True)
        if word == "$ext":
            return _Extension(said[0], b64decode(said[1], validate=True))
        return _Extension(_CODES[word], _KINDS[_CODES[word]].meant(_revived(said)))
    except (AttributeError, TypeError, LookupError, struct.error) as error:
        raise _Unlike(word) from error


def _escaped(value: Any) -> Any:
    if isinstance(value, list):
        return [_escaped(one) for one in value]
    if not isinstance(value, dict):
        return value
    first = next(iter(value), "")
    return {f"${key}" if key is first and key.startswith("$") else key: _escaped(one) for key, one in value.items()}
