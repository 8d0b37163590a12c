"""Claims of the same moment: each message gets what is its own."""

from __future__ import annotations

import threading
from uuid import uuid4

from eventflow.runtime.job import Job
from tests.peer import Peer
from tests.walks.conftest import MakeApp
from tests.walks.library import Document, Status, sending, write


def test_an_old_message_beside_a_new_one_of_the_same_stream_claims_nothing(make_app: MakeApp, peer: Peer) -> None:
    app = make_app(aggregates=[Document], reactions=[write, sending(peer.url)])
    document = Document.create(title="Whales")
    document.change_status(Status.WRITTEN)
    app.save(document)
    old, new = Job("write", document.id, 1, 1, 1), Job("send", document.id, 2, 1, 2)
    runner = app._runner(uuid4(), threading.Event())

    for batch in ([old, new], [new, old]):
        claimed = {job: attempt for job, attempt in zip(batch, runner._claim_each(batch), strict=True) if attempt}
        assert [job for job in claimed if job is old] == []
        if claimed:
            assert claimed[new].reaction.name == "send"

    assert [one.header.phase for one in app.history(document.id)] == ["announced", "announced", "claimed"]


def test_of_the_same_message_twice_in_one_batch_one_claims(make_app: MakeApp) -> None:
    app = make_app(aggregates=[Document], reactions=[write])
    app.save(document := Document.create(title="Whales"))
    job = Job("write", document.id, 1, 1, 1)
    runner = app._runner(uuid4(), threading.Event())
    barrier, attempts = threading.Barrier(8), []

    def claim() -> None:
        barrier.wait()
        attempts.append(runner._claims.submit(job, 1))

    threads = [threading.Thread(target=claim) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len([one for one in attempts if one]) == 1
    assert [one.header.phase for one in app.history(document.id)] == ["announced", "claimed"]
