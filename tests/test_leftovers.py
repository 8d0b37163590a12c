"""A run that was killed leaves nothing for long: the next one ends its servers."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.leftovers import a_folder, drop_databases, end_servers
from tests.services import POSTGRES, fresh_database


@pytest.fixture
def gone() -> int:
    """A process that was there."""
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        return process.pid


@pytest.fixture
def left(gone: int) -> Iterator[tuple[Path, subprocess.Popen[bytes]]]:
    """The folder of a run that is gone, and a server that still works in it."""
    folder = Path(tempfile.mkdtemp(prefix=f"eventflow-redis-{gone}-"))
    (folder / "data").mkdir()
    with subprocess.Popen(["sleep", "600"], cwd=folder / "data") as server:
        yield folder, server
        server.kill()


@pytest.mark.skipif(not Path("/proc").exists(), reason="Where a process works is seen in /proc.")
def test_servers_of_a_run_that_is_gone_are_ended(left: tuple[Path, subprocess.Popen[bytes]]) -> None:
    folder, server = left

    end_servers()

    assert server.wait(60) != 0
    assert not folder.exists()


def test_servers_of_a_run_that_goes_on_are_left_alone() -> None:
    mine = a_folder("redis")

    end_servers()

    assert mine.exists()
    mine.rmdir()
    assert f"-{os.getpid()}-" in mine.name


def test_databases_of_a_run_that_goes_on_are_left_alone() -> None:
    with fresh_database() as url:
        drop_databases(POSTGRES)

        psycopg.connect(url).close()
