r"""The filter language: from what a person types to conditions, and from those to SQL.

::

    status:error tenant:acme,globex age>2h -error:Timeout attempt>=3 id:8e7f*

A term is a field, an operator and one or more values. Terms all have to hold, values after a comma are
alternatives, a leading ``-`` turns a term round (and lets rows pass in which the field is empty).

==========================================  =====================================  =============
fields                                      values                                 operators
==========================================  =====================================  =============
category (or model), status, previous,      a text, exactly; or how it begins      :
phase, reaction, tenant, fingerprint, flow  and ``*``
error                                       a part of the text, in any case        :
id                                          a UUID, or how it begins and ``*``     :
attempt, version, position                  whole numbers                          : > < >= <=
age (since the last event)                  ``90s`` ``30m`` ``2h`` ``3d`` ``1w``   > < >= <=
updated, created                            ``2026-11-20``, ``2026-11-20T17:45``   : > < >= <=
==========================================  =====================================  =============

Text with spaces, commas or quotes stands in ``"…"``, with ``\"`` and ``\\`` inside. ``field:*`` holds where the
field is not empty. Times without an offset are UTC; ``updated:2026-11-20`` is within that day, ``>`` after it.

Values are parameters of the statement, always; what becomes SQL text comes from the tables in this module.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from eventflow.errors import BadFilter
from eventflow.store.database import Dialect

Operator = Literal[":", ">", "<", ">=", "<="]


@dataclass(frozen=True, slots=True)
class Text:
    """A text to look for; as a prefix, what begins with it."""

    text: str
    prefix: bool = False


Value = Text | int | timedelta | date | datetime


@dataclass(frozen=True, slots=True)
class Condition:
    """One term: the field is (or is not) one of the values, or on one side of the only value."""

    field: str
    operator: Operator
    values: tuple[Value, ...]
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Where:
    """Conditions that all have to hold; without any, everything passes."""

    conditions: tuple[Condition, ...] = ()

    def __str__(self) -> str:
        return " ".join(map(_format, self.conditions))


@dataclass(frozen=True, slots=True)
class Clause:
    """An SQL expression and its parameters."""

    sql: str
    params: Mapping[str, Any]


def parse(text: str, language: Language | None = None) -> Where:
    """The conditions that a filter states; raises ``BadFilter`` with what was wanted and what was there.

    ``language`` has the fields that may be asked for; without one they are those of items.

    >>> parse("status:error -error:Timeout").conditions[1]
    Condition(field='error', operator=':', values=(Text(text='Timeout', prefix=False),), negated=True)
    >>> str(parse('tenant:"acme"   age>90m'))
    'tenant:acme age>1h30m'
    """
    if len(text) > LONGEST:
        raise BadFilter(text, LONGEST, f"a filter of at most {LONGEST} characters")
    unfit = _UNFIT.search(text)
    if unfit is not None:
        raise BadFilter(text, unfit.start(), "text without NUL or half characters")
    return Where(tuple(_Reading(text, language or ITEMS).terms()))


def clause(where: Where, dialect: Dialect, now: datetime, language: Language | None = None) -> Clause:
    """The conditions as SQL for the table of a language, or of current items; ``now`` is what ages count back from."""
    writing = _Writing(dialect, now, language or ITEMS)
    parts = [writing.condition(one) for one in where.conditions]
    return Clause(" AND ".join(parts) or "TRUE", writing.params)


LONGEST = 10_000
"""The longest filter that is read: it bounds the number of values, and so of parameters."""

_UNFIT = re.compile("[\x00\ud800-\udfff]")


# What there is to ask for.


@dataclass(frozen=True, slots=True)
class Type:
    """What stands behind a field: how it is called, which operators it has, how a value is read."""

    wanted: str
    operators: tuple[Operator, ...]
    read: Callable[[Text], Value]


@dataclass(frozen=True, slots=True)
class Language:
    """What can be asked of a table: the fields, each with its column and its type, and other names for some."""

    fields: Mapping[str, tuple[str, Type]]
    aliases: Mapping[str, str]

    @property
    def names(self) -> tuple[str, ...]:
        """Everything that a filter can name, for completion and for documentation."""
        return (*self.fields, *self.aliases)


def _read_text(value: Text) -> Value:
    return value


def _read_id(value: Text) -> Value:
    digits = value.text.lower().replace("-", "")
    if not re.fullmatch(r"[0-9a-f]*", digits) or len(digits) > 32 or (len(digits) < 32 and not value.prefix):
        raise ValueError
    return value


def _read_number(value: Text) -> Value:
    if value.prefix or not re.fullmatch(r"[0-9]{1,18}", value.text):
        raise ValueError
    return int(value.text)


_UNITS = {"w": 604_800, "d": 86_400, "h": 3_600, "m": 60, "s": 1}


def _read_age(value: Text) -> Value:
    if value.prefix or not re.fullmatch(r"([0-9]{1,10}[wdhms])+", value.text):
        raise ValueError
    seconds = sum(int(number) * _UNITS[unit] for number, unit in re.findall(r"([0-9]+)([wdhms])", value.text))
    if seconds > 100 * 366 * _UNITS["d"]:
        raise ValueError
    return timedelta(seconds=seconds)


def _read_time(value: Text) -> Value:
    if value.prefix or not re.match(r"[12][0-9]{3}-", value.text, re.ASCII):
        raise ValueError
    if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value.text):
        return date.fromisoformat(value.text)
    time = datetime.fromisoformat(value.text)
    return (time if time.tzinfo else time.replace(tzinfo=UTC)).astimezone(UTC)


TEXT = Type("a text", (":",), _read_text)
PART = Type("a part of the text", (":",), _read_text)
ID = Type("a UUID, or its beginning and *", (":",), _read_id)
NUMBER = Type("a whole number", (":", ">", "<", ">=", "<="), _read_number)
AGE = Type("an age such as 90s, 30m, 2h or 3d", (">", "<", ">=", "<="), _read_age)
TIME = Type("a time such as 2026-11-20 or 2026-11-20T17:45", (":", ">", "<", ">=", "<="), _read_time)

ITEMS = Language(
    {
        "id": ("stream", ID),
        "category": ("category", TEXT),
        "status": ("status", TEXT),
        "previous": ("previous", TEXT),
        "phase": ("phase", TEXT),
        "reaction": ("reaction", TEXT),
        "tenant": ("tenant", TEXT),
        "fingerprint": ("fingerprint", TEXT),
        "flow": ("flow", TEXT),
        "error": ("error", PART),
        "attempt": ("attempt", NUMBER),
        "version": ("version", NUMBER),
        "position": ("position", NUMBER),
        "age": ("updated_at", AGE),
        "updated": ("updated_at", TIME),
        "created": ("created_at", TIME),
    },
    {"model": "category"},
)
"""What can be asked of the table of current items."""


RUNS = Language(
    {
        "id": ("stream", ID),
        "process": ("process", TEXT),
        "definition": ("definition", NUMBER),
        "channel": ("channel", TEXT),
        "status": ("status", TEXT),
        "step": ("step", TEXT),
        "attempts": ("attempts", NUMBER),
        "subject": ("subject", TEXT),
        "key": ("key", TEXT),
        "parent": ("parent", ID),
        "error": ("error", PART),
        "message": ("message", PART),
        "by": ("started_by", TEXT),
        "actor": ("actor", TEXT),
        "tenant": ("tenant", TEXT),
        "position": ("created_position", NUMBER),
        "due": ("due", TIME),
        "deadline": ("deadline", TIME),
        "age": ("updated_at", AGE),
        "updated": ("updated_at", TIME),
        "created": ("created_at", TIME),
        "started": ("started_at", TIME),
        "ended": ("ended_at", TIME),
    },
    {"name": "process", "version": "definition"},
)
"""What can be asked of the table of runs."""


# Reading.

_START = re.compile(r"(?P<minus>-?)(?P<field>[A-Za-z_][A-Za-z0-9_.]*)")
_OPERATOR = re.compile(r">=|<=|>|<|:")
_VALUE = re.compile(r'"(?P<quoted>(?:[^"\\]|\\["\\])*)"(?P<star>\*?)|(?P<bare>[^\s,"]+)')
_END = re.compile(r"(?=\s|\Z)")
_SPACE = re.compile(r"\s*")


class _Reading:
    """A filter on its way to conditions."""

    def __init__(self, text: str, language: Language) -> None:
        self.text, self.language = text, language

    def terms(self) -> Iterator[Condition]:
        at = _after(_SPACE, self.text, 0)
        while at < len(self.text):
            condition, at = self._term(at)
            at = _after(_SPACE, self.text, at)
            yield condition

    def _term(self, at: int) -> tuple[Condition, int]:
        start = _START.match(self.text, at)
        if start is None:
            raise BadFilter(self.text, at, "a term such as status:error")
        name = self._known_field(start)
        of = self.language.fields[name][1]
        operator, at = self._operator(start.end(), name, of)
        values, at = self._values(at, name, of)
        if operator != ":" and len(values) > 1:
            raise BadFilter(self.text, at, f"one value after {name}{operator}")
        return Condition(name, operator, values, bool(start["minus"])), at

    def _known_field(self, start: re.Match[str]) -> str:
        name, known = start["field"], self.language.names
        if name not in known:
            raise BadFilter(self.text, start.start("field"), f"one of the fields {', '.join(known)}", known)
        return self.language.aliases.get(name, name)

    def _operator(self, at: int, name: str, of: Type) -> tuple[Operator, int]:
        found = _OPERATOR.match(self.text, at)
        for operator in of.operators:
            if found is not None and found[0] == operator:
                return operator, found.end()
        raise BadFilter(self.text, at, f"{' or '.join(of.operators)} after {name}")

    def _values(self, at: int, name: str, of: Type) -> tuple[tuple[Value, ...], int]:
        value, at = self._value(at, name, of)
        values = [value]
        while self.text[at : at + 1] == ",":
            value, at = self._value(at + 1, name, of)
            values.append(value)
        if not _END.match(self.text, at):
            raise BadFilter(self.text, at, "a space before the next term")
        return tuple(values), at

    def _value(self, at: int, name: str, of: Type) -> tuple[Value, int]:
        found = _VALUE.match(self.text, at)
        if found is None:
            wanted = f"{of.wanted} for {name}" if self.text[at : at + 1] != '"' else 'a closing "'
            raise BadFilter(self.text, at, wanted)
        try:
            return of.read(_text(found)), found.end()
        except (ValueError, OverflowError):
            raise BadFilter(self.text, at, f"{of.wanted} for {name}") from None


def _text(found: re.Match[str]) -> Text:
    if found["bare"] is not None:
        return Text(found["bare"].removesuffix("*"), found["bare"].endswith("*"))
    return Text(re.sub(r"\\(.)", r"\1", found["quoted"]), bool(found["star"]))


def _after(pattern: re.Pattern[str], text: str, at: int) -> int:
    found = pattern.match(text, at)
    return found.end() if found is not None else at


# Writing it down again.


def _format(condition: Condition) -> str:
    values = ",".join(map(_format_value, condition.values))
    return f"{'-' if condition.negated else ''}{condition.field}{condition.operator}{values}"


def _format_value(value: Value) -> str:
    match value:
        case Text():
            return _format_text(value)
        case timedelta():
            return _format_age(int(value.total_seconds()))
        case date():
            return value.isoformat()
        case _:
            return str(value)


def _format_text(value: Text) -> str:
    star = "*" if value.prefix else ""
    plain = re.fullmatch(r'[^\s,"]*', value.text) and not value.text.endswith("*") and (value.text or value.prefix)
    if plain:
        return value.text + star
    escaped = re.sub(r'(["\\])', r"\\\1", value.text)
    return f'"{escaped}"{star}'


def _format_age(seconds: int) -> str:
    parts = []
    for unit, length in _UNITS.items():
        number, seconds = divmod(seconds, length)
        parts += [f"{number}{unit}"] if number else []
    return "".join(parts) or "0s"


# Becoming SQL.

_TURNED: dict[Operator, str] = {">": "<", "<": ">", ">=": "<=", "<=": ">="}
_COMPARED: dict[Operator, str] = {":": "=", ">": ">", "<": "<", ">=": ">=", "<=": "<="}

# Only ASCII letters lose their case, in both databases alike.
_LOWER: dict[Dialect, str] = {"sqlite": "lower({})", "postgresql": 'lower({} COLLATE "C")'}
_FOUND: dict[Dialect, str] = {"sqlite": "instr({}, {}) > 0", "postgresql": "strpos({}, {}) > 0"}


class _Writing:
    """One statement in the making: it numbers the parameters and grows with each condition."""

    def __init__(self, dialect: Dialect, now: datetime, language: Language) -> None:
        self.dialect: Dialect = dialect
        self.now, self.language = now, language
        self.params: dict[str, Any] = {}

    def condition(self, condition: Condition) -> str:
        column, of = self.language.fields[condition.field]
        alternatives = [self._alternative(column, of, condition.operator, value) for value in condition.values]
        either = f"({' OR '.join(alternatives)})"
        return f"{either} IS NOT TRUE" if condition.negated else either

    def _alternative(self, column: str, of: Type, operator: Operator, value: Value) -> str:
        match value:
            case Text() if of is ID:
                return self._identity(column, value)
            case Text() if of is PART:
                return self._part(column, value)
            case Text():
                return self._text(column, value)
            case timedelta():
                return f"{column} {_TURNED[operator]} {self._param(self.now - value)}"
            case date() if not isinstance(value, datetime):
                return self._day(column, operator, value)
            case _:
                return f"{column} {_COMPARED[operator]} {self._param(value)}"

    def _text(self, column: str, value: Text) -> str:
        name = self._param(value.text)
        if not value.prefix:
            return f"{column} = {name}"
        return self._begins(column, name)

    def _part(self, column: str, value: Text) -> str:
        column = _LOWER[self.dialect].format(column)
        name = _LOWER[self.dialect].format(f"CAST({self._param(value.text)} AS text)")
        return self._begins(column, name) if value.prefix else _FOUND[self.dialect].format(column, name)

    def _begins(self, column: str, name: str) -> str:
        return f"substr({column}, 1, length(CAST({name} AS text))) = {name}"

    def _identity(self, column: str, value: Text) -> str:
        digits = value.text.lower().replace("-", "")
        low, high = (self._param(UUID(digits.ljust(32, filling))) for filling in "0f")
        return f"{column} BETWEEN {low} AND {high}"

    def _day(self, column: str, operator: Operator, day: date) -> str:
        start = datetime(day.year, day.month, day.day, tzinfo=UTC)
        end = start + timedelta(days=1)
        match operator:
            case ":":
                return f"({column} >= {self._param(start)} AND {column} < {self._param(end)})"
            case ">" | "<=":
                return f"{column} {'>=' if operator == '>' else '<'} {self._param(end)}"
            case _:
                return f"{column} {_COMPARED[operator]} {self._param(start)}"

    def _param(self, value: Value | UUID | str) -> str:
        name = f"where_{len(self.params)}"
        self.params[name] = value
        return f":{name}" if self.dialect == "sqlite" else f"%({name})s"
