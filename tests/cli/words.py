"""Words to say what is done on the command line, and what is then so."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from eventflow.app import Eventflow
from eventflow.cli.main import cli
from eventflow.settings import Settings
from tests.cli.shop import APP, ROOM, Order, Parcel, carry, pack
from tests.waiting import PATIENCE

ROOT = Path(__file__).resolve().parents[2]
TETHER = ["setpriv", "--pdeathsig", "KILL"] if shutil.which("setpriv") else []
"""Where a machine can do that, what a test begins ends with whoever runs the test, however that ends."""

PROGRAM = [sys.executable, "-c", "from eventflow.cli.main import main; main()"]


class Shop:
    """A shop's log, and the ways to speak with it: as a program, and on the command line."""

    def __init__(self, database: str, folder: Path, broker: str = "embedded://") -> None:
        self.database, self.folder, self.broker = database, folder, broker

    @contextmanager
    def opened(self) -> Iterator[Eventflow]:
        """The application itself."""
        settings = Settings(database=self.database, broker=self.broker)
        with Eventflow(settings, aggregates=[Order, Parcel], reactions=[pack, carry]) as app:
            yield app

    def has(self, *titles: str) -> list[Order]:
        """Orders that were worked on as far as they can be."""
        orders = [Order.create(title=title) for title in titles]
        with self.opened() as app:
            app.save(*orders, actor="ann")
            app.drain()
        return orders

    def says(self, *arguments: str, input: str | None = None) -> Result:
        """What a command answers that works with the application."""
        return says("--app", APP, *self.engines, *arguments, input=input)

    def says_alone(self, *arguments: str) -> Result:
        """What a command answers that has the database and nothing else."""
        return says("--database", self.database, *arguments)

    def knows(self, *arguments: str, alone: bool = False) -> Any:
        """The document of a command that went well."""
        return document(self.says_alone(*arguments, "--json") if alone else self.says(*arguments, "--json"))

    def begins(self, *arguments: str, **environment: str) -> subprocess.Popen[str]:
        """A process of its own."""
        return begins(
            "--app", APP, *self.engines, *arguments, folder=self.folder, **{ROOM: str(self.folder), **environment}
        )

    def glue(self) -> None:
        """From now on what is broken can be packed."""
        (self.folder / "glue").touch()

    @property
    def engines(self) -> list[str]:
        """The options that name them."""
        return ["--database", self.database, "--broker", self.broker]


def says(*arguments: str, input: str | None = None) -> Result:
    """What a command answers."""
    return CliRunner().invoke(cli, arguments, input=input)


def document(result: Result) -> Any:
    """The JSON document that a command answered."""
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def begins(*arguments: str, folder: Path, prefix: Sequence[str] = (), **environment: str) -> subprocess.Popen[str]:
    """A process of its own that works in a folder; ``prefix`` is the command that starts it."""
    python = os.pathsep.join((str(ROOT), str(ROOT / "projections")))
    process = subprocess.Popen(
        [*TETHER, *prefix, *PROGRAM, *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": python, **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    _begun.append(process)
    return process


_begun: list[subprocess.Popen[str]] = []


def end_all() -> None:
    """Kill whatever a test has begun that still runs."""
    while _begun:
        process = _begun.pop()
        if process.poll() is None:
            process.kill()
            process.communicate()


def ended(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    """The code with which a process ends, and what it said on either stream."""
    out, err = process.communicate(timeout=PATIENCE)
    return process.returncode, out, err


def heard(process: subprocess.Popen[str], words: str) -> str:
    """The line on standard error in which a process has said this, as soon as it has."""
    assert process.stderr is not None
    for line in process.stderr:
        if words in line:
            return line
    raise AssertionError(f"{words!r} was never said")
