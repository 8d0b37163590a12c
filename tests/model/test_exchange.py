"""HTTP as a conversation of values."""

from __future__ import annotations

import pickle
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from eventflow.errors import AnswerRefused, Refused, Unavailable
from eventflow.model.exchange import ABSENT, Exchange, Request, Response, Timeout, idempotency_key, play, replies
from tests.model.documents import Published, Status, a_document, publish

PRESS = "https://press.example/articles"


def two_pages() -> Exchange[list[int]]:
    """A conversation of two requests, the second wiser by the first answer."""
    first = yield Request("GET", PRESS)
    second = yield Request("GET", PRESS, params={"page": first.json()["next"]})
    return [first.status, second.status]


def test_a_conversation_is_played_with_answers_given_by_hand() -> None:
    document = a_document(status=Status.APPROVED)

    assert play(publish(document), lambda request: Response.of({"url": "u"})) == Published(url="u")


def test_each_request_may_build_on_the_answer_before() -> None:
    asked: list[str] = []

    def answer(request: Request) -> Response:
        asked.append(request.full_url())
        return Response.of({"next": 2})

    assert play(two_pages(), answer) == [200, 200]
    assert asked == [PRESS, f"{PRESS}?page=2"]


def test_replies_are_given_in_turn() -> None:
    assert play(two_pages(), replies(Response.of({"next": 2}), Response.of(status=404))) == [200, 404]


def test_a_request_beyond_the_last_reply_is_refused() -> None:
    with pytest.raises(Refused, match="came after all 1 replies"):
        play(two_pages(), replies(Response.of({"next": 2})))


def test_a_peer_out_of_reach_is_raised_where_the_request_was_yielded() -> None:
    def careful() -> Exchange[str]:
        try:
            yield Request("GET", PRESS)
        except Unavailable:
            response = yield Request("GET", "https://other.example/")
            return response.text
        return "first"

    def answer(request: Request) -> Response:
        if request.url == PRESS:
            raise Unavailable(PRESS, "no route")
        return Response(200, content=b"second")

    assert play(careful(), answer) == "second"


def test_an_answer_that_runs_dry_is_no_result() -> None:
    nothing: Any = iter(())

    with pytest.raises(RuntimeError):
        play(two_pages(), lambda request: next(nothing))


def test_a_method_is_written_in_capitals() -> None:
    assert Request("post", PRESS).method == "POST"


def test_a_request_has_one_body_at_most() -> None:
    with pytest.raises(Refused, match="json, form or content"):
        Request("POST", PRESS, json={}, form={"a": 1})


@pytest.mark.parametrize(
    "url", ["press.example", "ftp://press.example/", "https://", "file:///etc/passwd", "http://[::1"]
)
def test_an_address_is_absolute_and_of_http(url: str) -> None:
    with pytest.raises(Refused, match="no absolute http or https address"):
        Request("GET", url)


@pytest.mark.parametrize("headers", [{"X-A": "a\r\nX-B: b"}, {"X-A\n": "a"}])
def test_a_header_cannot_smuggle_another_one_in(headers: dict[str, str]) -> None:
    with pytest.raises(Refused, match="line break"):
        Request("GET", PRESS, headers=headers)


def test_json_is_sent_as_json() -> None:
    request = Request("POST", PRESS, json={"text": "žaba"})

    assert request.wire_body() == '{"text":"žaba"}'.encode()
    assert request.wire_headers() == {"Content-Type": "application/json"}


def test_null_is_json_too() -> None:
    assert Request("POST", PRESS, json=None).wire_body() == b"null"
    assert Request("POST", PRESS).wire_body() is None


def test_a_form_is_sent_as_a_form() -> None:
    request = Request("POST", PRESS, form={"a": "x y", "b": [1, 2]})

    assert request.wire_body() == b"a=x+y&b=1&b=2"
    assert request.wire_headers() == {"Content-Type": "application/x-www-form-urlencoded"}


def test_content_is_sent_as_it_is() -> None:
    assert Request("POST", PRESS, content="č").wire_body() == "č".encode()
    assert Request("POST", PRESS, content=b"\x00").wire_headers() == {}


def test_a_content_type_of_ones_own_stays() -> None:
    request = Request("POST", PRESS, json={}, headers={"content-type": "application/vnd.press+json"})

    assert request.wire_headers() == {"content-type": "application/vnd.press+json"}


