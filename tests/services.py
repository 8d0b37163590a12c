"""The real services that tests run against: where they are, and how to start private ones."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from pathlib import Path
from typing import Self
from uuid import uuid4

import psycopg
from psycopg import sql

from tests.leftovers import a_folder

POSTGRES = os.environ.get("EVENTFLOW_TEST_POSTGRES", "postgresql://postgres@127.0.0.1:5432/postgres")
"""The server on which tests make databases of their own."""

RABBITMQ = os.environ.get("EVENTFLOW_TEST_RABBITMQ", "amqp://guest:guest@127.0.0.1:5672")
REDIS = os.environ.get("EVENTFLOW_TEST_REDIS", "redis://127.0.0.1:6379")


@contextmanager
def fresh_database(prefix: str = "eventflow_test", *, durable: bool = True) -> Iterator[str]:
    """The URL of a new, empty database, which is dropped at the end.

    One that is not ``durable`` waits for no disk: good enough where nobody takes the power from the server.
    """
    name = f"{prefix}_{uuid4().hex[:12]}"
    place = sql.Identifier(name)
    with psycopg.connect(POSTGRES, autocommit=True) as admin:
        admin.execute(sql.SQL("CREATE DATABASE {}").format(place))
        if not durable:
            admin.execute(sql.SQL("ALTER DATABASE {} SET synchronous_commit = off").format(place))
    try:
        yield f"{POSTGRES.rpartition('/')[0]}/{name}"
    finally:
        wait(_sweepings)
        with psycopg.connect(POSTGRES, autocommit=True) as admin:
            admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(place))


@contextmanager
def fresh_schema(server: str = POSTGRES, prefix: str = "test") -> Iterator[str]:
    """The URL of a schema that is not there yet, which is dropped at the end. Quicker than a database."""
    name = f"{prefix}_{uuid4().hex[:12]}"
    while _sweepings and _sweepings[0].done():
        _sweepings.popleft().result()
    try:
        yield f"{server}?schema={name}"
    finally:
        _sweepings.append(_sweeper.submit(_sweep, server, sql.Identifier(name)))


_sweeper = ThreadPoolExecutor(1, "sweeper")
"""Drops schemas while the next tests run: it takes the server longer than many a test, and most of that is waiting."""

_sweepings: deque[Future[None]] = deque()
"""What it has been given and nobody has asked after yet."""


def _sweep(server: str, schema: sql.Identifier) -> None:
    # There are tests that end every connection to their server.
    for left in range(5, 0, -1):
        try:
            with psycopg.connect(server, autocommit=True) as admin:
                admin.execute(sql.SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(schema))
            return
        except psycopg.OperationalError:
            if left == 1:
                raise


def a_free_port() -> int:
    """A port nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class PrivatePostgres:
    """A PostgreSQL server of one's own, that may be stopped and started again. Holds its folder and its process."""

    def __init__(self) -> None:
        self._binaries = _postgres_binaries()
        self._folder = a_folder("postgres")
        self._port = a_free_port()
        self.url = f"postgresql://postgres@127.0.0.1:{self._port}/postgres"

    def __enter__(self) -> Self:
        if os.geteuid() == 0:
            shutil.chown(self._folder, "postgres")
        self._run("initdb", "-D", self._data, "-U", "postgres", "--auth=trust", "-E", "UTF8", "--no-sync")
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop("immediate")
        shutil.rmtree(self._folder, ignore_errors=True)

    def start(self) -> None:
        """Start the server and wait until it answers."""
        options = f"-p {self._port} -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c max_connections=200"
        self._run("pg_ctl", "-D", self._data, "-w", "-l", str(self._folder / "log"), "-o", options, "start")

    def stop(self, mode: str = "fast") -> None:
        """Stop the server; ``immediate`` is as good as a crash."""
        self._run("pg_ctl", "-D", self._data, "-w", "-m", mode, "stop")

    def restart(self, mode: str = "fast") -> None:
        """Stop the server and start it again."""
        self.stop(mode)
        self.start()

    @property
    def _data(self) -> str:
        return str(self._folder / "data")

    def _run(self, program: str, *arguments: str) -> None:
        # initdb and the server refuse to work as root.
        command = ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups"] if os.geteuid() == 0 else []
        done = subprocess.run(
            [*command, str(self._binaries / program), *arguments],
            cwd=self._folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            timeout=60,
            check=False,
        )
        if done.returncode != 0:
            raise RuntimeError(f"{program} failed: {done.stderr.decode(errors='replace')}")


def _postgres_binaries() -> Path:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if found:
        return found[-1].parent
    config = shutil.which("pg_config")
    if config is not None:
        folder = Path(subprocess.check_output([config, "--bindir"], text=True).strip())
        if (folder / "initdb").exists():
            return folder
    on_path = shutil.which("initdb")
    if on_path is None:
        raise RuntimeError("The server programs of PostgreSQL are missing. Run: apt-get install postgresql")
    return Path(on_path).parent


@contextmanager
def an_s3_server(kind: str = "rclone") -> Iterator[str]:
    """The URL (without a bucket) of a server that speaks S3: ``rclone`` over a folder, or ``moto`` in memory."""
    folder = a_folder("s3")
    port = a_free_port()
    programs = {
        "rclone": ["serve", "s3", "--addr", f"127.0.0.1:{port}", "--auth-key", "test,testtest", str(folder)],
        "moto": ["-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
    }
    server = subprocess.Popen(
        [sys.executable if kind == "moto" else _program(kind), *programs[kind]],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        until_it_listens(port, seconds=60)
        yield f"s3://test:testtest@127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(timeout=10)
        shutil.rmtree(folder, ignore_errors=True)


def _program(name: str) -> str:
    beside = Path(sys.executable).parent / name
    found = str(beside) if beside.exists() else shutil.which(name)
    if found is None:
        raise RuntimeError(f"{name} is missing. Run: pip install {name}-bin")
    return found


def until_it_listens(port: int, seconds: float = 15.0) -> None:
    """Return as soon as somebody listens on this port."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=0.2).close()
            return
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


def until_nobody_listens(port: int, seconds: float = 15.0) -> None:
    """Return as soon as nobody listens on this port any more."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=0.2).close()
        except OSError as error:
            if isinstance(error, ConnectionRefusedError):
                return
        time.sleep(0.05)
    raise TimeoutError(f"Somebody still listens on port {port} after {seconds:g} s.")
