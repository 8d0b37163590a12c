"""Errors of other programs as plain text: what a terminal, a mail and a page can show without being steered by it."""

from __future__ import annotations

import html
import re

LIMIT = 300
"""Characters that are kept unless somebody says otherwise."""

_HIDDEN = re.compile(r"<(script|style)\b[^>]*>.*?(?:</\1\s*>|\Z)|<!--.*?(?:-->|\Z)", re.DOTALL | re.IGNORECASE)
_INLINE = re.compile(
    r"</?(?:a|abbr|b|code|em|font|i|kbd|mark|s|small|span|strong|sub|sup|tt|u)\b[^<>]*>", re.IGNORECASE
)
_TAG = re.compile(r"</?[a-z!][^<>]*>", re.IGNORECASE)
_BLANK = re.compile("[\\s\x00-\x1f\x7f-\x9f\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]+")


def plain_error(text: str | bytes, limit: int = LIMIT) -> str:
    r"""A message on one line, without markup, at most ``limit`` characters and three dots.

    What is no UTF-8 is replaced; scripts, styles and tags go, entities are read, control characters and whitespace
    become one space.

    >>> plain_error("<h1>502</h1><style>h1 {color: red}</style>Bad&nbsp;gateway &amp; more")
    '502 Bad gateway & more'
    >>> plain_error(b"caf\xe9" + b"!" * 9, limit=6)
    'caf�!!...'
    """
    readable = text.decode("utf-8", "replace") if isinstance(text, bytes) else _whole(text)
    # A paragraph ends a word, emphasis does not: "<p>one</p><p><b>t</b>wo</p>" is "one two".
    bare = html.unescape(_TAG.sub(" ", _INLINE.sub("", _HIDDEN.sub(" ", readable))))
    line = _BLANK.sub(" ", _whole(bare)).strip()
    return line if len(line) <= limit else f"{line[:limit]}..."


def _whole(text: str) -> str:
    """The text without halves of characters, which no database keeps."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
