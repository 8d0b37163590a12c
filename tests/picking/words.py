"""Words for tests of the picker: definitions, queries, and a picker that is slow and plain.

``Reference`` says what is right. It is written from the rules, one after the other, over plain JSON, and shares nothing
with the picker that it is held against.
"""

from __future__ import annotations

import json
import zlib
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from hypothesis import strategies as st

from eventflow.picking.definition import FlowDefinition
from eventflow.picking.query import FlowQuery

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
STEPS = ("drop_channel", "drop_environment", "ignore_timewindow", "disable_rollout", "drop_require_default")

Data = dict[str, Any]


def a_flow(id: int | str, **fields: Any) -> FlowDefinition:
    """A definition for orders."""
    return FlowDefinition.model_validate({"id": id, "subject_type": "order"} | fields)


def a_query(**fields: Any) -> FlowQuery:
    """A query for orders."""
    return FlowQuery.model_validate({"subject_type": "order"} | fields)


def at(hours: int) -> str:
    """So many hours after noon."""
    return (NOW + timedelta(hours=hours)).isoformat()


class Reference:
    """The rules, naively: what a question in JSON is to be answered with."""

    def __init__(self, definitions: list[Data], query: Data, subject: Data, now: str) -> None:
        self.definitions, self.query, self.subject = definitions, query, subject
        self.now = datetime.fromisoformat(now)

    def answer(self) -> Data:
        forced = self.resolved("force_flow_id")
        if forced is not None:
            for one in self.definitions:
                if type(one["id"]) is type(forced) and one["id"] == forced and self.can_be_forced(one):
                    return self.told(one, None)
            return {"error": "FlowNotFound"}
        query = dict(self.query)
        for step in [None, *(self.query.get("fallback_cascade") or [])]:
            self.relax(query, step)
            found = self.candidates(query)
            if found:
                return self.told(found[0], step)
        return self.told(None, None)

    def told(self, one: Data | None, step: str | None) -> Data:
        candidates = [each["id"] for each in self.candidates(self.query)]
        limit = self.query.get("candidates_limit")
        return {
            "picked": None if one is None else one["id"],
            "candidates": candidates[:limit] if limit and limit > 0 else candidates,
            "fallback_step": step,
            "bucket": self.bucket(),
        }

    def can_be_forced(self, one: Data) -> bool:
        return not one.get("deleted", False) and self.is_active(one, self.query)

    def relax(self, query: Data, step: str | None) -> None:
        if step == "drop_channel":
            query["channel"] = None
        elif step == "drop_environment":
            query["environment"] = None
        elif step == "ignore_timewindow":
            query["ignore_time_window"] = True
        elif step == "disable_rollout":
            query["evaluate_rollout"] = False
        elif step == "drop_require_default":
            query["require_default"] = False

    def candidates(self, query: Data) -> list[Data]:
        found = [one for one in self.definitions if self.fits(one, query)]
        if query.get("match_strategy", "best") == "first":
            found.sort(key=lambda one: self.id_key(one["id"]))
        elif query.get("order_by") in (None, "default", []):
            found.sort(
                key=lambda one: (
                    one.get("version", 1),
                    one.get("is_default", False),
                    one.get("ordering", 0),
                    self.id_key(one["id"]),
                ),
                reverse=True,
            )
        else:
            found.sort(key=lambda one: self.id_key(one["id"]), reverse=True)
            for field, direction in reversed(query["order_by"]):
                found.sort(key=lambda one, f=field: self.rank(self.field(one, f)), reverse=direction == "desc")  # type: ignore[misc]
        for wanted, field in (
            (query.get("prefer_channels"), "channel"),
            (query.get("prefer_environments"), "environment"),
            (query.get("prefer_flows"), "id"),
        ):
            named = [one for one in wanted or [] if one not in (None, "")]
            found.sort(key=lambda one, f=field, n=named: n.index(one.get(f)) if one.get(f) in n else len(n))  # type: ignore[misc]
        return found

    def fits(self, one: Data, query: Data) -> bool:
        return (
            not one.get("deleted", False)
            and self.is_placed(one, query)
            and self.is_chosen(one, query)
            and self.is_active(one, query)
            and self.is_of_version(one.get("version", 1), query)
            and (not query.get("evaluate_rollout", True) or self.is_let_in(one.get("rollout_pct")))
            and all(self.holds(one, condition) for condition in query.get("where") or [])
        )

    def is_placed(self, one: Data, query: Data) -> bool:
        places = ("subject_type", "subject_scope", "subject_collection", "environment", "channel")
        return all(query.get(name) is None or one.get(name) == query[name] for name in places)

    def is_chosen(self, one: Data, query: Data) -> bool:
        if query.get("include_flows") and one["id"] not in query["include_flows"]:
            return False
        if query.get("require_default", False) and not one.get("is_default", False):
            return False
        return one["id"] not in (query.get("exclude_flows") or [])

    def is_active(self, one: Data, query: Data) -> bool:
        if not query.get("only_active", True):
            return True
        return one.get("status", True) and (query.get("ignore_time_window", False) or self.is_open(one))

    def is_of_version(self, version: int, query: Data) -> bool:
        if query.get("version_equals") is not None:
            return bool(version == query["version_equals"])
        least, most = query.get("version_min"), query.get("version_max")
        return (least is None or version >= least) and (most is None or version <= most)

    def is_open(self, one: Data) -> bool:
        since, until = one.get("active_from"), one.get("active_to")
        if since is not None and datetime.fromisoformat(since) > self.now:
            return False
        return until is None or datetime.fromisoformat(until) >= self.now

    def is_let_in(self, pct: int | None) -> bool:
        if pct is None or pct == 100:
            return True
        bucket = self.bucket()
        return bucket is not None and bucket < pct

    def bucket(self) -> int | None:
        key = self.resolved("rollout_key")
        if key is None or key == "":
            return None
        namespace, salt = self.query.get("rollout_namespace") or "", self.query.get("rollout_salt") or ""
        return zlib.crc32(f"{namespace}|{salt}|{key}".encode()) % 100

    def resolved(self, name: str) -> Any:
        said = self.query.get(name)
        if said is None:
            return None
        return said["const"] if "const" in said else self.subject.get(said["attr"])

    def holds(self, one: Data, condition: Data) -> bool:
        when = condition.get("when")
        if when is not None and not self.compares(
            when["op"], self.subject.get(when["subject_attr"]), when.get("value")
        ):
            return True
        subject_attr = condition.get("subject_attr")
        value = condition.get("value") if subject_attr is None else self.subject.get(subject_attr)
        return self.compares(condition["op"], self.field(one, condition["field"]), value)

    def field(self, one: Data, name: str) -> Any:
        defaults = {"version": 1, "is_default": False, "status": True, "ordering": 0, "deleted": False}
        own = {"id", "subject_type", "subject_scope", "subject_collection", "channel", "environment", "rollout_pct"}
        if name in ("active_from", "active_to"):
            return None if one.get(name) is None else datetime.fromisoformat(one[name])
        if name in own or name in defaults:
            return one.get(name, defaults.get(name))
        attributes = one.get("attributes", {})
        if name == "attributes":
            return attributes
        if name.startswith("attributes.") and name not in attributes:
            name = name[len("attributes.") :]
        return attributes.get(name)

    def compares(self, op: str, found: Any, value: Any) -> bool:
        if op == "eq":
            return self.same(found, value)
        if op == "ne":
            return not self.same(found, value)
        if op == "in":
            return isinstance(value, list) and any(self.same(found, one) for one in value)
        if op == "is_null":
            return (found is None) is (value is not False)
        if op == "contains":
            if isinstance(found, list):
                return any(self.same(one, value) for one in found)
            return isinstance(found, (str, dict)) and isinstance(value, str) and value in found
        low, high = (value, found) if op == "gte" else (found, value)
        return self.kind(low) == self.kind(high) in ("truth", "number", "text", "instant") and bool(low <= high)

    def same(self, one: Any, other: Any) -> bool:
        return json.dumps(self.flat(one), sort_keys=True) == json.dumps(self.flat(other), sort_keys=True)

    def flat(self, value: Any) -> Any:
        """Numbers of the same worth are written alike."""
        if isinstance(value, bool) or not isinstance(value, (int, float, list, dict)):
            return value
        if isinstance(value, dict):
            return {name: self.flat(one) for name, one in value.items()}
        if isinstance(value, list):
            return [self.flat(one) for one in value]
        return int(value) if value == int(value) else value

    def kind(self, value: Any) -> str:
        kinds: list[tuple[str, Any]] = [
            ("truth", bool),
            ("number", (int, float)),
            ("text", str),
            ("instant", datetime),
            ("list", list),
            ("object", dict),
        ]
        return next((name for name, types in kinds if isinstance(value, types)), "nothing")

    def rank(self, value: Any) -> tuple[int, Any]:
        kind = self.kind(value)
        order = ("nothing", "truth", "number", "text", "instant").index(kind) if kind not in ("list", "object") else 9
        return (order, 0 if value is None else json.dumps(value, sort_keys=True) if order == 9 else value)

    def id_key(self, id: int | str) -> tuple[int, Any]:
        return (0, id) if isinstance(id, int) else (1, id)


