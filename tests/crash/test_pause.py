"""Held for longer than its lease, a worker wakes up in a world that went on without it."""

from __future__ import annotations

from pathlib import Path

from eventflow.model.recorded import Header, Phase
from tests.crash.conftest import Start
from tests.crash.histories import Histories
from tests.crash.program import Order, Program
from tests.peer import Peer
from tests.waiting import until
from tests.walks.library import Document


def test_what_a_paused_worker_brings_home_late_is_refused(
    histories: Histories, start: Start, order: Order, peer: Peer, tmp_path: Path
) -> None:
    leader = start(threads=1).begun()
    histories.app.save(Document.create(title="easy"))
    until(lambda: histories.ended() == 1, "the first worker leads")
    paused = start(threads=1).begun()
    document = a_document_claimed_by(paused, histories, tmp_path)

    paused.pause()
    until(lambda: histories.ended() == len(histories.of), "the leader does the work")
    let_go(document)
    paused.resume()

    until(lambda: "was taken over or overruled" in order.diary.read_text(), "the late result is refused")
    assert author(histories, document) == leader.pid
    assert paused.runs
    histories.check(peer)


def test_a_paused_leader_makes_nobody_wait(
    histories: Histories, start: Start, order: Order, peer: Peer, tmp_path: Path
) -> None:
    paused = start(threads=1).begun()
    document = a_document_claimed_by(paused, histories, tmp_path)

    paused.pause()
    other = start(threads=1).begun()
    until(lambda: histories.ended() == len(histories.of), "the other one leads and does the work")
    let_go(document)
    paused.resume()

    until(lambda: "was taken over or overruled" in order.diary.read_text(), "the late result is refused")
    assert author(histories, document) == other.pid
    assert paused.runs
    histories.check(peer)


def a_document_claimed_by(worker: Program, histories: Histories, room: Path) -> Document:
    """One that it does not finish before it is let go; what others claim is let go at once."""
    documents: list[Document] = []

    def claimed() -> list[Document]:
        histories.look()
        if histories.ended() == len(histories.of):
            documents.append(Document.create(title=f"told {room / str(len(documents))}"))
            histories.app.save(documents[-1])
            histories.look()
        for one in documents:
            if is_claimed(histories.of[one.id][-1]) and not is_claim_of(worker, histories.of[one.id][-1]):
                let_go(one)
        return [one for one in documents if is_claim_of(worker, histories.of[one.id][-1])]

    return until(claimed, "one of them is claimed")[0]


def let_go(document: Document) -> None:
    Path(document.title.removeprefix("told ")).touch()


def is_claimed(header: Header) -> bool:
    return header.phase == Phase.CLAIMED


def is_claim_of(worker: Program, header: Header) -> bool:
    return is_claimed(header) and header.owner == worker.worker


def author(histories: Histories, document: Document) -> int:
    """The process that has written a document."""
    (written,) = [one for one in histories.app.history(document.id) if one.header.name == "document:written"]
    return int(str(getattr(written.event, "text", "")).split()[-1])
