"""A database that goes away in the middle of an append, so that nobody knows whether it was recorded."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest

from eventflow.errors import Unavailable
from eventflow.model.recorded import Draft, Header, Kind, Phase
from eventflow.store.log import Append, Log
from tests.crash.histories import Histories
from tests.crash.program import Order
from tests.peer import Peer
from tests.walks.library import Document, Status

MOMENTS: dict[str, Callable[[Draft], object]] = {
    "the claim": lambda draft: draft.phase == Phase.CLAIMED,
    "the request": lambda draft: draft.kind == Kind.REQUEST,
    "the result of the task": lambda draft: draft.status == Status.WRITTEN,
    "the result of the endpoint": lambda draft: draft.status == Status.COMPLETE,
}


@pytest.fixture
def engines() -> str:
    """A file: what is lost here is lost between the log and its callers."""
    return "sqlite"


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("recorded", [True, False], ids=["recorded", "not-recorded"])
def test_an_append_that_is_not_answered_costs_neither_work_nor_an_attempt(
    moment: str, recorded: bool, order: Order, peer: Peer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(order.application()) as app:
        histories = Histories(app)
        app.save(*(Document.create(title=f"easy {number}") for number in range(5)))
        monkeypatch.setattr(app.log, "append", losing(app.log, MOMENTS[moment], recorded=recorded, times=3))

        app.drain()

        assert histories.statuses() == {Status.COMPLETE: 5}
        assert histories.count("document:retry_scheduled") == 0
        histories.check(peer)


def losing(log: Log, lost: Callable[[Draft], object], *, recorded: bool, times: int) -> Callable[..., list[Header]]:
    """The log's append, which fails the first ``times`` it is to write such a draft: after it did, or before."""
    append, left = log.append, list(range(times))

    def unreliable(*appends: Append, **options: Any) -> list[Header]:
        fails = any(lost(draft) for one in appends for draft in one.drafts) and left and [left.pop()]
        if fails and not recorded:
            raise Unavailable("The database", "the connection was lost before the append")
        headers: Any = append(*appends, **options)
        if fails:
            raise Unavailable("The database", "the connection was lost after the append")
        return list(headers)

    return unreliable
