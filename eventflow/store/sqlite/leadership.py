"""Who is the only one of its name that works on a file, or on the memory of a process."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from threading import Lock


class FileLeadership:
    """A lock on a file beside the database; the system lets go of it when the process ends."""

    def __init__(self, path: Path, led: set[FileLeadership]) -> None:
        self._path, self._led = path, led
        self._file: int | None = None

    def acquire(self) -> bool:
        """Whether one leads now; never waits."""
        if self._file is not None:
            return True
        file = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(file)
            return False
        self._file = file
        self._led.add(self)
        return True

    @property
    def held(self) -> bool:
        """Whether the lock is ours."""
        return self._file is not None

    def release(self) -> None:
        """Let somebody else lead."""
        self._led.discard(self)
        file, self._file = self._file, None
        if file is not None:
            os.close(file)


class MemoryLeadership:
    """A name in the set of names that are led in this process."""

    def __init__(self, leaders: set[str], name: str) -> None:
        self._leaders, self._name = leaders, name
        self._mutex = Lock()
        self.held = False

    def acquire(self) -> bool:
        """Whether one leads now; never waits."""
        with self._mutex:
            if not self.held and self._name not in self._leaders:
                self._leaders.add(self._name)
                self.held = True
            return self.held

    def release(self) -> None:
        """Let somebody else lead."""
        with self._mutex:
            if self.held:
                self._leaders.discard(self._name)
                self.held = False
