"""Several workers on one log: one leads, all work, and any of them may die."""

from __future__ import annotations

from tests.crash.conftest import Start
from tests.crash.histories import Histories
from tests.peer import Peer
from tests.waiting import until
from tests.walks.library import Document, Status


def test_two_workers_share_the_work_and_the_second_leads_when_the_first_is_killed(
    histories: Histories, start: Start, peer: Peer
) -> None:
    first, second = start().begun(), start().begun()
    histories.app.save(*(Document.create(title=f"easy {number}") for number in range(500)))
    until(lambda: histories.ended() >= 150, "they are at work")
    assert len(owners(histories)) == 2, "Both have claimed something."

    first.kill()
    until(lambda: histories.ended() == 500, "the second does the rest")

    assert second.runs
    assert histories.statuses() == {Status.COMPLETE: 500}
    histories.check(peer)


def test_of_two_workers_with_the_same_messages_one_has_each(histories: Histories, start: Start, peer: Peer) -> None:
    histories.app.save(*(Document.create(title=f"easy {number}") for number in range(60)))
    for _ in range(3):
        histories.app.relay()
        histories.app.engine.work.unsend()
    histories.app.relay()

    start()
    start()

    until(lambda: histories.ended() == 60, "every document has ended")
    assert histories.count("document:interrupted") == 0
    assert len(peer.asked) == 60
    histories.check(peer)


def owners(histories: Histories) -> set[object]:
    histories.look()
    return {one.owner for some in histories.of.values() for one in some if one.owner}
