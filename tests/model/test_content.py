"""What is kept of a body."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventflow.model import content
from eventflow.model.masking import Masker


@pytest.mark.parametrize("size", [content.BODY + 1, 5 * content.BODY])
def test_of_a_long_body_the_beginning_is_kept_its_size_and_its_fingerprint(size: int) -> None:
    body = b"x" * size

    kept = content.content(body, "text/plain", Masker())

    assert kept == {
        "body": "x" * content.BODY,
        "size": size,
        "sha256": sha256(body).hexdigest(),
        "truncated": True,
    }


def test_a_long_json_body_is_masked_before_it_is_cut() -> None:
    body = b'{"password": "hunter2", "x": "' + b"x" * content.BODY + b'"}'

    assert "hunter2" not in content.content(body, "application/json", Masker())["body"]
    assert "hunter2" not in content.content(body * 5, "application/json", Masker())["body"]


@pytest.mark.parametrize(
    ("body", "content_type"),
    [(b"\x89PNG" * 100, "image/png"), (b"\x00\x01\xff" * 100, None), (b"\xff\xfe" * 100, "text/plain")],
)
def test_of_a_binary_body_the_first_bytes_are_kept_its_size_and_its_fingerprint(
    body: bytes, content_type: str | None
) -> None:
    kept = content.content(body, content_type, Masker())

    assert kept == {
        "body": body[:32].hex(),
        "size": len(body),
        "sha256": sha256(body).hexdigest(),
        "binary": True,
        "truncated": True,
    }


def test_a_text_that_is_cut_within_a_character_is_still_a_text() -> None:
    assert not content.is_binary("ž".encode() * 4096, None)
    assert not content.is_binary(b"x" + "ž".encode() * 4096, None)
    assert not content.is_binary(b"\xe8", "text/plain; charset=latin-1")


@given(st.text(max_size=60), st.integers(1, 40))
def test_a_limit_is_kept_in_bytes_and_cuts_no_character(text: str, limit: int) -> None:
    kept = content.content(text.encode("utf-8", "replace"), "text/plain; charset=utf-8", Masker(), limit)

    shown = kept.get("body", "")
    assert len(shown.encode()) <= limit or not kept.get("truncated")
    assert bool(kept.get("truncated")) == bool(kept.get("sha256"))


trees = st.recursive(
    st.none() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
)


@given(st.lists(trees, min_size=1, max_size=3) | st.dictionaries(st.text(max_size=5), trees, min_size=1), st.data())
def test_json_that_was_cut_can_be_read_again(tree: Any, data: st.DataObject) -> None:
    text = json.dumps(tree)
    cut = text[: data.draw(st.integers(1, len(text)))]

    closed = content.closed(cut)

    json.loads(closed)
    assert json.loads(content.closed(text)) == tree


@pytest.mark.parametrize("planted", [{"name": "password", "value": "hunter2"}, {"user": {"tax_id": "hunter2"}}])
def test_of_json_that_is_far_too_long_what_is_shown_is_masked_like_the_rest(planted: dict[str, Any]) -> None:
    body = json.dumps({**planted, "x": ["x" * 50] * 20}).encode()

    kept = content.content(body, "application/json", Masker(paths=["payload.user.tax_id"]), limit=100)

    assert kept["truncated"] and kept["size"] == len(body)
    assert "hunter2" not in kept["body"]
    assert "********" in kept["body"]
