"""Items whose log this program cannot read: each says so itself, and nothing is lost."""

from __future__ import annotations

from eventflow.app import Eventflow
from eventflow.model.aggregate import Aggregate
from eventflow.model.reaction import task
from tests.walks.conftest import MakeApp
from tests.walks.library import Document, Noted, Status, Written, write


def damage(app: Eventflow, document: Document) -> None:
    """Change the bytes of the first body behind everybody's back."""
    position = app.history(document.id)[0].header.position
    state, at = ("%(state)s", "%(at)s") if app.database.dialect == "postgresql" else (":state", ":at")
    with app.database.transaction() as transaction:
        transaction.execute(
            f"UPDATE bodies SET state = {state} WHERE position = {at}", {"state": b"rubbish", "at": position}
        )


def test_an_item_with_a_damaged_body_fails_with_the_reason_and_the_others_go_on(make_app: MakeApp) -> None:
    app = make_app(aggregates=[Document], reactions=[write])
    damaged, sound = Document.create(title="damaged"), Document.create(title="sound")
    app.save(damaged, sound)
    damage(app, damaged)

    app.drain()

    assert app.get(Document, sound.id).status is Status.WRITTEN
    item = app.items.get(damaged.id)
    assert item.status == Status.ERROR
    assert (item.error or "").startswith("DamagedBody: The body of document:created at position")


def test_an_item_with_an_event_that_is_no_more_fails_and_goes_on_once_it_can_be_read(make_app: MakeApp) -> None:
    app = make_app(aggregates=[Document], reactions=[write])
    document = Document.create(title="Whales")
    document.record(Noted(note="of old"))
    app.save(document)

    class Younger(
        Aggregate[Status],
        category="document",
        initial=Status.QUEUED,
        defibrillate={Status.ERROR: Status.QUEUED},
    ):
        title: str
        text: str = ""
        url: str = ""
        note: str = ""

    @task(
        Younger,
        on=Status.QUEUED,
        processing=Status.WRITING,
        complete=Status.WRITTEN,
        failed=Status.ERROR,
        name="write",
    )
    def write_younger(document: Younger) -> Written:
        return Written(text=document.title)

    younger = make_app(aggregates=[Younger], reactions=[write_younger])
    younger.drain()
    assert (younger.items.get(document.id).error or "").startswith('UnknownEvent: No event is called "document:noted"')

    app.defibrillate(document.id, reason="the event is known again")
    app.drain()

    assert app.get(Document, document.id).status is Status.WRITTEN
    assert app.get(Document, document.id).note == "of old"


def test_the_log_of_an_item_that_failed_unread_is_still_a_chain(make_app: MakeApp) -> None:
    app = make_app(aggregates=[Document], reactions=[write])
    app.save(document := Document.create(title="Whales"))
    head = app.history(document.id)[0].header
    before = [one.header.hash for one in app.history(document.id)]
    damage(app, document)

    app.drain()

    after = app.history(document.id)
    assert [one.header.hash for one in after][:1] == before
    assert after[1].header.previous == head.status
