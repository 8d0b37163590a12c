"""Pages that stay up to date: browsers are told that the log went on, and ask again for what they show.

Only positions are sent. What somebody may see is decided where it is always decided: when the page is asked for.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import suppress

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


class Pulse:
    """Where the log ends, looked at once for all who want to know. Changes as the log goes on."""

    def __init__(self, app: Eventflow, *, look: float = LOOK, silence: float = SILENCE) -> None:
        self._app, self._look, self._silence = app, look, silence
        self._position, self._seen = 0, float("-inf")
        self._looking = anyio.Lock()
        self._over = False

    def end(self) -> None:
        """Let whoever listens go, within a look; from then on nobody can listen."""
        self._over = True

    def stream(self) -> StreamingResponse:
        """An answer that goes on for as long as somebody listens."""
        return StreamingResponse(self._beats(), media_type=STREAM, headers=HEADERS)

    async def position(self) -> int:
        """Where the log ended when it was last looked at, which was a moment ago at most."""
        async with self._looking:
            if anyio.current_time() - self._seen >= self._look:
                # While the log is out of reach, what was seen last still holds; the next look is near.
                with suppress(Unavailable):
                    self._position = await run_in_threadpool(self._app.log.last_position)
                self._seen = anyio.current_time()
        return self._position

    async def _beats(self) -> AsyncIterator[str]:
        told, spoken = -1, anyio.current_time()
        while not self._over:
            position = await self.position()
            if position != told:
                yield f"id: {position}\nevent: log\ndata: {position}\n\n"
                told, spoken = position, anyio.current_time()
            elif anyio.current_time() - spoken >= self._silence:
                yield ": still here\n\n"
                spoken = anyio.current_time()
            await anyio.sleep(self._look)
