"""A request or a response as the text of an HTTP message.

A message is plain data: ``method``, ``url``, ``headers`` and ``payload`` of a request; ``status``, ``reason``,
``headers`` and ``payload`` of a response. Headers are a mapping (of texts or lists), lines ``Name: value``, or one such
text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from json import dumps
from typing import Any
from urllib.parse import quote_plus, urlsplit

END = "\r\n"
CUT = "\n…[truncated]"

# Python's own words for these changed from one version to the next.
_REASONS = {413: "Payload Too Large", 414: "URI Too Long", 416: "Range Not Satisfiable", 422: "Unprocessable Entity"}


@dataclass(frozen=True, kw_only=True)
class Layout:
    """How a body is laid out.

    JSON on several lines or on one, at most so many bytes of it (``0``: all of them), and whether ``Content-Length`` is
    told anew: by itself it is for responses only.
    """

    pretty_json: bool = True
    truncate_body_to: int = 0
    recompute_content_length: bool | None = None


USUAL = Layout()


def request_text(message: Mapping[str, Any], layout: Layout = USUAL) -> str:
    r"""A request as a message; the target is the path and the query of its address.

    >>> request_text({"method": "post", "url": "https://press.example/a?x=1", "payload": "hi"})
    'HTTP/1.1 POST /a?x=1\r\n\r\nhi'
    """
    headers = list(header_lines(message.get("headers")))
    body = cut(laid_out(message.get("payload"), header(headers, "content-type"), layout), layout)
    if layout.recompute_content_length:
        headers = _measured(headers, body)
    method, target = str(message.get("method") or "GET").upper(), _target(str(message.get("url") or ""))
    return _message(f"HTTP/{message.get('http_version', '1.1')} {method} {target}", headers, body)


def response_text(message: Mapping[str, Any], layout: Layout = USUAL, *, length: str | None = None) -> str:
    r"""A response as a message; its reason is looked up where it is not told.

    Without a ``length`` of its own it tells the one of the body that is shown; an empty one is not told.

    >>> response_text({"status": 404, "payload": "no"})
    'HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno'
    """
    headers = list(header_lines(message.get("headers")))
    body = cut(laid_out(message.get("payload"), header(headers, "content-type"), layout), layout)
    if length is None and layout.recompute_content_length is not False:
        headers = _measured(headers, body)
    else:
        headers = [*_without_length(headers), *([("Content-Length", length)] if length else [])]
    status = int(message["status"])
    said = message.get("reason") or reason(status)
    return _message(f"HTTP/{message.get('http_version', '1.1')} {status} {said}", headers, body)


def reason(status: int) -> str:
    """What a status means; nothing for one that nobody has given a meaning.

    >>> reason(404), reason(299)
    ('Not Found', '')
    """
    known = {one.value: one.phrase for one in HTTPStatus} | _REASONS
    return known.get(status, "")


def header_lines(headers: Any) -> Iterator[tuple[str, str]]:
    """The names and values of headers, a repeated one as often as it is there; lines that are none are left out.

    >>> list(header_lines({"Accept": ["a", "b"], "X": 1})), list(header_lines("X-A: 1"))
    ([('Accept', 'a'), ('Accept', 'b'), ('X', '1')], [('X-A', '1')])
    """
    if isinstance(headers, str):
        headers = headers.splitlines()
    if isinstance(headers, Mapping):
        for name, value in headers.items():
            if str(name).isdigit():
                yield from _line(str(value))
            else:
                yield from ((str(name), scalar(one)) for one in _each(value))
    elif isinstance(headers, Sequence):
        for line in headers:
            yield from _line(str(line))


def header(headers: Sequence[tuple[str, str]], name: str) -> str:
    """The value of a header by its name in any case, or nothing."""
    return next((value for known, value in headers if known.lower() == name), "")


def laid_out(payload: Any, content_type: str, layout: Layout = USUAL) -> str:
    """The text of a payload: a text as it is, a form encoded, everything else as JSON."""
    if payload is None or isinstance(payload, str):
        return payload or ""
    if "x-www-form-urlencoded" in content_type.lower() and isinstance(payload, Mapping):
        return "&".join(_form(payload))
    return as_json(payload) if not layout.pretty_json else dumps(payload, ensure_ascii=False, indent=4)


def cut(body: str, layout: Layout) -> str:
    """A body of so many bytes at most, marked where it was cut; never in the middle of a character."""
    content = body.encode("utf-8", "surrogatepass")
    if not 0 < layout.truncate_body_to < len(content):
        return body
    return content[: layout.truncate_body_to].decode("utf-8", "ignore") + CUT


def as_json(value: Any) -> str:
    """JSON on one line, with every character as it is."""
    return dumps(value, ensure_ascii=False, separators=(",", ":"))


def scalar(value: Any) -> str:
    """A value as forms and queries have it: containers as JSON, yes as 1, no as nothing.

    >>> scalar(True), scalar(None), scalar([1, 2])
    ('1', '', '[1,2]')
    """
    if value is None or isinstance(value, bool):
        return "1" if value else ""
    return as_json(value) if isinstance(value, (Mapping, list, tuple)) else str(value)


def _message(first: str, headers: Sequence[tuple[str, str]], body: str) -> str:
    return END.join((first, *(f"{_titled(name)}: {value}" for name, value in headers), "", body))


def _titled(name: str) -> str:
    return "-".join(part.capitalize() for part in name.split("-"))


def _target(url: str) -> str:
    rest = url.partition("#")[0]
    if not re.match(r"(?:[a-z][a-z0-9+.\-]*:)?//", rest, re.IGNORECASE):
        return rest or "/"
    try:
        parts = urlsplit(rest)
    except ValueError:  # not an address, whatever it is: shown as it stands
        return rest
    return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


def _measured(headers: Sequence[tuple[str, str]], body: str) -> list[tuple[str, str]]:
    return [*_without_length(headers), ("Content-Length", str(len(body.encode("utf-8", "surrogatepass"))))]


def _without_length(headers: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    return [(name, value) for name, value in headers if name.lower() != "content-length"]


def _line(line: str) -> Iterator[tuple[str, str]]:
    name, colon, value = line.partition(":")
    if colon and name.strip():
        yield name.strip(), value.strip()


def _each(value: Any) -> Sequence[Any]:
    if isinstance(value, Mapping):
        return list(value.values())
    return value if isinstance(value, (list, tuple)) else [value]


def _form(payload: Mapping[Any, Any], within: str = "") -> Iterator[str]:
    for key, value in payload.items():
        name = f"{within}[{key}]" if within else str(key)
        if isinstance(value, Mapping):
            yield from _form(value, name)
        elif isinstance(value, (list, tuple)):
            yield from _form(dict(enumerate(value)), name)
        elif value is not None:
            yield f"{quote_plus(name)}={quote_plus(str(int(value)) if isinstance(value, bool) else str(value))}"
