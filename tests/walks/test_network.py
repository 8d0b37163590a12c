"""What peers do to us on the wire, and how it ends."""

from __future__ import annotations

import gzip
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest

from eventflow.errors import Unavailable
from eventflow.model.exchange import Request, Timeout
from eventflow.runtime.network import Network

SHORT = Timeout(connect=timedelta(seconds=1), read=timedelta(seconds=0.3), total=timedelta(seconds=0.8))


@contextmanager
def a_peer_that(behaves: Callable[[socket.socket], None]) -> Iterator[str]:
    """The address of a server that does to each connection what it is told, once the request has come."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection:
                    connection.recv(65536)
                    try:
                        behaves(connection)
                    except OSError:
                        continue

        threading.Thread(target=serve, daemon=True).start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}/"
        server.shutdown(socket.SHUT_RDWR)


def test_an_answer_in_chunks_and_packed_is_read_whole() -> None:
    packed = gzip.compress(b"whales " * 1000)

    def in_chunks(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n")
        for start in range(0, len(packed), 10):
            part = packed[start : start + 10]
            connection.sendall(f"{len(part):x}\r\n".encode() + part + b"\r\n")
        connection.sendall(b"0\r\n\r\n")

    with a_peer_that(in_chunks) as url:
        assert Network().send(Request("GET", url)).content == b"whales " * 1000


def test_a_peer_that_says_nothing_is_waited_for_as_long_as_was_said() -> None:
    with a_peer_that(lambda connection: time.sleep(2)) as url, pytest.raises(Unavailable, match="timed out"):
        Network(timeout=SHORT).send(Request("GET", url))


def test_a_peer_that_drips_is_given_up_after_the_total_time() -> None:
    def drip(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        for _ in range(100):
            connection.sendall(b"x")
            time.sleep(0.05)

    with a_peer_that(drip) as url, pytest.raises(Unavailable, match="total time limit"):
        Network(timeout=SHORT).send(Request("GET", url))


def test_a_peer_that_hangs_up_in_the_middle_is_out_of_reach() -> None:
    def hang_up(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf of it")

    with a_peer_that(hang_up) as url, pytest.raises(Unavailable):
        Network().send(Request("GET", url))


def test_an_answer_without_end_is_not_read_to_the_end() -> None:
    def endless(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            connection.sendall(b"x" * 65536)

    with a_peer_that(endless) as url, pytest.raises(Unavailable, match="larger than 1000000 bytes"):
        Network(limit=1_000_000).send(Request("GET", url))


def test_a_redirect_is_an_answer_like_any_other() -> None:
    def redirect(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 302 Found\r\nLocation: file:///etc/passwd\r\nContent-Length: 0\r\n\r\n")

    with a_peer_that(redirect) as url:
        assert Network().send(Request("GET", url)).status == 302
