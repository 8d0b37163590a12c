"""AES-256-GCM for whoever has a key: a ciphertext opens with its key and in its own place only."""

from __future__ import annotations

import os
from functools import cache
from typing import TYPE_CHECKING, Any
from uuid import UUID

from eventflow.errors import Misconfigured

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY = 32
"""Bytes of a key."""

_NONCE = 12


def new_key() -> bytes:
    """A key that nobody can guess."""
    return os.urandom(KEY)


def enciphered(key: bytes, plain: bytes, place: bytes) -> bytes:
    """The ciphertext of what belongs in this place."""
    nonce = os.urandom(_NONCE)
    return nonce + _cipher()(key).encrypt(nonce, plain, place)


def deciphered(key: bytes, secret: bytes, place: bytes) -> bytes:
    """What was enciphered. Raises ``ValueError`` for another key, another place, and bytes that were changed."""
    try:
        return _cipher()(key).decrypt(secret[:_NONCE], secret[_NONCE:], place)
    except _refusals() as error:
        raise ValueError("it does not open with the key of its stream: it was changed, or belongs elsewhere") from error


def body_of(stream: UUID, version: int) -> bytes:
    """The place of the body of an event."""
    return b"body" + stream.bytes + version.to_bytes(8, "big")


def veil_of(stream: UUID, version: int) -> bytes:
    """The place of the body of an event that was enciphered after it had been appended."""
    return b"veil" + stream.bytes + version.to_bytes(8, "big")


def snapshot_of(stream: UUID, version: int) -> bytes:
    """The place of a snapshot."""
    return b"snapshot" + stream.bytes + version.to_bytes(8, "big")


def key_of(stream: UUID) -> bytes:
    """The place of the key of a stream."""
    return b"key" + stream.bytes


def check() -> None:
    """Raises ``Misconfigured`` when there is no cipher in this environment."""
    _cipher()


@cache
def _cipher() -> type[AESGCM]:
    try:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM
    except ImportError as error:
        raise Misconfigured("Erasable aggregates need their cipher: pip install 'eventflow[erasure]'.") from error
    return AESGCM


@cache
def _refusals() -> tuple[Any, ...]:
    from cryptography.exceptions import InvalidTag

    return InvalidTag, ValueError
