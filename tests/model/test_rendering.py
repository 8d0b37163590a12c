"""Recorded requests and responses, as people know them."""

from __future__ import annotations

import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventflow.errors import Refused
from eventflow.model.library import RequestSent, ResponseReceived, StatusChanged
from eventflow.model.message_text import Layout
from eventflow.model.rendering import as_curl, as_message

REQUEST = RequestSent(
    method="POST",
    url="https://press.example:8443/articles?tag=a%20b",
    headers={"Authorization": "Bearer ********", "content-type": "application/json"},
    body='{"text":"it\'s"}',
    size=15,
)


def test_a_recorded_request_is_a_curl_command() -> None:
    assert as_curl(REQUEST) == (
        "curl \\\n"
        "  -sS \\\n"
        "  -X 'POST' \\\n"
        "  -H 'Authorization: Bearer ********' \\\n"
        "  -H 'content-type: application/json' \\\n"
        "  --data-raw '{\"text\":\"it'\\''s\"}' \\\n"
        "  'https://press.example:8443/articles?tag=a%20b'"
    )


def test_a_recorded_request_is_a_message_with_its_host() -> None:
    assert as_message(REQUEST) == (
        "HTTP/1.1 POST /articles?tag=a%20b\r\n"
        "Host: press.example:8443\r\n"
        "Authorization: Bearer ********\r\n"
        "Content-Type: application/json\r\n"
        "\r\n"
        '{"text":"it\'s"}'
    )


def test_masked_userinfo_is_no_part_of_the_host() -> None:
    request = RequestSent(method="GET", url="https://********@press.example/")

    assert as_message(request) == "HTTP/1.1 GET /\r\nHost: press.example\r\n\r\n"


def test_a_recorded_response_is_a_message_with_its_reason() -> None:
    response = ResponseReceived(status=503, headers={"retry-after": "7"}, body="žl", size=3)

    assert as_message(response) == ("HTTP/1.1 503 Service Unavailable\r\nRetry-After: 7\r\nContent-Length: 3\r\n\r\nžl")


def test_the_query_of_a_get_stands_in_the_address_of_the_command() -> None:
    request = RequestSent(method="GET", url="https://h/p?a=x%20y&token=%2A%2A%2A")

    assert shlex.split(as_curl(request))[-1] == "https://h/p?a=x%20y&token=%2A%2A%2A"
    assert "--data" not in as_curl(request)


def test_a_head_request_does_not_wait_for_a_body() -> None:
    assert "--head" in as_curl(RequestSent(method="HEAD", url="https://h/"))


def test_a_body_that_was_cut_says_so_with_its_size_and_hash() -> None:
    request = RequestSent(method="PUT", url="https://h/", body="abc", size=5000, sha256="f00", truncated=True)
    response = ResponseReceived(status=200, body="abc", size=5000, sha256="f00", truncated=True)

    assert as_curl(request).startswith("# truncated: 5000 bytes, sha256 f00\ncurl ")
    assert as_message(request).endswith("\r\n\r\nabc\n…[truncated: 5000 bytes, sha256 f00]")
    assert as_message(response).endswith("Content-Length: 5000\r\n\r\nabc\n…[truncated: 5000 bytes, sha256 f00]")


def test_a_body_that_is_no_text_is_described() -> None:
    request = RequestSent(method="PUT", url="https://h/", body="8950", size=9, sha256="f00", binary=True)
    response = ResponseReceived(status=200, body="8950", size=9, sha256="f00", binary=True)

    assert "--data" not in as_curl(request)
    assert as_message(response).endswith("Content-Length: 9\r\n\r\n[binary: 9 bytes, sha256 f00, begins with 8950]")


def test_a_body_is_cut_to_size_on_request() -> None:
    response = ResponseReceived(status=200, body="0123456789", size=10)

    assert as_message(response, Layout(truncate_body_to=4)).endswith("Content-Length: 19\r\n\r\n0123\n…[truncated]")
    assert "Content-Length" not in as_message(response, Layout(recompute_content_length=False))


@pytest.mark.parametrize("event", [StatusChanged(), ResponseReceived(status=200)])
def test_what_is_no_request_is_no_command(event: StatusChanged) -> None:
    with pytest.raises(Refused, match=event.event_name):
        as_curl(event)


def test_what_is_no_conversation_is_no_message() -> None:
    with pytest.raises(Refused, match="status_changed"):
        as_message(StatusChanged())


words = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)


@given(words, words)
def test_a_shell_reads_every_word_as_it_was(value: str, body: str) -> None:
    request = RequestSent(method="POST", url="https://h/", headers={"X": f"a{value}"}, body=body, size=1)

    told = shlex.split(as_curl(request).replace(" \\\n  ", " ", 3))
    assert f"X: a{value}" in told
    assert body in told
