"""An HTTP server that misbehaves on purpose, on real sockets: one function for each way to do so."""

from __future__ import annotations

import gzip
import itertools
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache

Behaves = Callable[["Call"], None]

MEGABYTE = b"x" * 1024 * 1024
GIVEN_UP = 20.0
"""Seconds after which a misbehaving peer ends what it does, should nobody have hung up on it."""


@dataclass
class Call:
    """One request that came in: its connection, its head, and the how manyth it is on this server."""

    connection: socket.socket
    head: str
    body: bytes
    number: int
    closing: threading.Event

    def say(self, *parts: bytes) -> None:
        """Send these bytes as they are."""
        for part in parts:
            self.connection.sendall(part)

    def answer(self, status: str, content: bytes = b"", *headers: str) -> None:
        """Answer as a good peer would."""
        lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(content)}", *headers]
        self.say("\r\n".join(lines).encode() + b"\r\n\r\n" + content)

    def drip(self, piece: bytes, pause: float = 0.02) -> None:
        """Say the same little thing again and again, until the other side has enough."""
        for _ in range(int(GIVEN_UP / pause)):
            self.connection.sendall(piece)
            if self.closing.wait(pause):
                return


@dataclass
class Hostile:
    """A server that does to each request what it is told. Changes: ``behaves`` may be replaced, ``heads`` grow."""

    behaves: Behaves
    heads: list[str] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._server = socket.create_server(("127.0.0.1", 0))
        self._closing = threading.Event()
        self._numbers = itertools.count(1)
        self.url = f"http://127.0.0.1:{self._server.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Stop listening, and whatever is going on."""
        self._closing.set()
        with suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._server.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, suppress(OSError):
            while (call := self._taken(connection)) is not None:
                self.behaves(call)

    def _taken(self, connection: socket.socket) -> Call | None:
        said = b""
        while b"\r\n\r\n" not in said:
            piece = connection.recv(65536)
            if not piece:
                return None
            said += piece
        head, _, body = said.partition(b"\r\n\r\n")
        lines = head.decode("latin-1")
        length = next((int(line[15:]) for line in lines.split("\r\n") if line.lower().startswith("content-length:")), 0)
        while len(body) < length:
            body += connection.recv(65536)
        self.heads.append(lines)
        self.bodies.append(body)
        return Call(connection, lines, body, next(self._numbers), self._closing)


@contextmanager
def a_peer_that(behaves: Behaves) -> Iterator[Hostile]:
    """A server that does this to each request."""
    peer = Hostile(behaves)
    try:
        yield peer
    finally:
        peer.close()


def is_well(call: Call) -> None:
    """A good answer."""
    call.answer("200 OK", b'{"url": "https://press.example/1"}', "Content-Type: application/json")


def resets(call: Call) -> None:
    """Hang up with a reset instead of an answer."""
    call.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    call.connection.close()


def hangs_up(call: Call) -> None:
    """Hang up politely, without an answer."""
    call.connection.shutdown(socket.SHUT_RDWR)


def says_half(call: Call) -> None:
    """Promise a thousand bytes, send ten, hang up."""
    call.say(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf of it")
    call.connection.shutdown(socket.SHUT_RDWR)


def says_half_a_head(call: Call) -> None:
    """Hang up in the middle of the headers."""
    call.say(b"HTTP/1.1 200 OK\r\nContent-Le")
    call.connection.shutdown(socket.SHUT_RDWR)


def says_half_a_chunk(call: Call) -> None:
    """Hang up in the middle of a chunk."""
    call.say(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\nhalf of it")
    call.connection.shutdown(socket.SHUT_RDWR)


def says_a_bad_chunk(call: Call) -> None:
    """Give a chunk a length that is no number."""
    call.say(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nwhale\r\nhalf of it\r\n0\r\n\r\n")


def says_more_than_promised(call: Call) -> None:
    """Promise two bytes and send more."""
    call.say(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}HTTP/1.1 500 Injected\r\nContent-Length: 0\r\n\r\n")


def speaks_no_http(call: Call) -> None:
    """Answer in another language."""
    call.say(b"220 mail.example ESMTP ready\r\n")
    call.connection.shutdown(socket.SHUT_RDWR)


def says_nothing(call: Call) -> None:
    """Take the request and keep silent."""
    call.closing.wait(GIVEN_UP)


def drips(call: Call) -> None:
    """Send the content byte by byte."""
    call.say(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
    call.drip(b"x")


def drips_its_headers(call: Call) -> None:
    """Send the headers byte by byte, without end."""
    call.say(b"HTTP/1.1 200 OK\r\nX-Long: ")
    call.drip(b"x")


def says_go_on_for_ever(call: Call) -> None:
    """Send interim answers without end."""
    call.drip(b"HTTP/1.1 100 Continue\r\n\r\n")


def has_too_many_headers(call: Call) -> None:
    """Send a thousand headers."""
    call.answer("200 OK", b"", *(f"X-{number}: x" for number in range(1000)))


def redirects_to_itself(call: Call) -> None:
    """Send everybody in a circle."""
    call.answer("307 Temporary Redirect", b"", "Location: /round")


def sends_100_megabytes(call: Call) -> None:
    """Send far too much, and say so."""
    call.say(b"HTTP/1.1 200 OK\r\nContent-Length: 104857600\r\n\r\n", *(MEGABYTE for _ in range(100)))


def sends_without_end(call: Call) -> None:
    """Send as long as somebody reads, and do not say how much."""
    call.say(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
    while not call.closing.is_set():
        call.say(MEGABYTE)


def says_what_is_no_utf8(call: Call) -> None:
    """Send bytes that no text has, and say that it is text."""
    call.answer(
        "200 OK", b'{"url": "\xff\xfe\x00\xc3("}', "Content-Type: application/json; charset=utf-8", "X-Odd: \xe9"
    )


@cache
def packed(times: int, rounds: int = 1) -> bytes:
    """So many megabytes of the same, packed (again and again)."""
    content = MEGABYTE * times
    for _ in range(rounds):
        content = gzip.compress(content)
    return content


def sends_a_bomb(call: Call) -> None:
    """Send a hundred kilobytes that unpack to a hundred megabytes."""
    call.answer("200 OK", packed(100), "Content-Encoding: gzip")


def sends_a_bomb_in_a_bomb(call: Call) -> None:
    """Send a kilobyte that unpacks to what unpacks to a hundred megabytes."""
    call.answer("200 OK", packed(100, rounds=2), "Content-Encoding: gzip, gzip")


def says_packed_and_is_not(call: Call) -> None:
    """Call plain text packed."""
    call.answer("200 OK", b"plain", "Content-Encoding: gzip")


def asks_to_wait(call: Call) -> None:
    """Take the second request, not the first."""
    if call.number == 1:
        call.answer("429 Too Many Requests", b"{}", "Retry-After: 120")
    else:
        is_well(call)


def fails_once(call: Call) -> None:
    """Stumble over the first request, take the second."""
    if call.number == 1:
        call.answer("500 Internal Server Error", b'{"error": "out of whales"}', "Content-Type: application/json")
    else:
        is_well(call)
