"""From an append to the press and back: the story that the README tells."""

from __future__ import annotations

from datetime import timedelta

import pytest

from eventflow.errors import TransitionRefused, VersionConflict
from eventflow.model.retry import Retry
from eventflow.testing import Clock
from tests.peer import Answer, Peer
from tests.walks.conftest import MakeApp
from tests.walks.library import Document, Noted, Status, sending, write


def statuses(app: object, document: Document) -> list[str]:
    return [one.header.status for one in app.history(document.id) if one.header.phase]  # type: ignore[attr-defined]


def test_a_document_goes_through_its_statuses(make_app: MakeApp, peer: Peer) -> None:
    app = make_app(aggregates=[Document], reactions=[write, sending(peer.url)])
    peer.answer = lambda asked: Answer(body={"url": "https://press.example/1"})
    document = Document.create(title="Whales")

    app.save(document)
    app.drain()

    found = app.get(Document, document.id)
    assert (found.status, found.text, found.url) == (Status.COMPLETE, "# Whales\n", "https://press.example/1")
    assert statuses(app, document) == ["queued", "writing", "written", "sending", "complete"]


def test_the_conversation_is_in_the_history_without_its_secrets(make_app: MakeApp, peer: Peer) -> None:
    app = make_app(aggregates=[Document], reactions=[write, sending(peer.url)])
    peer.answer = lambda asked: Answer(body={"url": "u", "token": "t0p-secret"}, headers={"Set-Cookie": "sid=c00kie"})
    document = Document.create(title="Whales")

    app.save(document)
    app.drain()

    told = " ".join(str(one.event) for one in app.history(document.id))
    assert "POST" in told and "/articles" in told and "# Whales" in told
    assert not [secret for secret in ("s3cr3t-t0ken", "t0p-secret", "c00kie") if secret in told]
    assert peer.asked[0].headers["authorization"] == "Bearer s3cr3t-t0ken"


def test_a_busy_peer_is_asked_again_with_the_same_key(make_app: MakeApp, peer: Peer, clock: Clock) -> None:
    app = make_app(aggregates=[Document], reactions=[write, sending(peer.url)])
    peer.answer = lambda asked: Answer(status=503) if len(peer.asked) == 1 else Answer(body={"url": "u"})
    document = Document.create(title="Whales")
    app.save(document)
    app.drain()
    assert app.get(Document, document.id).status is Status.SENDING

    clock.forward(seconds=29)
    app.drain()
    assert len(peer.asked) == 1

    clock.forward(seconds=2)
    app.drain()

    assert app.get(Document, document.id).status is Status.COMPLETE
    assert len({asked.key for asked in peer.asked}) == 1 and len(peer.asked) == 2


def test_a_failed_document_can_be_defibrillated(make_app: MakeApp, peer: Peer) -> None:
    app = make_app(aggregates=[Document], reactions=[write, sending(peer.url, retry=Retry(attempts=2))])
    peer.answer = lambda asked: Answer(status=422, body={"error": "too long"})
    document = Document.create(title="Whales")
    app.save(document)
    app.drain()
    failed = app.get(Document, document.id)
    assert failed.status is Status.ERROR
    assert app.history(document.id)[-1].header.error is not None

    peer.answer = lambda asked: Answer(body={"url": "u"})
    app.defibrillate(document.id, reason="the press was repaired", actor="anna")
    app.drain()

    assert app.get(Document, document.id).status is Status.COMPLETE
    actors = {one.header.name: one.header.actor for one in app.history(document.id)}
    assert actors["document:defibrillated"] == "anna"
    assert len({asked.key for asked in peer.asked}) == 2


def test_what_did_not_fail_cannot_be_defibrillated(make_app: MakeApp) -> None:
    app = make_app(aggregates=[Document])
    document = Document.create(title="Whales")
    app.save(document)

    with pytest.raises(TransitionRefused, match="error"):
        app.defibrillate(document.id)

    assert len(app.history(document.id)) == 1


def test_of_two_who_change_the_same_document_one_has_to_load_again(make_app: MakeApp) -> None:
    app = make_app(aggregates=[Document])
    app.save(document := Document.create(title="Whales"))
    mine, yours = app.get(Document, document.id), app.get(Document, document.id)
    mine.record(Noted(note="mine"))
    yours.record(Noted(note="yours"))

    app.save(mine)
    with pytest.raises(VersionConflict):
        app.save(yours)

    assert app.get(Document, document.id).note == "mine"


def test_the_read_side_shows_what_was_written(make_app: MakeApp, peer: Peer) -> None:
    app = make_app(aggregates=[Document], reactions=[write])
    documents = [Document.create(title=str(number)) for number in range(30)]

    app.save(*documents)
    app.drain()

    page = app.items.page("status:written", limit=50)
    assert {item.id for item in page.rows} == {document.id for document in documents}
    assert all(app.projections.verify(name).equal for name in app.projections.runners)


def test_nothing_that_is_due_later_happens_now(make_app: MakeApp, peer: Peer, clock: Clock) -> None:
    retry = Retry(attempts=3, after=timedelta(days=400))
    app = make_app(aggregates=[Document], reactions=[write, sending(peer.url, retry=retry)])
    peer.answer = lambda asked: Answer(status=503)
    app.save(document := Document.create(title="Whales"))
    app.drain()
    app.drain()
    assert len(peer.asked) == 1

    clock.forward(days=401)
    app.drain()

    assert len(peer.asked) == 2
    assert app.get(Document, document.id).status is Status.SENDING
