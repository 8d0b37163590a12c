"""Dramatiq's RabbitMQ broker on quorum queues, with batches that are confirmed once."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from typing import Any

import pika
from dramatiq import Message
from dramatiq.brokers.rabbitmq import RabbitmqBroker
from dramatiq.errors import ConnectionClosed
from pika.adapters.utils.connection_workflow import AMQPConnectorException

from eventflow.runtime.consumer import Consumer

_LOST = (pika.exceptions.AMQPConnectionError, pika.exceptions.AMQPChannelError, AMQPConnectorException)


class QuorumBroker(RabbitmqBroker):
    """Declares quorum queues, which survive the loss of a node, and enqueues many messages in one transaction.

    A confirm for each message costs a round trip each; a transaction costs one for the batch.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._batches = threading.local()

    def enqueue_many(self, messages: Sequence[Message[Any]]) -> None:
        """Enqueue all messages or raise ``ConnectionClosed``; some may have arrived then."""
        try:
            self._publish(messages)
        except pika.exceptions.UnroutableError as error:
            # The queue was deleted. Declared again at once, its consumers might never learn of it and wait for ever.
            self._forget({message.queue_name for message in messages})
            raise ConnectionClosed(error) from None
        except _LOST:
            # A relay that had nothing to say for minutes finds its connection closed by the server.
            self._forget({message.queue_name for message in messages})
            self._publish_again(messages)

    def _publish_again(self, messages: Sequence[Message[Any]]) -> None:
        try:
            self._publish(messages)
        except _LOST as error:
            self._forget({message.queue_name for message in messages})
            raise ConnectionClosed(error) from None

    def depth(self, queue: str) -> int:
        """How many messages wait in a queue that no worker holds; declares it. Raises ``ConnectionClosed``."""
        try:
            return int(self._declare_queue(queue).method.message_count)  # type: ignore[no-untyped-call]
        except _LOST as error:
            self._forget({queue})
            raise ConnectionClosed(error) from None

    def _publish(self, messages: Sequence[Message[Any]]) -> None:
        for queue in {message.queue_name for message in messages}:
            self.declare_queue(queue, ensure=True)
        channel = self._batch_channel()
        returned: list[Any] = self._batches.returned
        returned.clear()
        for message in messages:
            self.emit_before("enqueue", message, None)
            properties = pika.BasicProperties(delivery_mode=2)
            channel.basic_publish("", message.queue_name, message.encode(), properties, mandatory=True)
        channel.tx_commit()
        channel.connection.process_data_events(0)
        if returned:
            raise pika.exceptions.UnroutableError(returned)
        for message in messages:
            self.emit_after("enqueue", message, None)

    def _batch_channel(self) -> Any:
        channel = getattr(self._batches, "channel", None)
        if channel is None or not channel.is_open:
            channel = self.connection.channel()
            channel.tx_select()
            self._batches.returned = []
            channel.add_on_return_callback(lambda *answer: self._batches.returned.append(answer[1]))
            self._batches.channel = channel
        return channel

    def _forget(self, queues: Iterable[str]) -> None:
        # The queue may have been deleted or the server replaced: connect and declare again next time.
        self._batches.channel = None
        self.queues_pending.update(queues)
        del self.connection

    @property
    def consumer_class(self) -> type[Consumer]:
        """The consumer that acknowledges many messages at once."""
        return Consumer

    def _build_queue_arguments(self, queue_name: str) -> dict[str, Any]:
        # The only place where Dramatiq 2.x lets the type of a queue be chosen.
        arguments: dict[str, Any] = super()._build_queue_arguments(queue_name)  # type: ignore[no-untyped-call]
        return {**arguments, "x-queue-type": "quorum"}
