"""Every event says to which story it belongs and what led to it, whichever way it came about."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID, uuid4

from eventflow.app import Eventflow
from eventflow.model import outcome
from eventflow.model.aggregate import Aggregate
from eventflow.model.callback import callback
from eventflow.model.incoming import Incoming
from eventflow.model.probe import Probe
from eventflow.model.reaction import TaskReaction, task
from eventflow.model.recorded import Header, Phase
from eventflow.model.retry import Retry
from eventflow.runtime.rescue import Rescue
from eventflow.runtime.tracing import traced
from eventflow.testing import Clock
from tests.peer import Answer, Peer
from tests.walks.conftest import MakeApp
from tests.walks.library import Document, Noted, Published, Status, Written, sending, write

PARENT = "00-4f0cb1a5000040008000000000000001-00f067aa0ba902b7-01"
TRACE = UUID("4f0cb1a5-0000-4000-8000-000000000001")


@callback(
    Document,
    expects=Status.SENDING,
    processing=Status.WRITING,
    complete=Status.COMPLETE,
    failed=Status.ERROR,
    verify=None,
)
def arrived(document: Document, request: Incoming) -> Published:
    """The press took it."""
    return Published(url=request.json()["url"])


def headers(app: Eventflow, document: Aggregate[Status]) -> list[Header]:
    return [one.header for one in app.history(document.id)]


def follows(events: list[Header]) -> bool:
    """Whether each event but the first was led to by an earlier one that had a phase."""
    phased = {one.position for one in events if one.phase}
    first, *others = events
    return first.causation is None and all(one.causation in phased and one.causation < one.position for one in others)


def a_rescue(app: Eventflow) -> Rescue:
    """A rescue that needs not wait for anybody to be heard of."""
    own, now = uuid4(), timedelta(0)
    return Rescue(
        app.engine.work,
        app.repository,
        app.routes,
        clock=app.clock,
        masker=app.masker,
        own=own,
        alone=False,
        patience=now,
    )


def test_without_a_word_a_stream_is_a_story_of_its_own(make_app: MakeApp, peer: Peer, clock: Clock) -> None:
    app = make_app(aggregates=[Document], reactions=[write, sending(peer.url)])
    peer.answer = lambda asked: Answer(status=503) if len(peer.asked) == 1 else Answer(body={"url": "u"})
    app.save(document := Document.create(title="Whales"))

    app.drain()
    clock.forward(minutes=1)
    app.drain()

    events = headers(app, document)
    assert events[-1].status == Status.COMPLETE and len(events) == 11
    assert {one.correlation for one in events} == {document.id}
    assert follows(events)


def test_the_story_that_is_named_at_the_save_goes_on_through_work_retries_and_failures(
    make_app: MakeApp, peer: Peer, clock: Clock
) -> None:
    app = make_app(
        aggregates=[Document], reactions=[write, sending(peer.url, retry=Retry(attempts=2, after=timedelta(1)))]
    )
    peer.answer = lambda asked: Answer(status=503)
    story = uuid4()
    app.save(document := Document.create(title="Whales"), correlation=story)

    app.drain()
    clock.forward(days=2)
    app.drain()
    app.defibrillate(document.id, actor="anna")
    app.drain()

    events = headers(app, document)
    assert [one.name for one in events].count("document:defibrillated") == 1
    assert {one.correlation for one in events} == {story}
    assert follows(events)


def test_an_interrupted_attempt_and_the_next_one_stay_in_the_story(make_app: MakeApp, clock: Clock) -> None:
    app = make_app(aggregates=[Document], reactions=[write])
    app.save(document := Document.create(title="Whales"), correlation="order-17")
    claimed = app.get(Document, document.id)
    outcome.claim(claimed, write, 1, uuid4())
    app.save(claimed)

    app.relay()
    assert a_rescue(app).step() == 1  # the owner of the claim is nobody
    clock.forward(minutes=5)
    app.drain()

    events = headers(app, document)
    assert [one.status for one in events if one.phase][-1] == Status.WRITTEN
    assert "document:interrupted" in [one.name for one in events]
    assert len({one.correlation for one in events}) == 1
    assert follows(events)


def test_a_request_carries_the_story_and_where_it_came_from(make_app: MakeApp, peer: Peer) -> None:
    app = make_app(aggregates=[Document], reactions=[write, sending(peer.url)])
    peer.answer = lambda asked: Answer(body={"url": "u"})
    app.save(document := Document.create(title="Whales"), traceparent=PARENT)

    app.drain()

    [claim] = [one for one in headers(app, document) if one.phase == Phase.CLAIMED and one.reaction == "send"]
    [asked] = peer.asked
    assert asked.headers["x-correlation-id"] == str(TRACE)
    assert asked.headers["traceparent"] == f"00-{TRACE.hex}-{claim.position:016x}-01"
    sent = next(one for one in app.history(document.id) if one.header.kind == "request")
    assert sent.event.event_body()["headers"]["traceparent"] == asked.headers["traceparent"]


def test_what_a_handler_saves_is_led_to_by_its_attempt(make_app: MakeApp) -> None:
    written: list[UUID] = []

    def both(app: list[Eventflow]) -> TaskReaction[Document, Written]:
        @task(Document, on=Status.QUEUED, processing=Status.WRITING, complete=Status.WRITTEN, failed=Status.ERROR)
        def split(document: Document) -> Written:
            if document.title == "Whales":
                part = Document.create(title="Orcas")
                app[0].save(part)
                written.append(part.id)
            return Written(text=document.title)

        return split

    apps: list[Eventflow] = []
    apps.append(app := make_app(aggregates=[Document], reactions=[both(apps)]))
    app.save(document := Document.create(title="Whales"), correlation=TRACE)

    app.drain()

    claim = next(one for one in headers(app, document) if one.phase == Phase.CLAIMED)
    part = headers(app, app.get(Document, written[0]))
    assert part[0].causation == claim.position
    assert part[-1].status == Status.WRITTEN
    assert {one.correlation for one in part} == {TRACE}


def test_what_is_saved_while_a_request_is_served_is_one_story(make_app: MakeApp) -> None:
    app = make_app(aggregates=[Document])
    one, other, later = (Document.create(title=str(number)) for number in range(3))

    with traced(traceparent=PARENT, actor="anna") as story:
        app.save(one)
        app.save(other, actor="bea")
    app.save(later)

    assert story == TRACE
    assert [(h.correlation, h.actor) for d in (one, other) for h in headers(app, d)] == [
        (TRACE, "anna"),
        (TRACE, "bea"),
    ]
    assert [(h.correlation, h.actor) for h in headers(app, later)] == [(later.id, None)]


def test_a_fact_of_another_story_does_not_turn_the_stream_to_it(make_app: MakeApp) -> None:
    app = make_app(aggregates=[Document], reactions=[write])
    app.save(document := Document.create(title="Whales"))
    document.record(Noted(note="seen"))
    app.save(document, correlation=TRACE)

    app.drain()

    events = headers(app, document)
    assert [one.correlation for one in events] == [document.id, TRACE, document.id, document.id]
    assert follows(events)


def test_a_stream_that_is_read_from_its_snapshot_goes_on_in_its_story(make_app: MakeApp) -> None:
    app = make_app(aggregates=[Document])
    app.save(document := Document.create(title="Whales"), correlation=TRACE)
    while document.version < 100:
        document.record(Noted(note=str(document.version)))
    app.save(document)
    assert app.log.snapshots.get(document.id) is not None

    loaded = app.get(Document, document.id)
    loaded.change_status(Status.WRITTEN)
    app.save(loaded)

    last = headers(app, document)[-1]
    assert (last.correlation, last.causation) == (TRACE, headers(app, document)[0].position)


def test_what_a_coroutine_saves_is_led_to_by_its_attempt(make_app: MakeApp) -> None:
    apps: list[Eventflow] = []
    part = Document.create(title="Orcas", status=Status.COMPLETE)

    @task(Document, on=Status.QUEUED, processing=Status.WRITING, complete=Status.WRITTEN, failed=Status.ERROR)
    async def split(document: Document) -> Written:
        apps[0].save(part)
        return Written(text=document.title)

    apps.append(app := make_app(aggregates=[Document], reactions=[split]))
    app.save(document := Document.create(title="Whales"), correlation=TRACE)

    app.drain()

    claim = next(one for one in headers(app, document) if one.phase == Phase.CLAIMED)
    [created] = headers(app, part)
    assert (created.correlation, created.causation) == (TRACE, claim.position)


def test_probes_callbacks_and_what_is_called_off_stay_in_the_story(make_app: MakeApp, clock: Clock) -> None:
    probe = Probe(Document, statuses=[Status.SENDING], grace=timedelta(hours=1))
    app = make_app(aggregates=[Document], callbacks=[arrived], probes=[probe])
    app.save(document := Document.create(title="Whales", status=Status.SENDING), correlation=TRACE)
    app.save(other := Document.create(title="Orcas", status=Status.SENDING), correlation=TRACE)
    clock.forward(hours=2)
    app.projections.catch_up()

    app.probe()
    app.call_back(arrived, document.id, Incoming.of({"url": "u"}))
    app.cancel(other.id, status=Status.ERROR, actor="anna")

    kinds = [one.kind for one in headers(app, document)]
    assert "probe" in kinds and "callback" in kinds
    for one in (document, other):
        events = headers(app, one)
        assert {event.correlation for event in events} == {TRACE}
        assert all(event.causation is not None for event in events[1:])
