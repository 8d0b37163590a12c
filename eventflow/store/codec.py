"""How the fields of an event become bytes: msgpack, zstandard where it pays, a cipher where one is given.

The tag of a body says what was done to it: ``m`` packed, ``z`` compressed, ``e`` enciphered, ``k`` enciphered with the
key of its stream, which the log does.

A body is known by the SHA-256 of what was packed, or of the ciphertext where there is a cipher: another version of
zstandard makes other bytes of the same content, and the digest of what is secret would tell of it for ever.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from hashlib import sha256
from pathlib import PurePath
from typing import Any, NamedTuple
from uuid import UUID

import msgpack  # type: ignore[import-untyped]
import zstandard
from eventsourcing.persistence import Cipher, Compressor, Transcoder

from eventflow.errors import Unwritable

COMPRESS_ABOVE = 512
"""Bytes from which compressing is tried."""

LARGEST = 256 * 1024 * 1024
"""Bytes that a body may have when it is unpacked; whoever says more has damaged bytes in hand."""

_ID, _DATETIME, _DATE, _TIME, _DURATION, _DECIMAL, _SET, _FROZENSET, _TUPLE = range(1, 10)
_DURATION_FORM = struct.Struct("!iii")

# What is neither plain data nor known here is offered to pydantic's own idea of it: URLs, paths, addresses.
_AS_TEXT = ("pydantic", "pydantic_core", "ipaddress")


class Packed(NamedTuple):
    """A body as it is kept, and what it is known by."""

    tag: str
    body: bytes
    digest: bytes


class Codec(Transcoder, Compressor):
    """Packs the fields of events and unpacks them. Also a transcoder and a compressor for ``eventsourcing``."""

    def __init__(self, cipher: Cipher | None = None, *, level: int = 3) -> None:
        self._cipher, self._level = cipher, level

    def pack(self, name: str, fields: dict[str, Any]) -> tuple[str, bytes]:
        """The tag and the bytes of a body. Raises ``Unwritable`` and names the event when that is not possible."""
        return self.seal(name, fields)[:2]

    def seal(self, name: str, fields: dict[str, Any]) -> Packed:
        """Like ``pack``, with the digest that the body is known by."""
        try:
            packed = body = _pack(fields, default=_extended, strict_types=True)
        except (TypeError, ValueError, OverflowError, UnicodeError, RecursionError) as error:
            raise Unwritable(name, _reason(error)) from error
        tag = "m"
        if len(body) > COMPRESS_ABOVE:
            smaller = self.compress(body)
            if len(smaller) < len(body):
                tag, body = "mz", smaller
        if self._cipher is not None:
            tag, packed = tag + "e", self._cipher.encrypt(body)
            body = packed
        return Packed(tag, body, sha256(packed).digest())

    def bare(self, tag: str, body: bytes) -> bytes:
        """What a body is known by: it without its compression; a ciphertext as it is. Raises ``ValueError``."""
        return self.decompress(body) if tag == "mz" else body

    def unpack(self, tag: str, body: bytes) -> Any:
        """The fields behind the bytes. Raises ``ValueError`` when they are damaged or enciphered with another key."""
        if tag not in ("m", "mz", "me", "mze"):
            raise ValueError(f'no codec is called "{tag}"')
        if "e" in tag:
            body = self._deciphered(body)
        return self.decode(self.decompress(body) if "z" in tag else body)

    def encode(self, obj: Any) -> bytes:
        """Plain data as msgpack."""
        return bytes(_pack(obj, default=_extended, strict_types=True))

    def decode(self, data: bytes) -> Any:
        """The data behind msgpack."""
        try:
            return msgpack.unpackb(data, ext_hook=_revived, strict_map_key=False)
        except (ValueError, TypeError, ArithmeticError, struct.error, msgpack.UnpackException) as error:
            raise ValueError(f"these bytes are not packed data ({type(error).__name__}: {error})") from error

    def compress(self, data: bytes) -> bytes:
        """The bytes, smaller."""
        # A compressor must not be used by two threads at once; making one is cheap beside using it.
        return zstandard.ZstdCompressor(level=self._level).compress(data)

    def decompress(self, data: bytes) -> bytes:
        """The bytes as they were."""
        try:
            if zstandard.frame_content_size(data) > LARGEST:
                raise ValueError(f"these bytes claim to be more than {LARGEST} bytes")
            return zstandard.ZstdDecompressor().decompress(data, max_output_size=LARGEST)
        except zstandard.ZstdError as error:
            raise ValueError(f"these bytes are not compressed data ({error})") from error

    def _deciphered(self, body: bytes) -> bytes:
        if self._cipher is None:
            raise ValueError("it is enciphered, and there is no cipher here")
        try:
            return self._cipher.decrypt(body)
        except Exception as error:
            # A cipher is somebody else's code and raises what it likes.
            raise ValueError(f"it cannot be deciphered ({type(error).__name__}: {error})") from error


OWN_KEY = "k"
"""What ends the tag of a body that is enciphered with the key of its stream."""


def is_secret(tag: str) -> bool:
    """Whether a body with this tag is enciphered.

    >>> is_secret("mz"), is_secret("me"), is_secret("mzk")
    (False, True, True)
    """
    return "e" in tag or tag.endswith(OWN_KEY)


def plain(values: Sequence[Any]) -> bytes:
    """Numbers, texts and bytes in one unambiguous row of bytes, to be hashed."""
    return bytes(_pack(values))


_pack: Callable[..., bytes] = msgpack.packb


def _extended(value: Any) -> Any:
    if isinstance(value, Enum):
        return value.value
    for kind, known, how in _WRITERS:
        if isinstance(value, known):
            return msgpack.ExtType(kind, how(value))
    for plainer in _PLAIN:
        if isinstance(value, plainer):
            # A subclass; the type of the field makes it what it was when it is read.
            return plainer(value)
    if isinstance(value, PurePath) or type(value).__module__.partition(".")[0] in _AS_TEXT:
        return str(value)
    raise TypeError(f"{type(value).__qualname__} is not plain data")


def _nested(value: Any) -> bytes:
    return _pack(list(value), default=_extended, strict_types=True)


def _duration(value: timedelta) -> bytes:
    return _DURATION_FORM.pack(value.days, value.seconds, value.microseconds)


def _iso(value: date | time) -> bytes:
    return value.isoformat().encode()


_WRITERS: tuple[tuple[int, type, Callable[[Any], bytes]], ...] = (
    (_ID, UUID, lambda value: value.bytes),
    (_DATETIME, datetime, _iso),
    (_DATE, date, _iso),
    (_TIME, time, _iso),
    (_DURATION, timedelta, _duration),
    (_DECIMAL, Decimal, lambda value: str(value).encode()),
    (_SET, set, _nested),
    (_FROZENSET, frozenset, _nested),
    (_TUPLE, tuple, _nested),
)


_PLAIN: tuple[Any, ...] = (str, int, float, bytes, list, dict)


def _unnested(data: bytes) -> list[Any]:
    return list(msgpack.unpackb(data, ext_hook=_revived, strict_map_key=False))


_READERS: dict[int, Callable[[bytes], Any]] = {
    _ID: lambda data: UUID(bytes=data),
    _DATETIME: lambda data: datetime.fromisoformat(data.decode()),
    _DATE: lambda data: date.fromisoformat(data.decode()),
    _TIME: lambda data: time.fromisoformat(data.decode()),
    _DURATION: lambda data: timedelta(*_DURATION_FORM.unpack(data)),
    _DECIMAL: lambda data: Decimal(data.decode()),
    _SET: lambda data: set(_unnested(data)),
    _FROZENSET: lambda data: frozenset(_unnested(data)),
    _TUPLE: lambda data: tuple(_unnested(data)),
}


def _revived(kind: int, data: bytes) -> Any:
    reader = _READERS.get(kind)
    if reader is None:
        raise ValueError(f"nothing is written with the number {kind}")
    return reader(data)


def _reason(error: Exception) -> str:
    if isinstance(error, OverflowError):
        return "an integer has more than 64 bits"
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    return str(error)
