"""Where in a free text the value of a key begins and ends: quoted, bracketed, bare or cut off."""

from __future__ import annotations

import re
from typing import NamedTuple

_SAYS = re.compile(r"(?:\\*[\"'])?(?:\]|%5[Dd])?\s*(?:=>|:=|==?|:)[ \t]*(?:[bBrRuUfF]{1,2}(?=[\"']))?")
_BARE = re.compile(r"(?:[^\s,;&<>\"'(){}\[\]\\]|,(?![\s\"']|[\w.\-]+\s*[=:])|\\(?![\"'nrt]))*")
_TO_THE_END = re.compile(r"(?:authorization|cookies?)\]?\Z", re.IGNORECASE)
_LINE = re.compile(r"[^\r\n\"']*")
_CLOSING = {"{": "}", "[": "]", "(": ")"}


class Extent(NamedTuple):
    """Where a value begins and ends without its quotes, and where to go on reading."""

    begin: int
    end: int
    after: int


def value_of(text: str, at: int, key: str) -> Extent | None:
    """The extent of what a text says of the key that ends at ``at``; ``None`` when it says nothing of it.

    >>> value_of('login(pin="a b", user="ann")', 9, "pin")
    Extent(begin=11, end=14, after=15)
    """
    says = _SAYS.match(text, at)
    return _extent(text, says.end(), key) if says else None


def end_of(pattern: re.Pattern[str], text: str, at: int) -> int:
    """Where a pattern that begins at ``at`` ends; there, when it does not match."""
    found = pattern.match(text, at)
    return found.end() if found else at


def _extent(text: str, at: int, key: str) -> Extent:
    if escaped := re.compile(r"\\+[\"']").match(text, at):
        end = re.compile(rf"(?<!\\){re.escape(escaped[0])}").search(text, escaped.end())
        stop = end.start() if end else len(text)
        return Extent(escaped.end(), stop, end.end() if end else stop)
    if text[at : at + 3] in ('"""', "'''"):
        end = re.compile(re.escape(text[at : at + 3])).search(text, at + 3)
        stop = end.start() if end else len(text)
        return Extent(at + 3, stop, min(stop + 3, len(text)))
    if text[at : at + 1] in ('"', "'"):
        inner = re.compile(rf"(?:[^\\{text[at]}]|\\.)*+", re.DOTALL).match(text, at + 1)
        stop = inner.end() if inner else at + 1
        # A lone backslash at the very end belongs to the value that was cut there.
        stop = len(text) if text[stop:] == "\\" else stop
        return Extent(at + 1, stop, min(stop + 1, len(text)))
    stop = _closed(text, at) if text[at : at + 1] in _CLOSING else _bare(text, at, key)
    return Extent(at, stop, stop)


def _bare(text: str, at: int, key: str) -> int:
    stop = end_of(_LINE if _TO_THE_END.search(key) else _BARE, text, at)
    # A call: its arguments may tell.
    return _closed(text, stop) if at < stop and text[stop : stop + 1] == "(" else stop


def _closed(text: str, at: int) -> int:
    """The end of what a bracket opens; the end of the text when it is never closed."""
    waiting: list[str] = []
    quoted = ""
    position = at
    while position < len(text):
        one = text[position]
        if one == "\\":
            position += 1
        elif quoted:
            quoted = "" if one == quoted else quoted
        elif one in "\"'":
            quoted = one
        elif one in _CLOSING:
            waiting.append(_CLOSING[one])
        elif waiting and one == waiting[-1]:
            waiting.pop()
            if not waiting:
                return position + 1
        position += 1
    return len(text)
