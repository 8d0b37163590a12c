"""Commands: guarded by the status, deciding on an event."""

from __future__ import annotations

import inspect
import pickle

import pytest

from eventflow.errors import TransitionRefused, WrongResult
from eventflow.model.aggregate import Aggregate, commands
from eventflow.model.event import Event
from eventflow.model.recorded import Phase
from eventflow.model.transition import Transition, transition
from tests.model.documents import Approved, Begun, Document, Status, Written, a_document


def test_a_command_records_the_event_it_decides_on_and_returns_it() -> None:
    document = a_document(status=Status.WRITING)

    event = document.write("Once")

    assert event == Written(content="Once")
    assert (document.content, document.status) == ("Once", Status.WRITTEN)
    assert document.pending[0].phase is Phase.ANNOUNCED


def test_a_command_is_refused_in_another_status() -> None:
    document = a_document()

    with pytest.raises(TransitionRefused) as refusal:
        document.approve(by="Ann")

    assert str(refusal.value) == 'Document.approve needs the status "written", but the status is "queued".'
    assert (document.version, document.pending) == (1, ())
    assert str(pickle.loads(pickle.dumps(refusal.value))) == str(refusal.value)


def test_a_command_without_sources_may_be_called_in_any_status() -> None:
    for status in Status:
        document = a_document(status=status)

        document.give_up("enough")

        assert document.status is Status.ERROR


def test_on_the_class_a_command_is_a_value_that_knows_its_facts() -> None:
    command = Document.approve

    assert isinstance(command, Transition)
    assert (command.sources, command.to, command.name) == ((Status.WRITTEN,), Status.APPROVED, "approve")
    assert command.returns == (Approved,)
    assert command.__doc__ == "Take the blame."
    assert list(command.arguments.parameters) == ["by"]


def test_a_command_can_be_called_through_its_class() -> None:
    document = a_document()

    Document.begin(document)

    assert document.status is Status.WRITING


def test_a_command_can_decide_without_recording() -> None:
    document = a_document()

    assert Document.begin.decide(document) == Begun()
    assert document.pending == ()


def test_a_bound_command_looks_like_the_method_it_was_written_as() -> None:
    bound = a_document().approve

    assert list(inspect.signature(bound).parameters) == ["by"]
    assert repr(bound) == "<bound command Document.approve>"
    assert repr(Document.approve) == "<command Document.approve>"


def test_a_command_that_decides_on_no_event_records_nothing() -> None:
    class Note(Aggregate[Status], category="note", initial=Status.QUEUED):
        @transition(to=Status.WRITTEN)
        def forget(self) -> Event:
            return None  # type: ignore[return-value]

    note = Note.create()

    with pytest.raises(WrongResult, match=r"Note\.forget returned NoneType; wanted was an event"):
        note.forget()
    assert note.version == 1


def test_the_commands_of_an_aggregate_are_listed_with_those_it_inherits() -> None:
    class Novel(Document, category="novel"):
        @transition(to=Status.APPROVED)
        def bless(self) -> Approved:
            return Approved(by="the pope")

    assert sorted(commands(Novel)) == ["approve", "begin", "bless", "give_up", "write"]
    assert Novel.create(title="Whales").bless() == Approved(by="the pope")
