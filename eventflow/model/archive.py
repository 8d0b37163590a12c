"""What was done about the archive: a stream for each operation, which says what it was about, how much, and why."""

from __future__ import annotations

from enum import StrEnum
from typing import Self
from uuid import UUID

from eventflow.model.aggregate import Aggregate


class Deed(StrEnum):
    """What was done."""

    COMPRESSED = "compressed"
    RESTORED = "restored"
    PURGED = "purged"
    COLLECTED = "collected"
    RESEALED = "resealed"


class Operation(Aggregate[Deed], category="eventflow_archive", initial=Deed.COMPRESSED):
    """What was done to the ``bodies`` that were chosen (in words) at positions ``lo`` to ``hi``, and why.

    ``size`` is bytes in the object storage, ``freed`` bytes in the database; ``key`` is the object that was written,
    ``replaced`` the one whose place it took. Who did it and when stands in the header.
    """

    chosen: str
    bodies: int
    size: int = 0
    freed: int = 0
    lo: int | None = None
    hi: int | None = None
    key: str | None = None
    reason: str | None = None
    replaced: str | None = None

    @classmethod
    def of(
        cls,
        deed: Deed,
        chosen: str,
        *,
        id: UUID | None = None,
        bodies: int,
        size: int = 0,
        freed: int = 0,
        lo: int | None = None,
        hi: int | None = None,
        key: str | None = None,
        reason: str | None = None,
        replaced: str | None = None,
    ) -> Self:
        """A new one, to be saved."""
        return cls.create(
            id=id, status=deed, chosen=chosen, bodies=bodies, size=size, freed=freed, lo=lo, hi=hi, key=key,
            reason=reason, replaced=replaced,
        )  # fmt: skip
