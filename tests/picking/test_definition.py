"""Definitions of flows: what they take, what they refuse, and that nothing is lost on paper."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from enum import StrEnum
from typing import Any
from uuid import UUID

import pytest
from pydantic import ValidationError

from eventflow.picking.definition import FlowDefinition


def a_definition(**fields: Any) -> FlowDefinition:
    return FlowDefinition.model_validate({"id": 1, "subject_type": "order"} | fields)


def test_a_definition_needs_an_id_and_a_subject_type_and_has_quiet_defaults() -> None:
    flow = a_definition()

    assert (flow.version, flow.is_default, flow.status, flow.ordering, flow.deleted) == (1, False, True, 0, False)
    assert {flow.subject_scope, flow.subject_collection, flow.environment, flow.channel} == {None}
    assert (flow.active_from, flow.active_to, flow.rollout_pct, flow.attributes) == (None, None, None, {})


def test_a_definition_is_frozen() -> None:
    with pytest.raises(ValidationError):
        a_definition().version = 2  # type: ignore[misc]


@pytest.mark.parametrize(
    ("fields", "place"),
    [
        ({"id": True}, "id"),
        ({"id": ""}, "id"),
        ({"id": None}, "id"),
        ({"id": 1.0}, "id"),
        ({"subject_type": ""}, "subject_type"),
        ({"subject_type": None}, "subject_type"),
        ({"version": 0}, "version"),
        ({"version": "1"}, "version"),
        ({"ordering": -1}, "ordering"),
        ({"rollout_pct": 101}, "rollout_pct"),
        ({"rollout_pct": -1}, "rollout_pct"),
        ({"rollout_pct": True}, "rollout_pct"),
        ({"rollout_pct": 12.5}, "rollout_pct"),
        ({"status": 1}, "status"),
        ({"status": "active"}, "status"),
        ({"deleted": None}, "deleted"),
        ({"channel": "c" * 65}, "channel"),
        ({"environment": 7}, "environment"),
        ({"subject_scope": "s" * 256}, "subject_scope"),
        ({"active_from": "2026-03-01"}, "active_from"),
        ({"active_from": "2026-03-01T10:00:00"}, "active_from"),
        ({"active_to": "soon"}, "active_to"),
        ({"active_to": 1772359200}, "active_to"),
        ({"active_to": datetime(2026, 3, 1)}, "active_to"),
        ({"active_to": "9999-12-31T23:59:59-14:00"}, "active_to"),
        ({"attributes": []}, "attributes"),
        ({"attributes": {"share": float("nan")}}, "attributes"),
        ({"attributes": {"deep": [{"share": float("inf")}]}}, "attributes"),
        ({"attributes": {"text": "\ud800"}}, "attributes"),
        ({"chanel": "web"}, "chanel"),
    ],
)
def test_what_does_not_fit_is_refused_by_the_name_of_its_field(fields: dict[str, Any], place: str) -> None:
    with pytest.raises(ValidationError) as refused:
        a_definition(**fields)

    assert {one["loc"][0] for one in refused.value.errors()} == {place}


def test_a_window_that_closes_before_it_opens_is_refused() -> None:
    with pytest.raises(ValidationError, match="before active_from"):
        a_definition(active_from="2026-03-02T00:00:00Z", active_to="2026-03-01T00:00:00Z")

    at_once = a_definition(active_from="2026-03-01T00:00:00Z", active_to="2026-03-01T00:00:00Z")
    assert at_once.active_from == at_once.active_to


def test_instants_are_compared_whatever_zone_they_are_told_in() -> None:
    east = timezone(timedelta(hours=2))

    told = a_definition(active_from="2026-03-01T10:00:00+02:00")
    built = a_definition(active_from=datetime(2026, 3, 1, 10, tzinfo=east))

    assert told == built
    assert told.active_from == datetime(2026, 3, 1, 8, tzinfo=UTC)


def test_ids_are_numbers_or_texts_and_those_of_streams_become_texts() -> None:
    id = UUID(int=5)

    assert [a_definition(id=one).id for one in (7, "checkout", id)] == [7, "checkout", str(id)]


def test_a_status_enum_may_name_the_subject() -> None:
    class Subjects(StrEnum):
        ORDER = "order"

    assert a_definition(subject_type=Subjects.ORDER) == a_definition()


def test_a_change_is_checked_like_a_new_definition() -> None:
    flow = a_definition(rollout_pct=10)

    assert flow.replace(rollout_pct=30) == a_definition(rollout_pct=30)
    with pytest.raises(ValidationError):
        flow.replace(rollout_pct=300)


def test_the_family_is_what_versions_have_in_common() -> None:
    one, two = a_definition(channel="web"), a_definition(id=2, channel="web", version=2, is_default=True)

    assert one.family == two.family != a_definition().family


def test_a_flow_is_called_by_its_name_in_the_language_that_is_asked_for() -> None:
    flow = a_definition(names={"en": "Checkout", "de": "Kasse"})

    assert [flow.name("de"), flow.name("fr", "en"), flow.name("fr"), a_definition().name("en")] == [
        "Kasse",
        "Checkout",
        "Checkout",
        "1",
    ]


def test_what_is_equal_has_the_same_hash_whatever_it_holds() -> None:
    one, other = (a_definition(attributes={"a": [1]}, active_from="2026-03-01T10:00:00+02:00") for _ in range(2))

    assert len({one, other, a_definition(id=2)}) == 2
    assert hash(one) == hash(other)


def test_on_paper_a_definition_begins_with_what_it_is_called() -> None:
    assert list(a_definition().model_dump())[:2] == ["id", "subject_type"]
    assert list(a_definition().model_dump())[-2:] == ["states", "transitions"]
