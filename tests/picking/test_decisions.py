"""Decisions that are kept: as long as they would be the same, and no longer."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from eventflow.picking.catalogue import Catalogue
from eventflow.picking.decisions import Decision, Decisions, Key
from eventflow.picking.definition import FlowDefinition
from eventflow.picking.query import FlowQuery
from tests.picking.words import NOW, a_flow, a_query, at


def kept(catalogue: Catalogue, query: FlowQuery, subject: Any = None, now: datetime = NOW) -> FlowDefinition | None:
    """What is picked by a query that wants decisions kept."""
    return catalogue.pick(query.replace(cache=True), {} if subject is None else subject, now).flow


def test_a_decision_is_made_once_for_those_who_are_alike() -> None:
    decisions = Decisions()
    catalogue = Catalogue([a_flow(1)], decisions=decisions)
    query = a_query(rollout_key={"attr": "id"})

    for number in range(1000):
        assert kept(catalogue, query, {"id": number}) == a_flow(1)

    assert len(decisions) == 100  # one for each bucket


def test_the_usual_order_is_kept_and_code_is_not() -> None:
    decisions = Decisions()
    catalogue = Catalogue([a_flow(1)], decisions=decisions)

    kept(catalogue, a_query(where=[lambda flow, subject: True]))
    kept(catalogue, a_query(order_by=lambda flow, subject: flow.id))
    assert len(decisions) == 0
    kept(catalogue, a_query(order_by="default"))
    kept(catalogue, a_query(order_by=[["id", "asc"]]))
    assert len(decisions) == 2
    catalogue.pick(a_query(channel="web"), {}, NOW)
    assert len(decisions) == 2


def test_code_is_asked_every_time() -> None:
    catalogue, asked = Catalogue([a_flow(1)]), []

    def is_welcome(flow: FlowDefinition, subject: Any) -> bool:
        asked.append(subject)
        return len(asked) < 3

    query = a_query(where=[is_welcome])
    assert [kept(catalogue, query) is not None for _ in range(3)] == [True, True, False]


def test_a_decision_ends_when_a_window_opens_or_closes() -> None:
    flows = [a_flow(1), a_flow(2, version=2, active_from=at(1), active_to=at(2))]
    catalogue = Catalogue(flows)
    moments = [at(0), at(1), at(2), at(3), at(0), at(2)]

    found = [kept(catalogue, a_query(), now=datetime.fromisoformat(moment)) for moment in moments]

    assert [one and one.id for one in found] == [1, 2, 2, 1, 1, 2]


def test_a_decision_holds_at_its_position_only() -> None:
    decisions = Decisions()
    before = Catalogue([a_flow(1)], position=5, decisions=decisions)
    after = Catalogue([a_flow(1, status=False)], position=6, decisions=decisions)

    assert [kept(one, a_query()) for one in (before, after, before)] == [a_flow(1), None, a_flow(1)]


@pytest.mark.parametrize(
    "other",
    [
        {"fallback_cascade": ["disable_rollout"]},
        {"subject_scope": ""},
        {"prefer_flows": [2]},
        {"version_max": 1},
        {"evaluate_rollout": False},
        {"where": [{"field": "id", "op": "eq", "value": 9}]},
    ],
)
def test_queries_that_differ_are_decided_apart(other: dict[str, Any]) -> None:
    catalogue = Catalogue([a_flow(1), a_flow(2), a_flow(3, version=3, rollout_pct=0)])

    for query in (a_query(), a_query(**other), a_query()):
        assert kept(catalogue, query) == catalogue.pick(query, {}, NOW).flow


def test_subjects_that_differ_in_what_is_asked_are_decided_apart() -> None:
    catalogue = Catalogue([a_flow(1, attributes={"tier": 1}), a_flow(2, attributes={"tier": True})])
    query = a_query(where=[{"field": "tier", "op": "eq", "subject_attr": "tier"}])

    found = [kept(catalogue, query, {"tier": tier}) for tier in (1, True, "1", 1.0, object(), None, True)]

    assert [one and one.id for one in found] == [1, 2, None, 1, None, None, 2]


def test_the_oldest_decisions_are_forgotten_first() -> None:
    decisions = Decisions(most=2)
    for position in (1, 2, 3):
        decisions.keep(Key(position, "", ""), Decision(0, None, None))

    assert [decisions.get(Key(position, "", ""), 0) is not None for position in (1, 2, 3)] == [False, True, True]
    assert decisions.get(Key(3, "", ""), 1) is None
