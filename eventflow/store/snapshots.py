"""Snapshots of streams: the newest one of each, beside the log."""

from __future__ import annotations

from uuid import UUID

from pydantic import ValidationError

from eventflow.model.snapshot import Snapshot
from eventflow.store.ciphers import deciphered, enciphered, snapshot_of
from eventflow.store.codec import OWN_KEY, Codec
from eventflow.store.database import Database
from eventflow.store.keyring import Gone, Keyring
from eventflow.store.statements import Statements


class Snapshots:
    """Keeps the newest snapshot of each stream; enciphered where the bodies are."""

    def __init__(self, database: Database, codec: Codec, keyring: Keyring) -> None:
        self._database, self._codec, self._keyring = database, codec, keyring
        self._sql = Statements("eventflow.store", database.dialect, "log.sql")

    def put(self, *snapshots: Snapshot) -> None:
        """Keep ``snapshots`` unless newer ones are kept. Raises ``Unwritable`` when their fields are not plain data.

        What was erased meanwhile is not kept.
        """
        rows = [row for one in snapshots if (row := self._row(one)) is not None]
        if rows:
            with self._database.transaction() as transaction:
                for row in rows:
                    transaction.execute(self._sql["put_snapshot"], row)

    def get(self, stream: UUID) -> Snapshot | None:
        """The snapshot of a stream; one that cannot be read is as good as none, because the events are the truth."""
        found = self._database.query(self._sql["get_snapshot"], {"stream": stream})
        return self._read(stream, int(found[0][0]), bytes(found[0][1])) if found else None

    def is_secret(self, state: bytes) -> bool:
        """Whether a snapshot as it is kept is enciphered with the key of its stream."""
        return state.partition(b":")[0].endswith(OWN_KEY.encode())

    def enciphered(self, stream: UUID, version: int, category: str, state: bytes) -> bytes | None:
        """The same for one that is kept in plain; nothing when its stream was erased meanwhile."""
        tag, _, body = state.partition(b":")
        key = self._keyring.lasting({stream: category})[stream]
        return None if key is None else _sealed(tag.decode(), body, key, stream, version)

    def _row(self, snapshot: Snapshot) -> dict[str, object] | None:
        tag, body = self._codec.pack(f"a snapshot of {snapshot.category}", snapshot.model_dump())
        state = b":".join((tag.encode(), body))
        stream, category = snapshot.stream, snapshot.category
        if category in self._keyring.categories:
            try:
                key = self._keyring.provide({stream: category})[stream]
            except Gone:
                return None
            state = _sealed(tag, body, key, stream, snapshot.version)
        return {
            "stream": snapshot.stream,
            "version": snapshot.version,
            "category": snapshot.category,
            "state": state,
        }

    def _read(self, stream: UUID, version: int, state: bytes) -> Snapshot | None:
        tag, _, body = state.partition(b":")
        try:
            if tag.endswith(OWN_KEY.encode()):
                key = self._keyring.key(stream)
                if key is None:
                    return None
                tag, body = tag[:-1], deciphered(key, body, snapshot_of(stream, version))
            return Snapshot.model_validate(self._codec.unpack(tag.decode(), body))
        except (ValueError, ValidationError, Gone):
            return None


def _sealed(tag: str, body: bytes, key: bytes, stream: UUID, version: int) -> bytes:
    return b":".join(((tag + OWN_KEY).encode(), enciphered(key, body, snapshot_of(stream, version))))
