"""How a story is called in other systems: by its correlation id, and by the ``traceparent`` of the W3C.

A correlation id and a trace id have 128 bits both, so they are one number in two spellings: whoever finds a trace id
in another system's tools has the correlation id, and the other way round. The parent id that goes out is the position
of the claim in the log: ``eventflow log show 4711`` is where the call came from.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from uuid import NAMESPACE_OID, UUID, uuid5

CORRELATION_ID = "X-Correlation-ID"
TRACEPARENT = "traceparent"

_PARENT = re.compile(r"(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(-.*)?\Z")


def correlation_of(text: str) -> UUID:
    """The correlation id that a text stands for: the UUID that it is, or one made of it, always the same.

    >>> correlation_of("4f0cb1a5-0000-4000-8000-000000000001")
    UUID('4f0cb1a5-0000-4000-8000-000000000001')
    >>> correlation_of("order-17") == correlation_of(" order-17")
    True
    """
    try:
        return UUID(text.strip())
    except ValueError:
        return uuid5(NAMESPACE_OID, text.strip())


def correlation_in(traceparent: str) -> UUID | None:
    """The correlation id in a ``traceparent``; none in what is none, which the W3C wants to be passed over.

    >>> correlation_in("00-4f0cb1a5000040008000000000000001-00f067aa0ba902b7-01")
    UUID('4f0cb1a5-0000-4000-8000-000000000001')
    >>> correlation_in("00-whales-01"), correlation_in("00-" + "0" * 32 + "-00f067aa0ba902b7-01")
    (None, None)
    """
    found = _PARENT.match(traceparent.strip())
    # Later versions may say more behind the flags, the first one may not.
    return UUID(found[2]) if found and not (found[1] == "00" and found[3]) else None


def traceparent(correlation: UUID, position: int) -> str:
    """The header that leads from a call back to the event at ``position``.

    >>> traceparent(UUID(int=1), 4711)
    '00-00000000000000000000000000000001-0000000000001267-01'
    """
    return f"00-{correlation.hex}-{position:016x}-01"


def outgoing(correlation: UUID | None, position: int | None) -> dict[str, str]:
    """The headers that go out with a call that this event makes."""
    if correlation is None or position is None:
        return {}
    return {CORRELATION_ID: str(correlation), TRACEPARENT: traceparent(correlation, position)}


def incoming(headers: Mapping[str, str]) -> UUID | None:
    """The story that the headers of a request tell of: by ``X-Correlation-ID``, else by ``traceparent``.

    >>> incoming({"x-correlation-id": "order-17"}) == correlation_of("order-17")
    True
    >>> incoming({"Traceparent": "00-4f0cb1a5000040008000000000000001-00f067aa0ba902b7-01"})
    UUID('4f0cb1a5-0000-4000-8000-000000000001')
    """
    said = {name.lower(): value for name, value in headers.items()}
    if named := said.get(CORRELATION_ID.lower(), "").strip():
        return correlation_of(named)
    return correlation_in(said.get(TRACEPARENT, ""))
