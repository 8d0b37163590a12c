"""Requests over the wire without a thread for each: what ``network`` does, on an event loop."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from io import BytesIO
from typing import Any

import aiohttp
from yarl import URL

from eventflow.errors import AnswerTooLarge, Unavailable
from eventflow.model.exchange import Request, Response, Timeout
from eventflow.runtime.network import CHUNK, LIMIT, USUAL, named

UNSAID = ("Accept", "Accept-Encoding", "User-Agent", "Content-Type")
"""What aiohttp would say of its own accord: on the wire is only what the log shows, beside host and length."""


class Nonblocking:
    """Sends requests with connect, read and total time limits; never retries, never follows a redirect.

    Lives on the event loop that it is used on first. Holds the connections.
    """

    def __init__(self, *, timeout: Timeout = USUAL, pool: int = 200, limit: int = LIMIT) -> None:
        self._timeout, self._pool, self._limit = timeout, pool, limit
        self._session: aiohttp.ClientSession | None = None

    async def send(self, request: Request) -> Response:
        """The peer's answer, whatever its status.

        Raises ``Unavailable`` when there is none, or half of one, and ``AnswerTooLarge``.
        """
        patience = request.timeout or self._timeout
        began = time.monotonic()
        try:
            async with self._asked(request, patience) as answer:
                content = await self._read(answer, request)
                return Response(status=answer.status, headers=_headers(answer), content=content)
        except (aiohttp.ClientError, OSError, ValueError) as error:
            total = patience.total.total_seconds()
            over = f"not answered within {total:g} s, the total time limit"
            raise Unavailable(named(request), over if time.monotonic() >= began + total else error) from error

    async def close(self) -> None:
        """Close every pooled connection."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    @asynccontextmanager
    async def _asked(self, request: Request, patience: Timeout) -> AsyncIterator[aiohttp.ClientResponse]:
        session = self._session = self._session or self._opened()
        async with session.request(**self._arguments(request, patience)) as answer:
            yield answer

    def _opened(self) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=self._pool),
            cookie_jar=aiohttp.DummyCookieJar(),
            skip_auto_headers=UNSAID,
        )

    def _arguments(self, request: Request, patience: Timeout) -> dict[str, Any]:
        return {
            "method": request.method,
            # As it is written: the address on the wire is the one in the log.
            "url": URL(request.full_url(), encoded=True),
            "headers": request.wire_headers(),
            "data": request.wire_body(),
            "timeout": aiohttp.ClientTimeout(
                total=patience.total.total_seconds(),
                sock_connect=patience.connect.total_seconds(),
                sock_read=patience.read.total_seconds(),
            ),
            "allow_redirects": False,
        }

    async def _read(self, answer: aiohttp.ClientResponse, request: Request) -> bytes:
        self._weigh(request, answer, answer.content_length or 0)
        content = BytesIO()
        async for part in answer.content.iter_chunked(CHUNK):
            self._weigh(request, answer, content.tell() + len(part))
            content.write(part)
        return content.getvalue()

    def _weigh(self, request: Request, answer: aiohttp.ClientResponse, size: int) -> None:
        if size > self._limit:
            answer.close()  # the connection still carries the rest of the answer
            raise AnswerTooLarge(named(request), answer.status, self._limit)


def _headers(answer: aiohttp.ClientResponse) -> dict[str, str]:
    # Several headers of one name are one with commas, as urllib3 has it.
    return {str(name): ", ".join(answer.headers.getall(name)) for name in answer.headers}
