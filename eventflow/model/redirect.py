"""Where an answer sends us, and whether we go."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import urldefrag, urljoin, urlsplit

from eventflow.errors import Refused
from eventflow.model.exchange import ABSENT, Request, Response
from eventflow.model.limits import host_of

AS_GET = (301, 302, 303)
"""After these a request that was no GET becomes one, as browsers have it."""

SECRETS = ("authorization", "cookie", "proxy-authorization", "x-api-key")
"""Headers that are for the host they were said to, and for no other."""


def redirected(request: Request, response: Response) -> Request | None:
    """The request that follows a redirect, if the one before may be followed (``redirects=``) and leads somewhere.

    Never from https to http, nor to another scheme; secrets stay with the host that they are for. What is not followed
    is an answer like any other.

    >>> answer = Response(308, {"Location": "/later"})
    >>> redirected(Request("PUT", "https://press.example/now", redirects=1), answer).url
    'https://press.example/later'
    >>> redirected(Request("PUT", "https://press.example/now"), answer)
    """
    if request.redirects < 1 or not response.is_redirect:
        return None
    target = _target(request, response)
    return None if target is None else _moved(request, response.status, target)


def _target(request: Request, response: Response) -> str | None:
    """The address, if it is one to which one goes."""
    here = request.full_url()
    try:
        there = urldefrag(urljoin(here, response.header("Location", ""))).url
        schemes = urlsplit(here).scheme, urlsplit(there).scheme
        host_of(there)
    except ValueError:
        return None
    return there if schemes in (("http", "http"), ("http", "https"), ("https", "https")) else None


def _moved(request: Request, status: int, url: str) -> Request | None:
    dropped = set() if _origin(url) == _origin(request.url) else set(SECRETS)
    body = {"json": request.json, "form": request.form, "files": request.files, "content": request.content}
    method = request.method
    if status in AS_GET and method not in ("GET", "HEAD"):
        method, body = "GET", {"json": ABSENT, "form": None, "files": None, "content": None}
        dropped |= {"content-type", "content-encoding"}
    headers = {name: value for name, value in request.headers.items() if name.lower() not in dropped}
    left = request.redirects - 1
    try:
        return replace(request, method=method, url=url, params={}, headers=headers, redirects=left, is_hop=True, **body)
    except Refused:
        return None  # no address that a request can have


def _origin(url: str) -> tuple[str, str]:
    return urlsplit(url).scheme, host_of(url)
