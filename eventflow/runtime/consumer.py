"""A RabbitMQ consumer that acknowledges several messages with one word, and does not stay deaf."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pika
from dramatiq.brokers.rabbitmq import _RabbitmqConsumer
from dramatiq.common import q_name
from dramatiq.errors import ConnectionClosed

SILENCE = 10.0
"""Seconds without a message after which a consumer subscribes anew."""


class Consumer(_RabbitmqConsumer):
    """Dramatiq's consumer, but for how it acknowledges. Changes with every message.

    An acknowledgement of its own for each message costs a worker more than anything else it says to RabbitMQ. Most
    messages are done nearly in the order in which they came, so one acknowledgement up to a tag covers many. What
    comes after a message that is still being worked on is acknowledged by itself once there are some of them: nobody
    waits for a slow neighbour.

    Acknowledgements are said when this consumer is about to wait for the next message anyway, or when a quarter of
    what RabbitMQ hands out at a time is done: to interrupt the wait for each one costs as much as the message did.
    """

    def __init__(self, broker: Any, queue: str, prefetch: int, timeout: int) -> None:
        self._mutex = threading.Lock()
        self._done: list[int] = []
        self._refused: list[int] = []
        self._held: list[int] = []
        self._called = False
        self._heard_at = time.monotonic()
        self._prefetch, self._wait = prefetch, timeout / 1000
        self._enough = max(1, prefetch // 4)
        super().__init__(broker, queue, prefetch, timeout)  # type: ignore[no-untyped-call]  # Dramatiq's own is not typed

    def __next__(self) -> Any:
        """The next message, or nothing when none came for a while; raises ``ConnectionClosed``."""
        if (self._done or self._refused) and not self.channel.get_waiting_message_count():
            with _closed_connections():
                self._say()
        message = super().__next__()  # type: ignore[no-untyped-call]
        if message is not None:
            self._heard_at = time.monotonic()
        elif time.monotonic() > self._heard_at + SILENCE and self._is_idle():
            self._subscribe_again()
        return message

    def _is_idle(self) -> bool:
        # What was handed out on a channel can be acknowledged there only.
        with self._mutex:
            return not (self.known_tags or self._done or self._refused or self._held)

    def _subscribe_again(self) -> None:
        """Begin anew on another channel, while nothing is under way on this one.

        A queue that is deleted and declared again at once may go on as if its consumers were still there, hand its
        messages to them, and none arrives: seen with quorum queues of RabbitMQ 3.10. No answer of the server tells.
        """
        self._heard_at = time.monotonic()
        try:
            with _closed_connections():
                self.channel.close()
                self.channel = self.connection.channel()
                self.channel.basic_qos(prefetch_count=self._prefetch)
                self.iterator = self.channel.consume(self.queue_name, inactivity_timeout=self._wait)
        except ConnectionClosed:
            self.broker.queues_pending.add(q_name(self.queue_name))
            raise

    def ack(self, message: Any) -> None:
        """The message is done; one that came before the connection was lost is RabbitMQ's again."""
        with self._mutex:
            if message._tag not in self.known_tags:
                self.logger.warning("Failed to ack message: not in known tags.")
                return
            self.known_tags.remove(message._tag)
            self._done.append(message._tag)
            calls = self._calls(self._done)
        self._call(calls)

    def _nack(self, tag: int) -> None:
        with self._mutex:
            self._refused.append(tag)
            calls = self._calls(self._refused)
        self._call(calls)

    def _calls(self, tags: list[int]) -> bool:
        calls = not self._called and len(tags) >= self._enough
        self._called = self._called or calls
        return calls

    def _call(self, calls: bool) -> None:
        if calls:
            with _closed_connections():
                self.connection.add_callback_threadsafe(self._say)

    def close(self) -> None:
        """Say what is left to say, and end."""
        self._enough = 1
        with suppress(pika.exceptions.ConnectionWrongStateError):  # closed already: RabbitMQ hands it all out again
            self.connection.add_callback_threadsafe(self._say)
        try:
            super().close()  # type: ignore[no-untyped-call]
        finally:
            if self.connection.is_open:  # Dramatiq leaves it so when the channel was closed by RabbitMQ
                self.connection.close()

    def _say(self) -> None:
        """Runs in the thread of the connection, which is also the one that takes messages in."""
        with self._mutex:
            done, self._done = sorted((*self._held, *self._done)), []
            refused, self._refused = self._refused, []
            self._called = False
        for tag in refused:
            self.channel.basic_nack(tag, requeue=False)
        first_open = min(self.known_tags.copy(), default=None)
        together = [tag for tag in done if first_open is None or tag < first_open]
        if together:
            self.channel.basic_ack(together[-1], multiple=True)
        self._held = self._keep_or_say(done[len(together) :])

    def _keep_or_say(self, tags: list[int]) -> list[int]:
        """What of the rest is kept back: a few, which may still be covered by one word when their neighbour is done."""
        if len(tags) < self._enough:
            return tags
        for tag in tags:
            self.channel.basic_ack(tag)
        return []


@contextmanager
def _closed_connections() -> Iterator[None]:
    try:
        yield
    except (pika.exceptions.AMQPConnectionError, pika.exceptions.AMQPChannelError) as error:
        raise ConnectionClosed(error) from None