def a_population(size: int, chance: Random) -> list[Data]:
    """Very many definitions: some values frequent, some rare, most of them for orders."""
    return [_one_of_many(id, chance) for id in range(1, size + 1)]


def _one_of_many(id: int, chance: Random) -> Data:
    since, until = sorted((chance.randrange(-4, 5), chance.randrange(-4, 5)))
    return {
        "id": id if chance.random() < 0.8 else str(id),
        "subject_type": chance.choice(("order", "order", "order", "parcel")),
        "subject_scope": chance.choice((None, "eu", "eu", "eu", "us" if chance.random() < 0.05 else "eu")),
        "subject_collection": chance.choice((None, "eu")),
        "environment": chance.choice((None, "prod", "prod", "test")),
        "channel": chance.choice((None, "web", "app", "0")),
        "version": chance.randrange(1, 4),
        "is_default": chance.random() < 0.5,
        "status": chance.random() < 0.8,
        "ordering": chance.randrange(3),
        "rollout_pct": chance.choice((None, None, 0, 1, 22, 50, 99, 100)),
        "deleted": chance.random() < 0.1,
        "attributes": {
            "tier": chance.choice((None, True, 1, "gold", ["eu", "us"])),
            "region": chance.choice(("eu", "us", {"eu": 1})),
            **({"vip": chance.randrange(100)} if chance.random() < 0.5 else {}),
        },
        "active_from": at(since) if chance.random() < 0.4 else None,
        "active_to": at(until) if chance.random() < 0.4 else None,
    }


