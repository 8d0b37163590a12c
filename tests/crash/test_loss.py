"""Brokers that forget: the log knows what is due, and the relay sends it again."""

from __future__ import annotations

import pytest

from tests.crash import brokers
from tests.crash.conftest import Start
from tests.crash.histories import Histories
from tests.crash.program import Order
from tests.peer import Peer
from tests.waiting import until
from tests.walks.library import Document, Status


@pytest.mark.parametrize(
    ("engines", "lose"),
    [
        ("rabbitmq", brokers.purge),
        ("rabbitmq", brokers.delete),
        ("redis", brokers.purge),
        ("redis", brokers.delete),
    ],
    ids=["rabbitmq-purged", "rabbitmq-deleted", "redis-purged", "redis-deleted"],
)
def test_messages_that_a_broker_has_lost_are_sent_again(
    lose: object, order: Order, histories: Histories, start: Start, peer: Peer
) -> None:
    assert callable(lose)
    start(threads=1, resend_after=1.0)
    histories.app.save(*(Document.create(title=f"easy {number}") for number in range(150)))
    until(lambda: histories.ended() >= 10, "work is going on")

    lose(order.broker)
    assert histories.ended() < 150

    until(lambda: histories.ended() == 150, "every document has ended")
    assert histories.statuses() == {Status.COMPLETE: 150}
    histories.check(peer)
