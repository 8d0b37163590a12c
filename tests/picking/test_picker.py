"""The rules of the picker, one after the other."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from enum import Enum
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest

from eventflow.errors import BadInput, FlowNotFound
from eventflow.picking.catalogue import Catalogue
from eventflow.picking.definition import FlowDefinition
from eventflow.picking.facts import Attr, Const
from eventflow.picking.picker import demand, explain, pick, preview
from eventflow.picking.query import Fallback, FlowQuery
from eventflow.picking.rollout import admits, bucket_of
from tests.picking.words import NOW, a_flow, a_query, at

SUBJECT = {"id": "42"}


def picked(flows: list[FlowDefinition], subject: Any = None, **query: Any) -> int | str | None:
    """The id of the flow that an order gets."""
    flow = pick(flows, a_query(**query), SUBJECT if subject is None else subject, NOW).flow
    return None if flow is None else flow.id


def candidates(flows: list[FlowDefinition], subject: Any = None, **query: Any) -> list[int | str]:
    """The ids of those that fit, in order."""
    found = pick(flows, a_query(**query), SUBJECT if subject is None else subject, NOW).candidates
    return [one.id for one in found]


# Who fits


@pytest.mark.parametrize("field", ["subject_scope", "subject_collection", "environment", "channel"])
def test_what_is_asked_for_must_be_equal_and_nothing_asked_is_no_filter(field: str) -> None:
    flows = [a_flow(1), a_flow(2, **{field: "a"}), a_flow(3, **{field: "A"}), a_flow(4, **{field: ""})]

    assert candidates(flows, **{field: "a"}) == [2]
    assert candidates(flows, **{field: ""}) == [4]
    assert candidates(flows) == [4, 3, 2, 1]


def test_only_flows_for_this_type_of_subject_are_picked() -> None:
    assert picked([a_flow(1), a_flow(2, subject_type="orders")]) == 1
    assert picked([a_flow(2, subject_type="orders")]) is None


def test_what_is_deleted_is_never_picked() -> None:
    assert picked([a_flow(1), a_flow(2, deleted=True)]) == 1
    assert candidates([a_flow(2, deleted=True)], only_active=False) == []


def test_what_is_not_active_is_picked_only_when_that_is_not_asked_for() -> None:
    flows = [a_flow(1, status=False), a_flow(2, active_to=at(-1))]

    assert candidates(flows) == []
    assert candidates(flows, ignore_time_window=True) == [2]
    assert candidates(flows, only_active=False) == [2, 1]


@pytest.mark.parametrize(
    ("since", "until", "is_open"),
    [
        (None, None, True),
        (at(-1), at(1), True),
        (at(0), at(0), True),
        (at(0), None, True),
        (None, at(0), True),
        (at(1), None, False),
        (None, at(-1), False),
    ],
)
def test_a_window_is_open_at_both_of_its_ends_and_where_it_has_none(
    since: str | None, until: str | None, is_open: bool
) -> None:
    assert (picked([a_flow(1, active_from=since, active_to=until)]) == 1) is is_open


def test_a_window_ends_to_the_microsecond() -> None:
    flow, moment = a_flow(1, active_to=NOW), timedelta(microseconds=1)

    assert [pick([flow], a_query(), {}, now).flow for now in (NOW, NOW + moment)] == [flow, None]


def test_the_time_is_an_instant_in_any_zone_but_never_without_one() -> None:
    flow = a_flow(1, active_from=NOW, active_to=NOW)

    assert pick([flow], a_query(), {}, NOW.astimezone(timezone(timedelta(hours=9)))).flow == flow
    with pytest.raises(BadInput, match="time zone"):
        pick([flow], a_query(), {}, NOW.replace(tzinfo=None))
    with pytest.raises(BadInput, match="no time"):
        pick([flow], a_query(), {}, 1772359200)  # type: ignore[arg-type]


def test_included_flows_are_all_there_are_and_excluded_ones_are_out_whatever_is_included() -> None:
    flows = [a_flow(id) for id in (1, 2, 3)]

    assert candidates(flows, include_flows=[3, 1, 9]) == [3, 1]
    assert candidates(flows, include_flows=[]) == [3, 2, 1]
    assert candidates(flows, include_flows=[3, 1], exclude_flows=[3]) == [1]
    assert candidates(flows, exclude_flows=[2]) == [3, 1]


def test_an_id_is_of_its_type() -> None:
    assert candidates([a_flow(1), a_flow("1")], include_flows=["1"]) == ["1"]


def test_only_defaults_where_they_are_required() -> None:
    assert candidates([a_flow(1, is_default=True), a_flow(2)], require_default=True) == [1]


def test_versions_are_asked_for_exactly_or_as_a_range_with_both_ends() -> None:
    flows = [a_flow(id, version=id) for id in (1, 2, 3, 4)]

    assert candidates(flows, version_min=2, version_max=3) == [3, 2]
    assert candidates(flows, version_min=3) == [4, 3]
    assert candidates(flows, version_max=1) == [1]
    assert candidates(flows, version_equals=1, version_min=3) == [1]


# Shares


@pytest.mark.parametrize(
    ("namespace", "salt", "key", "bucket"),
    [
        *((None, None, "1", 22), (None, None, "2", 44), (None, None, "42", 99), (None, None, "91", 0)),
        *((None, None, "41", 1), (None, None, "36", 49), (None, None, "99", 50), (None, None, "40", 51)),
        *(("order_v2", "2024", "1", 40), ("order", "tests", "1", 64), (None, None, 1, 22)),
        *((None, None, None, None), (None, None, "", None), ("", "", "1", 22)),
    ],
)
def test_a_key_falls_into_its_bucket(namespace: str | None, salt: str | None, key: Any, bucket: int | None) -> None:
    assert bucket_of(namespace, salt, key) == bucket
    asked = a_query(rollout_namespace=namespace, rollout_salt=salt, rollout_key={"attr": "id"})
    assert pick([], asked, {"id": key}, NOW).bucket == bucket


def test_a_share_is_exactly_its_buckets() -> None:
    assert [sum(admits(pct, bucket) for bucket in range(100)) for pct in (0, 1, 30, 99, 100, None)] == [
        *(0, 1, 30, 99, 100, 100)
    ]


@pytest.mark.parametrize(("pct", "is_let_in"), [(None, True), (100, True), (99, False), (1, False), (0, False)])
def test_without_a_key_only_what_is_for_everybody_is_picked(pct: int | None, is_let_in: bool) -> None:
    flow = a_flow(1, rollout_pct=pct)

    for key in (None, {"const": None}, {"const": ""}, {"attr": "missing"}):
        assert (picked([flow], rollout_key=key) == 1) is is_let_in


def test_a_share_is_not_looked_at_when_that_is_said() -> None:
    assert picked([a_flow(1, rollout_pct=0)], evaluate_rollout=False) == 1


def test_who_is_in_a_smaller_share_gets_the_newer_version_and_the_others_the_older() -> None:
    flows = [a_flow(1), a_flow(2, version=2, rollout_pct=23)]
    key = {"rollout_key": {"attr": "id"}}

    assert [picked(flows, {"id": id}, **key) for id in ("1", "2")] == [2, 1]


def test_a_key_comes_from_an_attribute_of_any_object_or_from_a_function() -> None:
    class Tier(Enum):
        GOLD = "1"

    expected = bucket_of(None, None, "1")
    for key, subject in (
        (Attr(attr="id"), SimpleNamespace(id="1")),
        (Attr(attr="tier"), {"tier": Tier.GOLD}),
        (Const(const="1"), {}),
        (lambda subject: subject["a"] + subject["b"], {"a": "", "b": "1"}),
    ):
        assert pick([], a_query(rollout_key=key), subject, NOW).bucket == expected
    id = UUID(int=7)
    assert pick([], a_query(rollout_key=Attr(attr="id")), {"id": id}, NOW).bucket == bucket_of(None, None, str(id))


# Which comes first


def test_the_best_is_the_highest_version_then_the_default_then_the_ordering_then_the_id() -> None:
    flows = [
        a_flow(1, version=2),
        a_flow(2, is_default=True, ordering=9),
        a_flow(3, ordering=2),
        a_flow(4, ordering=1),
        a_flow(5, ordering=1),
        a_flow(6, is_default=True),
    ]

    assert candidates(flows) == [1, 2, 6, 3, 5, 4]
    assert candidates(flows, order_by="default") == [1, 2, 6, 3, 5, 4]


def test_the_first_is_the_lowest_id_whatever_order_is_asked_for() -> None:
    flows = [a_flow(id, version=version) for id, version in (("a", 9), (10, 1), (9, 2), ("b", 8))]

    assert candidates(flows, match_strategy="first") == [9, 10, "a", "b"]
    assert candidates(flows, match_strategy="first", order_by=[["version", "desc"]]) == [9, 10, "a", "b"]
    assert candidates(flows, match_strategy="first", order_by=lambda flow, _: -flow.version) == [9, 10, "a", "b"]


def test_preferences_come_before_either_strategy() -> None:
    flows = [
        a_flow(1, version=9),
        a_flow(2, channel="app"),
        a_flow(3, environment="prod"),
        a_flow(4, environment="prod", channel="app"),
        a_flow(5, channel="0"),
    ]
    preferences = {"prefer_flows": [5], "prefer_environments": ["prod"], "prefer_channels": ["app"]}

    assert candidates(flows, **preferences) == [5, 4, 3, 2, 1]
    assert candidates(flows, match_strategy="first", **preferences) == [5, 4, 3, 2, 1]
    assert candidates(flows, match_strategy="first", prefer_channels=["0", "app"]) == [5, 2, 4, 1, 3]
    assert picked(flows, match_strategy="first", prefer_channels=["0", "app"]) == 5


def test_a_preference_brings_nothing_back_that_does_not_fit() -> None:
    assert candidates([a_flow(1), a_flow(2, status=False)], prefer_flows=[2]) == [1]


def test_preferences_drop_what_says_nothing_and_keep_the_rest() -> None:
    query = a_query(prefer_flows=[None, "", 3], prefer_environments=["", "prod"], prefer_channels=[None, "0"])

    assert (query.prefer_flows, query.prefer_environments, query.prefer_channels) == ((3,), ("prod",), ("0",))


def test_more_than_a_thousand_preferences_are_all_honoured() -> None:
    flows = [a_flow(id) for id in (1, 2000)]

    assert picked(flows) == 2000
    assert picked(flows, prefer_flows=[*range(5000, 2000, -1), 1, 2000]) == 1


def test_another_order_replaces_the_usual_one_but_for_the_id() -> None:
    flows = [
        a_flow(1, ordering=1, attributes={"priority": 5}),
        a_flow(2, ordering=1, attributes={"priority": 7}),
        a_flow(3, ordering=2, attributes={}),
        a_flow(4, ordering=2, version=3, attributes={"priority": 5}),
    ]

    assert candidates(flows, order_by=[["ordering", "asc"], ["priority", "desc"]]) == [2, 1, 4, 3]
    assert candidates(flows, order_by=[["priority", "asc"]]) == [3, 4, 1, 2]
    assert candidates(flows, order_by=lambda flow, subject: flow.ordering) == [2, 1, 4, 3]
    assert picked(flows, order_by=lambda flow, subject: abs(flow.id - subject["near"]), subject={"near": 3}) == 3


def test_at_most_so_many_candidates_are_told_and_the_pick_is_the_same() -> None:
    flows = [a_flow(id) for id in (1, 2, 3)]

    assert candidates(flows, candidates_limit=2) == [3, 2]
    assert candidates(flows, candidates_limit=0) == candidates(flows, candidates_limit=None) == [3, 2, 1]
    assert picked(flows, candidates_limit=1) == 3


# What is given up when nothing fits


@pytest.mark.parametrize(
    ("step", "flow", "query"),
    [
        (Fallback.DROP_CHANNEL, {"channel": "web"}, {"channel": "app"}),
        (Fallback.DROP_ENVIRONMENT, {"environment": "test"}, {"environment": "prod"}),
        (Fallback.IGNORE_TIMEWINDOW, {"active_to": at(-1)}, {}),
        (Fallback.DISABLE_ROLLOUT, {"rollout_pct": 0}, {}),
        (Fallback.DROP_REQUIRE_DEFAULT, {}, {"require_default": True}),
    ],
)
def test_each_step_gives_up_one_thing(step: Fallback, flow: dict[str, Any], query: dict[str, Any]) -> None:
    flows = [a_flow(1, **flow)]
    others = [one for one in Fallback if one is not step]

    assert picked(flows, **query) is None
    assert picked(flows, fallback_cascade=others, **query) is None
    found = pick(flows, a_query(fallback_cascade=[*others, step], **query), SUBJECT, NOW)
    assert (found.flow, found.fallback_step, found.candidates) == (flows[0], step, ())
    assert found.found == (flows[0],)


def test_steps_add_up() -> None:
    flows = [a_flow(1, channel="web", environment="test")]
    query = {"channel": "app", "environment": "prod"}

    assert picked(flows, fallback_cascade=["drop_channel"], **query) is None
    assert picked(flows, fallback_cascade=["drop_environment"], **query) is None
    both = a_query(fallback_cascade=["drop_channel", "drop_environment"], **query)
    assert pick(flows, both, SUBJECT, NOW).fallback_step == "drop_environment"


def test_nothing_is_given_up_while_something_fits() -> None:
    flows = [a_flow(1), a_flow(2, version=9, rollout_pct=0)]

    found = pick(flows, a_query(fallback_cascade=["disable_rollout"]), SUBJECT, NOW)

    assert (found.flow, found.fallback_step) == (flows[0], None)


@pytest.mark.parametrize(
    ("flow", "query"),
    [
        ({"status": False}, {}),
        ({"deleted": True}, {}),
        ({"subject_scope": "us"}, {"subject_scope": "eu"}),
        ({"subject_collection": "us"}, {"subject_collection": "eu"}),
        ({"version": 1}, {"version_min": 2}),
        ({}, {"exclude_flows": [1]}),
        ({}, {"include_flows": [2]}),
        ({}, {"where": [{"field": "tier", "op": "eq", "value": "gold"}]}),
    ],
)
def test_the_rest_is_never_given_up(flow: dict[str, Any], query: dict[str, Any]) -> None:
    assert picked([a_flow(1, **flow)], fallback_cascade=list(Fallback), **query) is None


def test_whoever_must_have_a_flow_is_told_what_was_tried() -> None:
    with pytest.raises(FlowNotFound) as missing:
        demand([], a_query(fallback_cascade=["drop_channel", "disable_rollout"]), SUBJECT, NOW)

    assert missing.value.tried == ("drop_channel", "disable_rollout")
    assert "drop_channel, disable_rollout" in str(missing.value)
    assert demand([a_flow(1)], a_query(), SUBJECT, NOW).flow == a_flow(1)


# Forced flows


def test_a_forced_flow_is_taken_whatever_fits_otherwise() -> None:
    flows = [a_flow(1, subject_type="parcel", channel="web", rollout_pct=0), a_flow(2, version=9)]

    assert picked(flows, force_flow_id={"const": 1}, channel="app", exclude_flows=[1]) == 1
    assert picked(flows, {"flow_id": 1}, force_flow_id={"attr": "flow_id"}) == 1
    assert candidates(flows, force_flow_id={"const": 1}) == [2]


@pytest.mark.parametrize(
    ("flow", "forced", "reason"),
    [
        ({}, 2, "unknown"),
        ({}, "1", "unknown"),
        ({}, True, "unknown"),
        ({}, 1.0, "unknown"),
        ({}, [1], "unknown"),
        ({}, "", "unknown"),
        ({"deleted": True}, 1, "deleted"),
        ({"status": False}, 1, "inactive"),
        ({"active_from": at(1)}, 1, "outside_window"),
    ],
)
def test_a_forced_flow_that_cannot_be_had_is_an_error_and_never_another_flow(
    flow: dict[str, Any], forced: Any, reason: str
) -> None:
    flows = [a_flow(1, **flow), a_flow(3)]

    with pytest.raises(FlowNotFound) as missing:
        picked(flows, force_flow_id={"const": forced}, fallback_cascade=list(Fallback))

    assert missing.value.reason == reason


def test_a_forced_flow_need_not_be_active_where_that_is_not_asked_for() -> None:
    late = [a_flow(1, active_from=at(1))]

    assert picked(late, force_flow_id={"const": 1}, ignore_time_window=True) == 1
    assert picked(late, force_flow_id={"const": 1}, only_active=False) == 1
    assert picked([a_flow(1, status=False)], force_flow_id={"const": 1}, only_active=False) == 1


def test_nothing_is_forced_by_a_resolver_that_answers_nothing() -> None:
    assert picked([a_flow(1)], force_flow_id={"attr": "flow_id"}) == 1
    assert picked([a_flow(1)], force_flow_id=lambda subject: None) == 1


# Looking without touching


def test_a_preview_says_what_would_be_picked_if_the_query_were_another() -> None:
    flows, query = [a_flow(1), a_flow(2, channel="app")], a_query(channel="web")

    assert preview(flows, query, SUBJECT, NOW).picked is None
    assert preview(flows, query, SUBJECT, NOW, lambda builder: builder.channel("app")).picked == 2
    forced = preview(flows, query, SUBJECT, NOW, lambda builder: builder.force_flow_id(Const(const=9)))
    assert (forced.picked, forced.refused) == (None, "unknown")
    assert query == a_query(channel="web")


def test_an_explanation_names_the_first_constraint_that_dropped_each_flow() -> None:
    dropped: dict[int, tuple[str, dict[str, Any]]] = {
        1: ("deleted", {"deleted": True, "status": False}),
        2: ("subject_type", {"subject_type": "parcel", "status": False}),
        3: ("subject_scope", {"subject_scope": "us", "channel": "app"}),
        4: ("subject_collection", {"subject_scope": "eu"}),
        5: ("environment", {"environment": "test", "channel": "app"}),
        6: ("channel", {"channel": "app", "status": False}),
        7: ("include_flows", {"status": False}),
        8: ("exclude_flows", {"status": False}),
        9: ("status", {"status": False, "active_to": at(-1)}),
        10: ("window", {"active_to": at(-1), "version": 1}),
        11: ("is_default", {"version": 1}),
        12: ("version", {"is_default": True, "version": 1, "rollout_pct": 0}),
        13: ("rollout", {"is_default": True, "rollout_pct": 99}),
        14: ("where[0]", {"is_default": True}),
        15: ("where[1]", {"is_default": True, "attributes": {"tier": "gold"}}),
    }
    place: dict[str, Any] = {
        "subject_scope": "eu",
        "subject_collection": "c",
        "environment": "prod",
        "channel": "web",
        "version": 2,
    }
    flows = [
        a_flow(id, **(place | ({"subject_collection": "d"} if id == 4 else {}) | said))
        for id, (_, said) in dropped.items()
    ]
    query = a_query(
        **{name: value for name, value in place.items() if name != "version"},
        include_flows=[id for id in dropped if id != 7],
        exclude_flows=[8],
        require_default=True,
        version_equals=2,
        rollout_key={"attr": "id"},
        where=[{"field": "tier", "op": "eq", "subject_attr": "tier"}, lambda flow, subject: False],
    )

    told = explain(flows, query, {"id": "42", "tier": "gold"}, NOW)

    found = {one.flow: one.constraint for one in told.steps[0].dropped}
    assert found == {id: constraint for id, (constraint, _) in dropped.items()}
    assert all(str(one).startswith(f"{one.flow}: {one.constraint} is ") for one in told.steps[0].dropped)


def test_an_explanation_tells_of_every_step_that_was_taken() -> None:
    flows = [a_flow(1, channel="web", rollout_pct=0)]
    query = a_query(channel="app", fallback_cascade=["drop_channel", "disable_rollout", "drop_environment"])

    told = explain(flows, query, SUBJECT, NOW)

    assert [one.step for one in told.steps] == [None, "drop_channel", "disable_rollout"]
    assert [one and one.constraint for one in told.why(1)] == ["channel", "rollout", None]
    assert "1 is picked, after disable_rollout." in told.words()
    assert told == pick(flows, query, SUBJECT, NOW).explain()


# The catalogue


def test_a_catalogue_is_asked_as_often_as_one_likes() -> None:
    catalogue = Catalogue([a_flow(1), a_flow(2, subject_type="parcel")], position=7)

    assert [one.id for one in catalogue.candidates(a_query(), SUBJECT, NOW)] == [1]
    assert pick(catalogue, FlowQuery(subject_type="parcel"), SUBJECT, NOW).flow == catalogue.get(2)
    assert (len(catalogue), catalogue.get(3), catalogue.position) == (2, None, 7)


def test_two_definitions_with_one_id_are_refused() -> None:
    with pytest.raises(BadInput, match='Two definitions have the id "1"'):
        Catalogue([a_flow(1), a_flow(1, version=2)])


def test_orders_that_come_and_go_do_not_fill_the_memory() -> None:
    catalogue = Catalogue([a_flow(1), a_flow(2, attributes={"a7": 1})])

    for number in range(200):
        found = catalogue.pick(a_query(order_by=[[f"a{number}", "asc"]]), SUBJECT, NOW)
        assert found.flow is not None and found.flow.id == (1 if number == 7 else 2)
        catalogue.pick(a_query(subject_type=f"type-{number}"), SUBJECT, NOW)

    assert len(catalogue._shelves) <= 40


def test_what_was_in_force_at_another_time_is_picked_as_of_that_time() -> None:
    flow = a_flow(1, active_from=at(-100), active_to=at(-50))

    assert pick([flow], a_query(), SUBJECT, datetime.fromisoformat(at(-75))).flow == flow
