"""Where redirects lead, and what is said there."""

from __future__ import annotations

from uuid import UUID

import pytest

from eventflow.errors import AnswerRefused
from eventflow.model.exchange import ABSENT, Request, Response
from eventflow.model.redirect import redirected

HERE = "https://press.example/articles?page=1"
KEYS = {"Authorization": "Bearer s3cr3t", "Accept": "text/plain", "Idempotency-Key": str(UUID(int=1))}


def to(location: str, status: int = 307) -> Response:
    """An answer that sends us there."""
    return Response(status, {"location": location})


@pytest.mark.parametrize("status", [307, 308])
def test_a_redirect_is_followed_as_often_as_was_said(status: int) -> None:
    request = Request("POST", HERE, json={"a": 1}, headers=KEYS, redirects=1)

    moved = redirected(request, to("/later#part", status))

    assert moved is not None
    assert (moved.method, moved.url, moved.json, moved.headers) == (
        "POST", "https://press.example/later", {"a": 1}, KEYS,
    )  # fmt: skip
    assert moved.is_hop
    assert redirected(moved, to("/later still", status)) is None


@pytest.mark.parametrize("status", [301, 302, 303])
def test_what_was_moved_is_asked_for_without_a_body(status: int) -> None:
    moved = redirected(Request("POST", HERE, json={"a": 1}, redirects=1), to("/later", status))

    assert moved is not None
    assert (moved.method, moved.json, moved.wire_body()) == ("GET", ABSENT, None)


def test_secrets_stay_with_the_host_that_they_are_for() -> None:
    moved = redirected(Request("GET", HERE, headers=KEYS, redirects=1), to("https://other.example/"))

    assert moved is not None
    assert "Authorization" not in moved.headers
    assert moved.headers["Accept"] == "text/plain"


@pytest.mark.parametrize(
    "location",
    ["http://press.example/", "file:///etc/passwd", "javascript:alert(1)", "https://[", "https://press.example:pot/"],
)
def test_a_redirect_that_leads_astray_is_an_answer_like_any_other(location: str) -> None:
    assert redirected(Request("GET", HERE, redirects=9), to(location)) is None


def test_nothing_is_followed_without_being_asked_for() -> None:
    request = Request("GET", HERE)

    assert redirected(request, to("/later")) is None
    with pytest.raises(AnswerRefused, match="307"):
        to("/later").raise_for_status(request)
