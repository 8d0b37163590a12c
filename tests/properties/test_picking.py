"""What must hold for the picker, whatever it is asked."""

from __future__ import annotations

import json
from datetime import datetime
from random import Random
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from eventflow.errors import FlowNotFound
from eventflow.picking.catalogue import Catalogue
from eventflow.picking.definition import FlowDefinition
from eventflow.picking.picker import explain, pick
from eventflow.picking.query import FlowQuery
from eventflow.picking.reading import definitions_of, query_of
from eventflow.picking.rollout import admits, bucket_of
from tests.picking import words
from tests.picking.words import NOW, STEPS, Data, Reference, a_flow, a_query


def answer(catalogue: Catalogue, query: FlowQuery, subject: Data, now: str) -> Data:
    """What the picker says, as the reference says it."""
    try:
        found = catalogue.pick(query, subject, datetime.fromisoformat(now))
    except FlowNotFound:
        return {"error": "FlowNotFound"}
    return {
        "picked": None if found.flow is None else found.flow.id,
        "candidates": [one.id for one in found.candidates],
        "fallback_step": found.fallback_step,
        "bucket": found.bucket,
    }


@given(words.catalogues, words.queries, words.subjects, words.nows)
def test_the_picker_says_what_the_rules_say(definitions: list[Data], query: Data, subject: Data, now: str) -> None:
    catalogue = Catalogue(definitions_of(definitions))

    assert answer(catalogue, query_of(query), subject, now) == Reference(definitions, query, subject, now).answer()


MANY = words.a_population(400, Random(26))
AMONG_MANY = Catalogue(definitions_of(MANY))


@given(words.queries, words.subjects, words.nows)
def test_the_picker_says_what_the_rules_say_among_very_many(query: Data, subject: Data, now: str) -> None:
    assert answer(AMONG_MANY, query_of(query), subject, now) == Reference(MANY, query, subject, now).answer()


@given(words.catalogues, words.queries, words.forcing, words.subjects, words.nows)
def test_a_forced_flow_is_that_flow_or_an_error(
    definitions: list[Data], query: Data, force: Data, subject: Data, now: str
) -> None:
    query = query | {"force_flow_id": force}
    catalogue = Catalogue(definitions_of(definitions))

    assert answer(catalogue, query_of(query), subject, now) == Reference(definitions, query, subject, now).answer()


@given(words.catalogues, words.queries, st.lists(st.tuples(words.subjects, words.nows), min_size=2, max_size=6))
def test_what_is_kept_changes_no_answer(definitions: list[Data], query: Data, asked: list[tuple[Data, str]]) -> None:
    catalogue, said = Catalogue(definitions_of(definitions)), query | {"cache": True}

    for subject, now in asked:
        assert answer(catalogue, query_of(said), subject, now) == Reference(definitions, said, subject, now).answer()


@given(words.catalogues, words.queries, st.none() | words.forcing, words.subjects, words.nows)
def test_the_explanation_and_the_pick_agree(
    definitions: list[Data], query: Data, force: Data | None, subject: Data, now: str
) -> None:
    flows, asked = definitions_of(definitions), query_of(query | {"force_flow_id": force})
    told = explain(flows, asked, subject, datetime.fromisoformat(now))

    said = answer(Catalogue(flows), asked, subject, now)

    if "error" in said:
        assert told.picked is None and told.refused is not None
        return
    limit = asked.candidates_limit or 0
    candidates = list(told.candidates[:limit] if limit > 0 else told.candidates)
    assert said == {
        "picked": told.picked,
        "candidates": candidates,
        "fallback_step": told.fallback_step,
        "bucket": told.bucket,
    }
    for step in told.steps:
        assert sorted([*step.candidates, *(one.flow for one in step.dropped)], key=repr) == sorted(
            (one.id for one in flows), key=repr
        )
    assert json.loads(json.dumps(told.data()))["picked"] == told.picked
    assert told.words()


