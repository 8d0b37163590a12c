"""Everything that the log says about the documents, as it grows, and what must be true of it in the end."""

from __future__ import annotations

from collections import Counter, defaultdict
from itertools import pairwise
from uuid import UUID

from eventflow.app import Eventflow
from eventflow.model.exchange import idempotency_key
from eventflow.model.recorded import Header, Phase
from tests.peer import Peer
from tests.walks.library import Document, Status

ENDS = {Status.COMPLETE.value, Status.ERROR.value}


class Histories:
    """Follows the log of ``app``. Changes: ``of`` grows with every look."""

    def __init__(self, app: Eventflow) -> None:
        self.app = app
        self.of: dict[UUID, list[Header]] = defaultdict(list)
        self._position = 0

    def look(self) -> None:
        """Read what is new."""
        while headers := self.app.log.tail(self._position, 1000):
            for header in headers:
                self.of[header.stream].append(header)
            self._position = headers[-1].position

    def statuses(self) -> Counter[str]:
        """How many documents stand in each status."""
        self.look()
        return Counter(headers[-1].status for headers in self.of.values())

    def ended(self) -> int:
        """How many documents have come to an end."""
        return sum(count for status, count in self.statuses().items() if status in ENDS)

    def count(self, event: str) -> int:
        """How many events of this name there are."""
        self.look()
        return sum(header.name == event for headers in self.of.values() for header in headers)

    def phase(self, document: Document) -> str | None:
        """What is to be done with a document, as its last header with a phase says."""
        self.look()
        return next((header.phase for header in reversed(self.of[document.id]) if header.phase), None)

    def check(self, peer: Peer) -> None:
        """Every document has ended, every result is recorded once, and the peer heard one key for each."""
        self.look()
        for headers in self.of.values():
            check_history(headers)
        self.check_keys(peer)
        for stream in list(self.of)[::25]:
            self.app.log.verify(stream)
        self.app.projections.catch_up()
        for name in self.app.projections.runners:
            report = self.app.projections.verify(name)
            assert report.equal, report

    def check_keys(self, peer: Peer) -> None:
        """Repeated requests carried the key of the first, whoever made them."""
        keys = {key_of(headers): stream for stream, headers in self.of.items() if sent(headers)}
        heard = Counter(asked.key for asked in peer.asked)
        assert not heard.keys() - keys.keys(), "The peer heard a key that belongs to no announcement."
        complete = {key for key, stream in keys.items() if self.of[stream][-1].status == Status.COMPLETE}
        assert not complete - heard.keys(), "A document is complete that the peer has not heard of."


def check_history(headers: list[Header]) -> None:
    """One document: no gap, one result of each reaction, no claim while another was open."""
    told = "\n".join(f"{one.version} {one.name} {one.status} {one.phase} {one.attempt} {one.error}" for one in headers)
    assert [one.version for one in headers] == list(range(1, len(headers) + 1)), told
    assert headers[-1].status in ENDS, told
    names = Counter(one.name for one in headers)
    assert names["document:written"] == 1, told
    assert names["document:published"] == (headers[-1].status == Status.COMPLETE), told
    phases = [one.phase for one in headers if one.phase]
    assert (Phase.CLAIMED, Phase.CLAIMED) not in set(pairwise(phases)), told


def sent(headers: list[Header]) -> bool:
    """Whether the document has come as far as being sent."""
    return any(one.status == Status.WRITTEN for one in headers)


def key_of(headers: list[Header]) -> str:
    """The one key under which a document may be sent."""
    written = next(one for one in headers if one.status == Status.WRITTEN)
    return idempotency_key("send", written.stream, written.version, 1)
