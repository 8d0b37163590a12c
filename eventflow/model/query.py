"""Values as they are sent: fields in a query or a form, and JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from json import dumps
from typing import Any
from urllib.parse import urlencode

from pydantic_core import to_jsonable_python


def encode(fields: Mapping[str, Any]) -> str:
    """Fields as a query: lists one by one, what is nested as JSON, ``None`` not at all.

    >>> encode({"page": 2, "tag": ["a", "b"], "draft": True, "by": None})
    'page=2&tag=a&tag=b&draft=true'
    """
    return urlencode(list(pairs(fields)))


def pairs(fields: Mapping[str, Any]) -> Iterator[tuple[str, bytes]]:
    """Each field with its value as it is sent.

    >>> list(pairs({"size": {"width": 3}}))
    [('size', b'{"width":3}')]
    """
    for name, value in fields.items():
        several = value if isinstance(value, (list, tuple)) else (value,)
        yield from ((str(name), _sent(one)) for one in several if one is not None)


def _sent(value: Any) -> bytes:
    if isinstance(value, bytes):
        return value
    if isinstance(value, (bool, Mapping, list, tuple)):
        return as_json(value)
    return str(value).encode()


def as_json(value: Any) -> bytes:
    """A value as JSON, also of what pydantic can write. Raises ``ValueError`` or ``TypeError`` for what is no JSON.

    >>> from uuid import UUID
    >>> as_json({"name": "Čopič", "id": UUID(int=1)}).decode()
    '{"name":"Čopič","id":"00000000-0000-0000-0000-000000000001"}'
    """
    text = dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False, default=to_jsonable_python)
    return text.encode()