@given(words.catalogues, words.queries, words.subjects, words.nows)
def test_the_cascade_never_answers_with_what_a_step_not_yet_taken_forbids(
    definitions: list[Data], query: Data, subject: Data, now: str
) -> None:
    flows, asked = {one.id: one for one in definitions_of(definitions)}, query_of(query)
    said = answer(Catalogue(flows.values()), asked, subject, now)
    if said["picked"] is None:
        return
    flow = flows[said["picked"]]
    cascade = asked.fallback_cascade
    step = said["fallback_step"]
    taken = set(cascade[: cascade.index(step) + 1]) if step is not None else set()

    kept = set(STEPS) - taken
    assert "drop_channel" not in kept or asked.channel in (None, flow.channel)
    assert "drop_environment" not in kept or asked.environment in (None, flow.environment)
    assert "drop_require_default" not in kept or not asked.require_default or flow.is_default
    if "disable_rollout" in kept and asked.evaluate_rollout:
        assert admits(flow.rollout_pct, said["bucket"])
    if "ignore_timewindow" in kept and asked.only_active and not asked.ignore_time_window:
        at = datetime.fromisoformat(now)
        assert (flow.active_from or at) <= at <= (flow.active_to or at)
    assert asked.subject_scope in (None, flow.subject_scope) and asked.subject_collection in (
        None,
        flow.subject_collection,
    )
    assert flow.status or not asked.only_active
    assert not flow.deleted and flow.id not in asked.exclude_flows


@given(st.none() | st.text(max_size=5), st.none() | st.text(max_size=5), st.text(min_size=1) | st.integers())
def test_raising_a_share_never_moves_a_key_out(namespace: str | None, salt: str | None, key: str | int) -> None:
    bucket = bucket_of(namespace, salt, key)
    assert bucket is not None and 0 <= bucket < 100

    let_in = [admits(pct, bucket) for pct in range(101)]

    assert let_in == sorted(let_in)
    assert sum(let_in) == 100 - bucket


@given(st.integers(0, 100), st.none() | st.sampled_from(["ns"]), st.text(max_size=3))
def test_a_share_is_exactly_so_many_buckets(pct: int, namespace: str | None, salt: str) -> None:
    flow = a_flow(1, rollout_pct=pct)
    keys = {bucket_of(namespace, salt, key): key for key in range(2000)}
    assert len(keys) == 100
    query = a_query(rollout_namespace=namespace, rollout_salt=salt, rollout_key={"attr": "id"})
    catalogue = Catalogue([flow])

    let_in = [key for key in keys.values() if catalogue.pick(query, {"id": key}, NOW).flow is not None]

    assert len(let_in) == pct


@given(words.catalogues)
def test_definitions_come_back_from_paper_as_they_were(definitions: list[Data]) -> None:
    flows = definitions_of(definitions)

    paper = json.dumps([one.model_dump(mode="json") for one in flows])

    assert definitions_of(json.loads(paper)) == flows


@given(words.queries, st.none() | words.forcing)
def test_queries_come_back_from_paper_as_they_were(query: Data, force: Data | None) -> None:
    asked = query_of(query | {"force_flow_id": force})

    assert query_of(json.loads(asked.model_dump_json())) == asked


@given(words.catalogues, words.queries, words.subjects, words.nows)
def test_a_pick_is_the_same_whatever_was_asked_before_and_in_whatever_order_definitions_come(
    definitions: list[Data], query: Data, subject: Data, now: str
) -> None:
    flows, asked, at = definitions_of(definitions), query_of(query), datetime.fromisoformat(now)

    def told(catalogue: Any) -> tuple[FlowDefinition | None, str | None, tuple[FlowDefinition, ...]]:
        found = pick(catalogue, asked, subject, at)
        return found.flow, found.fallback_step, found.candidates

    used = Catalogue(flows)
    assert told(used) == told(used) == told(flows) == told(tuple(reversed(flows)))
