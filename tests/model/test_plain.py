"""Errors as plain text, whatever other programs have put into them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventflow.model.plain import plain_error


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        (b"caf\xe9", "caf\N{REPLACEMENT CHARACTER}"),
        ("half \ud83d of a pair", "half \N{REPLACEMENT CHARACTER} of a pair"),
        ("<script>steal()</script>Not found", "Not found"),
        ("<STYLE type='a'>h1 {}\n</STYLE>Not found", "Not found"),
        ("<script>never closed", ""),
        ("<!-- a comment -->Not found", "Not found"),
        ("<html><h1>502</h1><p>Bad <b>gate</b>way</p></html>", "502 Bad gateway"),
        ("Tom &amp; Jerry &lt;tj@example.org&gt;", "Tom & Jerry <tj@example.org>"),
        ("1 < 2 and 3 > 2", "1 < 2 and 3 > 2"),
        ("a\tb\r\n c\x00d\x1b[31me\xa0f\u200eg", "a b c d [31me f g"),
        ("  \n ", ""),
    ],
)
def test_what_is_no_text_for_people_is_taken_out(said: str | bytes, shown: str) -> None:
    assert plain_error(said) == shown


def test_a_long_error_is_cut_and_says_so() -> None:
    assert plain_error("x" * 300) == "x" * 300
    assert plain_error("x" * 301) == "x" * 300 + "..."
    assert plain_error("abc", limit=2) == "ab..."


@given(st.text() | st.binary(), st.integers(1, 50))
def test_whatever_is_said_it_is_one_line_that_can_be_written_anywhere(said: str | bytes, limit: int) -> None:
    shown = plain_error(said, limit=limit)

    assert len(shown) <= limit + 3
    assert shown.isprintable() or not any(ord(one) < 32 or 127 <= ord(one) < 160 for one in shown)
    shown.encode()
