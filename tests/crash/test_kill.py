"""Killed with -9 at random moments, again and again, while work comes in."""

from __future__ import annotations

import random
import re
import threading
from functools import partial

import pytest

from eventflow.model.recorded import Phase
from tests.crash.conftest import Start
from tests.crash.histories import Histories
from tests.peer import Answer, Asked, Peer
from tests.waiting import until
from tests.walks.library import Document, Status

A_ROUND = 20
"""Documents that come in before each kill: about as many as a worker of four threads brings to their end meanwhile."""


LEASE = 0.6
"""Shorter than most of the workers live, so that one rescues what another left."""


class Press:
    """Slow, now and then busy, and it refuses some documents for good. Changes with every request.

    A document that waits for a kill is answered after that kill, so that no worker is killed with nothing to do.
    """

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._changed = threading.Condition()
        self._kills = 0

    def killed(self) -> None:
        """Once more."""
        with self._changed:
            self._kills += 1
            self._changed.notify_all()

    def __call__(self, asked: Asked) -> Answer:
        awaited = re.search(rb"waits for kill (\d+)", asked.body)
        with self._changed:
            slowness, busy = self._chance.uniform(0.02, 0.08), self._chance.random() < 0.1
            if awaited:
                self._changed.wait_for(lambda: self._kills >= int(awaited[1]), timeout=10)
        threading.Event().wait(slowness)
        if b"refused" in asked.body:
            return Answer(status=422)
        return Answer(status=503) if busy else Answer(body={"url": asked.key})


@pytest.mark.parametrize(("engines", "kills"), [("rabbitmq", 50), ("redis", 10), ("sqlite", 15)])
def test_a_worker_killed_again_and_again_does_everything_once(
    kills: int, histories: Histories, start: Start, peer: Peer
) -> None:
    chance = random.Random(kills)
    peer.answer = press = Press(chance)
    documents = kills * A_ROUND

    for kill in range(1, kills + 1):
        worker = start(lease=LEASE).begun()
        histories.app.save(*documents_before(kill))
        threading.Event().wait(chance.uniform(0.05, 0.8))
        worker.kill()
        assert histories.ended() < len(histories.of), "The worker was killed while there was work."
        press.killed()
    start(lease=LEASE)
    until(lambda: histories.ended() == documents, "every document has ended")

    histories.check(peer)
    assert histories.statuses()[Status.COMPLETE] >= documents * 0.9
    assert histories.statuses()[Status.ERROR] >= kills
    assert histories.count("document:interrupted") >= kills / 2, "Most of the kills struck in the middle of an attempt."
    assert len(peer.asked) > len({asked.key for asked in peer.asked}), "Some requests were repeated."


@pytest.mark.parametrize(("engines", "kills"), [("rabbitmq", 8), ("sqlite", 5)])
def test_a_worker_killed_with_calls_open_on_its_loop_does_everything_once(
    kills: int, histories: Histories, start: Start, peer: Peer
) -> None:
    peer.answer = press = Press(random.Random(kills))

    for kill in range(1, kills + 1):
        worker = start(lease=LEASE, on_the_loop=True).begun()
        first, *others = documents_before(kill)
        histories.app.save(first, *others)
        until(partial(is_being_sent, histories, first), "it is being sent")
        worker.kill()
        press.killed()
    start(lease=LEASE, on_the_loop=True)
    until(lambda: histories.ended() == kills * A_ROUND, "every document has ended")

    histories.check(peer)
    assert histories.count("document:interrupted") >= kills, "Every kill struck in the middle of a call."


def is_being_sent(histories: Histories, document: Document) -> bool:
    histories.look()
    return histories.phase(document) == Phase.CLAIMED and any(
        one.kind == "request" for one in histories.of[document.id]
    )


def documents_before(kill: int) -> list[Document]:
    titles = [f"waits for kill {kill}", f"refused {kill}", *(f"easy {number}" for number in range(A_ROUND - 2))]
    return [Document.create(title=title) for title in titles]
