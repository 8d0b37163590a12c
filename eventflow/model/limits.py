"""How much of something may go on: requests to a host, attempts for a key, anything at all to a peer that is down.

::

    app = Eventflow(
        ...,
        limits=[
            RateLimit("press.example", 10, per=timedelta(seconds=1)),
            CircuitBreaker("press.example", failures=5, rest=timedelta(seconds=30)),
        ],
    )

    @endpoint(Document, ..., host="press.example", concurrency=Concurrency(3, key=lambda document: document.customer))
    def publish(document: Document) -> Exchange[Published]: ...

Whoever reaches a limit comes again later. That is no failed attempt, and no attempt at all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Generic, TypeVar
from urllib.parse import urlsplit

from eventflow.errors import Misconfigured

A = TypeVar("A")

EVERY = "*"
"""Every host that has no limit of its own; each is counted by itself."""

USUAL_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class RateLimit:
    """So many requests to a host in each period of this length; the periods follow each other without a gap.

    ``host`` is a name, with its port where that is not the usual one, or ``"*"``. Raises ``Misconfigured``.
    """

    host: str
    requests: int
    per: timedelta = timedelta(seconds=1)

    def __post_init__(self) -> None:
        _refuse(
            (not _is_host(self.host), f'RateLimit("{self.host}"): a host is wanted, as in "press.example".'),
            (self.requests < 1, f"RateLimit(requests={self.requests}): at least one is needed."),
            (self.per < timedelta(milliseconds=1), f"RateLimit(per={self.per}): at least a millisecond is needed."),
        )


@dataclass(frozen=True, slots=True)
class CircuitBreaker:
    """Leaves a host alone that is down: after so many ``failures`` in a row, for the time of its ``rest``.

    In a row means that no answer came between two of them, nor more than ``within``. A failure is a peer out of reach
    or a status of 500 and more. When the rest is over, one request is let through; what comes of it decides for all. An
    answer of 429 or 503 that says ``Retry-After`` opens the circuit at once, for that long. Raises ``Misconfigured``.
    """

    host: str
    failures: int = 5
    rest: timedelta = timedelta(seconds=30)
    within: timedelta = timedelta(minutes=5)

    def __post_init__(self) -> None:
        _refuse(
            (not _is_host(self.host), f'CircuitBreaker("{self.host}"): a host is wanted, as in "press.example".'),
            (self.failures < 1, f"CircuitBreaker(failures={self.failures}): at least one is needed."),
            (self.rest <= timedelta(0), f"CircuitBreaker(rest={self.rest}): a time above nothing is needed."),
            (self.within <= timedelta(0), f"CircuitBreaker(within={self.within}): a time above nothing is needed."),
        )


@dataclass(frozen=True)
class Concurrency(Generic[A]):
    """So many attempts of a reaction at a time: in all, or for each ``key`` that an item has.

    Reactions that say the same ``name`` share their places. Raises ``Misconfigured``.
    """

    limit: int
    key: Callable[[A], object] | None = None
    name: str | None = None

    def __post_init__(self) -> None:
        _refuse((self.limit < 1, f"Concurrency({self.limit}): at least one is needed."))

    def place(self, reaction: str, document: A) -> str:
        """What the places are called that an attempt of this reaction takes one of.

        >>> Concurrency(3, key=str.upper).place("publish", "ann")
        'publish/ANN'
        """
        name = self.name or reaction
        return name if self.key is None else f"{name}/{self.key(document)}"


Limit = RateLimit | CircuitBreaker


def host_of(url: str) -> str:
    """The host of an address as limits name it: in small letters, with its port where that is not the usual one.

    >>> host_of("https://ann:pw@Press.example:443/articles"), host_of("http://127.0.0.1:8080/")
    ('press.example', '127.0.0.1:8080')
    """
    parts = urlsplit(url)
    name = (parts.hostname or "").lower()
    name = f"[{name}]" if ":" in name else name
    usual = parts.port is None or parts.port == USUAL_PORTS.get(parts.scheme)
    return name if usual else f"{name}:{parts.port}"


def problems(limits: Sequence[Any]) -> Iterator[str]:
    """What is wrong with an application's limits, each with what to do about it."""
    seen = set()
    for one in limits:
        if not isinstance(one, (RateLimit, CircuitBreaker)):
            yield f"{one!r} is no limit. Write RateLimit(host, requests, per=...) or CircuitBreaker(host)."
            continue
        thing = (type(one), one.host)
        if thing in seen:
            yield f'There are two {type(one).__name__}s for "{one.host}". Keep one.'
        seen.add(thing)


def _is_host(host: object) -> bool:
    return isinstance(host, str) and (host == EVERY or (bool(host) and host == host_of(f"//{host}")))


def _refuse(*checks: tuple[bool, str]) -> None:
    found = [text for is_wrong, text in checks if is_wrong]
    if found:
        raise Misconfigured(*found)
