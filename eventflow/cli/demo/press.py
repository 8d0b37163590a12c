"""A small HTTP server with moods: slow at times, busy at times, and fussy about large documents until repaired."""

from __future__ import annotations

import json
import random
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

from eventflow.cli.demo.documents import TOKEN


class Press:
    """Listens on a free port of the loopback interface until it is closed.

    One request in ten is answered 503, one in twenty takes longer, and a document of more than ``limit`` bytes
    gets 422 until ``repair()`` is called. A request that comes again with its key gets its first answer again.
    """

    def __init__(self, *, limit: int = 60_000, seed: int = 7) -> None:
        self.limit: int | None = limit
        self.printed: dict[str, str] = {}
        self.requests = 0
        self._mood = random.Random(seed)
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    @property
    def address(self) -> str:
        """Where it listens, as a URL without a path."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def repair(self) -> None:
        """Take documents of any size from now on."""
        self.limit = None

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()

    def answer(self, key: str, document: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """The status and body that a document gets."""
        with self._lock:
            self.requests += 1
            mood = self._mood.random()
        if mood < 0.05:
            time.sleep(0.05)
        if mood > 0.9:
            return 503, {"error": "the press is busy, come again"}
        if self.limit is not None and document["size"] > self.limit:
            return 422, {"error": f"{document['size']} bytes are too many, {self.limit} fit on a page"}
        return 200, {"url": self.printed.setdefault(key, f"{self.address}/pages/{len(self.printed) + 1}")}


def _handler(press: Press) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version: ClassVar[str] = "HTTP/1.1"
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
