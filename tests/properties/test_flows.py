"""What holds of definitions in a log, whatever they say and whatever is done to them."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from eventflow.errors import EventflowError
from eventflow.model.flows.files import exported, imported
from eventflow.model.flows.flow import DefinedFlow, differences
from eventflow.picking.definition import FlowDefinition
from eventflow.picking.parts import State, TaskBinding, Transition
from eventflow.store.codec import Codec
from eventflow.testing import Clock, in_memory
from tests.walks.flow_words import Order

texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8)
keys = st.sampled_from(["a", "b", "c", "d-1"])
words = st.none() | st.sampled_from(["eu", "web", "test"])
times = st.none() | st.datetimes(datetime(2026, 1, 1), datetime(2026, 12, 31), timezones=st.just(UTC))
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=5,
)
names = st.dictionaries(st.sampled_from(["en", "de"]), texts, max_size=2)
bindings = st.builds(
    TaskBinding,
    task=keys,
    kind=st.sampled_from(["restriction", "validation", "action"]),
    config=st.dictionaries(texts, json_values, max_size=2),
    enabled=st.booleans(),
)
states = st.builds(
    State,
    key=keys,
    type=st.sampled_from(["start", "state"]),
    status=words,
    is_terminal=st.booleans(),
    color=st.none() | st.just("#a0F"),
    names=names,
    on_enter=st.lists(bindings, max_size=1),
)
transitions = st.builds(
    Transition, key=keys, from_=st.none() | keys, to=st.none() | keys, names=names, tasks=st.lists(bindings, max_size=2)
)


@st.composite
def definitions(draw: st.DrawFn, id: int | str | None = None) -> FlowDefinition:
    """Any definition, also one whose graph is nonsense."""
    window = sorted((draw(times), draw(times)), key=lambda one: one or datetime(2026, 1, 1, tzinfo=UTC))
    return FlowDefinition(
        id=id if id is not None else draw(st.integers(1, 99) | st.sampled_from(["x", "y@2"])),
        subject_type="order",
        subject_scope=draw(words),
        channel=draw(words),
        version=draw(st.integers(1, 9)),
        is_default=draw(st.booleans()),
        status=draw(st.booleans()),
        active_from=window[0],
        active_to=window[1] if window[0] is not None else None,
        ordering=draw(st.integers(0, 9)),
        rollout_pct=draw(st.none() | st.integers(0, 100)),
        deleted=draw(st.booleans()),
        attributes=draw(st.dictionaries(texts, json_values, max_size=3)),
        names=draw(names),
        descriptions=draw(names),
        states=draw(st.lists(states, max_size=3).map(tuple)),
        transitions=draw(st.lists(transitions, max_size=3).map(tuple)),
    )


@settings(max_examples=40)
@given(st.lists(definitions(), max_size=2))
def test_what_is_exported_is_imported_as_it_was(flows: list[FlowDefinition]) -> None:
    assert imported(json.loads(json.dumps(exported(flows)))) == flows


@settings(max_examples=50)
@given(definitions(id=1), definitions(id=1))
def test_the_events_of_a_change_lead_from_what_was_to_what_is_also_through_the_log(
    before: FlowDefinition, after: FlowDefinition
) -> None:
    flow, codec = DefinedFlow.define(before), Codec()

    flow.become(after)

    assert flow.definition == after and flow.status == flow.pending[-1].status
    bodies = [(draft.event, codec.pack(draft.name, draft.event.event_body())) for draft in flow.pending]
    events = [type(event).revive(codec.unpack(*packed), type(event).event_version) for event, packed in bodies]
    told = DefinedFlow.model_validate(events[0].fields).definition  # type: ignore[attr-defined]
    for event in events[1:]:
        told = told.replace(**event.says())  # type: ignore[attr-defined]
    assert told == after


@settings(max_examples=30)
@given(definitions())
def test_what_is_the_same_is_no_change(definition: FlowDefinition) -> None:
    assert [*differences(definition, definition.replace())] == []


ACTS: Any = st.lists(
    st.tuples(st.sampled_from(["create", "share", "default", "archive", "restore", "duplicate"]), st.integers(1, 3)),
    max_size=12,
)


@settings(max_examples=25)
@given(ACTS)
def test_the_catalogue_at_a_position_is_what_it_was_there(acts: list[tuple[str, int]]) -> None:
    clock = Clock()
    with in_memory(aggregates=[Order], clock=clock) as app:
        seen: list[tuple[int, datetime, tuple[FlowDefinition, ...]]] = [(0, clock(), ())]
        for act, number in acts:
            clock.forward(minutes=1)
            with suppress(EventflowError):  # what is refused changes nothing, which is what is looked at
                did(app.flows, act, number)
            seen.append((app.log.last_position(), clock(), app.flows.shelf().definitions))

        for position, moment, definitions in seen:
            assert app.flows.shelf(position).definitions == definitions
            assert app.flows.shelf(moment).definitions == definitions
        for definition in app.flows.shelf().definitions:
            assert app.repository.get(DefinedFlow, app.flows.stream(definition.id).id).definition == definition


def did(flows: Any, act: str, number: int) -> None:
    id = f"flow-{number}"
    if act == "create":
        flows.create(FlowDefinition(id=id, subject_type="order", version=number, is_default=number == 2))
    elif act == "share":
        flows.set_rollout(id, number * 10)
    elif act == "default":
        flows.set_default(id)
    elif act == "duplicate":
        flows.duplicate(id, channel="web")
    else:
        getattr(flows, act)(id)
