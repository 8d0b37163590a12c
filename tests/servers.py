"""Brokers of one's own, that may be stopped, killed and started again."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from pathlib import Path
from typing import Self

import redis

from tests.leftovers import a_folder
from tests.services import a_free_port, until_it_listens, until_nobody_listens

RABBITMQ_PROGRAM = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
"""The program itself: Debian's wrapper on the path writes into the log of the service."""


class PrivateRabbitMQ:
    """A RabbitMQ node of one's own; its queues outlive it. Holds its folder and its process."""

    def __init__(self) -> None:
        self._folder = a_folder("rabbitmq")
        self._port = a_free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self.url = f"amqp://guest:guest@127.0.0.1:{self._port}"

    def __enter__(self) -> Self:
        if not RABBITMQ_PROGRAM.exists():
            raise RuntimeError("The server program of RabbitMQ is missing. Run: apt-get install rabbitmq-server")
        (self._folder / "rabbitmq.conf").write_text(f"listeners.tcp.1 = 127.0.0.1:{self._port}\n")
        (self._folder / "env.conf").touch()
        (self._folder / "plugins").write_text("[].\n")
        if os.geteuid() == 0:
            shutil.chown(self._folder, "rabbitmq")
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
        shutil.rmtree(self._folder, ignore_errors=True)

    def start(self) -> None:
        """Start the node and wait until it listens."""
        # It refuses to work as root with the files of another.
        user = ["setpriv", "--reuid=rabbitmq", "--regid=rabbitmq", "--init-groups"] if os.geteuid() == 0 else []
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [*user, str(RABBITMQ_PROGRAM)],
                env=self._environment(),
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        until_it_listens(self._port, seconds=90)

    def stop(self) -> None:
        """Let the node shut down."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """Take its power away."""
        self._end(signal.SIGKILL)

    def _end(self, number: int) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        if number == signal.SIGKILL:
            os.killpg(process.pid, number)
        else:
            process.send_signal(number)
        process.wait(timeout=60)
        # What the program began goes away a moment after it.
        until_nobody_listens(self._port)

    def _environment(self) -> dict[str, str]:
        folder = str(self._folder)
        return {
            "PATH": os.environ["PATH"],
            "HOME": folder,
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODENAME": f"eventflow-test-{self._port}@localhost",
            "RABBITMQ_DIST_PORT": str(a_free_port()),
            "RABBITMQ_CONF_ENV_FILE": f"{folder}/env.conf",
            "RABBITMQ_CONFIG_FILE": f"{folder}/rabbitmq.conf",
            "RABBITMQ_ENABLED_PLUGINS_FILE": f"{folder}/plugins",
            "RABBITMQ_MNESIA_BASE": folder,
            "RABBITMQ_LOG_BASE": folder,
            "RABBITMQ_LOGS": "-",
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1} +S 1:1",
        }


class PrivateRedis:
    """A Redis of one's own that keeps nothing on a disk: whoever stops it empties it. Holds its process."""

    def __init__(self) -> None:
        self._folder = a_folder("redis")
        self._port = a_free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self.url = f"redis://127.0.0.1:{self._port}"

    def __enter__(self) -> Self:
        if shutil.which("redis-server") is None:
            raise RuntimeError("The server program of Redis is missing. Run: apt-get install redis-server")
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
        shutil.rmtree(self._folder, ignore_errors=True)

    def start(self) -> None:
        """Start the server and wait until it listens."""
        options = ["--bind", "127.0.0.1", "--port", str(self._port), "--save", "", "--appendonly", "no"]
        self._process = subprocess.Popen(
            ["redis-server", *options], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, cwd=self._folder
        )
        until_it_listens(self._port)

    def flush(self) -> None:
        """Lose everything, and go on."""
        with redis.Redis.from_url(self.url) as client:
            client.flushall()

    def kill(self) -> None:
        """Take its power away."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait(timeout=60)
