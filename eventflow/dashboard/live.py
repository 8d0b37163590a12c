"""Pages that stay up to date: browsers are told that the log went on, and ask again for what they show.

Only positions are sent. What somebody may see is decided where it is always decided: when the page is asked for.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import suppress
from typing import NamedTuple

import anyio
from starlette.concurrency import run_in_threadpool
from starlette.responses import StreamingResponse

from eventflow.app import Eventflow
from eventflow.errors import Unavailable

LOOK = 0.5
"""Seconds between two looks at the log, one for all who listen."""

SILENCE = 15.0
"""Seconds after which a sign of life is sent, lest somebody between takes the line for dead."""

STREAM = "text/event-stream"
HEADERS = {"cache-control": "no-store", "x-accel-buffering": "no", "x-content-type-options": "nosniff"}
"""A proxy between is asked to let it through as it comes."""


class Place(NamedTuple):
    """Where the log ends, and how far the read side has come with all of it: a page may show either."""

    position: int
    shown: int


class Pulse:
    """Where the log ends, looked at once for all who want to know. Changes as the log goes on."""

    def __init__(self, app: Eventflow, *, look: float = LOOK, silence: float = SILENCE) -> None:
        self._app, self._look, self._silence = app, look, silence
        self._place, self._seen = Place(0, 0), float("-inf")
        self._looking = anyio.Lock()
        self._over = False

    def end(self) -> None:
        """Let whoever listens go, within a look; from then on nobody can listen."""
        self._over = True

    def stream(self) -> StreamingResponse:
        """An answer that goes on for as long as somebody listens."""
        return StreamingResponse(self._beats(), media_type=STREAM, headers=HEADERS)

    async def place(self) -> Place:
        """Where the log and the read side were when they were last looked at, which was a moment ago at most."""
        async with self._looking:
            if anyio.current_time() - self._seen >= self._look:
                # While the log is out of reach, what was seen last still holds; the next look is near.
                with suppress(Unavailable):
                    self._place = await run_in_threadpool(self._found)
                self._seen = anyio.current_time()
        return self._place

    def _found(self) -> Place:
        shown = sum(one.position for one in self._app.projections.status())
        return Place(self._app.log.last_position(), shown)

    async def _beats(self) -> AsyncIterator[str]:
        told, spoken = None, anyio.current_time()
        while not self._over:
            place = await self.place()
            if place != told:
                yield f"id: {place.position}\nevent: log\ndata: {place.position} {place.shown}\n\n"
                told, spoken = place, anyio.current_time()
            elif anyio.current_time() - spoken >= self._silence:
                yield ": still here\n\n"
                spoken = anyio.current_time()
            await anyio.sleep(self._look)
