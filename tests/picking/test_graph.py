"""Graphs of flows: what they say of themselves, and everything that can be wrong with them, told at once."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from eventflow.errors import BadFlow
from eventflow.picking.definition import FlowDefinition
from eventflow.picking.graph import Graph
from eventflow.picking.parts import KnownTask, State, TaskBinding, Transition

STATES: list[dict[str, Any]] = [
    {"key": "new", "type": "start", "status": "new"},
    {"key": "paid", "status": "paid"},
    {"key": "sent", "status": "sent", "is_terminal": True},
]
TRANSITIONS: list[dict[str, Any]] = [
    {"key": "pay", "from": "new", "to": "paid"},
    {"key": "send", "from": "paid", "to": "sent"},
]


def a_graph(states: list[dict[str, Any]] | None = None, transitions: list[dict[str, Any]] | None = None) -> Graph:
    """The one above, with more states and transitions."""
    return Graph.model_validate(
        {"states": [*STATES, *(states or [])], "transitions": [*TRANSITIONS, *(transitions or [])]}
    )


def codes(graph: Graph, **known: Any) -> list[str]:
    return [one.code for one in graph.problems(**known)]


def test_a_graph_that_holds_together_has_no_problems() -> None:
    assert a_graph().problems() == ()
    a_graph().validate_graph()


def test_a_graph_knows_its_start_its_ends_and_the_states_of_a_status() -> None:
    graph = a_graph()

    assert graph.start_state is not None and graph.start_state.key == "new" and graph.start_state.is_start
    assert [one.key for one in graph.end_states] == ["sent"]
    assert [one.key for one in graph.states_of("paid")] == ["paid"]
    assert {status: len(states) for status, states in graph.states_by_status().items()} == {
        "new": 1,
        "paid": 1,
        "sent": 1,
    }


def test_states_of_one_status_are_all_told() -> None:
    graph = a_graph([{"key": "paid-again", "status": "paid"}])

    assert [one.key for one in graph.states_by_status()["paid"]] == ["paid", "paid-again"]


def test_a_transition_from_everywhere_leaves_every_state_but_start_and_the_ends() -> None:
    graph = a_graph([{"key": "lost", "is_terminal": True}], [{"key": "lose", "to": "lost"}])

    assert [one.key for one in graph.exits("new")] == ["pay"]
    assert [one.key for one in graph.exits("paid")] == ["send", "lose"]
    assert graph.exits("sent") == graph.exits("nowhere") == ()


def test_transitions_know_of_which_kind_they_are() -> None:
    specific, loop = Transition(key="a", from_="x", to="y"), Transition(key="b", from_="x", to="x")
    from_everywhere, to_nowhere = Transition(key="c", to="y"), Transition(key="d", from_="x")

    assert specific.is_specific and not loop.is_specific and loop.is_self_loop
    assert from_everywhere.is_generic_input and not from_everywhere.is_self_loop
    assert to_nowhere.is_generic_output and not to_nowhere.is_specific
    graph = a_graph()
    assert [graph.is_start_transition(one) for one in graph.transitions] == [True, False]


@pytest.mark.parametrize(
    ("states", "transitions", "code", "where"),
    [
        ([{"key": "first", "type": "start"}], [], "one_start", "states"),
        ([], [{"key": "again", "from": "new", "to": "sent"}], "start_exit", "transitions"),
        ([], [{"key": "loop", "from": "new", "to": "new"}], "into_start", "transitions[2].to"),
        ([], [{"key": "back", "from": "paid", "to": "new"}], "into_start", "transitions[2].to"),
        ([], [{"key": "more", "from": "sent", "to": "paid"}], "terminal_exit", "transitions[2].from"),
        ([], [{"key": "more", "from": "sent"}], "terminal_exit", "transitions[2].from"),
        ([], [{"key": "go", "from": "paid", "to": "pad"}], "unknown_state", "transitions[2].to"),
        ([], [{"key": "go", "from": "else", "to": "paid"}], "unknown_state", "transitions[2].from"),
        ([], [{"key": "go"}], "no_ends", "transitions[2]"),
        ([], [{"key": "pay", "from": "paid", "to": "paid"}], "duplicate_transition", "transitions"),
        ([], [{"key": "ship", "from": "paid", "to": "sent"}], "duplicate_edge", "transitions"),
        ([], [{"key": "a", "to": "paid"}, {"key": "b", "to": "paid"}], "duplicate_edge", "transitions"),
        ([{"key": "paid", "is_terminal": True}], [], "duplicate_state", "states"),
        ([{"key": "gone", "status": "sent", "is_terminal": True}], [], "duplicate_status", "states"),
        ([{"key": "gone", "is_terminal": True}], [], "unreachable", "states[3]"),
        ([{"key": "stuck"}], [{"key": "go", "from": "paid", "to": "stuck"}], "dead_end", "states[3]"),
        (
            [{"key": "stuck"}],
            [{"key": "go", "from": "paid", "to": "stuck"}, {"key": "turn", "from": "stuck", "to": "stuck"}],
            "dead_end",
            "states[3]",
        ),
    ],
)
def test_what_is_wrong_is_told_with_its_place(
    states: list[dict[str, Any]], transitions: list[dict[str, Any]], code: str, where: str
) -> None:
    assert (code, where) in [(one.code, one.where) for one in a_graph(states, transitions).problems()]


def test_an_empty_graph_has_no_start() -> None:
    assert codes(Graph()) == ["one_start"]


def test_a_start_must_be_left_and_must_not_be_the_end() -> None:
    alone = Graph.model_validate({"states": [{"key": "new", "type": "start", "is_terminal": True}]})

    assert codes(alone) == ["terminal_start", "start_exit"]


def test_a_state_that_only_an_everywhere_transition_leaves_is_no_dead_end() -> None:
    graph = a_graph([{"key": "held"}], [{"key": "hold", "from": "paid", "to": "held"}, {"key": "end", "to": "sent"}])

    assert graph.problems() == ()


class Limit(BaseModel):
    """Settings of a task."""

    amount: int


TASKS = {
    "is-solvent": KnownTask("restriction", "order", Limit),
    "has-address": KnownTask("validation"),
    "notify": KnownTask("action", "parcel"),
}


def a_flow(*bindings: dict[str, Any], subject_type: str = "order") -> FlowDefinition:
    """A flow whose second transition has these tasks."""
    return FlowDefinition.model_validate(
        {
            "id": 1,
            "subject_type": subject_type,
            "states": STATES,
            "transitions": [TRANSITIONS[0], {**TRANSITIONS[1], "tasks": list(bindings)}],
        }
    )


def test_tasks_that_are_known_and_fit_are_no_problem() -> None:
    flow = a_flow(
        {"task": "is-solvent", "kind": "restriction", "config": {"amount": 5}},
        {"task": "has-address", "kind": "validation"},
    )

    assert flow.problems(tasks=TASKS) == ()


@pytest.mark.parametrize(
    ("binding", "code", "says"),
    [
        ({"task": "has-adress", "kind": "validation"}, "unknown_task", 'Did you mean "has-address"?'),
        ({"task": "has-address", "kind": "action"}, "wrong_kind", "of the kind validation, not action"),
        ({"task": "notify", "kind": "action"}, "wrong_subject", 'for "parcel", not for "order"'),
        ({"task": "is-solvent", "kind": "restriction"}, "wrong_config", "config.amount: Field required."),
    ],
)
def test_tasks_that_are_unknown_or_do_not_fit_are_told(binding: dict[str, Any], code: str, says: str) -> None:
    found = a_flow(binding).problems(tasks=TASKS)

    assert [one.code for one in found] == [code]
    assert str(found[0]).startswith("transitions[1].tasks[0]") and says in str(found[0])


def test_tasks_at_the_doors_of_states_are_looked_at_too() -> None:
    binding = TaskBinding(task="unheard-of", kind="action")
    graph = Graph(states=(State(key="new", type="start", on_enter=(binding,), on_leave=(binding,)),))

    places = [one.where for one in graph.problems(tasks={}) if one.code == "unknown_task"]

    assert places == ["states[0].on_enter[0].task", "states[0].on_leave[0].task"]


def test_statuses_are_held_against_those_of_the_subject() -> None:
    found = a_graph().problems(statuses={"new", "payed", "sent"})

    assert [(one.where, one.code) for one in found] == [("states[1].status", "unknown_status")]
    assert 'Did you mean "payed"?' in found[0].message


def test_everything_is_told_at_once() -> None:
    graph = a_graph([{"key": "first", "type": "start"}, {"key": "stuck"}], [{"key": "go", "from": "sent", "to": "no"}])

    with pytest.raises(BadFlow) as refused:
        graph.validate_graph()

    assert len(refused.value.problems) == len(graph.problems()) >= 4
    assert all(one in str(refused.value) for one in refused.value.problems)


def test_states_are_drawn_as_states_of_their_kind_unless_they_say_otherwise() -> None:
    start, middle, end = (State.model_validate(one) for one in STATES)

    assert [(one.look().color, one.look().icon) for one in (start, middle, end)] == [
        ("#fff", "play"),
        ("#ddd", "circle"),
        ("#000", "stop"),
    ]
    assert (end.look().position.x, end.look().position.y) == (300, 50)
    assert State(key="a", color="#123456", icon="bolt").look().color == "#123456"


@pytest.mark.parametrize(
    "bad",
    [
        {"key": "Pay", "from": "new", "to": "paid"},
        {"key": "pay_it", "from": "new", "to": "paid"},
        {"key": "pay", "form": "new", "to": "paid"},
        {"key": "pay", "to": "paid", "tasks": [{"task": "x", "kind": "guess"}]},
    ],
)
def test_a_transition_that_is_misspelled_is_refused(bad: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Transition.model_validate(bad)
