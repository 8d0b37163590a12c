"""The mark in front of a body that was enciphered after it had been appended.

It can be told from every other body: nothing that msgpack packs begins with its first byte, no frame of zstandard does,
and of ciphertexts one in 2**64 begins with all of it.
"""

from __future__ import annotations

MARK = b"\xc1veiled\x01"


def is_veiled(kept: bytes) -> bool:
    """Whether a body has the mark.

    >>> is_veiled(MARK + b"secret"), is_veiled(b"plain")
    (True, False)
    """
    return kept.startswith(MARK)


def marked(secret: bytes) -> bytes:
    """A ciphertext as it is kept."""
    return MARK + secret


def unmarked(kept: bytes) -> bytes:
    """The ciphertext behind the mark."""
    return kept[len(MARK) :]
