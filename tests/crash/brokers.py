"""Brokers that lose what they hold: only what belongs to one namespace."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pika
import redis

SUFFIXES = ("", ".DQ", ".XQ")


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
        for suffix in SUFFIXES:
            connection.channel().queue_delete(f"{_namespace(broker)}.default{suffix}")


def _namespace(broker: str) -> str:
    return parse_qs(urlsplit(broker).query)["namespace"][0]


def _server(broker: str) -> str:
    return urlsplit(broker)._replace(query="").geturl()