def test_params_go_into_the_query_before_the_fragment() -> None:
    assert Request("GET", f"{PRESS}?a=1#top", params={"b": "x y"}).full_url() == f"{PRESS}?a=1&b=x+y#top"


def test_further_headers_do_not_replace_the_ones_there_are() -> None:
    request = Request("GET", PRESS, headers={"idempotency-key": "mine"})

    assert request.with_headers({"Idempotency-Key": "yours", "X-A": "a"}).headers == {
        "idempotency-key": "mine",
        "X-A": "a",
    }
    assert request.headers == {"idempotency-key": "mine"}


def test_a_request_survives_pickling() -> None:
    request = pickle.loads(pickle.dumps(Request("GET", PRESS)))

    assert request == Request("GET", PRESS)
    assert request.json is ABSENT


def test_there_is_always_a_time_limit() -> None:
    assert Timeout() == Timeout(connect=timedelta(seconds=10), read=timedelta(seconds=30), total=timedelta(minutes=2))
    assert Request("GET", PRESS).timeout is None  # the application's, then


def test_a_header_is_found_in_any_case() -> None:
    response = Response(200, {"Content-TYPE": "text/plain; charset=latin-1"}, b"\xe8")

    assert response.header("content-type") == "text/plain; charset=latin-1"
    assert response.header("X-A", "none") == "none"
    assert response.text == "è"


def test_an_unknown_charset_is_read_as_utf_8() -> None:
    assert Response(200, {"Content-Type": "text/plain; charset=klingon"}, "č".encode()).text == "č"


def test_what_is_not_json_says_what_came_instead() -> None:
    response = Response(200, {"Content-Type": "text/html"}, b"<html>token=abc" + b"x" * 500)

    with pytest.raises(ValueError, match=r"The answer 200 is not JSON but text/html, 515 bytes") as error:
        response.json()
    assert "abc" not in str(error.value)


@pytest.mark.parametrize(("status", "ok"), [(200, True), (204, True), (304, True), (400, False), (503, False)])
def test_an_answer_is_ok_below_400(status: int, ok: bool) -> None:
    assert Response(status).ok is ok


def test_a_refusal_names_the_request_without_its_secrets() -> None:
    request = Request("GET", "https://ann:pw@press.example/a?api_key=k")

    with pytest.raises(AnswerRefused) as refusal:
        Response(503, {"retry-after": "7"}).raise_for_status(request)

    assert str(refusal.value) == "GET https://********@press.example/a?api_key=%2A%2A%2A%2A%2A%2A%2A%2A answered 503."
    assert (refusal.value.status, refusal.value.retry_after) == (503, 7.0)


def test_an_answer_that_means_yes_is_handed_on() -> None:
    response = Response.of({"a": 1}, status=201)

    assert response.raise_for_status(Request("GET", PRESS)) is response


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "120"}, 120.0),
        ({"Retry-After": "Thu, 01 Jan 2026 00:02:00 GMT", "Date": "Thu, 01 Jan 2026 00:00:00 GMT"}, 120.0),
        ({"Retry-After": "Thu, 01 Jan 2026 00:00:00 GMT", "Date": "Thu, 01 Jan 2026 00:02:00 GMT"}, 0.0),
        ({"Retry-After": "Thu, 01 Jan 2026 00:02:00 GMT"}, None),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "-5"}, None),
        ({"Retry-After": "²"}, None),
        ({}, None),
    ],
)
def test_how_long_a_peer_asks_to_wait_needs_no_clock(headers: dict[str, str], seconds: float | None) -> None:
    assert Response(503, headers).retry_after == seconds


def test_an_idempotency_key_is_the_same_for_every_attempt_and_different_for_everything_else() -> None:
    stream = UUID(int=1)
    key = idempotency_key("publish", stream, 3, 1)

    assert key == idempotency_key("publish", stream, 3, 1)
    others = [
        idempotency_key("print", stream, 3, 1),
        idempotency_key("publish", UUID(int=2), 3, 1),
        idempotency_key("publish", stream, 4, 1),
        idempotency_key("publish", stream, 3, 2),
    ]
    assert len({key, *others}) == 5
