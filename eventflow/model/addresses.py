"""The parts of an address that may hold secrets: who one is, segments of the path, pairs of the query."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from urllib.parse import quote, unquote, unquote_to_bytes

from eventflow.model.quoting import end_of

PLACE = "{mask}"
ANYTHING = "{any}"

_AUTHORITY = re.compile(r"[^\s/?#\"'<>]*")
_RUN = re.compile(r"[^\s\"'<>]*")
_PORT = re.compile(r"[^:]*:\d{1,5}(?:[/?#]|\Z)")
_ORIGIN = re.compile(r"(?:[a-z][a-z0-9+.\-]*:)?//[^/]*", re.IGNORECASE)
_LEGAL = "%/:?#[]@!$&'()*+,;=~-._"


def without_userinfo(text: str, mask: str) -> Iterator[str]:
    """The text in pieces, with the mask for the userinfo of every address in it."""
    done = at = run = 0
    last = -1
    while (at := text.find("://", at)) >= 0:
        at += 3
        if at > run:
            run = end_of(_RUN, text, at)
            last = text.rfind("@", at, run)
        stop = end_of(_AUTHORITY, text, at)
        cut = text.rfind("@", at, stop)
        # A password may hold a slash that nobody escaped; then it goes up to the last @. A port is no password.
        if cut < at and text.find(":", at, stop) > at and not _PORT.match(text, at, run):
            cut = last
        if cut >= at:
            yield text[done:at]
            yield mask
            done = at = cut
    yield text[done:]


def segments(path: str) -> list[str]:
    """The segments of a path or of a pattern for paths.

    >>> segments("/users/{mask}/"), segments("")
    (['users', '{mask}'], [])
    """
    bare = path.strip("/")
    return bare.split("/") if bare else []


def masked_path(path: str, pattern: Sequence[str], routes: Sequence[Sequence[str]], mask: str) -> str:
    """The path of an address (which may begin with its origin), with the mask where a pattern has its place.

    ``pattern`` is compared by position only, and what it is applied to is written anew; a route by its other segments,
    and what it does not mask stays as it is.
    """
    origin = end_of(_ORIGIN, path, 0)
    head, rest = path[:origin], path[origin:]
    if pattern:
        rest = _by_position(rest, pattern, mask)
    for route in routes:
        rest = _by_route(rest, route, mask)
    return head + rest


def _by_position(path: str, pattern: Sequence[str], mask: str) -> str:
    places = {place for place, one in enumerate(pattern) if one == PLACE}
    told = (mask if place in places else _encoded(one) for place, one in enumerate(segments(path)))
    return "/" + "/".join(told)


def _by_route(path: str, route: Sequence[str], mask: str) -> str:
    parts = path.split("/")
    filled = [place for place, one in enumerate(parts) if one]
    pairs = list(zip(filled, route, strict=False))
    if all(_is_alike(parts[place], one) for place, one in pairs):
        for place, one in pairs:
            parts[place] = mask if one == PLACE else parts[place]
    return "/".join(parts)


def _is_alike(segment: str, wanted: str) -> bool:
    return wanted in (PLACE, ANYTHING) or unquote(segment).lower() == wanted.lower()


def _encoded(segment: str) -> str:
    return quote(unquote_to_bytes(segment), safe="")


def masked_query(query: str, masked: Callable[[str], str]) -> str:
    """A query with each of its pairs masked by this function; the others stay as they are.

    Only what no address may hold is encoded then, as it is on the wire.
    """
    parts = re.split("([&;])", query)
    told = [part if part in "&;" else masked(part) for part in parts]
    return query if told == parts else quote("".join(told), safe=_LEGAL)
