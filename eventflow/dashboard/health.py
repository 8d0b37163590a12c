"""For those who look after processes: whether this one is up, and whether it can answer. Nobody has to log in for that.

Nothing is told but yes or no: the reasons are on the pages, for who may see them.
"""

from __future__ import annotations

import logging

import anyio
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from eventflow.app import Eventflow
from eventflow.errors import EventflowError

log = logging.getLogger("eventflow.dashboard")

HOLDS = 1.0
"""Seconds for which an answer holds: however often somebody asks, the database is asked once."""

FRESH = {"cache-control": "no-store"}


class Health:
    """How an application is, looked at once for all who ask. Changes as that does."""

    def __init__(self, app: Eventflow, *, holds: float = HOLDS) -> None:
        self._app, self._holds = app, holds
        self._good, self._seen = False, float("-inf")
        self._looking = anyio.Lock()

    async def alive(self, request: Request) -> Response:  # noqa: ARG002 - an endpoint
        """Yes: who answers is there."""
        return PlainTextResponse("ok\n", headers=FRESH)

    async def ready(self, request: Request) -> Response:  # noqa: ARG002 - an endpoint
        """Whether the database answers and every projection can go on: 200 or 503."""
        async with self._looking:
            if anyio.current_time() - self._seen >= self._holds:
                self._good = await run_in_threadpool(self._is_good)
                self._seen = anyio.current_time()
        return PlainTextResponse(*(("ready\n", 200) if self._good else ("not ready\n", 503)), headers=FRESH)

    def _is_good(self) -> bool:
        try:
            stopped = [one.name for one in self._app.projections.status() if one.error]
        except EventflowError as error:
            log.warning("This process is not ready: %s", self._app.masker.text(str(error)))
            return False
        if stopped:
            log.warning("This process is not ready: projections stand still: %s", ", ".join(stopped))
        return not stopped
