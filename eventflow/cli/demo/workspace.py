"""The folder that a demo works in: its plan, its database, and the lock that keeps a second demo out."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from eventflow.errors import Conflict, NotFound, Refused

DATABASE, PLAN, SETTINGS, LOCK = "demo.db", "demo.json", "eventflow.toml", ".lock"


class Occupied(Conflict):
    """Another demo is at work in the same place."""

    code = "occupied"


@dataclass(frozen=True)
class Plan:
    """What a demo is to do, written down before it begins: whoever resumes it does the same.

    ``limit`` is the size from which the press finds a document too large; ``database`` is shown without its secrets.
    """

    folder: str
    paths: list[str]
    limit: int
    database: str


class Workspace:
    """A folder. Only files that a demo made are ever removed from it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def database(self) -> str:
        """The address of the demo's own database."""
        return f"sqlite:///{self.folder / DATABASE}"

    @contextmanager
    def occupied(self) -> Iterator[None]:
        """The folder for oneself alone. Raises ``Occupied``, and ``Refused`` when it cannot be made."""
        try:
            lock = self._lock()
        except OSError as error:
            raise Refused(
                f"{self.folder} cannot be made here: {error.strerror}. Run the demo in another folder."
            ) from error
        try:
            yield
        finally:
            os.close(lock)

    def plan(self) -> Plan:
        """The plan of the demo that was here. Raises ``NotFound`` when there was none."""
        try:
            return Plan(**json.loads((self.folder / PLAN).read_text(encoding="utf-8")))
        except FileNotFoundError:
            self.leave()
            raise NotFound(f"There is nothing to resume in {self.folder}. Begin with: eventflow demo") from None

    def begin(self, plan: Plan) -> None:
        """Remove what an earlier demo left, and write the plan of this one."""
        self.clear()
        written = self.folder / f"{PLAN}.new"
        # Whole or not at all: without a plan there would be nothing to resume.
        written.write_text(json.dumps(asdict(plan)), encoding="utf-8")
        written.replace(self.folder / PLAN)

    def clear(self) -> None:
        """Remove what a demo made. Raises ``Refused`` when it was somebody else."""
        made = [*self.folder.glob(f"{DATABASE}*"), self.folder / SETTINGS]
        present = [path for path in made if path.exists()]
        if present and not (self.folder / PLAN).exists():
            raise Refused(f"{present[0]} is not of a demo. Run the demo in another folder.")
        # The plan last: as long as it is there, the rest is known to be ours.
        for path in (*present, self.folder / PLAN):
            path.unlink(missing_ok=True)

    def leave(self) -> None:
        """Remove the folder, if nothing but the lock is in it."""
        if [path.name for path in self.folder.iterdir()] == [LOCK]:
            (self.folder / LOCK).unlink()
            self.folder.rmdir()

    def name(self, settings: dict[str, str]) -> None:
        """Write settings for whoever works in this folder afterwards."""
        text = "".join(f"{name} = {json.dumps(value)}\n" for name, value in settings.items())
        about = "# What the demo left behind. In this folder every command of eventflow finds it.\n"
        (self.folder / SETTINGS).write_text(about + text, encoding="utf-8")

    def _lock(self) -> int:
        while True:
            self.folder.mkdir(exist_ok=True)
            lock = os.open(self.folder / LOCK, os.O_RDWR | os.O_CREAT, 0o644)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(lock)
                raise Occupied(f"Another demo is at work in {self.folder}.") from None
            if _is_still(self.folder / LOCK, lock):
                return lock
            # Whoever held it has removed the file meanwhile.
            os.close(lock)


def _is_still(path: Path, file: int) -> bool:
    try:
        return path.stat().st_ino == os.fstat(file).st_ino
    except FileNotFoundError:
        return False
