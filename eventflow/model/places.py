"""Where a value stands in a message: ``payload.user.pin``, ``payload.0``, ``headers.x-tenant``, without case."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

_BRACKETS = re.compile(r"[\[\]]+")


def places(paths: Iterable[str]) -> frozenset[str]:
    """The places that paths name; ``body`` is another word for the payload.

    >>> sorted(places(["Body.user.PIN"]))
    ['body.user.pin', 'payload.user.pin']
    """
    plain = [path.lower().strip(".") for path in paths]
    return frozenset(plain) | {f"payload{path.removeprefix('body')}" for path in plain if path.startswith("body.")}


def leaves(found: Iterable[str]) -> Iterator[str]:
    """What the values at these places are called where a text tells of them."""
    for place in found:
        named = [one for one in place.split(".")[1:] if not one.isdigit()]
        yield from named[-1:]


def below(at: str | None, key: str) -> str | None:
    """The place of what stands under this key; nowhere, when nobody asks where."""
    if at is None:
        return None
    return f"{at}.{key.lower()}" if at else key.lower()


def field_of_form(root: str | None, key: str) -> str | None:
    """The place of a field of a form: ``user[pin]`` is the ``pin`` of ``user``."""
    return None if root is None else below(root, ".".join(one for one in _BRACKETS.split(key) if one))
