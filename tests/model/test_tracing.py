"""What a story is called in other systems."""

from __future__ import annotations

from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventflow.model.tracing import correlation_in, incoming, outgoing, traceparent

ID = UUID("4f0cb1a5-0000-4000-8000-000000000001")
PARENT = f"00-{ID.hex}-00f067aa0ba902b7-01"


@given(st.uuids().filter(bool), st.integers(1, 2**63 - 1))
def test_the_trace_id_that_goes_out_is_the_correlation_id(correlation: UUID, position: int) -> None:
    assert correlation_in(traceparent(correlation, position)) == correlation


@pytest.mark.parametrize(
    "text",
    [
        "",
        "whales",
        PARENT[:-1],
        PARENT.upper(),
        PARENT + "-more",
        "ff" + PARENT[2:],
        PARENT.replace("f067aa0ba902b7", "0" * 14),
    ],
)
def test_what_is_no_traceparent_is_passed_over(text: str) -> None:
    assert correlation_in(text) is None


def test_a_later_version_of_a_traceparent_may_say_more() -> None:
    assert correlation_in("01" + PARENT[2:] + "-more") == ID


def test_what_goes_out_is_read_again_by_whoever_gets_it() -> None:
    id = uuid4()

    assert incoming(outgoing(id, 4711)) == id
    assert incoming({"traceparent": outgoing(id, 4711)["traceparent"]}) == id


def test_who_names_the_story_is_believed_before_the_trace() -> None:
    assert incoming({"X-Correlation-Id": str(ID), "traceparent": PARENT.replace(ID.hex, uuid4().hex)}) == ID
    assert incoming({"X-Correlation-ID": " "}) is None
