"""Ids by chance, without asking the operating system each time."""

from __future__ import annotations

import os
from random import Random
from uuid import UUID

VERSION_4 = 0x4000 << 64 | 0x8000 << 48
"""The bits that say: a UUID by chance, of the usual variant."""

CHANCE = ~(0xF000 << 64 | 0xC000 << 48) & (1 << 128) - 1


class Ids:
    """Random UUIDs from a generator that is seeded with 256 bits of the system's chance, anew in every process.

    ``uuid.uuid4`` calls the system for each id and lets go of the interpreter meanwhile; among busy threads it waits
    long to get it back. These ids are unique as those are, and like those no secret.

    >>> Ids()().version
    4
    """

    def __init__(self) -> None:
        self._seed()

    def __call__(self) -> UUID:
        """Another id."""
        if self._process != os.getpid():
            # A forked process must not go on with its parent's numbers.
            self._seed()
        return UUID(int=self._chance.getrandbits(128) & CHANCE | VERSION_4)

    def _seed(self) -> None:
        self._process, self._chance = os.getpid(), Random(os.urandom(32))
