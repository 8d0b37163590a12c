"""A RabbitMQ consumer that acknowledges several messages with one word."""

from __future__ import annotations

import threading
from typing import Any

import pika
from dramatiq.brokers.rabbitmq import _RabbitmqConsumer
from dramatiq.errors import ConnectionClosed


class Consumer(_RabbitmqConsumer):
    """Dramatiq's consumer, but for how it acknowledges. Changes with every message.

    An acknowledgement of its own for each message costs a worker more than anything else it says to RabbitMQ. Most
    messages are done nearly in the order in which they came, so one acknowledgement up to a tag covers many. What
    comes after a message that is still being worked on is acknowledged by itself: nobody waits for a slow neighbour.
    """

    def __init__(self, *given: Any) -> None:
        self._mutex = threading.Lock()
        self._done: list[int] = []
        self._refused: list[int] = []
        self._called = False
        super().__init__(*given)  # type: ignore[no-untyped-call]  # Dramatiq's own consumer is not typed

    def ack(self, message: Any) -> None:
        """The message is done."""
        try:
            self.known_tags.remove(message._tag)
        except KeyError:
            self.logger.warning("Failed to ack message: not in known tags.")
            return
        self._say_soon(self._done, message._tag)

    def _nack(self, tag: int) -> None:
        self._say_soon(self._refused, tag)

    def _say_soon(self, tags: list[int], tag: int) -> None:
        with self._mutex:
            tags.append(tag)
            called, self._called = self._called, True
        if called:
            return
        try:
            self.connection.add_callback_threadsafe(self._say)
        except (pika.exceptions.AMQPConnectionError, pika.exceptions.AMQPChannelError) as error:
            raise ConnectionClosed(error) from None

    def _say(self) -> None:
        """Runs in the thread of the connection, which is also the one that takes messages in."""
        with self._mutex:
            done, self._done = sorted(self._done), []
            refused, self._refused = self._refused, []
            self._called = False
        for tag in refused:
            self.channel.basic_nack(tag, requeue=False)
        first_open = min(self.known_tags.copy(), default=None)
        together = [tag for tag in done if first_open is None or tag < first_open]
        if together:
            self.channel.basic_ack(together[-1], multiple=True)
        for tag in done[len(together) :]:
            self.channel.basic_ack(tag)
