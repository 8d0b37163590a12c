"""Asked to stop: what is short is finished, what is long is given back, and what hears nothing is left behind."""

from __future__ import annotations

from pathlib import Path

import pytest

from eventflow.model.recorded import Phase
from tests.crash.conftest import Start
from tests.crash.histories import Histories
from tests.peer import Peer
from tests.waiting import until
from tests.walks.library import Document, Status


def documents_at_work(histories: Histories, *titles: str) -> list[Document]:
    documents = [Document.create(title=title) for title in titles]
    histories.app.save(*documents)
    until(lambda: all(histories.phase(one) == Phase.CLAIMED for one in documents), "all are claimed")
    return documents


def names(histories: Histories, document: Document) -> list[str]:
    histories.look()
    return [one.name.partition(":")[2] for one in histories.of[document.id]]


@pytest.mark.parametrize("engines", ["sqlite", "rabbitmq", "redis"])
def test_a_stopped_worker_finishes_what_is_short_and_gives_back_what_is_long(
    histories: Histories, start: Start, peer: Peer, tmp_path: Path
) -> None:
    worker = start(threads=4, grace=2.5, lease=30).begun()
    go = tmp_path / "go"
    *brief, long = documents_at_work(histories, f"told {go}", f"told {go}", "long c")

    worker.ask_to_stop()
    go.touch()

    assert worker.ended() == 0
    assert [names(histories, one).count("interrupted") for one in brief] == [0, 0]
    assert all("written" in names(histories, one) for one in brief)
    assert names(histories, long)[-1] == "interrupted"
    assert histories.of[long.id][-1].attempt == 1, "An interruption is no failure: it is the first attempt still."

    start(threads=4)
    until(lambda: histories.ended() == 3, "another worker finishes them")
    assert histories.statuses() == {Status.COMPLETE: 3}
    histories.check(peer)


def test_a_stopped_worker_gives_back_what_it_has_not_begun(histories: Histories, start: Start, peer: Peer) -> None:
    worker = start(threads=1, grace=0.2, lease=30, resend_after=300).begun()
    documents_at_work(histories, "long a")
    histories.app.save(*(Document.create(title=f"easy {number}") for number in range(20)))
    until(lambda: in_flight(histories) == 20, "the broker has the others")

    worker.ask_to_stop()
    assert worker.ended() == 0
    start(threads=1, resend_after=300)

    until(lambda: histories.ended() == 21, "another worker does them, and nobody had to send them again")
    histories.check(peer)


def in_flight(histories: Histories) -> int:
    return sum(histories.app.engine.work.in_flight().values())


def test_a_worker_whose_handler_hears_nothing_ends_all_the_same(histories: Histories, start: Start, peer: Peer) -> None:
    worker = start(grace=0.5).begun()
    (deaf,) = documents_at_work(histories, "deaf a")

    worker.ask_to_stop()

    assert worker.ended() == 0, "Its handler would go on for longer than anybody waits."
    assert names(histories, deaf)[-1] == "status_changed", "Nobody could record anything."
    start()
    until(lambda: histories.ended() == 1, "its lease runs out and another worker does it")
    assert names(histories, deaf).count("interrupted") == 1
    histories.check(peer)
