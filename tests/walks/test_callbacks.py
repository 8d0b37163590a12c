"""Callbacks on every engine: what another system says of its own accord, once, and only where it may be said."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from typing import Any
from uuid import UUID, uuid4

import pytest

from eventflow.app import Eventflow
from eventflow.errors import (
    BadInput,
    EventflowError,
    Malformed,
    NotFound,
    SignatureRefused,
    StreamNotFound,
    TransitionRefused,
    Unavailable,
    WrongContent,
    WrongResult,
)
from eventflow.model.callback import Callback, callback
from eventflow.model.incoming import Incoming
from eventflow.model.library import CallbackReceived, StatusChanged
from eventflow.model.masking import Masker
from eventflow.model.reaction import task
from eventflow.model.reception import Receipt
from eventflow.model.recorded import Kind
from eventflow.model.rendering import as_message
from eventflow.model.signature import HMACSignature
from eventflow.testing import Clock
from tests.walks.conftest import MakeApp
from tests.walks.library import Document, Noted, Published, Status, Written

WAITING = Status.SENDING


def fingerprint(request: Incoming) -> str | None:
    return str(request.json()["id"])


@callback(
    Document,
    expects=WAITING,
    processing=Status.WRITING,
    complete=Status.COMPLETE,
    failed=Status.ERROR,
    fingerprint=fingerprint,
    verify=None,
)
def published(document: Document, request: Incoming) -> Published:
    """The press says where it is."""
    said = request.json()
    if "broken" in said:
        raise RuntimeError(f"the press broke: {said['broken']}, token=s3cr3t-t0ken")
    return Published(url=said["url"])


CALL = Incoming.of({"id": "evt-1", "url": "u1"}, url="https://shop.example/callbacks/published")


def a_waiting_document(app: Eventflow) -> Document:
    document = Document.create(title="Whales", status=WAITING)
    app.save(document)
    return document


def names(app: Eventflow, id: UUID) -> list[str]:
    return [one.header.name.partition(":")[2] for one in app.history(id)]


def test_a_callback_leads_through_processing_to_complete(make_app: MakeApp) -> None:
    app = make_app(aggregates=[Document], callbacks=[published])
    document = a_waiting_document(app)

    receipt = app.call_back(published, document.id, CALL)

    now = app.get(Document, document.id)
    assert (receipt.verdict, receipt.stream, receipt.position) == ("accepted", document.id, app.log.last_position())
    assert (now.status, now.url) == (Status.COMPLETE, "u1")
    assert [(one.header.kind, one.header.status) for one in app.history(document.id)] == [
        (None, WAITING),
        (Kind.CALLBACK, Status.WRITING),
        (None, Status.COMPLETE),
    ]


def test_what_was_said_is_recorded_masked(make_app: MakeApp) -> None:
    app = make_app(aggregates=[Document], callbacks=[published])
    document = a_waiting_document(app)
    headers = {"Authorization": "Bearer s3cr3t-t0ken", "X-Event": "published"}
    said = {"id": "evt-1", "url": "u1", "password": "s3cr3t-t0ken"}

    app.call_back("published", document.id, Incoming.of(said, url="https://a:s3cr3t@b.example/x", headers=headers))

    event = app.history(document.id)[1].event
    assert isinstance(event, CallbackReceived)
    assert "s3cr3t" not in event.model_dump_json()
    assert event.headers["X-Event"] == "published"
    assert '"evt-1"' in (event.body or "")
    assert "POST /x\r\nHost: b.example\r\n" in as_message(event)


def test_the_masker_of_a_callback_is_its_own(make_app: MakeApp) -> None:
    masked = callback(
        Document,
        expects=WAITING,
        complete=Status.COMPLETE,
        failed=Status.ERROR,
        masker=Masker(keys=["url"]),
        verify=None,
    )(take_over)
    app = make_app(aggregates=[Document], callbacks=[masked])
    document = a_waiting_document(app)

    app.call_back(masked, document.id, CALL)

    assert '"u1"' not in app.history(document.id)[1].event.model_dump_json()


def take_over(document: Document, request: Incoming) -> Published:
    return Published(url=request.json()["url"])


def test_a_callback_in_another_status_is_refused_and_nothing_is_recorded(make_app: MakeApp) -> None:
    app = make_app(aggregates=[Document], callbacks=[published])
    app.save(document := Document.create(title="Whales"))
    before = app.log.last_position()

    with pytest.raises(TransitionRefused, match='needs the status "sending", but the status is "queued"'):
        app.call_back(published, document.id, CALL)

    assert app.log.last_position() == before


def test_a_silent_callback_passes_over_another_status(make_app: MakeApp) -> None:
    silent = callback(
        Document, expects=WAITING, complete=Status.COMPLETE, failed=Status.ERROR, silent=True, verify=None
    )(take_over)
    app = make_app(aggregates=[Document], callbacks=[silent])
    app.save(document := Document.create(title="Whales"))
    before = app.log.last_position()

    assert app.call_back(silent, document.id, CALL) == Receipt("ignored", before, document.id)

    assert app.log.last_position() == before


def test_a_silent_callback_swallows_no_error(make_app: MakeApp) -> None:
    silent = callback(
        Document, expects=WAITING, complete=Status.COMPLETE, failed=Status.ERROR, silent=True, verify=None
    )(published.function)
    app = make_app(aggregates=[Document], callbacks=[silent])
    document = a_waiting_document(app)

    with pytest.raises(RuntimeError):
        app.call_back(silent, document.id, Incoming.of({"broken": "press"}))
    with pytest.raises(StreamNotFound):
        app.call_back(silent, uuid4(), CALL)


def test_a_callback_that_comes_again_changes_nothing_again(make_app: MakeApp) -> None:
    app = make_app(aggregates=[Document], callbacks=[published])
    document = a_waiting_document(app)
    first = app.call_back(published, document.id, CALL)

    again = app.call_back(published, document.id, CALL)

    assert again == Receipt("duplicate", first.position, document.id)
    assert app.log.last_position() == first.position


def test_a_fingerprint_is_free_again_when_its_life_is_over(make_app: MakeApp, clock: Clock) -> None:
    short = callback(
        Document,
        expects=(WAITING, Status.COMPLETE),
        complete=Status.COMPLETE,
        failed=Status.ERROR,
        fingerprint=fingerprint,
        lifetime=timedelta(hours=1),
        verify=None,
    )(take_over)
    app = make_app(aggregates=[Document], callbacks=[short])
    document = a_waiting_document(app)
    app.call_back(short, document.id, CALL)
    assert app.call_back(short, document.id, CALL).verdict == "duplicate"

    clock.forward(hours=1)

    assert app.call_back(short, document.id, CALL).verdict == "accepted"


def test_what_was_said_of_one_document_is_not_said_again_of_another(make_app: MakeApp) -> None:
    app = make_app(aggregates=[Document], callbacks=[published])
    one, other = a_waiting_document(app), a_waiting_document(app)
    app.call_back(published, one.id, CALL)

    receipt = app.call_back(published, other.id, CALL)

    assert (receipt.verdict, receipt.stream) == ("duplicate", one.id)
    assert app.get(Document, other.id).status is WAITING


def test_a_scope_says_among_what_a_fingerprint_works_once(make_app: MakeApp) -> None:
    scoped = callback(
        Document,
        expects=WAITING,
        complete=Status.COMPLETE,
        failed=Status.ERROR,
        fingerprint=fingerprint,
        fingerprint_scope=lambda request: request.url,
        verify=None,
    )(take_over)
    app = make_app(aggregates=[Document], callbacks=[scoped])
    documents = [a_waiting_document(app) for _ in range(2)]

    verdicts = [
        app.call_back(scoped, one.id, Incoming.of({"id": "evt-1", "url": "u"}, url=f"/{one.id}")).verdict
        for one in documents
    ]

    assert verdicts == ["accepted", "accepted"]


def test_without_a_fingerprint_the_status_alone_keeps_it_from_being_done_twice(make_app: MakeApp) -> None:
    plain = callback(
        Document,
        expects=WAITING,
        complete=Status.COMPLETE,
        failed=Status.ERROR,
        fingerprint=lambda request: None,
        verify=None,
    )(take_over)
    app = make_app(aggregates=[Document], callbacks=[plain])
    document = a_waiting_document(app)
    app.call_back(plain, document.id, CALL)

    with pytest.raises(TransitionRefused):
        app.call_back(plain, document.id, CALL)


def test_a_callback_replayed_a_hundred_times_at_once_changes_the_state_once(make_app: MakeApp) -> None:
    app = make_app(aggregates=[Document], callbacks=[published])
    document = a_waiting_document(app)
    together = Barrier(20)

    def replay(_: int) -> list[Receipt]:
        together.wait()
        return [app.call_back(published, document.id, CALL) for _ in range(5)]

    with ThreadPoolExecutor(20) as pool:
        receipts = [one for some in pool.map(replay, range(20)) for one in some]

    assert sorted(one.verdict for one in receipts) == ["accepted"] + ["duplicate"] * 99
    assert {one.position for one in receipts} == {app.log.last_position()}
    assert names(app, document.id) == ["created", "callback_received", "published"]


def test_what_its_function_raises_is_recorded_and_raised(make_app: MakeApp) -> None:
    app = make_app(aggregates=[Document], callbacks=[published])
    document = a_waiting_document(app)

    with pytest.raises(RuntimeError, match="the press broke"):
        app.call_back(published, document.id, Incoming.of({"id": "evt-1", "broken": "press"}))

    failed = app.history(document.id)[-1]
    assert (failed.header.status, failed.header.kind) == (Status.ERROR, Kind.EXCEPTION)
    assert isinstance(failed.event, StatusChanged)
    assert failed.event.body is not None
    assert "s3cr3t" not in str(failed.event.body)
    assert failed.event.body["type"] == "RuntimeError"
    assert names(app, document.id) == ["created", "callback_received", "status_changed"]


def test_what_failed_may_come_again_under_its_fingerprint(make_app: MakeApp) -> None:
    again = callback(
        Document,
        expects=(WAITING, Status.ERROR),
        complete=Status.COMPLETE,
        failed=Status.ERROR,
        fingerprint=fingerprint,
        verify=None,
    )(published.function)
    app = make_app(aggregates=[Document], callbacks=[again])
    document = a_waiting_document(app)
    with pytest.raises(RuntimeError):
        app.call_back(again, document.id, Incoming.of({"id": "evt-1", "broken": "press"}))

    assert app.call_back(again, document.id, CALL).verdict == "accepted"


@pytest.mark.parametrize("refusal", [BadInput("The url is missing."), Unavailable("The press", "closed")])
def test_what_its_function_refuses_is_not_recorded(make_app: MakeApp, refusal: EventflowError) -> None:
    def refuse(document: Document, request: Incoming) -> Published:
        raise refusal

    refusing = callback(
        Document, expects=WAITING, complete=Status.COMPLETE, failed=Status.ERROR, fingerprint=fingerprint, verify=None
    )(refuse)
    app = make_app(aggregates=[Document], callbacks=[refusing])
    document = a_waiting_document(app)

    with pytest.raises(type(refusal)):
        app.call_back(refusing, document.id, CALL)

    assert names(app, document.id) == ["created"]


def test_half_made_changes_of_its_function_are_not_recorded(make_app: MakeApp) -> None:
    def meddle(document: Document, request: Incoming) -> Published:
        document.record(Noted(note="half"))
        return Published(url="u")

    meddling = callback(Document, expects=WAITING, complete=Status.COMPLETE, failed=Status.ERROR, verify=None)(meddle)
    app = make_app(aggregates=[Document], callbacks=[meddling])
    document = a_waiting_document(app)

    with pytest.raises(WrongResult):
        app.call_back(meddling, document.id, CALL)

    assert app.get(Document, document.id).note == ""
    assert app.get(Document, document.id).status is Status.ERROR


@pytest.mark.parametrize(
    ("request_", "error"),
    [
        (Incoming("POST", "/", {"Content-Type": "application/json"}, b"{nonsense"), Malformed),
        (Incoming("POST", "/", {"Content-Type": "text/plain"}, b"hello"), WrongContent),
        (Incoming("POST", "/", {}, b"hello"), WrongContent),
        (Incoming.of({"no": "id"}), BadInput),
        (Incoming.of(["a list"]), BadInput),
    ],
)
def test_bad_input_is_refused(make_app: MakeApp, request_: Incoming, error: type[BadInput]) -> None:
    app = make_app(aggregates=[Document], callbacks=[published])
    document = a_waiting_document(app)

    with pytest.raises(error):
        app.call_back(published, document.id, request_)

    assert names(app, document.id) == ["created"]


def test_an_unsigned_request_learns_nothing_and_leaves_nothing(make_app: MakeApp, clock: Clock) -> None:
    signature = HMACSignature("s3cr3t", header="X-Signature")
    signed = callback(Document, expects=WAITING, complete=Status.COMPLETE, failed=Status.ERROR, verify=signature)(
        take_over
    )
    app = make_app(aggregates=[Document], callbacks=[signed])
    document = a_waiting_document(app)

    for id in (document.id, uuid4()):
        with pytest.raises(SignatureRefused):
            app.call_back(signed, id, CALL)
    assert names(app, document.id) == ["created"]

    proven = Incoming(CALL.method, CALL.url, {**CALL.headers, "X-Signature": signature.sign(CALL)}, CALL.content)
    assert app.call_back(signed, document.id, proven).verdict == "accepted"


def test_unknown_callbacks_and_documents_are_not_found(make_app: MakeApp) -> None:
    app = make_app(aggregates=[Document], callbacks=[published])

    with pytest.raises(NotFound, match='Did you mean "published"'):
        app.call_back("publised", uuid4(), CALL)
    with pytest.raises(StreamNotFound):
        app.call_back(published, uuid4(), CALL)


def test_the_request_may_say_whose_it_is(make_app: MakeApp) -> None:
    told = callback(
        Document,
        expects=WAITING,
        complete=Status.COMPLETE,
        failed=Status.ERROR,
        identify=lambda request: UUID(request.json()["document"]),
        verify=None,
    )(take_over)
    app = make_app(aggregates=[Document], callbacks=[told])
    document = a_waiting_document(app)

    receipt = app.call_back(told, None, Incoming.of({"document": str(document.id), "url": "u"}))

    assert receipt.stream == document.id
    with pytest.raises(BadInput):
        app.call_back(told, None, Incoming.of({"document": "none", "url": "u"}))


def test_what_it_leads_to_starts_the_reaction_that_is_bound_to_it(make_app: MakeApp) -> None:
    @task(Document, on=Status.COMPLETE, processing=None, complete=Status.WRITTEN, failed=Status.ERROR)
    def thank(document: Document) -> Written:
        return Written(text=f"thanks for {document.url}")

    app = make_app(aggregates=[Document], reactions=[thank], callbacks=[published])
    document = a_waiting_document(app)

    app.call_back(published, document.id, CALL)
    app.drain()

    assert app.get(Document, document.id).text == "thanks for u1"


def test_a_peer_that_calls_back_before_it_has_answered_fences_the_worker_off(make_app: MakeApp) -> None:
    early = callback(
        Document, expects=Status.WRITING, complete=Status.COMPLETE, failed=Status.ERROR, name="early", verify=None
    )(take_over)

    @task(Document, on=Status.QUEUED, processing=Status.WRITING, complete=Status.WRITTEN, failed=Status.ERROR)
    def ask(document: Document) -> Written:
        app.call_back(early, document.id, CALL)
        return Written(text="too late")

    app = make_app(aggregates=[Document], reactions=[ask], callbacks=[early])
    app.save(document := Document.create(title="Whales"))

    app.drain()

    now = app.get(Document, document.id)
    assert (now.status, now.url, now.text) == (Status.COMPLETE, "u1", "")
    assert names(app, document.id) == ["created", "status_changed", "callback_received", "published"]


def test_it_goes_on_with_the_story_of_its_document(make_app: MakeApp) -> None:
    app = make_app(aggregates=[Document], callbacks=[published])
    document = Document.create(title="Whales", status=WAITING)
    app.save(document, correlation=(story := uuid4()))

    app.call_back(published, document.id, CALL, actor="press")

    headers = [one.header for one in app.history(document.id)]
    assert {one.correlation for one in headers} == {story}
    assert [one.causation for one in headers[1:]] != [None, None]
    assert headers[-1].actor == "press"


class Answered(Callback[Document]):
    """A callback as a class, whose outcome depends on what is said."""

    expects = (WAITING, Status.WRITTEN)
    failed = Status.ERROR
    verify = None

    def __init__(self, base: str = "") -> None:
        self._base = base

    def fingerprint(self, request: Incoming) -> str:
        return str(request.json()["id"])

    def complete(self, document: Document, request: Incoming) -> Status:
        return Status.COMPLETE if request.json()["yes"] else Status.QUEUED

    def handle(self, document: Document, request: Incoming) -> Published:
        return Published(url=self._base + request.json()["url"])


@pytest.mark.parametrize(("yes", "status"), [(True, Status.COMPLETE), (False, Status.QUEUED)])
def test_a_class_may_choose_where_it_leads_to(make_app: MakeApp, yes: bool, status: Status) -> None:
    app = make_app(aggregates=[Document], callbacks=[Answered("https://press/")])
    document = a_waiting_document(app)
    said: dict[str, Any] = {"id": 1, "yes": yes, "url": "u"}

    assert app.call_back("answered", document.id, Incoming.of(said)).verdict == "accepted"

    assert app.call_back(Answered, document.id, Incoming.of(said)).verdict == "duplicate"
    now = app.get(Document, document.id)
    assert (now.status, now.url) == (status, "https://press/u")
