"""Aggregates: the sum of their events, and nothing else."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Mapping
from enum import Enum, IntEnum, StrEnum
from typing import Any, Self
from uuid import UUID, uuid4

import pytest
from pydantic import ValidationError, model_validator

from eventflow.errors import Misconfigured, Refused, TransitionRefused, Unreadable
from eventflow.model.aggregate import Aggregate, folds
from eventflow.model.event import Event
from eventflow.model.library import Created, Defibrillated, RequestSent, StatusChanged, Touched
from eventflow.model.recorded import NOWHERE, Kind, Phase, Recorded
from eventflow.model.standing import Standing
from tests.model.documents import Document, Stamped, Status, Written, a_document, again, header_of, save


def test_a_new_document_stands_in_its_initial_status_with_its_creation_pending() -> None:
    document = Document.create(title="Whales")

    assert (document.status, document.version, document.head) == (Status.QUEUED, 1, NOWHERE)
    [draft] = document.pending
    assert draft.event == Created(fields={"title": "Whales", "content": "", "url": None, "stamps": ()})
    assert (draft.status, draft.previous, draft.phase) == ("queued", None, Phase.ANNOUNCED)
    assert (draft.originator_id, draft.originator_version) == (document.id, 1)


def test_a_new_document_may_bring_its_id_and_status() -> None:
    id = uuid4()

    document = Document.create(id=id, status=Status.WRITTEN, title="Whales")

    assert (document.id, document.status) == (id, Status.WRITTEN)


def test_fields_that_do_not_fit_are_a_validation_error() -> None:
    with pytest.raises(ValidationError, match="title"):
        Document.create(content="no title")
    with pytest.raises(ValidationError, match="tittle"):
        Document.create(title="Whales", tittle="Wales")


def test_an_event_changes_the_fields_it_names() -> None:
    document = a_document()

    document.record(Written(content="Once"))

    assert (document.content, document.title, document.version) == ("Once", "Whales", 2)
    assert document.model_fields_set == {"title", "content", "url", "stamps"}


def test_a_fold_says_what_the_special_events_change() -> None:
    document = a_document()

    document.record(Stamped(by="Ann"))
    document.record(Stamped(by="Bob"))

    assert document.stamps == ("Ann", "Bob")


def test_an_event_of_the_library_does_not_touch_a_field_of_the_same_name() -> None:
    class Letter(Aggregate[Status], category="letter", initial=Status.QUEUED):
        body: str

    letter = Letter.create(body="Dear all")

    letter.change_status(Status.WRITTEN, body={"by": "Ann"})

    assert letter.body == "Dear all"


def test_assignment_from_outside_is_refused() -> None:
    document = a_document()

    with pytest.raises(AttributeError, match=r"Document\.title changes by events only\."):
        document.title = "Wales"  # type: ignore[misc]
    with pytest.raises(AttributeError, match=r"Document\.status changes by events only\."):
        document.status = Status.ERROR  # type: ignore[misc]
    with pytest.raises(AttributeError, match="changes by events only"):
        del document.title
    assert document.title == "Whales"


def test_the_status_changes_by_events_only() -> None:
    document = a_document()

    with pytest.raises(AttributeError, match=r"Document\.status changes by events only"):
        document.status = Status.WRITTEN  # type: ignore[misc]
    with pytest.raises(ValidationError, match="status_"):
        Document.create(title="Whales", status_="written")
    assert document.status is Status.QUEUED


def test_a_validator_may_still_set_fields_before_there_is_a_document() -> None:
    class Report(Aggregate[Status], category="report", initial=Status.QUEUED):
        title: str
        slug: str = ""

        @model_validator(mode="after")
        def with_slug(self) -> Self:
            self.slug = self.title.lower()  # type: ignore[misc]
            return self

    assert Report.create(title="Whales").slug == "whales"


def test_a_fact_without_a_status_leaves_the_work_alone() -> None:
    document = a_document()
    before = document.standing

    document.record(Written(content="Once"))

    assert document.pending[0].phase is None
    assert document.pending[0].status == "queued"
    assert document.standing == before


def test_an_event_with_a_status_announces_it() -> None:
    document = a_document()

    document.record(Written(content="Once"), status=Status.WRITTEN)

    assert document.status is Status.WRITTEN
    assert document.standing == Standing(version=2, phase=Phase.ANNOUNCED, status="written", origin=2)
    assert (document.pending[0].previous, document.pending[0].status) == ("queued", "written")


def test_a_status_may_be_entered_without_announcing_it() -> None:
    document = a_document()

    document.record(Written(content="Once"), status=Status.WRITTEN, phase=None)

    assert (document.status, document.standing.version) == (Status.WRITTEN, 1)


def test_a_status_is_changed_by_hand_with_a_body_and_a_kind() -> None:
    document = a_document()

    document.change_status(Status.WRITTEN, body={"by": "Ann"}, kind=Kind.CALLBACK)

    [draft] = document.pending
    assert (draft.event, draft.kind) == (StatusChanged(body={"by": "Ann"}), Kind.CALLBACK)


def test_the_same_status_with_another_body_is_a_fact_of_its_own() -> None:
    document = a_document()

    document.change_status(Status.QUEUED, body={"seen": 1}, kind=Kind.PROBE)
    document.change_status(Status.QUEUED, body={"seen": 2})

    assert [one.event for one in document.pending] == [StatusChanged(body={"seen": 1}), StatusChanged(body={"seen": 2})]
    assert [one.kind for one in document.pending] == [Kind.PROBE, None]
    assert [one.phase for one in document.pending] == [None, None]
    assert document.standing.version == 1


def test_a_touch_announces_the_present_status_again_as_often_as_one_likes() -> None:
    document = a_document()

    document.touch()
    document.touch()

    assert [one.event for one in document.pending] == [Touched(), Touched()]
    assert [(one.status, one.phase) for one in document.pending] == [("queued", Phase.ANNOUNCED)] * 2
    assert document.standing.origin == 3


def test_the_body_and_the_kind_given_at_creation_are_kept() -> None:
    document = Document.create(title="Whales", body={"by": "Ann"}, kind=Kind.CALLBACK)

    assert document.pending[0].kind is Kind.CALLBACK
    [created] = save(document)
    assert isinstance(created.event, Created)
    assert (created.event.fields["title"], created.event.body) == ("Whales", {"by": "Ann"})
    assert again(Document, [created]) == document


def test_a_field_called_body_or_kind_is_a_field() -> None:
    class Letter(Aggregate[Status], category="letter", initial=Status.QUEUED):
        body: str
        kind: str = "plain"

    letter = Letter.create(body="Dear Ann")

    assert (letter.body, letter.kind) == ("Dear Ann", "plain")
    assert Letter.create(body="", kind="fine").kind == "fine"
    assert (letter.pending[0].event.event_body(), letter.pending[0].kind) == ({"fields": dict(letter)}, None)


def test_whether_a_document_can_be_defibrillated_can_be_asked() -> None:
    assert a_document(status=Status.ERROR).can_be_defibrillated
    assert not a_document().can_be_defibrillated


def test_a_status_without_a_target_is_refused_by_name() -> None:
    class Draft(Aggregate[Status], category="draft", initial=Status.QUEUED):
        pass

    with pytest.raises(TransitionRefused, match=r'Draft\.defibrillate .* but the status is "queued"'):
        Draft.create().defibrillate()


def test_a_failed_document_can_be_defibrillated() -> None:
    document = a_document(status=Status.ERROR)

    document.defibrillate("the press is back")

    assert document.status is Status.QUEUED
    assert document.pending[0].event == Defibrillated(reason="the press is back")
    assert document.pending[0].phase is Phase.ANNOUNCED


def test_defibrillation_needs_a_status_that_has_a_target() -> None:
    document = a_document()

    with pytest.raises(TransitionRefused, match=r'Document\.defibrillate needs the status "error".*is "queued"'):
        document.defibrillate()
    assert document.pending == ()


def test_an_unknown_status_is_refused_with_the_nearest_known_one() -> None:
    document = a_document()

    with pytest.raises(Refused, match='Did you mean "written"'):
        document.change_status("writen")  # type: ignore[arg-type]
    assert (document.version, document.pending) == (1, ())


def test_a_status_of_another_aggregate_is_refused() -> None:
    class Other(StrEnum):
        QUEUED = "queued"

    with pytest.raises(Refused, match="is no status of Document"):
        a_document().change_status(Other.QUEUED)  # type: ignore[arg-type]


def test_what_is_no_event_is_refused() -> None:
    with pytest.raises(Refused, match="Document records events, not str"):
        a_document().record("written")  # type: ignore[arg-type]


def test_a_numbered_status_is_written_as_its_number() -> None:
    class Level(IntEnum):
        LOW = 1
        HIGH = 2

    class Tank(Aggregate[Level], category="tank", initial=Level.LOW):
        pass

    tank = Tank.create()
    tank.change_status(Level.HIGH)

    assert [one.status for one in tank.pending] == ["1", "2"]
    assert again(Tank, save(tank)).status is Level.HIGH


def test_saving_moves_the_head_and_clears_what_was_pending() -> None:
    document = Document.create(title="Whales")
    document.record(Written(content="Once"))

    recorded = save(document)

    assert document.pending == ()
    assert document.head == document.head_saved == (2, recorded[-1].header.hash)


def test_collecting_hands_the_pending_events_over() -> None:
    document = Document.create(title="Whales")

    assert [one.name for one in document.collect_events()] == ["created"]
    assert document.collect_events() == []


def test_the_head_stays_where_the_log_is_while_events_are_pending() -> None:
    document = a_document()
    head = document.head

    document.touch()

    assert (document.head, document.version) == (head, 2)


def test_a_replay_of_what_was_recorded_gives_the_same_document() -> None:
    document = Document.create(title="Whales")
    document.begin()
    document.write("Once")
    document.record(Stamped(by="Ann"))
    recorded = save(document)

    found = again(Document, recorded)

    assert found == document
    assert (found.head, found.standing, found.pending) == (document.head, document.standing, ())
    assert found.model_fields_set == document.model_fields_set


def test_a_replay_may_begin_at_a_snapshot() -> None:
    document = a_document()
    document.begin()
    save(document)
    snapshot = document.snapshot()
    document.write("Once")
    recorded = save(document)

    found = Document.replay(recorded, snapshot)

    assert found == document
    assert Document.replay([], snapshot).version == 2


def test_a_snapshot_survives_being_dumped_to_plain_data() -> None:
    snapshot = a_document().snapshot()

    assert type(snapshot).model_validate(snapshot.model_dump()) == snapshot
    assert type(snapshot).model_validate_json(snapshot.model_dump_json()).standing == snapshot.standing


def test_a_snapshot_needs_a_saved_document() -> None:
    with pytest.raises(Refused, match="pending"):
        Document.create(title="Whales").snapshot()


def test_a_snapshot_of_other_fields_is_not_read() -> None:
    class Shorter(Aggregate[Status], category="document", initial=Status.QUEUED):
        title: str

    snapshot = a_document().snapshot()

    assert Document.reads(snapshot)
    assert not Shorter.reads(snapshot)


def test_bodies_that_change_nothing_are_not_read() -> None:
    document = a_document()
    snapshot = document.snapshot()
    document.record(RequestSent(method="GET", url="https://press.example/"))
    [draft] = document.pending

    def damaged() -> Event:
        raise AssertionError("nobody asked for this body")

    recorded = Recorded(header_of(draft, "document", document.head.hash), damaged)

    assert Document.replay([recorded], snapshot).version == 2


def test_there_must_be_something_to_replay() -> None:
    with pytest.raises(Unreadable, match="no event and no snapshot"):
        Document.replay([])


def test_a_replay_needs_its_beginning() -> None:
    document = Document.create(title="Whales")
    document.begin()

    with pytest.raises(Unreadable, match="begins with its creation or a snapshot"):
        Document.replay(save(document)[1:])


def test_a_replay_notices_a_missing_version() -> None:
    document = Document.create(title="Whales")
    document.begin()
    document.write("Once")
    recorded = save(document)

    with pytest.raises(Unreadable, match="from version 1 to 3"):
        Document.replay([recorded[0], recorded[2]])


def test_a_stream_of_another_category_is_not_replayed() -> None:
    class Order(Aggregate[Status], category="order", initial=Status.QUEUED):
        title: str

    order = Order.create(title="100 whales")

    with pytest.raises(Unreadable, match="is of order, not of document"):
        Document.replay(save(order))


def test_a_status_that_is_no_more_is_named() -> None:
    document = Document.create(title="Whales")
    document.change_status(Status.WRITTEN)
    recorded = save(document)

    class Now(StrEnum):
        QUEUED = "queued"
        WRITTEN_DOWN = "written_down"

    class Later(Aggregate[Now], category="document", initial=Now.QUEUED):
        title: str

    with pytest.raises(Unreadable, match='stands in "written", which Later does not have'):
        Later.replay(recorded)


def test_fields_that_came_later_have_their_defaults_and_those_that_went_are_forgotten() -> None:
    class Later(Aggregate[Status], category="document", initial=Status.QUEUED):
        title: str
        pages: int = 1

    recorded = save(Document.create(title="Whales"))

    assert Later.replay(recorded).model_dump() == {"title": "Whales", "pages": 1}


def test_older_streams_can_be_read_by_their_older_fields() -> None:
    class Later(Aggregate[Status], category="document", initial=Status.QUEUED):
        heading: str

        @classmethod
        def upcast_fields(cls, fields: dict[str, Any]) -> dict[str, Any]:
            return {**fields, "heading": fields.get("heading", fields.get("title"))}

    recorded = save(Document.create(title="Whales"))

    assert Later.replay(recorded).heading == "Whales"


def test_a_field_with_a_taken_name_is_refused_where_it_is_written() -> None:
    with pytest.raises(Misconfigured, match='Wrong cannot have a field "version"'):

        class Wrong(Aggregate[Status], category="wrong", initial=Status.QUEUED):
            version: str  # type: ignore[assignment]


def test_a_document_that_nobody_began_says_how_to_begin_one() -> None:
    document = Document(title="Whales")

    with pytest.raises(Refused, match=r"begin one with Document\.create"):
        _ = document.status


def test_a_subclass_inherits_commands_folds_and_statuses() -> None:
    class Novel(Document, category="novel"):
        chapters: int = 0

    novel = Novel.create(title="Whales")
    novel.begin()
    novel.record(Stamped(by="Ann"))

    assert (novel.category, novel.status, novel.stamps) == ("novel", Status.WRITING, ("Ann",))
    assert novel.pending[0].event == Created(fields=novel.model_dump() | {"stamps": ()})


def test_a_fold_may_be_overridden() -> None:
    class Quiet(Document, category="quiet"):
        @folds(Stamped)
        def ignore(self, event: Stamped) -> Mapping[str, Any]:
            return {"stamps": (event.by,)}

    quiet = Quiet.create(title="Whales")
    quiet.record(Stamped(by="Ann"))
    quiet.record(Stamped(by="Bob"))

    assert quiet.stamps == ("Bob",)


def test_a_copy_goes_its_own_way() -> None:
    document = a_document()

    for other in (document.model_copy(), copy.deepcopy(document), pickle.loads(pickle.dumps(document))):
        assert other == document
        other.record(Written(content="Once"))
        assert (document.version, document.content, document.pending) == (1, "", ())


def test_documents_are_equal_when_they_are_the_same_stream_at_the_same_version() -> None:
    document = a_document()

    assert document != a_document()
    assert document != "a document"
    assert hash(document) == hash(document.model_copy())


def test_what_a_document_shows_of_itself_are_its_fields() -> None:
    document = a_document()

    assert repr(document) == "Document(title='Whales', content='', url=None, stamps=())"
    assert dict(document) == {"title": "Whales", "content": "", "url": None, "stamps": ()}


def test_statuses_can_be_any_enum_of_texts_or_numbers() -> None:
    class Mixed(Enum):
        OPEN = "open"

    class Door(Aggregate[Mixed], category="door", initial=Mixed.OPEN):
        pass

    assert Door.create(id=UUID(int=1)).pending[0].status == "open"
