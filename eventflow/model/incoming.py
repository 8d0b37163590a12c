"""What another system says to us of its own accord, as a value: the raw request and ways to read it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from json import JSONDecodeError, dumps, loads
from typing import Any, Self, TypeVar
from urllib.parse import parse_qsl, urlsplit

from pydantic import TypeAdapter, ValidationError

from eventflow.errors import BadInput, Malformed
from eventflow.model.masking import decoded

T = TypeVar("T")


@dataclass(frozen=True)
class Incoming:
    """A request from outside, byte for byte: what was signed is what was sent.

    Several headers of one name are one, joined by commas.
    """

    method: str = "POST"
    url: str = "/"
    headers: Mapping[str, str] = field(default_factory=dict)
    content: bytes = b""

    @classmethod
    def of(cls, json: Any = None, *, url: str = "/", headers: Mapping[str, str] | None = None) -> Self:
        """A request with this JSON, as tests give it.

        >>> Incoming.of({"paid": True}).json()
        {'paid': True}
        """
        return cls("POST", url, {"Content-Type": "application/json", **(headers or {})}, dumps(json).encode())

    def header(self, name: str, default: str | None = None) -> str | None:
        """A header by its name in any case."""
        return self._by_name.get(name.lower(), default)

    @property
    def content_type(self) -> str:
        """What it says its content is, in small letters and without parameters; empty when it does not say.

        >>> Incoming(headers={"content-type": "Application/JSON; charset=utf-8"}).content_type
        'application/json'
        """
        return (self.header("Content-Type") or "").partition(";")[0].strip().lower()

    @property
    def text(self) -> str:
        """The content by the charset it declares, or by UTF-8."""
        return decoded(self.content, self.header("Content-Type"))

    @property
    def query(self) -> dict[str, str]:
        """What stands behind the question mark; of several values of one name the last.

        >>> Incoming("GET", "/paid?order=7&state=ok").query
        {'order': '7', 'state': 'ok'}
        """
        return dict(parse_qsl(urlsplit(self.url).query, keep_blank_values=True))

    @property
    def form(self) -> dict[str, str]:
        """The fields of a form; of several values of one name the last."""
        return dict(parse_qsl(self.text, keep_blank_values=True))

    def json(self) -> Any:
        """The content as JSON. Raises ``Malformed``, which says nothing of what came instead."""
        return self._json

    def read(self, kind: type[T]) -> T:
        """The JSON as a pydantic model, or whatever pydantic can make of it.

        Raises ``BadInput`` that tells every field that does not fit, and none of the values; ``Malformed`` for no JSON.
        """
        try:
            return TypeAdapter(kind).validate_python(self.json())
        except ValidationError as error:
            told = error.errors(include_url=False, include_input=False, include_context=False)
            raise BadInput(*(f"{_place(one['loc'])}: {one['msg']}" for one in told)) from None

    @cached_property
    def _by_name(self) -> dict[str, str]:
        return {name.lower(): value for name, value in self.headers.items()}

    @cached_property
    def _json(self) -> Any:
        try:
            return loads(self.content)
        except JSONDecodeError as error:
            raise Malformed(f"The content is no JSON: {error.msg} at character {error.pos + 1}.") from None
        except (UnicodeDecodeError, RecursionError):
            raise Malformed("The content is no JSON.") from None


def _place(loc: tuple[int | str, ...]) -> str:
    return ".".join(str(one) for one in loc) or "The content"
