"""Recorded conversations as people know them: a curl command, an HTTP message.

::

    for recorded in app.history(document.id):
        if recorded.header.kind == "request":
            print(as_curl(recorded.event))

What is shown is what was recorded, masked; a body that was not recorded whole says so, with its size and hash.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from eventflow.errors import Refused
from eventflow.model.curl import command, quoted
from eventflow.model.event import Event
from eventflow.model.library import Asked, ResponseReceived, Spoken
from eventflow.model.message_text import USUAL, Layout, request_text, response_text

_ORIGIN = re.compile(r"https?://(?:[^/?#]*@)?([^/?#@]+)", re.IGNORECASE)


def as_curl(event: Event) -> str:
    r"""The curl command for a recorded request. Raises ``Refused`` for other events.

    >>> from eventflow.model.library import RequestSent
    >>> print(as_curl(RequestSent(method="POST", url="https://press.example/a", body="hi", size=2)))
    curl \
      -sS \
      -X 'POST' \
      -H 'Content-Type:' \
      --data-raw 'hi' \
      'https://press.example/a'
    """
    if not isinstance(event, Asked):
        raise Refused(f"A curl command is for a request, and {event.event_name} is none.")
    said = command(event.method, event.url, [*event.headers.items()], list(_data(event)))
    return f"# {_note(event)}\n{said}" if event.truncated or event.binary else said


def as_message(event: Event, layout: Layout = USUAL) -> str:
    r"""The HTTP message of a recorded request or response. Raises ``Refused`` for other events.

    >>> from eventflow.model.library import ResponseReceived
    >>> as_message(ResponseReceived(status=200, body="hi", size=2))
    'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi'
    """
    if isinstance(event, Asked):
        told = {"method": event.method, "url": event.url, "headers": _to(event), "payload": _shown(event)}
        return request_text(told, layout)
    if isinstance(event, ResponseReceived):
        return _answer(event, layout)
    raise Refused(f"An HTTP message is a request or a response, and {event.event_name} is neither.")


def _to(event: Asked) -> dict[str, str]:
    """The headers, with the host that a client names of itself."""
    host = _ORIGIN.match(event.url)
    return dict(event.headers) if host is None or _has(event, "host") else {"Host": host[1], **event.headers}


def _answer(event: ResponseReceived, layout: Layout) -> str:
    told = {"status": event.status, "headers": event.headers, "payload": _shown(event)}
    if event.truncated or event.binary:
        # Its length is that of the whole, not of what is shown.
        length = "" if layout.recompute_content_length is False else str(event.size)
        return response_text(told, layout, length=length)
    return response_text(told, layout)


def _data(event: Spoken) -> Iterator[str]:
    if event.body is None or event.binary:
        return
    if not _has(event, "content-type"):
        yield "-H 'Content-Type:'"  # or else curl says that a body is a form
    yield f"--data-raw {quoted(event.body)}"


def _has(event: Spoken, name: str) -> bool:
    return any(known.lower() == name for known in event.headers)


def _shown(event: Spoken) -> str:
    if event.binary:
        return f"[{_note(event)}]"
    return (event.body or "") + (f"\n…[truncated: {_whole(event)}]" if event.truncated else "")


def _note(event: Spoken) -> str:
    if event.binary:
        return f"binary: {_whole(event)}, begins with {event.body}"
    return f"truncated: {_whole(event)}"


def _whole(event: Spoken) -> str:
    return f"{event.size} bytes, sha256 {event.sha256}"
