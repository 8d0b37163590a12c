"""Files in a request: a multipart form, encoded here so that the wire and the log show the same bytes.

The boundary is made of what it separates: the same form is the same bytes at every attempt, and nobody can put the
boundary into a field.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from eventflow.errors import Refused
from eventflow.model.query import pairs


@dataclass(frozen=True, slots=True)
class File:
    """A file to be sent: its content, what it is called, and its type. Raises ``Refused`` for a type that is none."""

    content: bytes | str
    name: str = "file"
    type: str = "application/octet-stream"

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[\w.+-]+/[\w.+-]+( *;[^\r\n\0]*)?", self.type):
            raise Refused(f'"{self.type}" is no content type. Write one like "text/plain".')


def encode(form: Mapping[str, Any] | None, files: Mapping[str, Any]) -> tuple[str, bytes]:
    r"""The content type and the body of a multipart form, its fields before its files.

    >>> kind, body = encode({"title": "Whales"}, {"text": File("# Whales", "whales.md", "text/markdown")})
    >>> boundary = kind.partition("boundary=")[2]
    >>> body.decode().replace(boundary, "B").split("\r\n")[:5]
    ['--B', 'Content-Disposition: form-data; name="title"', '', 'Whales', '--B']
    """
    parts = [*_parts(form or {}, files)]
    boundary = sha256(b"\0".join(parts)).hexdigest()[:32]
    body = b"".join(b"--%b\r\n%b\r\n" % (boundary.encode(), part) for part in parts)
    return f"multipart/form-data; boundary={boundary}", body + b"--%b--\r\n" % boundary.encode()


def _parts(form: Mapping[str, Any], files: Mapping[str, Any]) -> Iterator[bytes]:
    for name, value in pairs(form):
        yield f'Content-Disposition: form-data; name="{_quoted(name)}"\r\n\r\n'.encode() + value
    for name, several in files.items():
        for file in several if isinstance(several, (list, tuple)) else (several,):
            yield _head(name, file) + (file.content.encode() if isinstance(file.content, str) else file.content)


def _head(name: str, file: File) -> bytes:
    shown = f'name="{_quoted(name)}"; filename="{_quoted(file.name)}"'
    return f"Content-Disposition: form-data; {shown}\r\nContent-Type: {file.type}\r\n\r\n".encode()


def _quoted(name: str) -> str:
    # As browsers do it: https://html.spec.whatwg.org/multipage/form-control-infrastructure.html#multipart-form-data
    return name.replace("\r", "%0D").replace("\n", "%0A").replace('"', "%22")
