"""Requests from outside, as values."""

from __future__ import annotations

import pytest
from pydantic import BaseModel

from eventflow.errors import BadInput, Malformed
from eventflow.model.incoming import Incoming


class Payment(BaseModel):
    """What is expected of a request."""

    amount: int
    currency: str = "EUR"


def test_headers_are_found_in_any_case() -> None:
    request = Incoming(headers={"X-Event": "paid", "content-type": "application/json; charset=utf-8"})

    assert (request.header("x-event"), request.header("none"), request.header("none", "d")) == ("paid", None, "d")
    assert request.content_type == "application/json"


def test_a_form_and_a_query_are_read() -> None:
    request = Incoming(url="/x?a=1&b=&a=2", content=b"name=B%C3%BCcher&tag=x")

    assert request.query == {"a": "2", "b": ""}
    assert request.form == {"name": "Bücher", "tag": "x"}


def test_json_is_read_as_a_model() -> None:
    assert Incoming.of({"amount": "12"}).read(Payment) == Payment(amount=12)


def test_what_does_not_fit_is_told_without_its_values() -> None:
    with pytest.raises(BadInput) as caught:
        Incoming.of({"amount": "s3cr3t", "currency": 7}).read(Payment)

    assert [one.partition(":")[0] for one in caught.value.problems] == ["amount", "currency"]
    assert "s3cr3t" not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe\xfa", b"s3cr3t", b"[" * 100_000])
def test_what_is_no_json_says_so_and_no_more(content: bytes) -> None:
    with pytest.raises(Malformed) as caught:
        Incoming(content=content).json()

    assert "s3cr3t" not in str(caught.value)
