"""The statuses within which a subject stays while it is bound to a flow."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from datetime import UTC, datetime
from enum import StrEnum
from uuid import uuid4

import pytest

from eventflow.errors import Interrupted, NotInFlow
from eventflow.model import outcome
from eventflow.model.aggregate import Aggregate
from eventflow.model.binding import bind, rebind, unbind
from eventflow.model.bounds import Bounds, is_within, show_bounds, strays
from eventflow.model.library import Touched
from eventflow.model.reaction import task
from eventflow.model.recorded import Head, Phase
from eventflow.picking.graph import Graph
from eventflow.picking.parts import State

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


class Status(StrEnum):
    """Where a note stands."""

    NEW = "new"
    AT_WORK = "at_work"
    READ = "read"
    FAILED = "failed"
    GONE = "gone"


class Note(Aggregate[Status], category="note", initial=Status.NEW, cancelled={Status.NEW: Status.GONE}):
    """Something to be read."""


@task(Note, on=Status.NEW, processing=Status.AT_WORK, complete=Status.READ, failed=Status.FAILED)
def read(note: Note) -> None:
    """Read it."""


def graph(*statuses: str | None, start: str | None = "new") -> Graph:
    states = [State(key=f"s{number}", status=status) for number, status in enumerate(statuses)]
    return Graph(states=(State(key="start", type="start", status=start), *states))


NARROW = Bounds.of("narrow", graph("at_work"), "new")


def a_note() -> Note:
    note = Note.create()
    bind(note, "narrow", NARROW)
    note.__dict__.update(_head=Head(note.version, b"x"), _pending=())
    return note


def test_a_flow_has_the_statuses_that_its_states_stand_for() -> None:
    assert NARROW.statuses == ("new", "at_work")
    assert [NARROW.has(one) for one in ("new", "at_work", "read")] == [True, True, False]


def test_a_start_without_a_status_stands_for_the_first_one() -> None:
    assert Bounds.of("open", graph("read", None, start=None), "new").statuses == ("new", "read")


def test_states_that_name_no_status_leave_statuses_alone() -> None:
    bounds = Bounds.of("free", graph(None, start=None), "new")

    assert bounds.statuses == () and bounds.has("whatever")


@pytest.mark.parametrize(
    "record",
    [
        lambda note: outcome.fail(note, read, ValueError("no"), 1),
        lambda note: outcome.fail(note, read, Interrupted("read", 10), 3),
        lambda note: note.record(Touched(), status=Status.FAILED, error="it is broken"),
        lambda note: note.cancel("no use"),
        lambda note: note.cancel(status=Status.READ),
    ],
)
def test_a_failure_and_the_end_of_all_work_are_recorded_whatever_the_flow_has(record: Callable[[Note], None]) -> None:
    note = a_note()

    record(note)

    assert not is_within(note, note.status) and len(note.pending) == 1
    NARROW.keep(note, note.pending)


@pytest.mark.parametrize(
    "record",
    [
        lambda note: outcome.defer(note, read, 1, NOON, ValueError("no")),
        lambda note: outcome.wait(note, read, NOON),
        lambda note: outcome.interrupt(note, "the worker is gone", NOON),
        lambda note: outcome.postpone(note, "the host is busy", NOON),
    ],
)
def test_what_becomes_of_an_attempt_on_its_way_is_recorded_as_well(record: Callable[[Note], None]) -> None:
    note = a_note()
    show_bounds(note, None)
    outcome.claim(note, read, 1, uuid4())
    show_bounds(note, Bounds("another", ("elsewhere",), any_first=False))

    record(note)

    assert (note.status, note.standing.phase) == (Status.AT_WORK, Phase.DEFERRED)
    outcome.wake(note, NOON)
    assert note.standing.due == NOON


def test_an_attempt_whose_success_would_lead_out_is_not_claimed() -> None:
    note = a_note()

    with pytest.raises(NotInFlow, match='cannot go to "read"') as told:
        outcome.claim(note, read, 1, uuid4())
    assert note.pending == ()
    assert [strays(one, told.value) for one in (note, a_note())] == [True, False]


def test_what_is_bound_anew_keeps_within_the_new_flow_and_what_is_unbound_within_none() -> None:
    note = a_note()
    rebind(note, "wide", bounds=Bounds.of("wide", graph("read"), "new"))
    note.change_status(Status.READ)
    with pytest.raises(NotInFlow, match='"wide"'):
        note.change_status(Status.AT_WORK)

    unbind(note)

    note.change_status(Status.AT_WORK)
    assert note.status is Status.AT_WORK


def test_what_cannot_be_bound_stays_unbound() -> None:
    note = Note.create()
    note.change_status(Status.READ)

    with pytest.raises(NotInFlow):
        bind(note, "narrow", NARROW)
    assert note.bound_flow is None and all(draft.flow is None for draft in note.pending)


def test_bounds_do_not_make_two_objects_different_and_come_along_with_copies() -> None:
    note = a_note()
    other = note.model_copy()
    show_bounds(other, None)

    assert note == other
    for same in (note.model_copy(), copy.deepcopy(note), pickle.loads(pickle.dumps(note))):
        with pytest.raises(NotInFlow):
            same.change_status(Status.READ)


def test_the_error_says_what_was_wanted_what_there_is_and_what_to_do() -> None:
    id = uuid4()
    error = NotInFlow("note", id, "narrow", "at_wrk", ("new", "at_work"))

    assert pickle.loads(pickle.dumps(error)).statuses == ("new", "at_work")
    assert str(error) == (
        f'note {id} cannot go to "at_wrk": it is bound to the flow "narrow", which has new, at_work.'
        ' Did you mean "at_work"? Rebind it to a flow that has this status, or unbind it.'
    )
