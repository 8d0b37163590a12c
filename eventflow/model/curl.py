"""A request as the curl command that would make it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from eventflow.model.message_text import as_json, header, header_lines, scalar

JOINT = " \\\n  "


def curl(message: Mapping[str, Any], *, mask_char: str = "*") -> str:
    r"""The command for a request that is plain data: ``method``, ``url``, ``headers`` and ``payload``.

    A payload goes into the query of a GET and into the body of everything else. What is but a mask is not encoded.

    >>> print(curl({"method": "POST", "url": "https://press.example/a", "payload": "it's"}))
    curl \
      -sS \
      -X 'POST' \
      --data 'it'\''s' \
      'https://press.example/a'
    """
    method, url = str(message.get("method") or "GET").upper(), str(message.get("url") or "")
    headers, payload = list(_joined(message.get("headers"))), message.get("payload")
    if method == "GET":
        return command(method, _asking(url, payload, mask_char), headers)
    return command(method, url, headers, list(_data(payload, header(headers, "content-type").lower())))


def command(method: str, url: str, headers: Sequence[tuple[str, str]], data: Sequence[str] = ()) -> str:
    """The command from its parts, each on a line of its own; ``data`` are the flags for the body, quoted already."""
    told = [f"-H {quoted(f'{name}: {value}' if value else f'{name};')}" for name, value in headers]
    # Told to use HEAD as any other word, curl would wait for a body.
    verb = "--head" if method == "HEAD" else f"-X {quoted(method)}"
    return JOINT.join(("curl", "-sS", verb, *told, *data, quoted(url)))


def quoted(text: str) -> str:
    r"""A text as one word of a shell.

    >>> print(quoted("it's"))
    'it'\''s'
    """
    return "'" + text.replace("'", "'\\''") + "'"


def _joined(headers: Any) -> Iterator[tuple[str, str]]:
    found: dict[str, list[str]] = {}
    for name, value in header_lines(headers):
        found.setdefault(name, []).append(value)
    yield from ((name, ", ".join(values)) for name, values in found.items())


def _asking(url: str, payload: Any, mask_char: str) -> str:
    if isinstance(payload, Mapping):
        query = "&".join(f"{_encoded(str(key), '')}={_encoded(scalar(one), mask_char)}" for key, one in payload.items())
    else:
        query = "" if not payload else scalar(payload).lstrip("?&")
    return f"{url}{'&' if '?' in url else '?'}{query}" if query else url


def _encoded(text: str, mask_char: str) -> str:
    return text if text and not text.strip(mask_char or None) and mask_char else quote(text, safe="")


def _data(payload: Any, content_type: str) -> Iterator[str]:
    if payload is None:
        return
    if not isinstance(payload, (Mapping, list, tuple)):
        yield f"--data {quoted(scalar(payload))}"
    elif "json" in content_type:
        yield f"--data {quoted(as_json(payload))}"
    elif "multipart/form-data" in content_type:
        yield from (f"-F {quoted(f'{name}={value}')}" for name, value in _fields(payload))
    else:
        yield f"--data {quoted('&'.join(f'{key}={scalar(one)}' for key, one in _items(payload)))}"


def _fields(payload: Any) -> Iterator[tuple[str, str]]:
    for key, value in _items(payload):
        if isinstance(value, (list, tuple)):
            yield from ((f"{key}[]", scalar(one)) for one in value)
        else:
            yield key, scalar(value)


def _items(payload: Any) -> Iterator[tuple[str, Any]]:
    pairs = payload.items() if isinstance(payload, Mapping) else enumerate(payload)
    yield from ((str(key), value) for key, value in pairs)
