"""Connections that keep to a deadline, whatever the peer does with it.

A socket's own time limit is for each piece that comes or goes, and starts anew with each: a peer that drips its
headers, says "100 Continue" for ever or takes one byte of a request now and then would never meet it. Here each piece
is waited for as long as is left.
"""

from __future__ import annotations

import io
import time
from collections.abc import Callable
from http.client import HTTPResponse, RemoteDisconnected
from typing import Any

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

PIECE = 64 * 1024
"""So much of a request is sent at once, in bytes: each piece is waited for by itself."""


class Patience:
    """How long is waited for one piece and, in all, until when. Nothing here changes once it is made."""

    def __init__(self, piece: float, total: float) -> None:
        self.piece, self.total = piece, total
        self.end = time.monotonic() + total

    @property
    def is_over(self) -> bool:
        """Whether nothing is left of the total."""
        return time.monotonic() >= self.end

    def left(self, piece: float | None = None) -> float:
        """How long the next piece may take. Raises ``TimeoutError`` when nothing is left."""
        left = self.end - time.monotonic()
        if left <= 0:
            raise TimeoutError(f"not done within {self.total:g} s")
        return min(self.piece if piece is None else piece, left)


Present = Callable[[], Patience]
"""The patience of the request that the present thread is at."""


class _Incoming(io.RawIOBase):
    """What a peer says, each piece waited for as long as is left. Changes: ``ended`` once the peer has hung up."""

    def __init__(self, socket: Any, patience: Patience) -> None:
        self._socket, self._patience = socket, patience
        self._pieces = socket.makefile("rb", buffering=0)
        self.ended = False

    def makefile(self, _: str) -> io.BufferedReader:
        """As much of a socket as the standard library's response wants of it."""
        return io.BufferedReader(self)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self._socket.settimeout(self._patience.left())
        count: int | None = self._pieces.readinto(buffer)
        self.ended = self.ended or count == 0
        return count

    def close(self) -> None:
        self._pieces.close()
        super().close()


class _Answer(HTTPResponse):
    """The standard library's response, which takes a head that breaks off for a whole one; this one does not."""

    def __init__(self, socket: Any, patience: Patience, method: str | None = None) -> None:
        self._incoming = _Incoming(socket, patience)
        super().__init__(self._incoming, method=method)  # type: ignore[arg-type]  # all it asks for is the file

    def begin(self) -> None:
        super().begin()
        if self._incoming.ended:
            raise RemoteDisconnected("The peer hung up in the middle of its headers.")


class _Keeping:
    """What both kinds of connection do about their deadline; ``present`` comes with their pools."""

    present: Present
    sock: Any
    timeout: Any

    def connect(self) -> None:
        self.timeout = self.present().left(self.timeout)
        super().connect()  # type: ignore[misc]  # beside a connection of urllib3, never alone

    def send(self, data: Any) -> None:
        if self.sock is None:
            self.connect()
        for piece in _pieces(data):
            self.sock.settimeout(self.present().left())
            super().send(piece)  # type: ignore[misc]

    def response_class(self, socket: Any, method: str | None = None) -> HTTPResponse:
        return _Answer(socket, self.present(), method)


def _pieces(data: Any) -> Any:
    if not isinstance(data, (bytes, bytearray)):
        return (data,)
    whole = memoryview(data)
    return (whole[start : start + PIECE] for start in range(0, len(data), PIECE))


def pools(present: Present, **options: Any) -> urllib3.PoolManager:
    """Connection pools by host whose connections keep to the patience that ``present`` tells them."""
    found = {"present": staticmethod(present)}
    plain = type("Plain", (_Keeping, HTTPConnection), found)
    secure = type("Secure", (_Keeping, HTTPSConnection), found)
    manager = urllib3.PoolManager(**options)
    manager.pool_classes_by_scheme = {
        "http": type("PlainPool", (HTTPConnectionPool,), {"ConnectionCls": plain}),
        "https": type("SecurePool", (HTTPSConnectionPool,), {"ConnectionCls": secure}),
    }
    return manager
