"""Which events a reader of the log wants to see: ``category:order status:error name:written -actor:bot``.

The smaller sister of the filter for items: it looks at headers as they pass by, not at tables. Terms all have to hold,
values with commas are alternatives, ``-`` means not, ``*`` at the end means that only the beginning counts.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

from eventflow.errors import BadFilter
from eventflow.model.recorded import Header

FIELDS = ("category", "name", "status", "previous", "phase", "kind", "reaction", "actor", "tenant", "stream", "error")

_TERM = re.compile(r"\s*(?P<minus>-?)(?P<field>[a-z]+):(?P<values>[^\s]+)")


class Term(NamedTuple):
    """One condition on one field of a header."""

    field: str
    values: tuple[str, ...]
    negated: bool

    def holds(self, header: Header) -> bool:
        """Whether the header is as the term says."""
        return any(_fits(header, self.field, value) for value in self.values) != self.negated


def selection(text: str) -> Callable[[Header], bool]:
    """Whether a header is wanted; raises ``BadFilter``.

    >>> selection("stat:error")
    Traceback (most recent call last):
    ...
    eventflow.errors.BadFilter: At character 1 of the filter: wanted one of the fields category, name, status, \
previous, phase, kind, reaction, actor, tenant, stream, error, found "stat:error". Did you mean "status"?
    """
    terms, at = [], 0
    while text[at:].strip():
        term, at = _term(text, at)
        terms.append(term)
    return lambda header: all(term.holds(header) for term in terms)


def _term(text: str, at: int) -> tuple[Term, int]:
    found = _TERM.match(text, at)
    if found is None:
        raise BadFilter(text, at + len(text[at:]) - len(text[at:].lstrip()), "a term such as status:error")
    if found["field"] not in FIELDS:
        raise BadFilter(text, found.start("field"), f"one of the fields {', '.join(FIELDS)}", FIELDS)
    return Term(found["field"], tuple(found["values"].split(",")), bool(found["minus"])), found.end()


def _fits(header: Header, field: str, value: str) -> bool:
    said = str(getattr(header, field) or "")
    if field == "error":
        return value.lower() in said.lower()
    # An event may be called with its category and without it.
    if field == "name" and ":" not in value:
        said = said.rpartition(":")[2]
    return said.startswith(value[:-1]) if value.endswith("*") else said == value
