"""Picking flows from files: one question, or many in the lines of one file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from hypothesis import given, settings
from hypothesis import strategies as st

from eventflow.cli.exits import Code
from tests.cli.words import says
from tests.picking import words
from tests.picking.words import Data, Reference

FLOWS: list[Data] = [
    {"id": 1, "subject_type": "order"},
    {"id": 2, "subject_type": "order", "version": 2, "rollout_pct": 30},
    {"id": "kiosk", "subject_type": "order", "channel": "kiosk", "active_to": "2026-03-01T12:00:00+01:00"},
]
QUERY: Data = {"subject_type": "order", "rollout_key": {"attr": "id"}}
NOON = "2026-03-01T12:00:00Z"


def ask(place: Path, *options: str, verb: str = "pick", **said: Any) -> Result:
    """What is answered about the files of these contents."""
    for name, content in {"definitions": FLOWS, "query": QUERY, "subject": {"id": "42"}, **said}.items():
        (place / f"{name}.json").write_text(content if isinstance(content, str) else json.dumps(content))
    files = [f"--{name}={place / name}.json" for name in ("definitions", "query", "subject")]
    return says("flows", verb, *files, "--now", NOON, *options)


def lines(result: Result) -> list[Any]:
    assert result.exit_code == 0, result.output
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_a_pick_is_told_as_one_document_with_exactly_four_fields(place: Path) -> None:
    result = ask(place, "--json")

    assert result.exit_code == 0
    assert json.loads(result.stdout) == {"picked": 1, "candidates": [1], "fallback_step": None, "bucket": 99}


def test_nothing_that_fits_is_an_answer_too(place: Path) -> None:
    result = ask(place, "--json", query={"subject_type": "parcel"})

    assert result.exit_code == 0
    assert json.loads(result.stdout) == {"picked": None, "candidates": [], "fallback_step": None, "bucket": None}


def test_the_step_that_found_something_is_told(place: Path) -> None:
    result = ask(place, "--json", query=QUERY | {"channel": "app", "fallback_cascade": ["drop_channel"]})

    told = json.loads(result.stdout)
    assert (told["picked"], told["fallback_step"]) == (1, "drop_channel")


def test_the_time_is_an_instant_whatever_zone_it_is_told_in(place: Path) -> None:
    query = QUERY | {"channel": "kiosk"}

    for now, picked in (("2026-03-01T11:00:00Z", "kiosk"), ("2026-03-01T11:00:00.000001Z", None)):
        result = ask(place, "--json", "--now", now, query=query)
        assert json.loads(result.stdout)["picked"] == picked


def test_a_forced_flow_that_cannot_be_had_ends_with_not_found(place: Path) -> None:
    result = ask(place, "--json", query=QUERY | {"force_flow_id": {"const": 9}})

    assert result.exit_code == Code.NOT_FOUND
    error = json.loads(result.stdout)["error"]
    assert (error["code"], error["reason"], error["flow"]) == ("FlowNotFound", "unknown", 9)


def test_people_are_told_the_same_in_words(place: Path) -> None:
    assert ask(place).stdout == "1\n"
    assert ask(place, query={"subject_type": "parcel"}).stdout == "Nothing fits.\n"
    refused = ask(place, query=QUERY | {"force_flow_id": {"const": 9}})
    assert refused.exit_code == Code.NOT_FOUND and "there is no such flow" in refused.stderr


@pytest.mark.parametrize(
    ("said", "names"),
    [
        ({"query": {"rollout_ky": None}}, ["query.subject_type", 'Did you mean "rollout_key"?']),
        ({"query": {"subject_type": "order", "version_min": "2"}}, ["query.version_min"]),
        ({"query": {"subject_type": "order", "where": [{"field": "a", "op": "is"}]}}, ["query.where[0].op"]),
        (
            {"query": {"subject_type": "order", "where": [{"field": "a", "op": "eq"}]}},
            ["query.where[0]", "subject_attr"],
        ),
        ({"query": {"subject_type": "order", "order_by": [["version", "up"]]}}, ["query.order_by"]),
        ({"query": {"subject_type": "order", "rollout_key": "id"}}, ["query.rollout_key", '{"attr": name}']),
        ({"query": {"subject_type": "order", "fallback_cascade": ["drop_all"]}}, ["query.fallback_cascade[0]"]),
        ({"query": {"subject_type": "order", "match_strategy": "worst"}}, ["query.match_strategy"]),
        ({"query": []}, ["query: an object is wanted, a list is there"]),
        ({"definitions": {}}, ["definitions: a list of definitions is wanted, an object is there"]),
        ({"definitions": [{"id": 1, "subject_type": "a"}] * 2}, ["definitions[1].id: there is another definition"]),
        ({"definitions": [{"id": 1, "subject_type": "a", "rollout_pct": 101}]}, ["definitions[0].rollout_pct"]),
        ({"definitions": [{"id": 1, "subject_type": "a", "active_to": "2026-03-01"}]}, ["definitions[0].active_to"]),
        ({"definitions": [7]}, ["definitions[0]: an object is wanted, a number is there"]),
        ({"definitions": "[NaN]"}, ["NaN is no number"]),
        ({"subject": "{"}, ["subject: this is no JSON"]),
        ({"subject": None}, ["subject: an object is wanted, null is there"]),
        ({"subject": "[" * 101 + "]" * 101}, ["subject: it is nested more than 100 deep"]),
    ],
)
def test_what_is_wrong_is_told_by_the_name_of_its_field(place: Path, said: Data, names: list[str]) -> None:
    result = ask(place, "--json", **said)

    assert result.exit_code == Code.REFUSED
    error = json.loads(result.stdout)["error"]
    assert error["code"] == "BadInput"
    assert [name for name in names if name not in error["message"]] == []


def test_everything_that_is_wrong_with_all_files_is_told_at_once(place: Path) -> None:
    result = ask(place, "--json", "--now", "noon", definitions=[{}], query={}, subject=[])

    problems = json.loads(result.stdout)["error"]["problems"]
    assert [one.split(":")[0] for one in problems] == [
        "definitions[0].id",
        "definitions[0].subject_type",
        "query.subject_type",
        "subject",
        "now",
    ]


def test_files_that_are_missing_are_a_usage_error(place: Path) -> None:
    assert says("flows", "pick").exit_code == Code.USAGE
    assert says("flows", "explain", "--query", "nowhere.json").exit_code == Code.USAGE


def test_an_explanation_tells_what_dropped_each_flow(place: Path) -> None:
    result = ask(place, verb="explain")

    assert result.exit_code == 0
    assert "1 is picked." in result.stdout
    assert "2: rollout is bucket 99, wanted is rollout_pct 30" in result.stdout
    told = json.loads(ask(place, "--json", verb="explain").stdout)
    dropped = {one["flow"]: one["constraint"] for one in told["steps"][0]["dropped"]}
    assert (told["picked"], dropped) == (1, {2: "rollout", "kiosk": "window"})


def test_an_explanation_is_given_where_a_pick_is_refused(place: Path) -> None:
    result = ask(place, verb="explain", query=QUERY | {"force_flow_id": {"attr": "id"}})

    assert result.exit_code == 0
    assert 'the flow "42" is forced, and is unknown' in result.stdout


def a_line(**said: Any) -> Data:
    return {"definitions": FLOWS, "query": QUERY, "subject": {"id": "42"}, "now": NOON} | said


def test_every_line_of_many_questions_has_its_answer_and_a_bad_one_stops_nothing(place: Path) -> None:
    asked = [
        json.dumps(a_line()),
        "",
        "{",
        json.dumps(a_line(query=QUERY | {"force_flow_id": {"const": 9}})),
        json.dumps(a_line(sbject={})),
        json.dumps(a_line(now="2026-03-01T12:00:00")),
        json.dumps([]),
        json.dumps(a_line(subject={"id": "\u2028"}), ensure_ascii=False),
        json.dumps(a_line(subject={"id": "36"})),
    ]
    (place / "asked.jsonl").write_text("\n".join(asked), encoding="utf-8")

    told = lines(says("flows", "pick", "--bulk", "asked.jsonl"))

    assert [one.get("picked", one.get("error", {}).get("code")) for one in told] == [
        *(1, "BadInput", "BadInput", "FlowNotFound", "BadInput", "BadInput", "BadInput", 1, 1),
    ]
    assert told[4]["error"]["problems"] == ['sbject: there is no such field. Did you mean "subject"?']
    assert "now: a time zone is wanted" in told[5]["error"]["message"]


def test_many_questions_may_come_from_standard_input_and_share_their_time() -> None:
    asked = json.dumps(
        {name: value for name, value in a_line(query=QUERY | {"channel": "kiosk"}).items() if name != "now"}
    )

    early = lines(says("flows", "pick", "--bulk", "-", "--now", "2026-03-01T10:00:00Z", input=f"{asked}\n"))
    late = lines(says("flows", "pick", "--bulk", "-", "--now", NOON, input=f"{asked}\n"))

    assert (early[0]["picked"], late[0]["picked"]) == ("kiosk", None)


def test_many_questions_and_one_are_not_asked_together(place: Path) -> None:
    (place / "asked.jsonl").touch()

    assert ask(place, "--bulk", "asked.jsonl").exit_code == Code.USAGE


questions = st.lists(
    st.fixed_dictionaries(
        {"definitions": words.catalogues, "query": words.queries, "subject": words.subjects, "now": words.nows}
    ),
    min_size=1,
    max_size=3,
)


@settings(max_examples=40)
@given(questions)
def test_many_questions_are_answered_by_the_rules(asked: list[Data]) -> None:
    result = says("flows", "pick", "--bulk", "-", input="".join(f"{json.dumps(one)}\n" for one in asked))

    assert lines(result) == [Reference(**one).answer() for one in asked]


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.just("2026-03-01T12:00:00Z"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
known = st.sampled_from([*FLOWS[2], *words.a_query().model_dump(), *words.a_flow(1).model_dump()])


def spoiled(whole: st.SearchStrategy[Data]) -> st.SearchStrategy[Data]:
    """Something that could be right, with fields that are probably wrong."""
    return st.tuples(whole, st.dictionaries(known | st.text(max_size=5), anything, max_size=2)).map(
        lambda both: both[0] | both[1]
    )


nonsense = st.fixed_dictionaries(
    {},
    optional={
        "definitions": st.lists(spoiled(words.definitions) | anything, max_size=3) | anything,
        "query": spoiled(words.queries) | anything,
        "subject": spoiled(words.subjects) | anything,
        "now": words.nows | anything,
    },
)


@given(st.lists(nonsense.map(json.dumps) | anything.map(json.dumps) | st.text(max_size=20), min_size=1, max_size=4))
def test_whatever_is_asked_there_is_an_answer_for_every_line(asked: list[str]) -> None:
    asked = [line.replace("\n", " ").encode("utf-8", "replace").decode() for line in asked]

    told = lines(says("flows", "pick", "--bulk", "-", input="".join(f"{line}\n" for line in asked)))

    assert len(told) == len(asked)
    for one in told:
        assert set(one) == {"picked", "candidates", "fallback_step", "bucket"} or (
            set(one) == {"error"} and one["error"]["code"] in ("BadInput", "FlowNotFound") and one["error"]["message"]
        )
