"""The builder says the same as the query that it builds."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import pytest
from pydantic import ValidationError

from eventflow.picking.builder import FlowPickerBuilder
from eventflow.picking.conditions import Condition, When
from eventflow.picking.facts import Attr, Const
from eventflow.picking.picker import pick
from eventflow.picking.query import FlowQuery
from tests.picking.words import NOW, a_flow, a_query

Said = Callable[[FlowPickerBuilder], FlowPickerBuilder]


def by_version(flow: Any, subject: Any) -> Any:
    return flow.version


def everything(flow: Any, subject: Any) -> bool:
    return True


METHODS: dict[str, tuple[Said, dict[str, Any]]] = {
    "subject_type": (lambda one: one.subject_type("parcel"), {"subject_type": "parcel"}),
    "subject_scope": (lambda one: one.subject_scope("eu"), {"subject_scope": "eu"}),
    "subject_collection": (lambda one: one.subject_collection("c"), {"subject_collection": "c"}),
    "environment": (lambda one: one.environment("prod"), {"environment": "prod"}),
    "channel": (lambda one: one.channel("web"), {"channel": "web"}),
    "only_active": (lambda one: one.only_active(False), {"only_active": False}),
    "ignore_time_window": (lambda one: one.ignore_time_window(), {"ignore_time_window": True}),
    "time_now": (lambda one: one.time_now(NOW), {}),
    "evaluate_rollout": (lambda one: one.evaluate_rollout(False), {"evaluate_rollout": False}),
    "rollout_namespace": (lambda one: one.rollout_namespace("n"), {"rollout_namespace": "n"}),
    "rollout_salt": (lambda one: one.rollout_salt("s"), {"rollout_salt": "s"}),
    "rollout_key": (lambda one: one.rollout_key(Attr(attr="id")), {"rollout_key": {"attr": "id"}}),
    "rollout_key_resolver": (lambda one: one.rollout_key_resolver(Const(const=1)), {"rollout_key": {"const": 1}}),
    "where": (
        lambda one: (
            one.where("tier", "in", ["a"])
            .where("region", subject_attr="region", when=When(subject_attr="vip", op="eq", value=True))
            .where(Condition(field="a", op="is_null"))
            .where(everything)
        ),
        {
            "where": [
                {"field": "tier", "op": "in", "value": ["a"]},
                {
                    "field": "region",
                    "op": "eq",
                    "subject_attr": "region",
                    "when": {"subject_attr": "vip", "op": "eq", "value": True},
                },
                {"field": "a", "op": "is_null"},
                everything,
            ]
        },
    ),
    "order_by": (
        lambda one: one.order_by(by_version).order_by(("version", "asc"), ("id", "desc")),
        {"order_by": [["version", "asc"], ["id", "desc"]]},
    ),
    "order_by_default": (lambda one: one.order_by(by_version).order_by_default(), {"order_by": None}),
    "match_strategy": (lambda one: one.match_strategy("first"), {"match_strategy": "first"}),
    "pick_first_match": (lambda one: one.pick_first_match(), {"match_strategy": "first"}),
    "require_default": (lambda one: one.require_default(), {"require_default": True}),
    "include_flows": (lambda one: one.include_flows([2, 1]), {"include_flows": [2, 1]}),
    "exclude_flows": (lambda one: one.exclude_flows([3]), {"exclude_flows": [3]}),
    "prefer_flows": (lambda one: one.prefer_flows([3, None]), {"prefer_flows": [3]}),
    "prefer_environments": (lambda one: one.prefer_environments(["", "0"]), {"prefer_environments": ["0"]}),
    "prefer_channels": (lambda one: one.prefer_channels(["web", None]), {"prefer_channels": ["web"]}),
    "version_equals": (lambda one: one.version_equals(2), {"version_equals": 2}),
    "version_at_least": (lambda one: one.version_at_least(2), {"version_min": 2}),
    "version_at_most": (lambda one: one.version_at_most(2), {"version_max": 2}),
    "version_min": (lambda one: one.version_min(2), {"version_min": 2}),
    "version_max": (lambda one: one.version_max(2).version_max(None), {"version_max": None}),
    "fallback_cascade": (
        lambda one: one.fallback_cascade(["drop_channel", "drop_channel"]),
        {"fallback_cascade": ["drop_channel", "drop_channel"]},
    ),
    "force_flow_id": (lambda one: one.force_flow_id(Const(const=1)), {"force_flow_id": {"const": 1}}),
    "force_flow_id_resolver": (
        lambda one: one.force_flow_id_resolver(Attr(attr="f")),
        {"force_flow_id": {"attr": "f"}},
    ),
    "return_candidates": (lambda one: one.return_candidates(), {}),
    "candidates_limit": (lambda one: one.candidates_limit(5), {"candidates_limit": 5}),
    "cache": (lambda one: one.cache(), {"cache": True}),
    "cache_in_request": (lambda one: one.cache_in_request(), {"cache": True}),
}


@pytest.mark.parametrize("method", METHODS)
def test_a_method_says_what_the_field_of_the_query_says(method: str) -> None:
    say, fields = METHODS[method]
    builder = FlowPickerBuilder("order")

    assert say(builder) is builder
    assert builder.build() == a_query(**fields)


def test_every_method_is_tried() -> None:
    named = {name for name, _ in inspect.getmembers(FlowPickerBuilder, inspect.isfunction) if not name.startswith("_")}

    assert named - {"build"} == set(METHODS)


def test_every_field_of_the_query_can_be_said_and_read_again() -> None:
    assert set(FlowQuery.model_fields) <= set(METHODS)
    query = FlowPickerBuilder("order").channel("web").version_at_least(2).build()

    assert (query.channel, query.version_min, query.only_active) == ("web", 2, True)
    assert FlowPickerBuilder.of(query).build() == query


def test_nothing_is_checked_before_it_is_built_and_then_everything() -> None:
    builder = FlowPickerBuilder().match_strategy("worst").version_min("2")  # type: ignore[arg-type]

    with pytest.raises(ValidationError) as refused:
        builder.build()

    assert {one["loc"][0] for one in refused.value.errors()} == {"subject_type", "match_strategy", "version_min"}


def test_the_time_of_a_builder_is_no_part_of_its_query() -> None:
    builder = FlowPickerBuilder("order").time_now(NOW)

    assert builder.now == NOW
    assert pick([a_flow(1)], builder.build(), {}, builder.now).flow == a_flow(1)
