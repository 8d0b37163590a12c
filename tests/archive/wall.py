"""A wall in front of an S3 server, through which requests pass, or do not: what goes wrong with real ones."""

from __future__ import annotations

import re
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from tests.hostile import Behaves, Call, a_peer_that

_FULL = b"<Error><Code>InsufficientStorage</Code><Message>The disk is full</Message></Error>"


class Wall:
    """Passes requests on to a server, unless it was told to do something else to the next ones. Changes with each."""

    def __init__(self, url: str) -> None:
        self._target = urlsplit(url)
        self._others: list[Behaves] = []
        self._always: Behaves | None = None
        self.url = ""

    def __call__(self, call: Call) -> None:
        if self._others:
            self._others.pop(0)(call)
        else:
            (self._always or self.passes)(call)

    def next(self, *behave: Behaves) -> None:
        """Do this to the next requests, one each."""
        self._others += behave

    def always(self, behave: Behaves | None) -> None:
        """Do this to every request from now on; with None let them pass again."""
        self._always = behave

    def passes(self, call: Call) -> None:
        """Let a request pass."""
        call.say(self._answer(call))
        call.connection.shutdown(socket.SHUT_WR)

    def cuts(self, call: Call) -> None:
        """Let a request pass, and break the connection in the middle of the answer."""
        answer = self._answer(call)
        call.say(answer[: len(answer) - 5])
        call.connection.shutdown(socket.SHUT_RDWR)

    def full_when(self, method: str) -> Behaves:
        """Refuse what is written."""

        def behave(call: Call) -> None:
            if call.head.startswith(method):
                call.answer("507 Insufficient Storage", _FULL, "Content-Type: application/xml")
            else:
                self.passes(call)

        return behave

    def _answer(self, call: Call) -> bytes:
        host, port = self._target.hostname or "127.0.0.1", self._target.port or 80
        with socket.create_connection((host, port)) as server:
            head = re.sub(r"(?i)\r\nconnection:[^\r]*", "", call.head)
            server.sendall(f"{head}\r\nConnection: close\r\n\r\n".encode("latin-1") + call.body)
            parts = []
            while some := server.recv(65536):
                parts.append(some)
            return b"".join(parts)


def stumbles(call: Call) -> None:
    """Answer that something went wrong."""
    call.answer("500 Internal Server Error", b"<Error><Code>InternalError</Code><Message>Oops</Message></Error>")


def hangs_up(call: Call) -> None:
    """Say nothing and end the connection."""
    call.connection.shutdown(socket.SHUT_RDWR)


def is_silent(call: Call) -> None:
    """Take the request and never answer."""
    call.closing.wait(20)


@contextmanager
def a_wall(url: str) -> Iterator[Wall]:
    """A wall in front of the server at ``url`` (without a bucket)."""
    wall = Wall(url)
    with a_peer_that(wall) as peer:
        user = url.removeprefix("s3://").rpartition("@")[0]
        wall.url = f"s3://{user}@{peer.url.removeprefix('http://')}"
        yield wall


Trouble = Callable[[Wall], Behaves]
