"""What is recorded in another stream together with what an aggregate records in its own: both, or neither."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple
from uuid import UUID


class Company(NamedTuple):
    """What is done to the aggregate of another stream, as it is when the append is made."""

    kind: type[Any]
    stream: UUID
    decide: Callable[[Any], object]


def accompany(aggregate: Any, kind: type[Any], stream: UUID, decide: Callable[[Any], object]) -> None:
    """With the next append of this aggregate goes what ``decide`` records on another one."""
    aggregate.__dict__["_company"] = (*company_of(aggregate), Company(kind, stream, decide))


def company_of(aggregate: Any) -> tuple[Company, ...]:
    """What goes with the next append of this aggregate."""
    return aggregate.__dict__.get("_company", ())  # type: ignore[no-any-return]  # put there above


def parted(aggregate: Any) -> None:
    """It is in the log: nothing goes with the append after it."""
    aggregate.__dict__.pop("_company", None)
