"""Conditions as data: what each operator says, and of what."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from eventflow.picking.conditions import Condition, compare
from eventflow.picking.query import FlowQuery
from tests.picking.words import NOW, a_flow, a_query, at

LISTED = {"regions": ["eu", "us"], "tier": "gold", "channel": "own", "limits": {"eu": 5}, "priority": 7}


def passes(said: dict[str, Any], subject: Any = None, **fields: Any) -> bool:
    """Whether a flow fulfils a condition."""
    bound = Condition.model_validate(said).bind({} if subject is None else subject)
    return bound is None or bound.passes(a_flow(1, **({"attributes": LISTED} | fields)))


@pytest.mark.parametrize(
    ("op", "found", "value", "holds"),
    [
        ("eq", "a", "a", True),
        ("eq", "a", "A", False),
        ("eq", 1, 1.0, True),
        ("eq", 1, True, False),
        ("eq", 1, "1", False),
        ("eq", None, None, True),
        ("eq", [1, {"a": 2}], [1.0, {"a": 2}], True),
        ("eq", [1], [True], False),
        ("eq", {"a": 1}, {"a": 1, "b": 2}, False),
        ("ne", "a", "b", True),
        ("ne", None, "b", True),
        ("ne", None, None, False),
        ("in", "a", ["a", "b"], True),
        ("in", True, [1], False),
        ("in", None, [None], True),
        ("in", "a", "abc", False),
        ("gte", 2, 2, True),
        ("gte", 2.5, 2, True),
        ("gte", 1, 2, False),
        ("gte", "b", "a", True),
        ("gte", "2", 1, False),
        ("gte", None, 0, False),
        ("gte", 2, None, False),
        ("gte", True, 0, False),
        ("gte", True, False, True),
        ("gte", [2], [1], False),
        ("lte", 1, 2, True),
        ("lte", 3, 2, False),
        ("lte", None, 2, False),
        ("contains", ["a", 1], 1, True),
        ("contains", ["a", 1], True, False),
        ("contains", "abc", "b", True),
        ("contains", "abc", 1, False),
        ("contains", {"a": 1}, "a", True),
        ("contains", None, "a", False),
        ("contains", 12, 1, False),
        ("is_null", None, True, True),
        ("is_null", None, None, True),
        ("is_null", None, False, False),
        ("is_null", 0, False, True),
        ("eq", NOW, at(0), True),
        ("gte", NOW, at(-1), True),
        ("lte", NOW, "2026-03-01T13:00:00+01:00", True),
        ("lte", NOW, "soon", False),
        ("eq", NOW, 5, False),
        ("ne", NOW, datetime(2026, 3, 1), True),
    ],
)
def test_an_operator_holds_one_value_against_another(op: Any, found: Any, value: Any, holds: bool) -> None:
    assert compare(op, found, value) is holds


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("tier", "gold"),
        ("attributes.tier", "gold"),
        ("channel", "web"),
        ("attributes.channel", "own"),
        ("id", 1),
        ("version", 1),
        ("status", True),
        ("nowhere", None),
        ("attributes.nowhere", None),
        ("attributes", LISTED),
    ],
)
def test_a_condition_is_about_a_field_or_an_attribute(field: str, value: Any) -> None:
    assert passes({"field": field, "op": "eq", "value": value}, channel="web")


def test_a_condition_may_be_held_against_the_subject() -> None:
    said = {"field": "regions", "op": "contains", "subject_attr": "region"}

    assert passes(said, {"region": "eu"})
    assert not passes(said, {"region": "asia"})
    assert not passes(said, {})


def test_a_condition_may_count_for_some_subjects_only() -> None:
    said = {
        "field": "tier",
        "op": "eq",
        "value": "silver",
        "when": {"subject_attr": "total", "op": "gte", "value": 100},
    }

    assert not passes(said, {"total": 100})
    assert passes(said, {"total": 99}) and passes(said, {})


def test_windows_can_be_asked_about() -> None:
    until = (NOW + timedelta(days=1)).isoformat()

    assert passes({"field": "active_to", "op": "gte", "value": at(0)}, active_to=until)
    assert not passes({"field": "active_to", "op": "gte", "value": at(0)})


@pytest.mark.parametrize(
    "said",
    [
        {"field": "a", "op": "eq"},
        {"field": "a", "op": "like", "value": "x"},
        {"field": "", "op": "eq", "value": 1},
        {"op": "eq", "value": 1},
        {"field": "a", "op": "eq", "value": 1, "subject_attr": "b"},
        {"field": "a", "op": "in", "value": "abc"},
        {"field": "a", "op": "is_null", "value": 1},
        {"field": "a", "op": "eq", "value": float("nan")},
        {"field": "a", "op": "eq", "value": 1, "when": {"subject_attr": "b", "op": "in", "value": 1}},
        {"field": "a", "op": "eq", "value": 1, "wen": None},
    ],
)
def test_a_condition_that_makes_no_sense_is_refused(said: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Condition.model_validate(said)


def test_an_instant_without_a_zone_is_no_instant() -> None:
    assert not compare("gte", NOW, datetime(2020, 1, 1))
    assert compare("gte", NOW, datetime(2020, 1, 1, tzinfo=UTC))


def test_a_query_is_frozen_and_a_changed_copy_is_checked() -> None:
    query = a_query(channel="web", fallback_cascade=["drop_channel"])
    assert [name for name, _ in query.steps] == [None, "drop_channel"]

    copy = query.model_copy(update={"fallback_cascade": [], "channel": "app"})

    assert (copy.channel, [name for name, _ in copy.steps]) == ("app", [None])
    with pytest.raises(ValidationError):
        query.channel = "app"  # type: ignore[misc]
    with pytest.raises(ValidationError):
        query.model_copy(update={"version_min": "1"})


@pytest.mark.parametrize(
    "said",
    [
        {"subject_type": None},
        {"subject_type": ""},
        {"only_active": 1},
        {"version_equals": 1.5},
        {"include_flows": 1},
        {"include_flows": [None]},
        {"prefer_channels": "web"},
        {"match_strategy": "worst"},
        {"fallback_cascade": ["drop_scope"]},
        {"rollout_key": "id"},
        {"rollout_key": {"attr": "id", "const": 1}},
        {"force_flow_id": 7},
        {"order_by": "version"},
        {"order_by": [["version"]]},
        {"order_by": [["version", "down"]]},
        {"where": [7]},
        {"where": {"field": "a", "op": "eq", "value": 1}},
        {"chanel": "web"},
    ],
)
def test_a_query_that_makes_no_sense_is_refused(said: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        a_query(**said)


def test_a_query_needs_its_type_of_subject() -> None:
    with pytest.raises(ValidationError, match="subject_type"):
        FlowQuery()  # type: ignore[call-arg]
