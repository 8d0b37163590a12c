"""What others leave behind: segments that were never sealed, and the objects of those that were replaced."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from uuid import UUID

from eventflow.errors import Conflict, DamagedSegment, EventflowError
from eventflow.store.archive.catalogue import Archive, Catalogue, State
from eventflow.store.archive.segment import Sealed
from eventflow.store.objects import Objects

log = logging.getLogger("eventflow.archive")

LEASE = timedelta(minutes=15)
"""How long one may be silent while one is about a segment."""


class Taken(Conflict):
    """What was to be moved is not as it was when it was read: somebody else was there."""

    code = "taken"


class Leavings:
    """Removes objects, each before the row that knows it: whoever is killed in between is followed by the next."""

    def __init__(self, catalogue: Catalogue, objects: Callable[[], Objects]) -> None:
        self._catalogue, self._objects = catalogue, objects

    def recover(self) -> list[str]:
        """Remove what was left by those that did not come to the swap, and what was replaced a while ago; its keys."""
        self._catalogue.retire_lost()
        lost = [one for one in self._catalogue.unfinished() if one.state == State.RETIRED]
        for one in lost:
            self._objects().delete(one.key)
            self._catalogue.forget(one.id)
        return [*(one.key for one in lost), *self._withdraw(self._catalogue.replaced(over=True))]

    def let_go(self, stream: UUID) -> list[str]:
        """Remove the objects of replaced segments in which something of a stream may stand in plain; their keys.

        Raises ``Unavailable`` when the object storage is out of reach.
        """
        return self._withdraw(self._catalogue.replaced_of(stream))

    def due(self) -> list[str]:
        """The objects of replaced segments whose time is over."""
        return [one.key for one in self._catalogue.replaced(over=True)]

    def stay(self, id: UUID, lease: timedelta) -> None:
        """Raises ``Taken`` when a segment is not one's own any more; it is for another lease else."""
        if not self._catalogue.extend(id, lease):
            raise Taken("It took longer than its lease.")

    def give_up(self, id: UUID, key: str) -> None:
        """Remove what one has begun oneself, unless it is sealed."""
        # A commit whose answer was lost may have sealed it: then it is not retired, and stays.
        try:
            if self._catalogue.retire(id):
                self._objects().delete(key)
                self._catalogue.forget(id)
        except EventflowError as error:
            log.warning("The segment %s was given up and is removed later: %s", key, error)

    def _withdraw(self, replaced: list[Archive]) -> list[str]:
        for one in replaced:
            self._objects().delete(one.key)
            self._catalogue.withdraw(one.id)
        return [one.key for one in replaced]


def upload(objects: Objects, key: str, path: Path, sealed: Sealed) -> None:
    """Send a segment, and read it back. Raises ``DamagedSegment`` when it is not what was sent."""
    objects.send(key, path)
    length, digest = 0, sha256()
    for some in objects.read(key):
        length += len(some)
        digest.update(some)
    if length != sealed.bytes or digest.digest() != sealed.sha256:
        raise DamagedSegment(f'The object "{key}"', "what was read back is not what was written")