# What follows draws questions from few values, so that they meet.

scopes = st.sampled_from([None, "", "eu", "us"])
channels = st.sampled_from([None, "web", "app", "0"])
environments = st.sampled_from([None, "prod", "test"])
hours = st.sampled_from([None, -2, -1, 0, 1, 2])
ids = st.one_of(st.integers(1, 8), st.sampled_from(["a", "b", "8"]))
plain = st.sampled_from([None, True, False, 0, 1, 1.0, 2, "1", "eu", "gold", ["eu", "us"], [1, True], {"eu": 1}])
names = st.sampled_from(["tier", "region", "vip"])
fields = st.one_of(
    st.sampled_from(["id", "version", "channel", "environment", "is_default", "ordering", "rollout_pct"]),
    names,
    st.sampled_from(["attributes.tier", "attributes.channel", "attributes"]),
)
percents = st.one_of(st.none(), st.sampled_from([0, 1, 22, 23, 50, 99, 100]), st.integers(0, 100))


def mapping(optional: dict[str, st.SearchStrategy[Any]], **required: st.SearchStrategy[Any]) -> st.SearchStrategy[Data]:
    return st.fixed_dictionaries(required, optional=optional)


def windows(one: Data) -> Data:
    """The hours of a window as instants, in their order."""
    since, until = one.pop("since", None), one.pop("until", None)
    if since is not None and until is not None:
        since, until = sorted((since, until))
    times = {"active_from": since, "active_to": until}
    return one | {name: at(hour) for name, hour in times.items() if hour is not None}


