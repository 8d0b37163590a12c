"""Who is in front of the dashboard, and what they may see and do.

An application says it by one object whose methods all have a sensible answer; what ships here are the usual ones.
Nobody gets in unless something lets them in: without an ``Access`` only this machine itself may look.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from starlette.requests import HTTPConnection
from starlette.responses import PlainTextResponse, RedirectResponse, Response

from eventflow.dashboard.mounting import below

VIEW = "view"
"""The action of whoever looks; every other action has the name of what it does, such as ``items.defibrillate``."""

FORWARDED = ("forwarded", "x-forwarded-for", "x-real-ip")


@dataclass(frozen=True, slots=True)
class Person:
    """Whoever is in front of the dashboard; ``name`` is the actor that the log has of what they do."""

    name: str | None = None


class Access:
    """Who gets in, what they may do, which part they see. Override what should be otherwise.

    ``authenticate`` gives the person, an answer to send instead (a challenge, a way to log in), or nothing: then the
    request is refused with 401. ``may`` is asked before every action and before every page (``VIEW``); a ``resource``
    is a category, a channel, a key. ``scope`` is a filter in the language of ``where`` that every list is narrowed to;
    who has one sees items and runs, and no page that is about the whole log. ``redact`` sees each body before the
    person does.
    """

    def authenticate(self, request: HTTPConnection) -> Person | Response | None:  # noqa: ARG002 - for who overrides it
        """Nobody."""
        return None

    def may(self, person: Person, action: str, resource: str | None = None) -> bool:  # noqa: ARG002
        """Everything."""
        return True

    def scope(self, person: Person) -> str:  # noqa: ARG002
        """No part: everything."""
        return ""

    def redact(self, person: Person, body: dict[str, Any]) -> dict[str, Any]:  # noqa: ARG002
        """The body as it was recorded; secrets were masked then."""
        return body


class Here(Access):
    """Whoever sits at this machine, and comes over no proxy."""

    def authenticate(self, request: HTTPConnection) -> Person | Response | None:
        """Somebody without a name, or an answer that says what is missing."""
        if _is_near(request):
            return Person()
        return PlainTextResponse(
            "This dashboard lets nobody in from elsewhere: it was given no access=... that says who may.\n", 403
        )


class Basic(Access):
    """Names and passwords, as HTTP's Basic authentication has them: over HTTPS only."""

    def __init__(self, passwords: Mapping[str, str]) -> None:
        self._passwords = dict(passwords)

    def authenticate(self, request: HTTPConnection) -> Person | Response | None:
        """The person with this name and password, or the question for them."""
        name, password = _credentials(request.headers.get("authorization", ""))
        # Compared for unknown names as well: how long it takes tells nobody which names there are.
        expected = self._passwords.get(name, secrets.token_hex())
        if hmac.compare_digest(password.encode(), expected.encode()) and name in self._passwords:
            return Person(name)
        asked = {"WWW-Authenticate": 'Basic realm="eventflow", charset="UTF-8"'}
        return PlainTextResponse("Who are you?\n", 401, headers=asked)


class Behind(Access):
    """Whoever a proxy in front says it is, in a header that it sets; from no other address is that believed.

    ``proxies`` are the addresses that the proxy connects from.
    """

    def __init__(self, *, proxies: Collection[str], header: str = "x-forwarded-user") -> None:
        self._proxies, self._header = frozenset(proxies), header.lower()

    def authenticate(self, request: HTTPConnection) -> Person | Response | None:
        """The one that the header names."""
        if request.client is None or request.client.host not in self._proxies:
            return None
        name = request.headers.get(self._header)
        return Person(name) if name else None


class Asked(Access):
    """Whoever the application that this is a part of says it is."""

    def __init__(self, who: Callable[[HTTPConnection], Person | Response | None]) -> None:
        self._who = who

    def authenticate(self, request: HTTPConnection) -> Person | Response | None:
        """What the application answers."""
        return self._who(request)


class Token(Access):
    """Whoever knows a secret word: it comes once in the address (``?token=``) and is kept in a cookie."""

    def __init__(self, token: str | None = None, *, name: str | None = None) -> None:
        self.token, self._person = token or secrets.token_urlsafe(24), Person(name)
        # Cookies of all ports of a machine lie together: each dashboard there has one of its own.
        self._cookie = f"eventflow_{hashlib.sha256(self.token.encode()).hexdigest()[:8]}"

    def authenticate(self, request: HTTPConnection) -> Person | Response | None:
        """The one person; who brings the word in the address is sent on to the same page without it."""
        if self._is_it(request.query_params.get("token", "")):
            return self._remembered(request)
        if self._is_it(request.cookies.get(self._cookie, "")):
            return self._person
        text = "This dashboard was started with a token: open the address that it printed then.\n"
        return PlainTextResponse(text, 401)

    def _remembered(self, request: HTTPConnection) -> Response:
        root, path = str(request.scope.get("root_path", "")).rstrip("/"), below(request.scope)
        rest = urlencode([(name, value) for name, value in request.query_params.multi_items() if name != "token"])
        # One slash in front, whatever was asked for: two would lead to another site.
        answer = RedirectResponse(f"{root}/{quote(path.lstrip('/'), safe='/:')}" + (f"?{rest}" if rest else ""), 303)
        safe = request.scope.get("scheme") == "https"
        answer.set_cookie(self._cookie, self.token, path=root or "/", httponly=True, samesite="strict", secure=safe)
        return answer

    def _is_it(self, word: str) -> bool:
        return hmac.compare_digest(word.encode(), self.token.encode())


def _credentials(header: str) -> tuple[str, str]:
    scheme, _, coded = header.partition(" ")
    if scheme.lower() != "basic":
        return "", ""
    try:
        name, _, password = base64.b64decode(coded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    return name, password


def _is_near(request: HTTPConnection) -> bool:
    """Whether a request comes from this machine and is meant for it: a page elsewhere cannot have sent it."""
    if any(name in request.headers for name in FORWARDED):
        return False
    client = request.client.host if request.client else ""
    host = _host(request.headers.get("host", ""))
    return _is_loopback(client) and (host == "localhost" or _is_loopback(host))


def _host(said: str) -> str:
    try:
        return urlsplit(f"//{said}").hostname or ""
    except ValueError:
        return ""


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
