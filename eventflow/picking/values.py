"""What fields of flows are made of: ids, instants, names, JSON, each checked strictly and told in plain words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from math import isfinite
from typing import Annotated, Any, Self, TypeVar
from uuid import UUID

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, JsonValue, PlainValidator

T = TypeVar("T")

LONGEST = 255
"""Characters that a name, an id or a scope has at most."""


class Value(BaseModel, frozen=True, strict=True, extra="forbid", validate_by_name=True, validate_by_alias=True):
    """Something frozen that is compared by what it says. Raises pydantic's ``ValidationError`` for what does not fit.

    Strict: the text ``"3"`` is no number and ``1`` is no truth. What JSON has no word for comes as JSON writes it: an
    instant as an ISO 8601 text, a tuple as a list. Attributes and settings are JSON as it came; whoever changes it in
    place breaks the promise.
    """

    def replace(self, **changes: Any) -> Self:
        """The same with these fields changed, checked like a new one."""
        fields = {name: getattr(self, name) for name in type(self).model_fields}
        return type(self)(**(fields | changes))

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:  # noqa: ARG002
        """The same with these fields changed; what is frozen need not be copied any deeper."""
        return self.replace(**(update or {}))

    def __hash__(self) -> int:
        # What is equal has the same hash; JSON that has none is left to be compared.
        return hash((type(self), *(_hashed(getattr(self, name)) for name in type(self).model_fields)))


def _hashed(value: object) -> int | None:
    try:
        return hash(value)
    except TypeError:
        return None


def instant(said: object) -> object:
    """An instant in UTC from an aware ``datetime`` or its ISO 8601 text; ``ValueError`` for one without a time zone.

    >>> instant("2026-03-01T10:00:00+02:00")
    datetime.datetime(2026, 3, 1, 8, 0, tzinfo=datetime.timezone.utc)
    """
    if isinstance(said, str):
        said = _read(said)
    if not isinstance(said, datetime):
        return said
    if said.utcoffset() is None:
        raise ValueError(f"a time zone is wanted, as in {said.isoformat()}Z")
    try:
        return said.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("this instant is outside the years 1 to 9999 in UTC") from error


def _read(said: str) -> datetime:
    try:
        return datetime.fromisoformat(said)
    except ValueError as error:
        raise ValueError(f'"{said}" is no time as ISO 8601 writes it, as in 2026-03-01T10:00:00Z') from error


def _flow_id(said: object) -> int | str:
    if isinstance(said, UUID):
        return str(said)
    if type(said) is int or (isinstance(said, str) and 0 < len(said) <= LONGEST and said.isprintable()):
        return str(said) if isinstance(said, str) else said
    raise ValueError(f"a whole number or a text of 1 to {LONGEST} printable characters is wanted as an id")


def listed_as_tuple(said: object) -> object:
    """What is given as a list, or as nothing at all, as a tuple."""
    if said is None:
        return ()
    return tuple(said) if isinstance(said, (list, set, frozenset, Iterator)) else said


def _sayable(said: JsonValue) -> JsonValue:
    if isinstance(said, float) and not isfinite(said):
        raise ValueError(f"{said} is no number that JSON can say")
    if isinstance(said, str) and not _is_text(said):
        raise ValueError(f"{said!a} holds half a character")
    for one in (*said.keys(), *said.values()) if isinstance(said, dict) else said if isinstance(said, list) else ():
        _sayable(one)
    return said


def _attributes(said: dict[str, JsonValue]) -> dict[str, JsonValue]:
    _sayable(said)
    return said


def _is_text(said: str) -> bool:
    try:
        said.encode()
    except UnicodeEncodeError:
        return False
    return True


Instant = Annotated[datetime, BeforeValidator(instant)]
"""A point in time: aware, kept in UTC."""

FlowId = Annotated[int | str, PlainValidator(_flow_id, json_schema_input_type=int | str)]
"""What a definition is known by: a whole number or a text; a ``UUID`` becomes its text."""

Name = Annotated[str, Field(min_length=1, max_length=LONGEST)]
Text = Annotated[str, Field(max_length=LONGEST)]
ShortText = Annotated[str, Field(max_length=64)]

Names = dict[Annotated[str, Field(min_length=1, max_length=35)], Text]
"""Something said in several languages: ``{"en": "Checkout", "de": "Kasse"}``."""

Json = Annotated[JsonValue, AfterValidator(_sayable)]
"""Whatever JSON can say."""

Attributes = Annotated[dict[str, JsonValue], AfterValidator(_attributes)]
"""JSON under names."""

Listed = Annotated[tuple[T, ...], BeforeValidator(listed_as_tuple)]
"""A tuple, which may be given as a list."""


def id_order(id: int | str) -> tuple[int, Any]:
    """What ids are ordered by: numbers before texts, each among themselves.

    >>> sorted(["b", 10, "a", 9], key=id_order)
    [9, 10, 'a', 'b']
    """
    return (0, id) if isinstance(id, int) else (1, id)
