"""Files in a request: the same bytes every time, and nothing in them that breaks out of its part."""

from __future__ import annotations

import pickle
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

import pytest

from eventflow.errors import Refused
from eventflow.model.exchange import Request
from eventflow.model.multipart import File, encode


def read(kind: str, body: bytes) -> list[tuple[dict[str, Any], bytes]]:
    """The parts as somebody else reads them."""
    message = message_from_bytes(f"Content-Type: {kind}\r\n\r\n".encode() + body, policy=policy.HTTP)
    assert isinstance(message, EmailMessage)
    parts = [part for part in message.iter_parts() if isinstance(part, EmailMessage)]
    return [(dict(part["Content-Disposition"].params), part.get_payload(decode=True)) for part in parts]  # type: ignore[misc]


def test_fields_and_files_are_read_as_they_were_sent() -> None:
    kind, body = encode(
        {"title": "Čopič", "tag": ["a", "b"], "by": None},
        {"page": File(b"\x00\xff\r\n", "1.bin"), "more": [File("text", "2.txt", "text/plain")]},
    )

    assert read(kind, body) == [
        ({"name": "title"}, "Čopič".encode()),
        ({"name": "tag"}, b"a"),
        ({"name": "tag"}, b"b"),
        ({"name": "page", "filename": "1.bin"}, b"\x00\xff\r\n"),
        ({"name": "more", "filename": "2.txt"}, b"text"),
    ]


def test_the_same_form_is_the_same_bytes() -> None:
    a_form = {"title": "Whales"}

    assert encode(a_form, {"page": File("1")}) == encode(a_form, {"page": File("1")})
    assert encode(a_form, {"page": File("1")}) != encode(a_form, {"page": File("2")})


def test_no_name_breaks_out_of_its_part() -> None:
    kind, body = encode({'a"; x="': "1"}, {"f": File("", 'a"\r\nEvil: yes')})

    assert b"Evil: yes" in body
    assert b"\r\nEvil" not in body
    assert b'name="a%22; x=%22"' in body
    assert len(read(kind, body)) == 2


@pytest.mark.parametrize("type", ["text", "text/plain\r\nEvil: yes", "", "text/"])
def test_a_content_type_that_is_none_is_refused(type: str) -> None:
    with pytest.raises(Refused, match="is no content type"):
        File("", type=type)


def test_a_request_with_files_knows_its_content_type() -> None:
    request = Request("POST", "https://press.example/", form={"title": "Whales"}, files={"page": File("1")})

    kind, body = encode({"title": "Whales"}, {"page": File("1")})
    assert (request.wire_headers(), request.wire_body()) == ({"Content-Type": kind}, body)


def test_a_request_with_files_survives_pickling() -> None:
    request = Request("POST", "https://press.example/", files={"page": [File("1"), File(b"2")]})

    again = pickle.loads(pickle.dumps(request))

    assert (again, again.wire_body()) == (request, request.wire_body())


def test_files_go_with_a_form_only() -> None:
    with pytest.raises(Refused, match="files go with a form"):
        Request("POST", "https://press.example/", json={}, files={"page": File("1")})
