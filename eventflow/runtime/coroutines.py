"""Attempts whose handlers are coroutines: claimed by a thread, worked on by the event loop."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Any, Protocol

from eventflow.errors import AnswerTooLarge, Unavailable, WrongResult
from eventflow.model.exchange import AsyncExchange, Request, Response
from eventflow.model.reaction import EndpointReaction
from eventflow.model.redirect import redirected
from eventflow.runtime.asynchronous import Asynchronous
from eventflow.runtime.attempt import Attempt, Fenced, Record, at_work
from eventflow.runtime.clerk import Clerk
from eventflow.runtime.interrupts import Stopping
from eventflow.runtime.limits import Postponed
from eventflow.runtime.telemetry import Telemetry
from eventflow.runtime.tracing import within

log = logging.getLogger("eventflow.runner")


class Wire(Protocol):
    """What speaks HTTP on the event loop."""

    async def send(self, request: Request) -> Response:
        """The peer's answer. Raises ``Unavailable``."""

    async def close(self) -> None:
        """Let go of every connection."""


class Coroutines:
    """Works on attempts as ``Runner`` does, with the same records, limits and fences; only the waiting is different."""

    def __init__(
        self,
        loop: Asynchronous,
        wire: Wire | None,
        clerk: Clerk,
        running: dict[int, Attempt],
        telemetry: Telemetry,
    ) -> None:
        self._loop, self._wire, self._clerk, self._running = loop, wire, clerk, running
        self._telemetry = telemetry
        self._tasks: dict[asyncio.Task[Any], Attempt] = {}
        self._stopping = False

    def run(self, claim: Callable[[], Attempt | None], priority: int) -> bool:
        """Claim once there is a place, and let the loop do the rest; whether there was one before the worker ended."""
        if not self._loop.enter(priority):
            return False
        try:
            attempt = claim()
        except BaseException:
            self._loop.leave()
            raise
        if attempt is None:
            self._loop.leave()
        else:
            self._loop.begin(self._run(attempt))
        return True

    def close(self) -> None:
        """Claim nothing any more."""
        self._loop.close()

    def end(self, grace: float) -> bool:
        """Let what runs end within ``grace`` seconds, give back what does not; whether all has ended."""
        return self._loop.end(grace, self._interrupt, self._hang_up)

    def is_stuck(self) -> bool:
        """Whether a handler blocks the loop."""
        return not self._loop.answers(1.0)

    def _interrupt(self) -> None:
        self._stopping = True
        for task in self._tasks:
            task.cancel()

    def strike(self, attempt: Attempt) -> None:
        """Cancel the coroutine of an attempt that was overruled, if it still runs."""

        def cancel() -> None:
            for task in [task for task, one in self._tasks.items() if one is attempt]:
                task.cancel()

        self._loop.call(cancel)

    async def _hang_up(self) -> None:
        if self._wire is not None:
            await self._wire.close()

    async def _run(self, attempt: Attempt) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks[task] = self._running[id(task)] = attempt
        try:
            with self._telemetry.working(attempt):
                record = await self._work(attempt)
        except Fenced as fenced:
            log.info("%s", fenced)
            return
        finally:
            del self._tasks[task], self._running[id(task)]
            if self._clerk.is_limited:
                await self._loop.off(self._clerk.leave, attempt)
        if not self._clerk.offer(attempt, record):
            await self._loop.off(self._clerk.put, attempt, record)

    async def _work(self, attempt: Attempt) -> Record:
        """Run the user's handler; what comes back says how to record its outcome on the document."""
        attempt.began = time.monotonic()  # the loop may have been busy since the claim
        limit = asyncio.timeout(attempt.reaction.time_limit.total_seconds())
        try:
            with within(attempt.context), at_work(attempt):
                async with limit:
                    return self._clerk.finished(attempt, await self._handle(attempt))
        except Fenced:
            raise
        except BaseException as error:  # noqa: BLE001 - user code: whatever it raises, SystemExit too, is recorded
            return self._came_to_grief(attempt, error, is_overdue=limit.expired())

    def _came_to_grief(self, attempt: Attempt, error: BaseException, *, is_overdue: bool) -> Record:
        if isinstance(error, asyncio.CancelledError) and attempt.overruled:
            raise Fenced(attempt.job) from None
        if isinstance(error, TimeoutError) and is_overdue:
            return self._clerk.overdue(attempt)
        if isinstance(error, Postponed):
            return self._clerk.postponed(attempt, error)
        if isinstance(error, Stopping) or (isinstance(error, asyncio.CancelledError) and self._stopping):
            return self._clerk.stopped(attempt)
        return self._clerk.failed(attempt, error)

    async def _handle(self, attempt: Attempt) -> object:
        document = attempt.document.model_copy()  # the handler's own: what it does to it is not recorded
        doing = attempt.reaction.function(document)
        if isinstance(attempt.reaction, EndpointReaction):
            result = await self._converse(attempt, doing)
        else:
            result = await doing
        if document.pending:
            raise WrongResult(attempt.reaction.name, "an event that it yields, not one it records itself", document)
        return result

    async def _converse(self, attempt: Attempt, exchange: AsyncExchange[Any]) -> object:
        assert self._wire is not None, "whoever opens the loop sees whether somebody will speak"
        try:
            said = await anext(exchange, None)
            while isinstance(said, Request):
                asked = await self._loop.off(self._clerk.announce, attempt, said)
                try:
                    response = await self._wire.send(asked)
                except (Unavailable, AnswerTooLarge) as error:
                    self._clerk.miss(attempt)
                    await self._count(attempt, None)
                    said = await exchange.athrow(error)
                else:
                    self._clerk.hear(attempt, response)
                    await self._count(attempt, response)
                    said = redirected(asked, response) or await exchange.asend(response)
        except StopAsyncIteration:
            return None
        finally:
            await exchange.aclose()
        return said

    async def _count(self, attempt: Attempt, response: Response | None) -> None:
        if self._clerk.is_limited:
            await self._loop.off(self._clerk.count, attempt, response)
