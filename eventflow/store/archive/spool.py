"""Whole segments in files of this machine, for those who read them from end to end."""

from __future__ import annotations

import tempfile
from collections import OrderedDict
from pathlib import Path
from threading import Lock
from typing import IO
from uuid import UUID

from eventflow.store.objects import Objects

MOST = 2
"""A reader of the log stands in one segment, or between two."""


class Spool:
    """The segments that were read last, as files without a name. Holds files; safe in threads."""

    def __init__(self, *, folder: Path | None = None) -> None:
        self._folder, self._mutex = folder, Lock()
        self._files: OrderedDict[UUID, IO[bytes]] = OrderedDict()

    def has(self, archive: UUID) -> bool:
        """Whether a segment is here."""
        return archive in self._files

    def bring(self, archive: UUID, key: str, objects: Objects) -> None:
        """Fetch a segment as a whole. Raises ``NotFound``, ``Unavailable``."""
        file = tempfile.TemporaryFile(dir=self._folder)  # noqa: SIM115 - it stays open until others are read
        try:
            file.writelines(objects.read(key))
        except BaseException:
            file.close()
            raise
        with self._mutex:
            self._close(archive)
            self._files[archive] = file
            while len(self._files) > MOST:
                self._close(next(iter(self._files)))

    def part(self, archive: UUID, start: int, length: int) -> bytes | None:
        """Bytes of a segment that is here."""
        with self._mutex:
            file = self._files.get(archive)
            if file is None:
                return None
            self._files.move_to_end(archive)
            file.seek(start)
            return file.read(length)

    def close(self) -> None:
        """Give the files back."""
        with self._mutex:
            for archive in list(self._files):
                self._close(archive)

    def _close(self, archive: UUID) -> None:
        file = self._files.pop(archive, None)
        if file is not None:
            file.close()
