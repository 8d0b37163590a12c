"""Bodies that were enciphered after they had been appended, because what they are of became erasable later.

A header never changes: its tag and its digest go on saying what was appended. What is kept of the body begins with a
mark, behind which stands the ciphertext of what the database would keep in plain.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import sha256
from uuid import UUID

from eventflow.errors import DamagedBody
from eventflow.model.recorded import Header, Phase
from eventflow.store import ciphers
from eventflow.store.codec import OWN_KEY, Codec
from eventflow.store.keyring import Keyring
from eventflow.store.marks import is_veiled, marked, unmarked

Row = tuple[Header, bytes]
Keys = Mapping[UUID, bytes | None]
"""The keys of streams; None for one that was erased."""


def unveiled(header: Header, kept: bytes, key: bytes | None) -> bytes:
    """What the database would keep in plain. Raises ``ValueError``."""
    if key is None:
        raise ValueError("the key of its stream is not in the database")
    return ciphers.deciphered(key, unmarked(kept), ciphers.veil_of(header.stream, header.version))


class Veils:
    """Puts veils over the bodies of erasable categories that have no cipher of their own."""

    def __init__(self, keyring: Keyring, codec: Codec | None = None) -> None:
        self._keyring, self._codec = keyring, codec or Codec()

    def wants(self, header: Header) -> bool:
        """Whether the body of this event may not be kept in plain; what says of a stream that it was erased may."""
        is_plain = not header.codec.endswith(OWN_KEY) and header.phase != Phase.ERASED
        return is_plain and header.category in self._keyring.categories

    def over(self, rows: Sequence[Row], keys: Keys | None = None) -> list[Row]:
        """These rows, as the database keeps them, those that want it with a veil; each is proven before.

        ``keys`` are those of their streams, if one has them. Raises ``DamagedBody`` for one that is not as it was
        appended.
        """
        known = self.keys(rows) if keys is None else keys
        return [self._over(header, body, known) for header, body in rows]

    def keys(self, rows: Sequence[Row]) -> Keys:
        """The keys that ``over`` needs for these rows, made where there are none."""
        streams = {header.stream: header.category for header, body in rows if is_veiled(body) or self.wants(header)}
        return self._keyring.lasting(streams) if streams else {}

    def _over(self, header: Header, body: bytes, keys: Keys) -> Row:
        if is_veiled(body):
            self._prove(header, body, keys)
            return header, body
        if not self.wants(header):
            return header, body
        self._same(header, body)
        # What was erased meanwhile is dropped anyway; nobody keeps this key.
        key = keys[header.stream] or ciphers.new_key()
        return header, marked(ciphers.enciphered(key, body, ciphers.veil_of(header.stream, header.version)))

    def _prove(self, header: Header, body: bytes, keys: Keys) -> None:
        key = keys[header.stream]
        if key is None:
            return
        try:
            plain = unveiled(header, body, key)
        except ValueError as error:
            raise DamagedBody(header.position, header.name, str(error)) from error
        self._same(header, plain)

    def _same(self, header: Header, body: bytes) -> None:
        try:
            bare = self._codec.bare(header.codec, body)
        except ValueError as error:
            raise DamagedBody(header.position, header.name, str(error)) from error
        if sha256(bare).digest() != header.digest:
            raise DamagedBody(header.position, header.name, "its bytes are not the ones that were appended")
