"""What stands in front of every page: who asks, from where, and with which headers they are answered."""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.requests import HTTPConnection

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


def is_own(request: HTTPConnection) -> bool:
    """Whether a form was sent by a page of this site, and not by one elsewhere.

    Browsers say so themselves; of older ones the origin is compared. What is no browser sends neither.
    """
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site in SAME
    origin = request.headers.get("origin")
    return origin is None or urlsplit(origin).netloc == request.headers.get("host")
