"""A small HTTP server with moods: slow at times, busy at times, and fussy about large documents until repaired."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from eventflow.cli.demo.documents import TOKEN

BUSY, SLOW, JAMMED = 0.09, 0.05, 0.01
"""Of how many requests it is busy, and slow; how many documents jam it until it is repaired."""

A_WHILE = 0.05
"""Seconds."""


class Press:
    """Listens on a free port of the loopback interface until it is closed.

    One request in ten is answered 503, one in twenty takes longer. Until ``repair()`` a document of more than ``limit``
    bytes gets 422, and one in a hundred gets 503 as often as it comes. A request that comes again with its key gets its
    first answer again. Moods depend on keys, not on chance: the same files meet the same press every time.
    """

    def __init__(self, *, limit: int | None = None) -> None:
        self.limit = limit
        self.repaired = False
        self.requests = 0
        self._printed: dict[str, str] = {}
        self._asked: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._server = _Server(("127.0.0.1", 0), _handler(self))
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    @property
    def address(self) -> str:
        """Where it listens, as a URL without a path."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def repair(self) -> None:
        """Take documents of any size from now on, and be busy once at most for each."""
        self.repaired = True

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()

    def answer(self, key: str, document: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """The status and body that a document gets."""
        with self._lock:
            self.requests += 1
            self._asked[key] += 1
            times = self._asked[key]
        if _mood(f"slow {key} {times}") < SLOW:
            time.sleep(A_WHILE)
        if self._is_busy(key, times, document):
            return 503, {"error": "the press is busy, come again"}
        if self.limit is not None and not self.repaired and document["size"] > self.limit:
            return 422, {
                "error": f"{document['size'] // 1024 + 1} KiB are too many, {self.limit // 1024} fit on a page"
            }
        return 200, {"url": self._print(key)}

    def _is_busy(self, key: str, times: int, document: dict[str, Any]) -> bool:
        if self.repaired:
            return times == 1 and _mood(f"busy {key}") < BUSY
        return _mood(f"jam {document['path']}") < JAMMED or _mood(f"busy {key} {times}") < BUSY

    def _print(self, key: str) -> str:
        with self._lock:
            return self._printed.setdefault(key, f"{self.address}/pages/{len(self._printed) + 1}")


def _mood(about: str) -> float:
    """A number from 0 to 1 that is always the same for the same thing."""
    return int.from_bytes(sha256(about.encode()).digest()[:4]) / 2**32


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Nobody minds a client that hangs up."""


def _handler(press: Press) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            content = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            if self.headers.get("Authorization") != TOKEN:
                self._reply(401, {"error": "who are you?"})
            else:
                self._reply(*press.answer(self.headers.get("Idempotency-Key", ""), json.loads(content)))

        def _reply(self, status: int, body: dict[str, Any]) -> None:
            content = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:
            """The demo shows its own progress; access lines would bury it."""

    return Handler
