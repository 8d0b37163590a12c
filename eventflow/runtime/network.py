"""Requests over the wire: the one place where eventflow speaks HTTP."""

from __future__ import annotations

import threading
from contextlib import suppress
from io import BytesIO

import urllib3

from eventflow.__about__ import __version__
from eventflow.errors import AnswerTooLarge, Unavailable
from eventflow.model.exchange import Request, Response, Timeout
from eventflow.model.masking import Masker
from eventflow.runtime.discretion import discretion
from eventflow.runtime.wire import Patience, pools

AGENT = f"eventflow/{__version__}"
"""Who asks, as peers see it."""

UNSAID = dict.fromkeys(("User-Agent", "Accept-Encoding"), urllib3.util.SKIP_HEADER)
"""What urllib3 would say of its own accord: on the wire is only what the log shows, beside host and length."""

CHUNK = 64 * 1024
USUAL = Timeout()
LIMIT = 64 * 1024 * 1024
"""The largest answer that is read, unpacked, in bytes; a peer that sends more is not believed."""


class Network:
    """Sends requests with connect, read and total time limits; never retries, never follows a redirect.

    Retries are events and belong to the runner, and so does what is asked of the place a redirect names: that is
    recorded as well. An answer takes as much memory as it is long, at most ``limit`` bytes and a piece more.
    """

    def __init__(self, *, timeout: Timeout = USUAL, pool: int = 32, limit: int = LIMIT) -> None:
        self._present = threading.local()
        self._pool = pools(lambda: self._present.patience, num_pools=64, maxsize=pool, retries=False)
        self._timeout, self._limit = timeout, limit

    def send(self, request: Request) -> Response:
        """The peer's answer, whatever its status.

        Raises ``Unavailable`` when there is none, or half of one, and ``AnswerTooLarge``.
        """
        timeout = request.timeout or self._timeout
        patience = Patience(timeout.read.total_seconds(), timeout.total.total_seconds())
        self._present.patience = patience
        try:
            with discretion():
                return self._converse(request, timeout)
        except (urllib3.exceptions.HTTPError, OSError) as error:
            over = f"not answered within {patience.total:g} s, the total time limit"
            raise Unavailable(named(request), over if patience.is_over else error) from error

    def _converse(self, request: Request, timeout: Timeout) -> Response:
        answer = self._pool.request(
            request.method,
            request.full_url(),
            headers={**UNSAID, **request.wire_headers()},
            body=request.wire_body(),
            timeout=urllib3.Timeout(connect=timeout.connect.total_seconds(), read=timeout.read.total_seconds()),
            redirect=False,
            preload_content=False,
        )
        try:
            content = self._read(answer, request)
        except BaseException:
            # The connection still carries the rest of the answer: it must not go back into the pool.
            with suppress(OSError):
                answer.close()
            raise
        finally:
            answer.release_conn()
        return Response(status=answer.status, headers=dict(answer.headers), content=content)

    def _read(self, answer: urllib3.BaseHTTPResponse, request: Request) -> bytes:
        self._weigh(request, answer, getattr(answer, "length_remaining", None) or 0)
        content = BytesIO()
        while part := self._piece(answer):
            self._weigh(request, answer, content.tell() + len(part))
            content.write(part)
        return content.getvalue()

    def _piece(self, answer: urllib3.BaseHTTPResponse) -> bytes:
        self._present.patience.left()
        return answer.read1(CHUNK, decode_content=True)

    def _weigh(self, request: Request, answer: urllib3.BaseHTTPResponse, size: int) -> None:
        if size > self._limit:
            raise AnswerTooLarge(named(request), answer.status, self._limit)

    def close(self) -> None:
        """Close every pooled connection."""
        self._pool.clear()


def named(request: Request) -> str:
    """What was asked, without its secrets."""
    return f"{request.method} {Masker().url(request.url)}"
