"""What is kept of a body: its masked text, or its beginning with the size and the hash of the whole."""

from __future__ import annotations

import re
from hashlib import sha256
from typing import Any

from eventflow.model.masking import Masker, decoded

BODY = 1024 * 1024
"""Of a longer body the beginning is kept, its size and its SHA-256: in bytes."""

PREVIEW = 32
"""Of a body that is no text so many bytes are kept, in hexadecimal digits."""

_TOKENS = re.compile(r'"(?:[^"\\]|\\.)*+(?:"|\\?\Z)|[{}\[\],]', re.DOTALL)
_CLOSING = {"{": "}", "[": "]"}


def content(body: bytes, content_type: str | None, masker: Masker, limit: int = BODY) -> dict[str, Any]:
    """The fields of a recorded request or response that tell of its body.

    >>> content(b'{"pin": 1}', "application/json", Masker())
    {'body': '{"pin":99999999}', 'size': 10}
    >>> content(b"a long story", "text/plain", Masker(), limit=6)["body"]
    'a long'
    """
    if not body:
        return {}
    if is_binary(body, content_type):
        return {**_whole(body), "body": body[:PREVIEW].hex(), "binary": True, "truncated": len(body) > PREVIEW}
    # What is far too long is cut before it is masked; of that which is cut in the middle, the end is not shown.
    text = clean(masker.body(_cut(body, content_type, 4 * limit), content_type))
    shown = shortened(text, limit)
    if len(shown) < len(text) or len(body) > 4 * limit:
        return {**_whole(body), "body": shown, "truncated": True}
    return {"body": text, "size": len(body)}


def is_binary(body: bytes, content_type: str | None) -> bool:
    r"""Whether a body is no text: its type says so, or it has a zero byte or what no UTF-8 has.

    >>> is_binary(b"%PDF", "application/pdf"), is_binary(b"a\x00", None), is_binary("č".encode(), None)
    (True, True, False)
    """
    kind = (content_type or "").lower()
    if "charset=" in kind:
        return False
    if re.match(r"(?:image|audio|video|font)/(?!svg)|application/(?:pdf|zip|gzip|octet-stream)", kind):
        return True
    head = body[:4096]
    try:
        head.decode()
    except UnicodeDecodeError as error:
        return error.start < len(head) - 3
    return b"\0" in head


def clean(text: str) -> str:
    """A text that every database takes: without zero characters and halves of surrogate pairs."""
    if "\0" in text:
        text = text.replace("\0", "\ufffd")
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def shortened(text: str, limit: int) -> str:
    """The beginning of a text, of so many bytes at most and without half a character at its end.

    >>> shortened("ž" * 3, 5)
    'žž'
    """
    if 4 * len(text) <= limit or (text.isascii() and len(text) <= limit):
        return text
    data = text.encode()
    return text if len(data) <= limit else data[:limit].decode("utf-8", "ignore")


def closed(text: str) -> str:
    """JSON that was cut somewhere, without its last piece and with all that is open closed: JSON again.

    >>> closed('{"a": [1, {"b": "c", "d": "e')
    '{"a": [1, {"b": "c"}]}'
    """
    waiting: list[str] = []
    end, left = 0, ""
    for found in _TOKENS.finditer(text):
        one = found[0]
        if one in _CLOSING:
            waiting.append(_CLOSING[one])
            end, left = found.end(), "".join(reversed(waiting))
        elif one == "," and waiting:
            end, left = found.start(), "".join(reversed(waiting))
        elif waiting and one == waiting[-1]:
            waiting.pop()
            end, left = found.end(), "".join(reversed(waiting))
    return text[:end] + left


def _whole(body: bytes) -> dict[str, Any]:
    return {"size": len(body), "sha256": sha256(body).hexdigest()}


def _cut(body: bytes, content_type: str | None, most: int) -> bytes | str:
    if len(body) <= most:
        return body
    text = decoded(body[:most], content_type)
    return closed(text) if text.lstrip("\ufeff \t\r\n")[:1] in ("{", "[") else text
