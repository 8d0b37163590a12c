"""HTTP as a conversation of values: a generator yields a ``Request`` and is sent the ``Response``.

::

    def press(document: Document) -> Exchange[Published]:
        response = yield Request("POST", "https://press.example/articles", json={"text": document.content})
        return Published(url=response.json()["url"])

    assert play(press(document), lambda request: Response.of({"url": "u"})) == Published(url="u")

No I/O happens here: the runtime drives the generator in production, ``play`` in tests. The shape is that of httpx's
authentication flows and of psycopg's generators.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from json import JSONDecodeError, dumps, loads
from typing import Any, Final, Self, TypeVar, cast
from urllib.parse import urlsplit
from uuid import UUID, uuid5

from eventflow.errors import AnswerRefused, Refused
from eventflow.model import multipart, query
from eventflow.model.masking import Masker, decoded
from eventflow.model.multipart import File

R = TypeVar("R")


class _Absent:
    """No JSON at all, where ``None`` is JSON too."""

    def __repr__(self) -> str:
        return "ABSENT"

    def __reduce__(self) -> str:
        return "ABSENT"

    def __bool__(self) -> bool:
        return False


ABSENT: Final = _Absent()


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeout:
    """How long to wait for a connection, for each piece of the answer, and for all of it."""

    connect: timedelta = timedelta(seconds=10)
    read: timedelta = timedelta(seconds=30)
    total: timedelta = timedelta(minutes=2)


@dataclass(frozen=True, slots=True)
class Request:
    """What is to be said to another system.

    Without a ``timeout`` of its own it has the application's. Of ``json``, ``form`` and ``content`` one at most;
    ``files`` (each a ``File`` or several) go with the fields of ``form``. So many ``redirects`` are followed, each
    recorded like a request of its own; ``is_hop`` says that this is one. Raises ``Refused`` for more than one of them,
    for an address that is not an absolute http or https one, and for headers that would break the message apart.
    """

    method: str
    url: str
    params: Mapping[str, Any] = field(default_factory=dict, kw_only=True)
    headers: Mapping[str, str] = field(default_factory=dict, kw_only=True)
    json: Any = field(default=ABSENT, kw_only=True)
    form: Mapping[str, Any] | None = field(default=None, kw_only=True)
    files: Mapping[str, File | Sequence[File]] | None = field(default=None, kw_only=True)
    content: bytes | str | None = field(default=None, kw_only=True)
    timeout: Timeout | None = field(default=None, kw_only=True)
    redirects: int = field(default=0, kw_only=True)
    is_hop: bool = field(default=False, kw_only=True, repr=False)
    _multipart: tuple[str, bytes] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "method", self.method.upper())
        object.__setattr__(self, "headers", {name: str(value) for name, value in dict(self.headers).items()})
        object.__setattr__(self, "params", dict(self.params))
        problems = [text for is_wrong, text in self._checks() if is_wrong]
        if problems:
            raise Refused(" ".join(problems))
        object.__setattr__(self, "_multipart", multipart.encode(self.form, self.files) if self.files else ("", b""))

    def with_headers(self, headers: Mapping[str, str]) -> Request:
        """The same request with these headers besides; the ones it has already stay."""
        own = {name.lower() for name in self.headers}
        further = {name: value for name, value in headers.items() if name.lower() not in own}
        return replace(self, headers={**self.headers, **further})

    def header(self, name: str, default: str | None = None) -> str | None:
        """A header by its name in any case."""
        return _header(self.headers, name, default)

    def full_url(self) -> str:
        """The address with the params in its query.

        >>> Request("GET", "https://press.example/articles?page=1", params={"tag": ["a", "b"]}).full_url()
        'https://press.example/articles?page=1&tag=a&tag=b'
        """
        if not self.params:
            return self.url
        address, hash, fragment = self.url.partition("#")
        joint = "" if address.endswith(("?", "&")) else "&" if "?" in address else "?"
        return f"{address}{joint}{query.encode(self.params)}{hash}{fragment}"

    def wire_headers(self) -> dict[str, str]:
        """The headers as they are sent: with the content type of a JSON body, a form or files."""
        kind = self._content_type()
        if kind is None or self.header("Content-Type") is not None:
            return dict(self.headers)
        return {**self.headers, "Content-Type": kind}

    def wire_body(self) -> bytes | None:
        """The body as it is sent, or nothing."""
        if self.json is not ABSENT:
            return query.as_json(self.json)
        if self.files:
            return self._multipart[1]
        if self.form is not None:
            return query.encode(self.form).encode()
        return self.content.encode() if isinstance(self.content, str) else self.content

    def _content_type(self) -> str | None:
        if self.json is not ABSENT:
            return "application/json"
        if self.files:
            return self._multipart[0]
        return None if self.form is None else "application/x-www-form-urlencoded"

    def _checks(self) -> list[tuple[bool, str]]:
        bodies = (self.json is not ABSENT, self.form is not None or bool(self.files), self.content is not None)
        texts = (self.method, self.url, *self.headers, *self.headers.values())
        return [
            (sum(bodies) > 1, "A request has json, form or content, not several of them; files go with a form."),
            (not _is_absolute(self.url), f'"{Masker().url(self.url)}" is no absolute http or https address.'),
            (any(c in text for text in texts for c in "\r\n\0"), "A line break has no place in a header or address."),
        ]


@dataclass(frozen=True, slots=True)
class Response:
    """What another system answered."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    content: bytes = b""

    @classmethod
    def of(cls, json: Any = None, status: int = 200, headers: Mapping[str, str] | None = None) -> Self:
        """An answer with this JSON, as tests give it.

        >>> Response.of({"url": "u"}).json()
        {'url': 'u'}
        """
        return cls(status, {"Content-Type": "application/json", **(headers or {})}, dumps(json).encode())

    @property
    def ok(self) -> bool:
        """Whether the status means yes: below 400."""
        return self.status < 400

    @property
    def text(self) -> str:
        """The content by the charset it declares, or by UTF-8."""
        return decoded(self.content, self.header("Content-Type"))

    def header(self, name: str, default: str | None = None) -> str | None:
        """A header by its name in any case."""
        return _header(self.headers, name, default)

    def json(self) -> Any:
        """The content as JSON. Raises ``ValueError`` that shows what came instead."""
        try:
            return loads(self.content)
        except (JSONDecodeError, UnicodeDecodeError) as error:
            shown = Masker().text(self.text[:80])
            raise ValueError(
                f"The answer {self.status} is not JSON but {self.header('Content-Type') or 'of no declared type'},"
                f" {len(self.content)} bytes that begin with {shown!r}."
            ) from error

    @property
    def is_redirect(self) -> bool:
        """Whether it sends us somewhere else."""
        return self.status in (301, 302, 303, 307, 308) and self.header("Location") is not None

    def raise_for_status(self, request: Request) -> Self:
        """This answer, when it means yes; a redirect that was not followed means none.

        Raises ``AnswerRefused`` otherwise, with the wait that was asked for.
        """
        if self.ok and not self.is_redirect:
            return self
        raise AnswerRefused(request.method, Masker().url(request.full_url()), self.status, self.retry_after)

    @property
    def retry_after(self) -> float | None:
        """How many seconds the peer asks us to wait: ``Retry-After`` in seconds, or as a date beside its ``Date``.

        >>> Response(503, {"Retry-After": "7"}).retry_after
        7.0
        """
        asked = (self.header("Retry-After") or "").strip()
        if asked.isascii() and asked.isdigit():
            return float(asked[:12])
        then, now = _moment(asked), _moment(self.header("Date") or "")
        return max((then - now).total_seconds(), 0.0) if then and now else None


