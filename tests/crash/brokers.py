"""Brokers that lose what they hold: only what belongs to one namespace."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import pika
import redis

QUEUES = ("default", "aside", "books", "imports", "night", "press", "shop", "slow", "till")
"""Every queue and channel that a test sends something to."""

SUFFIXES = ("", ".DQ", ".XQ")


@contextmanager
def a_namespace(broker: str, name: str | None = None) -> Iterator[str]:
    """The URL of a namespace of one's own on this broker; whatever is in it is deleted at the end."""
    url = f"{broker}?namespace={name or f'test-{uuid4().hex[:10]}'}"
    try:
        yield url
    finally:
        delete(url)


def purge(broker: str) -> None:
    """Lose every message that nobody holds."""
    if broker.startswith("redis"):
        delete(broker)
        return
    with pika.BlockingConnection(pika.URLParameters(_server(broker))) as connection:
        connection.channel().queue_purge(f"{_namespace(broker)}.default")


def delete(broker: str) -> None:
    """Lose every message, and the queues with them."""
    if broker.startswith("redis"):
        _delete_keys(broker)
    elif broker.startswith("amqp"):
        _delete_queues(broker)


def _delete_keys(broker: str) -> None:
    with redis.Redis.from_url(_server(broker)) as client:
        keys = list(client.scan_iter(f"{_namespace(broker)}*"))
        if keys:
            client.delete(*keys)


def _delete_queues(broker: str) -> None:
    with pika.BlockingConnection(pika.URLParameters(_server(broker))) as connection:
        channel = connection.channel()
        for queue in QUEUES:
            for suffix in SUFFIXES:
                channel.queue_delete(f"{_namespace(broker)}.{queue}{suffix}")


def _namespace(broker: str) -> str:
    return parse_qs(urlsplit(broker).query)["namespace"][0]


def _server(broker: str) -> str:
    return urlsplit(broker)._replace(query="").geturl()
