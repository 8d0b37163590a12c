"""What was done about the archive is an item of the library like any other."""

from __future__ import annotations

from uuid import uuid4

from eventflow.model.archive import Deed, Operation


def test_an_operation_says_what_was_done_and_why() -> None:
    id = uuid4()

    done = Operation.of(Deed.RESTORED, "stream x", id=id, bodies=3, reason="an audit")

    assert (done.id, done.status, done.chosen, done.bodies, done.reason) == (
        id, Deed.RESTORED, "stream x", 3, "an audit",
    )  # fmt: skip
    [draft] = done.pending
    assert draft.status == "restored"