Exchange = Generator[Request, Response, R]
"""A conversation that ends in an ``R``: yields requests, is sent responses."""


AsyncExchange = AsyncGenerator[Request | R, Response]
"""The same on an event loop: an async generator cannot return, so what it yields last is what it ends in."""


def play(exchange: Exchange[R] | AsyncExchange[R], answer: Callable[[Request], Response]) -> R:
    """What a conversation comes to when each request is answered by this function.

    What the function raises is raised where the request was yielded, as it would be when the peer is out of reach. Of
    an asynchronous conversation this can be said as long as it waits for nothing but its answers.
    """
    talk = _by_hand(exchange) if isinstance(exchange, AsyncGenerator) else exchange
    try:
        request = next(talk)
        while True:
            try:
                response = answer(request)
            except Exception as error:  # noqa: BLE001  # a peer out of reach: the conversation may answer to that
                request = talk.throw(error)
            else:
                request = talk.send(response)
    except StopIteration as end:
        return end.value  # type: ignore[no-any-return]  # StopIteration does not say what it carries
    finally:
        talk.close()


def _by_hand(exchange: AsyncExchange[R]) -> Exchange[R]:
    """An asynchronous conversation as a plain one, without an event loop."""
    try:
        said = _at_once(exchange.__anext__())
        while isinstance(said, Request):
            try:
                response = yield said
            except Exception as error:  # noqa: BLE001  # handed on to the conversation
                said = _at_once(exchange.athrow(error))
            else:
                said = _at_once(exchange.asend(response))
    except StopAsyncIteration:
        return cast(R, None)
    finally:
        _at_once(exchange.aclose())
    return said


def _at_once(step: Awaitable[R]) -> R:
    """What a step comes to that waits for nothing."""
    try:
        step.__await__().send(None)
    except StopIteration as end:
        return end.value  # type: ignore[no-any-return]  # StopIteration does not say what it carries
    raise Refused("This conversation awaits more than its answers; run it with asyncio to play it.")


def replies(*responses: Response) -> Callable[[Request], Response]:
    """An ``answer`` for ``play`` that gives these responses in turn. Raises ``Refused`` when there are no more."""
    left = iter(responses)

    def answer(request: Request) -> Response:
        for response in left:
            return response
        raise Refused(f"{request.method} {request.url} came after all {len(responses)} replies had been given.")

    return answer


def idempotency_key(reaction: str, stream: UUID, origin_version: int, ordinal: int) -> str:
    """The key of the ``ordinal``-th request that a reaction makes for an announcement, the same for every attempt.

    >>> from uuid import UUID
    >>> idempotency_key("publish", UUID(int=1), 3, 1)
    'b6e84457-85e0-588b-8675-25593439bb04'
    """
    return str(uuid5(stream, f"{reaction}/{origin_version}/{ordinal}"))


def _header(headers: Mapping[str, str], name: str, default: str | None) -> str | None:
    if name in headers:
        return headers[name]
    wanted = name.lower()
    return next((value for known, value in headers.items() if known.lower() == wanted), default)


def _is_absolute(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname)


def _moment(text: str) -> datetime | None:
    try:
        found = parsedate_to_datetime(text)
    except (TypeError, ValueError, IndexError):
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
