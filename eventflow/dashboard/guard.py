"""What stands in front of every page: who asks, from where, and with which headers they are answered."""

from __future__ import annotations

from urllib.parse import parse_qs

from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection, Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import Scope

OWN = ("script-src", "style-src", "img-src", "connect-src", "form-action")
POLICY = "default-src 'none'; base-uri 'none'; frame-ancestors 'none'" + "".join(f"; {one} 'self'" for one in OWN)
"""What a browser may load for a page: nothing from elsewhere, nothing that stands in the page itself."""

HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cache-control": "no-store",
    "vary": "accept, cookie",
}

SAME = ("same-origin", "none")

PATH_LIMIT, QUERY_LIMIT = 1024, 8 * 1024
"""Characters of the longest path that a page may have, and bytes of what stands behind the question mark."""

FORM_LIMIT = 64 * 1024
"""Bytes that a form may have."""

FORM = "application/x-www-form-urlencoded"


def refusal(scope: Scope) -> Response | None:
    """The answer to an address that can be none of a page, whoever asks for it."""
    path, query = str(scope["path"]), bytes(scope.get("query_string", b""))
    if len(path) > PATH_LIMIT or len(query) > QUERY_LIMIT:
        return PlainTextResponse("This address is too long.\n", 414, HEADERS)
    if "\0" in path or b"%00" in query or b"\0" in query:
        return PlainTextResponse("There is no such address: it has a NUL in it.\n", 400, HEADERS)
    return None


async def form_of(request: Request) -> dict[str, list[str]]:
    """The fields of the form that was sent. Raises ``HTTPException`` for what is none, and for a larger one."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > FORM_LIMIT:
            raise HTTPException(413)
    kind = request.headers.get("content-type", FORM).partition(";")[0].strip().lower()
    if body and kind != FORM:
        raise HTTPException(415)
    if b"%00" in body or b"\0" in body:
        raise HTTPException(400, "A form has no NUL in it.")
    return parse_qs(body.decode(errors="replace"), keep_blank_values=True)


def is_own(request: HTTPConnection) -> bool:
    """Whether a form was sent by a page of this site, and not by one elsewhere.

    Browsers say so themselves; of older ones the origin is compared. What is no browser sends neither.
    """
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site in SAME
    origin = request.headers.get("origin")
    return origin is None or origin.partition("://")[2] == request.headers.get("host")
