"""Killed here, killed there: the places in the path of a document where a crash would hurt most."""

from __future__ import annotations

import signal

import pytest

from tests.crash.conftest import Start
from tests.crash.faults import FAULTS
from tests.crash.histories import Histories
from tests.peer import Peer
from tests.waiting import until
from tests.walks.library import Document, Status

DOCUMENTS = 6


@pytest.mark.parametrize("engines", ["sqlite", "rabbitmq"])
@pytest.mark.parametrize("fault", FAULTS)
def test_a_worker_killed_at_this_place_leaves_work_that_another_finishes(
    fault: str, histories: Histories, start: Start, peer: Peer
) -> None:
    histories.app.save(*(Document.create(title=f"easy {number}") for number in range(DOCUMENTS)))

    killed = start(lease=0.5, fault=fault, nth=2 if "claim" in fault or "request" in fault else 1)
    assert killed.ended() == -signal.SIGKILL
    start(lease=0.5)

    until(lambda: histories.ended() == DOCUMENTS, "every document has ended")
    histories.check(peer)
    assert histories.statuses() == {Status.COMPLETE: DOCUMENTS}
    if "answer" in fault:
        assert len(peer.asked) > len({asked.key for asked in peer.asked}), "What was lost is asked again."
