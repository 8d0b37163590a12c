"""A real mail server that keeps what it is given, and refuses it when it is told to."""

from __future__ import annotations

import asyncio
import threading
from email import message_from_bytes, policy
from email.message import EmailMessage

from aiosmtpd.smtp import SMTP, Envelope, Session

TAKEN = "250 Message accepted for delivery"


class Mailbox:
    """Listens on loopback until closed; ``answer`` may be replaced at any time. Holds what has arrived."""

    def __init__(self, answer: str = TAKEN) -> None:
        self.answer = answer
        self.mails: list[EmailMessage] = []
        self.attempts = 0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._server = asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result(10)

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"smtp://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    # The name and the arguments are those that aiosmtpd calls.
    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Take a mail, or say what was told to be said."""
        self.attempts += 1
        if self.answer == TAKEN:
            mail = message_from_bytes(envelope.original_content or b"", policy=policy.default)
            assert isinstance(mail, EmailMessage)
            self.mails.append(mail)
        return self.answer

    def close(self) -> None:
        """Stop listening."""
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    async def _end(self) -> None:
        """Whoever is still connected is let go: a task that is never ended would be told of in the next test."""
        self._server.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for one in others:
            one.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _listen(self) -> asyncio.Server:
        return await self._loop.create_server(lambda: SMTP(self, hostname="mailbox", loop=self._loop), "127.0.0.1", 0)
