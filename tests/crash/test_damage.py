"""A stream that cannot be read any more holds up nobody but itself."""

from __future__ import annotations

import pytest

from eventflow.errors import DamagedBody
from eventflow.model.recorded import Phase
from tests.crash.conftest import Start
from tests.crash.histories import Histories
from tests.peer import Peer
from tests.waiting import until
from tests.walks.library import Document, Status


@pytest.mark.parametrize("engines", ["sqlite", "rabbitmq"])
def test_a_damaged_stream_among_the_claims_of_a_dead_worker_keeps_no_other_from_being_rescued(
    histories: Histories, start: Start, peer: Peer
) -> None:
    killed = start(threads=2).begun()
    damaged, _ = documents = [Document.create(title="deaf damaged"), Document.create(title="deaf sound")]
    histories.app.save(*documents)
    until(lambda: all(histories.phase(one) == Phase.CLAIMED for one in documents), "both are at work")
    killed.kill()
    damage(histories, damaged)

    start()
    histories.app.save(Document.create(title="easy"))

    until(lambda: histories.ended() == 3, "all end")
    assert histories.statuses() == {Status.COMPLETE: 2, Status.ERROR: 1}
    assert (histories.of[damaged.id][-1].error or "").startswith("DamagedBody")
    with pytest.raises(DamagedBody):
        histories.app.get(Document, damaged.id)


def damage(histories: Histories, document: Document) -> None:
    created, claimed = (header.position for header in histories.of[document.id])
    other = f"(SELECT state FROM bodies WHERE position = {claimed})"
    with histories.app.database.transaction() as transaction:
        transaction.execute(f"UPDATE bodies SET state = {other} WHERE position = {created}")
