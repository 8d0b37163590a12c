"""Master keys: each wraps the keys of streams, and stands in no database.

They are said by the setting ``master_key``, the one that wraps first, older ones behind it for as long as something is
wrapped by them. Embedded, on a file of SQLite, one is made beside that file where nobody says any.
"""

from __future__ import annotations

import os
from base64 import b64decode, urlsafe_b64encode
from binascii import Error
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple
from uuid import UUID, uuid4

from eventflow.errors import Misconfigured
from eventflow.store import ciphers

WANTED = f"{ciphers.KEY} bytes in base64, as `eventflow keys new` says them"


class Wrapped(NamedTuple):
    """The key of a stream as it is kept: what it was wrapped by, and what came of that."""

    master: str
    key: bytes


class Masters:
    """Master keys by their names, which are digests; the first one wraps."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        self._keys = {name_of(key): key for key in keys}
        self.current = name_of(keys[0])

    @classmethod
    def read(cls, said: str) -> Masters:
        """Those that a setting says, with commas between. Raises ``ValueError`` for what is no key."""
        return cls([_key(one) for one in said.split(",")])

    @classmethod
    def kept_in(cls, path: Path) -> Masters:
        """Those that a file holds. Raises ``Misconfigured`` when others may read it, and for what is no key."""
        if path.stat().st_mode & 0o077:
            raise Misconfigured(f"Others may read the master key in {path}. Make it yours alone: chmod 600 {path}")
        try:
            return cls.read(path.read_text(encoding="ascii").strip())
        except ValueError as error:
            raise Misconfigured(f"{path} should hold a master key: {error}") from error

    @property
    def names(self) -> list[str]:
        """What they are called, the one that wraps first."""
        return list(self._keys)

    def wrap(self, stream: UUID, key: bytes) -> Wrapped:
        """The key of a stream, as it may be kept."""
        return Wrapped(self.current, ciphers.enciphered(self._keys[self.current], key, ciphers.key_of(stream)))

    def unwrap(self, stream: UUID, wrapped: Wrapped) -> bytes:
        """The key of a stream. Raises ``Misconfigured`` when its master key is not here, ``ValueError``."""
        master = self._keys.get(wrapped.master)
        if master is None:
            raise unknown(wrapped.master)
        return ciphers.deciphered(master, wrapped.key, ciphers.key_of(stream))


def unknown(name: str) -> Misconfigured:
    """What to do when a master key is missing."""
    return Misconfigured(
        f"Keys of this log are wrapped by the master key {name}, which is not here. Say it in EVENTFLOW_MASTER_KEY,"
        " behind the one that wraps new keys and a comma."
    )


def name_of(key: bytes) -> str:
    """What a master key is called: it says nothing of the key."""
    return sha256(b"eventflow master key" + key).hexdigest()[:16]


def new() -> str:
    """A new master key, as a setting says it."""
    return urlsafe_b64encode(ciphers.new_key()).decode()


def make(path: Path) -> None:
    """Put a new master key into a file that only its owner may read, unless somebody else has just done so."""
    draft = path.with_name(f"{path.name}.{uuid4().hex}")
    number = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(number, "w") as file:
            file.write(f"{new()}\n")
            file.flush()
            os.fsync(file.fileno())
        # A link never takes the place of another file.
        _link(draft, path)
    finally:
        draft.unlink()


def _link(draft: Path, path: Path) -> None:
    try:
        path.hardlink_to(draft)
    except FileExistsError:
        return
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _key(said: str) -> bytes:
    try:
        key = b64decode(said.strip().replace("-", "+").replace("_", "/"), validate=True)
    except Error as error:
        raise ValueError(f"wanted is {WANTED}; this is no base64") from error
    if len(key) != ciphers.KEY:
        raise ValueError(f"wanted is {WANTED}; this is {len(key)} bytes")
    return key
