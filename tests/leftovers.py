"""What runs that were killed have left behind, and how the next run does away with it: servers, folders, databases."""

from __future__ import annotations

import os
import re
import shutil
import signal
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psycopg
from psycopg import sql

OLD = """
    SELECT datname FROM pg_database AS one
    WHERE datname ~ '^eventflow_(test|bench)_'
    AND (pg_stat_file('base/' || oid)).modification < now() - INTERVAL '6 hours'
    AND NOT EXISTS (SELECT FROM pg_stat_activity WHERE datid = one.oid)
"""
"""Databases that nobody uses; a run in another place may be between two tests."""


def a_folder(kind: str) -> Path:
    """A new folder for a server of one's own; its name says which process keeps it."""
    return Path(tempfile.mkdtemp(prefix=f"eventflow-{kind}-{os.getpid()}-"))


def end_servers() -> None:
    """End the servers of processes that are gone, and remove their folders."""
    for folder in _left():
        for process in _inside(folder):
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        shutil.rmtree(folder, ignore_errors=True)


def drop_databases(server: str) -> None:
    """Drop what runs of hours ago have left on this server."""
    with psycopg.connect(server, autocommit=True) as admin, suppress(psycopg.errors.InsufficientPrivilege):
        for (name,) in admin.execute(OLD).fetchall():
            admin.execute(sql.SQL("DROP DATABASE IF EXISTS {}").format(sql.Identifier(name)))


def _left() -> Iterator[Path]:
    for folder in Path(tempfile.gettempdir()).glob("eventflow-*"):
        named = re.fullmatch(r"eventflow-[a-z0-9]+-(\d+)-\w+", folder.name)
        if named and not _lives(int(named[1])):
            yield folder


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _inside(folder: Path) -> Iterator[int]:
    """The processes that work in a folder, but for the one that all Erlang programs of a machine share."""
    for place in Path("/proc").glob("[0-9]*/cwd"):
        with suppress(OSError):  # it has ended, or is another's
            works_in, name = place.readlink(), (place.parent / "comm").read_text().strip()
            if works_in.is_relative_to(folder) and name != "epmd":
                yield int(place.parent.name)
