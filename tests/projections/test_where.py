"""The filter language: what it says, what it refuses, and that it finds the same in both databases."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from eventflow.errors import BadFilter, Refused
from eventflow.store.database import Database
from eventflow_projections import Item, Items, Projections
from eventflow_projections.current import Current
from eventflow_projections.where import Condition, Text, Where, clause, parse
from tests.projections.conftest import empty
from tests.projections.headers import BEGINNING, HeaderLog, logs, stream

NOW = BEGINNING + timedelta(days=2)


@pytest.mark.parametrize(
    ("text", "condition"),
    [
        ("status:error", Condition("status", ":", (Text("error"),))),
        ("model:document", Condition("category", ":", (Text("document"),))),
        ("tenant:acme,globex", Condition("tenant", ":", (Text("acme"), Text("globex")))),
        ("-error:Timeout", Condition("error", ":", (Text("Timeout"),), negated=True)),
        ('error:"no answer, \\"yet\\""', Condition("error", ":", (Text('no answer, "yet"'),))),
        ("reaction:wri*", Condition("reaction", ":", (Text("wri", prefix=True),))),
        ('reaction:"wri*"', Condition("reaction", ":", (Text("wri*"),))),
        ("error:*", Condition("error", ":", (Text("", prefix=True),))),
        ("attempt>=3", Condition("attempt", ">=", (3,))),
        ("version:1,2", Condition("version", ":", (1, 2))),
        ("age>2h", Condition("age", ">", (timedelta(hours=2),))),
        ("age<=1d12h", Condition("age", "<=", (timedelta(hours=36),))),
        ("updated:2026-11-20", Condition("updated", ":", (date(2026, 11, 20),))),
        ("created<2026-11-20T17:45", Condition("created", "<", (datetime(2026, 11, 20, 17, 45, tzinfo=UTC),))),
        ("created<2026-11-20T17:45+02:00", Condition("created", "<", (datetime(2026, 11, 20, 15, 45, tzinfo=UTC),))),
    ],
)
def test_a_term_says_a_condition(text: str, condition: Condition) -> None:
    assert parse(text) == Where((condition,))


def test_several_terms_all_have_to_hold() -> None:
    where = parse("  status:error   -tenant:acme age>30m ")

    assert [one.field for one in where.conditions] == ["status", "tenant", "age"]


def test_nothing_said_lets_everything_pass() -> None:
    assert parse(" ") == Where()
    assert clause(Where(), "sqlite", NOW).sql == "TRUE"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("stauts:error", 'Did you mean "status"?'),
        ("error", "wanted : after error, found the end"),
        ("status=error", 'wanted : after status, found "=error"'),
        ("status>error", "wanted : after status"),
        ("attempt:few", "wanted a whole number for attempt"),
        ("attempt:٣", "wanted a whole number for attempt"),
        ("attempt:1234567890123456789", "wanted a whole number for attempt"),
        ("attempt>1,2", "one value after attempt>"),
        ("age:2h", "wanted > or < or >= or <= after age"),
        ("age>2 h", "an age such as 90s"),
        ("age>999999w", "an age such as 90s"),
        ("updated>yesterday", "a time such as 2026-11-20"),
        ("updated>2026-13-01", "a time such as 2026-11-20"),
        ("id:17", "a UUID, or its beginning and *"),
        ("id:zz*", "a UUID, or its beginning and *"),
        ("status:", "wanted a text for status, found the end"),
        ("status:error,", "wanted a text for status, found the end"),
        ('status:"error', 'a closing "'),
        ('status:"error"tenant:acme', "a space before the next term"),
        ("!", "a term such as status:error"),
        ("status:\x00", "text without NUL"),
        ("status:\ud800", "text without NUL"),
        ("status:" + "x" * 10_000, "at most 10000 characters"),
    ],
)
def test_a_filter_that_cannot_be_read_says_what_was_wanted_and_what_was_there(text: str, says: str) -> None:
    with pytest.raises(BadFilter) as caught:
        parse(text)

    assert says in str(caught.value)
    assert isinstance(caught.value, Refused)


TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=12)


def _of(fields: list[str], values: st.SearchStrategy[Any]) -> st.SearchStrategy[Condition]:
    named = st.sampled_from(fields)
    some = st.lists(values, min_size=1, max_size=3).map(tuple)
    return st.builds(Condition, named, st.just(":"), some, st.booleans())


def _compared(fields: list[str], values: st.SearchStrategy[Any]) -> st.SearchStrategy[Condition]:
    sides: st.SearchStrategy[Any] = st.sampled_from([">", "<", ">=", "<="])
    return st.builds(Condition, st.sampled_from(fields), sides, st.tuples(values), st.booleans())


NUMBERS = st.integers(0, 10**18 - 1) | st.integers(0, 40)
TIMES = st.datetimes(datetime(1000, 1, 2), datetime(2999, 12, 30)).map(
    lambda time: time.replace(tzinfo=UTC)
) | st.dates(date(1000, 1, 2), date(2999, 12, 30))
NEAR = st.integers(0, 5_000).map(lambda minutes: BEGINNING + timedelta(minutes=minutes))
AGES = st.integers(0, 4_000_000).map(lambda seconds: timedelta(seconds=seconds))
WORDS = st.sampled_from(
    ["queued", "error", "write", "acme", "document", "timeout", "%", "no answer", "'; DROP TABLE x"]
)
IDS = st.builds(
    lambda number, length: Text(stream(number).hex[:length], prefix=length < 32),
    st.integers(0, 6),
    st.sampled_from([0, 1, 2, 7, 31, 32]),
)
CONDITIONS = st.one_of(
    _of(
        ["category", "status", "previous", "phase", "reaction", "tenant", "fingerprint", "error"],
        st.builds(Text, TEXTS | WORDS, st.booleans()),
    ),
    _of(["id"], IDS),
    _of(["attempt", "version", "position"], NUMBERS),
    _compared(["attempt", "version", "position"], NUMBERS),
    _of(["updated", "created"], TIMES | NEAR),
    _compared(["updated", "created"], TIMES | NEAR),
    _compared(["age"], AGES),
)
WHERES = st.lists(CONDITIONS, max_size=4).map(lambda conditions: Where(tuple(conditions)))


@given(WHERES)
def test_what_is_written_down_is_read_as_the_same(where: Where) -> None:
    assert parse(str(where)) == where


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        where = parse(text)
    except BadFilter:
        return
    assert parse(str(where)) == where


@given(WHERES, st.sampled_from(["sqlite", "postgresql"]))
def test_no_value_becomes_part_of_the_statement(where: Where, dialect: Any) -> None:
    empty_values = Where(tuple(_with_plain_values(one) for one in where.conditions))

    written, plain = clause(where, dialect, NOW), clause(empty_values, dialect, NOW)

    assert written.sql == plain.sql
    assert all(f"where_{number}" in written.params for number in range(len(written.params)))


def _with_plain_values(condition: Condition) -> Condition:
    plain = tuple(Text("a", value.prefix) if isinstance(value, Text) else value for value in condition.values)
    return Condition(condition.field, condition.operator, plain, condition.negated)


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(logs(25), st.lists(WHERES, min_size=1, max_size=8))
def test_both_databases_find_what_the_conditions_say(database: Database, log: HeaderLog, wheres: list[Where]) -> None:
    projections = Projections(database, log, [Current()])
    projections.create()
    projections.catch_up()
    items = Items(database, clock=lambda: NOW)
    everything = items.page(limit=1000).rows

    found = [items.page(where, limit=1000).rows for where in wheres]

    empty(database)
    for where, rows in zip(wheres, found, strict=True):
        assert [one.id for one in rows] == [one.id for one in everything if passes(one, where)]


def passes(item: Item, where: Where) -> bool:
    """The meaning of a filter, said once more in Python."""
    return all(any(_holds(item, one, value) for value in one.values) != one.negated for one in where.conditions)


def _holds(item: Item, condition: Condition, value: Any) -> bool:
    if condition.field == "id":
        digits = value.text
        return item.id.hex.startswith(digits)
    if condition.field == "age":
        return COMPARED[condition.operator](NOW - item.updated_at, value)
    column = {"updated": "updated_at", "created": "created_at"}.get(condition.field, condition.field)
    kept = getattr(item, column)
    if kept is None:
        return False
    if isinstance(value, Text):
        return _says(kept, value, anywhere=condition.field == "error")
    if isinstance(value, date) and not isinstance(value, datetime):
        kept = kept.date()
    return COMPARED[condition.operator](kept, value)


def _says(kept: str, value: Text, *, anywhere: bool) -> bool:
    if anywhere:
        kept, wanted = _lower(kept), _lower(value.text)
        return kept.startswith(wanted) if value.prefix else wanted in kept
    return kept.startswith(value.text) if value.prefix else kept == value.text


def _lower(text: str) -> str:
    return "".join(one.lower() if one.isascii() else one for one in text)


COMPARED: dict[str, Callable[[Any, Any], bool]] = {
    ":": lambda kept, value: kept == value,
    ">": lambda kept, value: kept > value,
    "<": lambda kept, value: kept < value,
    ">=": lambda kept, value: kept >= value,
    "<=": lambda kept, value: kept <= value,
}
