"""A TCP proxy that can be cut like a cable and healed again, to put in front of a service that others need too."""

from __future__ import annotations

import socket
import struct
import threading
from contextlib import suppress
from typing import Self
from urllib.parse import urlsplit, urlunsplit

CHUNK = 64 * 1024


class Proxy:
    """Passes bytes between its own port and ``target`` in both directions. Holds the open connections.

    While it is cut it listens nowhere: whoever connects is refused, whoever was connected has lost the connection.
    """

    def __init__(self, url: str) -> None:
        self._target = urlsplit(url)
        self._mutex = threading.Lock()
        self._open: set[socket.socket] = set()
        self._listener: socket.socket | None = None
        self.port = 0
        self.heal()

    @property
    def url(self) -> str:
        """The target's URL, by way of this proxy."""
        user, at, _ = self._target.netloc.rpartition("@")
        return urlunsplit(self._target._replace(netloc=f"{user}{at}127.0.0.1:{self.port}"))

    def cut(self, last_words: bytes = b"") -> None:
        """Close every connection and refuse new ones; with ``last_words`` every caller still hears them."""
        with self._mutex:
            listener, self._listener = self._listener, None
            lost, self._open = self._open, set()
        for one in lost if last_words else ():
            if one.getsockname()[1] == self.port:
                one.sendall(last_words)
                one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        for one in [*([listener] if listener else []), *lost]:
            _shut(one)

    def heal(self) -> None:
        """Listen again, on the same port as before."""
        listener = socket.create_server(("127.0.0.1", self.port))
        self.port = int(listener.getsockname()[1])
        with self._mutex:
            self._listener = listener
        threading.Thread(target=self._accept, args=(listener,), name="proxy", daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.cut()

    def _accept(self, listener: socket.socket) -> None:
        with suppress(OSError):  # the listener was closed
            while True:
                self._join(listener.accept()[0], listener)

    def _join(self, client: socket.socket, listener: socket.socket) -> None:
        try:
            server = socket.create_connection((self._target.hostname or "127.0.0.1", self._target.port or 0))
        except OSError:
            client.close()
            return
        ends = (client, server)
        for one in ends:
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with self._mutex:
            if self._listener is listener:
                self._open.update(ends)
            else:
                for one in ends:
                    one.close()
                return
        for source, sink in (ends, ends[::-1]):
            threading.Thread(target=self._pump, args=(source, sink), name="proxy-pump", daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):  # one of the two ends is closed: the other follows
            while some := source.recv(CHUNK):
                sink.sendall(some)
        with self._mutex:
            self._open -= {source, sink}
        for one in (source, sink):
            _shut(one)


def _shut(one: socket.socket) -> None:
    # A thread that waits in recv or accept is woken by shutdown, not by close.
    with suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)
    one.close()
