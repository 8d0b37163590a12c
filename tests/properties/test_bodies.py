"""Whatever is put into a query, a form or files is read again as it was."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from hypothesis import given
from hypothesis import strategies as st

from eventflow.model import multipart, query
from eventflow.model.multipart import File

texts = st.text(st.characters(exclude_categories=["Cs"]))
values = st.one_of(texts, st.integers(), st.lists(texts, min_size=1))
forms = st.dictionaries(texts, values, max_size=5)
files = st.dictionaries(texts, st.builds(File, content=st.binary(), name=texts), min_size=1, max_size=4)


def told(form: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What a form says, pair by pair."""
    several = {name: value if isinstance(value, list) else [value] for name, value in form.items()}
    return [(name, str(one)) for name, values in several.items() for one in values]


@given(forms)
def test_a_query_is_read_as_it_was_said(form: dict[str, Any]) -> None:
    assert parse_qsl(query.encode(form), keep_blank_values=True) == told(form)


@given(forms, files)
def test_a_form_with_files_falls_apart_into_what_was_put_in(form: dict[str, Any], files: dict[str, File]) -> None:
    kind, body = multipart.encode(form, files)

    boundary = b"--" + kind.partition("boundary=")[2].encode()
    first, *parts, last = body.split(boundary)
    assert (first, last) == (b"", b"--\r\n")
    contents = [part[2:-2].partition(b"\r\n\r\n")[2] for part in parts]
    assert contents == [*(value.encode() for _, value in told(form)), *(file.content for file in files.values())]


@given(forms, files)
def test_the_same_form_is_the_same_bytes(form: dict[str, Any], files: dict[str, File]) -> None:
    assert multipart.encode(form, files) == multipart.encode(dict(form), dict(files))
