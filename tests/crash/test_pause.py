"""Held for longer than its lease, a worker wakes up in a world that went on without it."""

from __future__ import annotations

from eventflow.model.recorded import Header, Phase
from tests.crash.conftest import Start
from tests.crash.histories import Histories
from tests.crash.program import Order, Program, until
from tests.peer import Peer
from tests.walks.library import Document


def test_what_a_paused_worker_brings_home_late_is_refused(
    histories: Histories, start: Start, order: Order, peer: Peer
) -> None:
    leader = start(threads=1).begun()
    histories.app.save(Document.create(title="easy"))
    until(lambda: histories.ended() == 1, "the first worker leads")
    paused = start(threads=1).begun()
    document = a_document_claimed_by(paused, histories)

    paused.pause()
    until(lambda: histories.ended() == len(histories.of), "the leader does the work")
    paused.resume()

    until(lambda: "was taken over or overruled" in order.diary.read_text(), "the late result is refused")
    assert author(histories, document) == leader.pid
    assert paused.runs
    histories.check(peer)


def test_a_paused_leader_makes_nobody_wait(histories: Histories, start: Start, order: Order, peer: Peer) -> None:
    paused = start(threads=1).begun()
    document = a_document_claimed_by(paused, histories)

    paused.pause()
    other = start(threads=1).begun()
    until(lambda: histories.ended() == len(histories.of), "the other one leads and does the work")
    paused.resume()

    until(lambda: "was taken over or overruled" in order.diary.read_text(), "the late result is refused")
    assert author(histories, document) == other.pid
    assert paused.runs
    histories.check(peer)


def a_document_claimed_by(worker: Program, histories: Histories) -> Document:
    documents = [Document.create(title=f"brief {number}") for number in range(4)]
    histories.app.save(*documents)

    def claimed() -> list[Document]:
        histories.look()
        return [one for one in documents if is_claim_of(worker, histories.of[one.id][-1])]

    until(claimed, "one of them is claimed")
    return claimed()[0]


def is_claim_of(worker: Program, header: Header) -> bool:
    return header.phase == Phase.CLAIMED and header.owner == worker.worker


def author(histories: Histories, document: Document) -> int:
    """The process that has written a document."""
    (written,) = [one for one in histories.app.history(document.id) if one.header.name == "document:written"]
    return int(str(getattr(written.event, "text", "")).split()[-1])
