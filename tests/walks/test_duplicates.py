"""Messages that come several times and out of order: the history is the same as if they had come once."""

from __future__ import annotations

import random
from collections.abc import Iterable
from typing import Any

from eventflow.runtime.broker import Broker
from eventflow.runtime.job import Job
from tests.peer import Answer, Peer
from tests.walks.conftest import MakeApp
from tests.walks.library import Document, Status, sending, write


class Stuttering(Broker):
    """Sends every job three times, later ones mixed in among the earlier, and old ones again and again."""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self._chance = random.Random(11)
        self._old: list[Job] = []

    def send(self, queue: str, jobs: Iterable[Job]) -> None:
        some = list(jobs)
        self._old += some
        again = [*some, *some, *some, *self._chance.choices(self._old, k=len(some))]
        self._chance.shuffle(again)
        super().send(queue, again)


def test_every_message_three_times_and_out_of_order_gives_the_history_of_once(make_app: MakeApp, peer: Peer) -> None:
    app = make_app(aggregates=[Document], reactions=[write, sending(peer.url)])
    app.__dict__["broker"] = Stuttering(app.settings.broker.get_secret_value(), app.routes.by_queue())
    peer.answer = lambda asked: Answer(body={"url": asked.key})
    documents = [Document.create(title=str(number)) for number in range(40)]
    app.save(*documents)

    app.drain()

    names = ["created", "status_changed", "written", "status_changed", "request_sent", "response_received", "published"]
    for document in documents:
        told = app.history(document.id)
        assert [one.header.name.partition(":")[2] for one in told] == names
        assert told[-1].header.status == Status.COMPLETE
    assert len(peer.asked) == len({asked.key for asked in peer.asked}) == 40
