"""Requests over the wire: the one place where eventflow speaks HTTP."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import Any

import urllib3

from eventflow.errors import Unavailable
from eventflow.model.exchange import Request, Response, Timeout

CHUNK = 64 * 1024
USUAL = Timeout()
LIMIT = 64 * 1024 * 1024
"""The largest answer that is read, in bytes; a peer that sends more is not believed."""


class Network:
    """Sends requests with connect, read and total time limits; never retries, never follows a redirect.

    Retries are events and belong to the runner; a redirect is an answer like any other.
    """

    def __init__(self, *, timeout: Timeout = USUAL, pool: int = 32, limit: int = LIMIT) -> None:
        self._pool = urllib3.PoolManager(num_pools=64, maxsize=pool, retries=False)
        self._timeout, self._limit = timeout, limit

    def send(self, request: Request) -> Response:
        """The peer's answer, whatever its status. Raises ``Unavailable`` when there is none."""
        deadline = time.monotonic() + (request.timeout or self._timeout).total.total_seconds()
        try:
            answer = self._pool.request(**self._arguments(request))
        except urllib3.exceptions.HTTPError as error:
            raise Unavailable(f"{request.method} {request.url}", error) from error
        try:
            content = self._read(answer, request, deadline)
        except urllib3.exceptions.HTTPError as error:
            raise Unavailable(f"{request.method} {request.url}", error) from error
        finally:
            answer.release_conn()
        return Response(status=answer.status, headers=dict(answer.headers), content=content)

    def _arguments(self, request: Request) -> dict[str, Any]:
        patience = request.timeout or self._timeout
        timeout = urllib3.Timeout(connect=patience.connect.total_seconds(), read=patience.read.total_seconds())
        return {
            "method": request.method,
            "url": request.full_url(),
            "headers": request.wire_headers(),
            "body": request.wire_body(),
            "timeout": timeout,
            "redirect": False,
            "preload_content": False,
        }

    def _read(self, answer: urllib3.BaseHTTPResponse, request: Request, deadline: float) -> bytes:
        parts, size = [], 0
        # Piece by piece as it arrives: whoever drips is met by the total limit, not by that of each piece.
        while part := answer.read1(CHUNK, decode_content=True):
            parts.append(part)
            size += len(part)
            if size > self._limit:
                self._give_up(answer, request, f"the answer is larger than {self._limit} bytes")
            if time.monotonic() > deadline:
                self._give_up(answer, request, "the answer took longer than the total time limit")
        return b"".join(parts)

    def _give_up(self, answer: urllib3.BaseHTTPResponse, request: Request, reason: str) -> None:
        # The connection still carries the rest of the answer: it must not go back into the pool.
        with suppress(OSError):
            answer.close()
        raise Unavailable(f"{request.method} {request.url}", reason)

    def close(self) -> None:
        """Close every pooled connection."""
        self._pool.clear()