definitions = mapping(
    {
        "subject_scope": scopes,
        "subject_collection": scopes,
        "version": st.integers(1, 3),
        "is_default": st.booleans(),
        "status": st.sampled_from([True, True, True, False]),
        "since": hours,
        "until": hours,
        "channel": channels,
        "environment": environments,
        "ordering": st.integers(0, 2),
        "rollout_pct": percents,
        "deleted": st.sampled_from([False, False, False, True]),
        "attributes": st.dictionaries(names | st.just("channel"), plain, max_size=3),
    },
    id=ids,
    subject_type=st.sampled_from(["order", "order", "order", "parcel"]),
).map(windows)
catalogues = st.lists(definitions, max_size=10, unique_by=lambda one: one["id"])


@st.composite
def conditions(draw: st.DrawFn) -> Data:
    said: Data = {"field": draw(fields), **draw(operations())}
    if said["op"] != "is_null" and draw(st.booleans()):
        del said["value"]
        said["subject_attr"] = draw(names)
    if draw(st.integers(0, 3)) == 0:
        said["when"] = {"subject_attr": draw(names), **draw(operations())}
    return said


@st.composite
def operations(draw: st.DrawFn) -> Data:
    op = draw(st.sampled_from(["eq", "ne", "in", "gte", "lte", "contains", "is_null"]))
    value = draw(st.lists(plain, max_size=3) if op == "in" else st.booleans() if op == "is_null" else plain)
    return {"op": op, "value": value}


orders = st.one_of(
    st.sampled_from([None, "default"]),
    st.lists(st.tuples(fields, st.sampled_from(["asc", "desc"])).map(list), min_size=1, max_size=3),
)
attributes = st.sampled_from(["id", "tier", "number", "none"])
resolvers = st.one_of(
    attributes.map(lambda name: {"attr": name}),
    st.one_of(st.none(), st.integers(0, 200), st.sampled_from(["", "0", "é", "a|b"])).map(lambda one: {"const": one}),
)
forcing = st.one_of(
    attributes.map(lambda name: {"attr": name}), st.one_of(st.none(), ids).map(lambda one: {"const": one})
)
queries = mapping(
    {
        "subject_scope": scopes,
        "subject_collection": st.sampled_from([None, None, "eu"]),
        "environment": environments,
        "channel": channels,
        "only_active": st.sampled_from([True, True, False]),
        "ignore_time_window": st.booleans(),
        "evaluate_rollout": st.sampled_from([True, True, False]),
        "rollout_namespace": st.sampled_from([None, "", "ns"]),
        "rollout_salt": st.sampled_from([None, "salt"]),
        "rollout_key": resolvers,
        "version_equals": st.sampled_from([None, None, 1, 2]),
        "version_min": st.sampled_from([None, 1, 2]),
        "version_max": st.sampled_from([None, 2, 3]),
        "include_flows": st.lists(ids, max_size=4),
        "exclude_flows": st.lists(ids, max_size=2),
        "prefer_flows": st.lists(ids | st.sampled_from([None, ""]), max_size=3),
        "prefer_environments": st.lists(environments | st.just(""), max_size=3),
        "prefer_channels": st.lists(channels | st.just(""), max_size=3),
        "require_default": st.booleans(),
        "where": st.lists(conditions(), max_size=2),
        "order_by": orders,
        "match_strategy": st.sampled_from(["best", "best", "first"]),
        "fallback_cascade": st.lists(st.sampled_from(STEPS), max_size=5),
        "candidates_limit": st.sampled_from([None, 0, 1, 3, -1]),
        "cache": st.booleans(),
    },
    subject_type=st.sampled_from(["order", "order", "order", "parcel"]),
)
subjects = mapping(
    {"tier": plain, "region": plain, "vip": plain, "number": st.integers(0, 200)}, id=ids | st.integers(0, 200)
)
nows = st.sampled_from([-3, -2, -1, 0, 1, 2, 3]).map(at)
