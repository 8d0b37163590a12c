"""What the web may ask of an application: callbacks, and the restart of what is one's own.

::

    web = Web(app)                                      # an ASGI application: uvicorn shop:web
    Starlette(routes=[Mount("/flow", web)])             # or a part of another one

Every refusal is JSON with the code of the error and a sentence; what went wrong inside is told to the log only.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from traceback import format_exc
from typing import Any
from uuid import UUID

import anyio
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from eventflow.app import Eventflow
from eventflow.errors import EventflowError, NotAllowed, StreamNotFound
from eventflow.model.aggregate import Aggregate
from eventflow.model.incoming import Incoming
from eventflow.runtime.tracing import said
from eventflow.webcodes import status_of

log = logging.getLogger("eventflow.asgi")

Answer = Callable[[Request], Awaitable[Response]]

METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]
LIMIT = 1024 * 1024


def scope_user(request: Request) -> object:
    """Whoever an authentication in front of this application says it is; None without one."""
    return request.scope.get("user")


class Web:
    """An ASGI application that lets callbacks in: ``/callbacks/NAME/ID``, or ``/callbacks/NAME`` with ``identify=``.

    A body may have ``body_limit`` bytes and take ``body_seconds`` to come. With ``defibrillation=True`` users may
    restart what is theirs: ``POST /defibrillations/CATEGORY/ID``, if ``can_be_defibrillated_by`` of the aggregate says
    so of the ``user`` (the one that an authentication in front of this application found). It leaves the application
    open: whoever opened that closes it.
    """

    def __init__(
        self,
        app: Eventflow,
        *,
        body_limit: int = LIMIT,
        body_seconds: float = 30.0,
        defibrillation: bool = False,
        user: Callable[[Request], object] = scope_user,
    ) -> None:
        self._app, self._limit, self._seconds, self._user = app, body_limit, body_seconds, user
        self._defibrillation = defibrillation
        self._web = Starlette(
            routes=self._routes(), exception_handlers={HTTPException: _refused, ClientDisconnect: _gone}
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        await self._web(scope, receive, send)

    def defibrillation_path(self, document: Aggregate[Any], user: object) -> str | None:
        """Where this user may restart this document, below where this application is mounted; None if not."""
        may = self._defibrillation and document.can_be_defibrillated and document.can_be_defibrillated_by(user)
        return f"/defibrillations/{document.category}/{document.id}" if may else None

    def _routes(self) -> list[Route]:
        call, restart = _answering(self._app, self._call), _answering(self._app, self._restart)
        routes = [
            Route("/callbacks/{name}", call, methods=METHODS),
            Route("/callbacks/{name}/{id:uuid}", call, methods=METHODS),
        ]
        if self._defibrillation:
            routes.append(Route("/defibrillations/{category}/{id:uuid}", restart, methods=["POST"]))
        return routes

    async def _call(self, request: Request) -> Response:
        callback = self._app.callbacks.get(request.path_params["name"])
        if request.method not in callback.methods:
            raise HTTPException(405, headers={"Allow": ", ".join(callback.methods)})
        incoming = Incoming(request.method, str(request.url), _headers(request), await self._body(request))
        id: UUID | None = request.path_params.get("id")
        receipt = await run_in_threadpool(self._app.call_back, callback.name, id, incoming)
        return JSONResponse({"verdict": receipt.verdict, "position": receipt.position, "stream": str(receipt.stream)})

    async def _restart(self, request: Request) -> Response:
        if request.headers.get("sec-fetch-site") == "cross-site":
            raise NotAllowed("A restart from another site")
        kind, id = self._app.aggregates.get(request.path_params["category"]), request.path_params["id"]
        if kind is None:
            raise StreamNotFound(id)
        document = await run_in_threadpool(self._defibrillated, kind, id, self._user(request))
        return JSONResponse({"status": str(document.status.value), "stream": str(id)})

    def _defibrillated(self, kind: type[Aggregate[Any]], id: UUID, user: object) -> Aggregate[Any]:
        restarted = []

        def restart(document: Aggregate[Any]) -> None:
            if not document.can_be_defibrillated_by(user):
                raise NotAllowed(f"To restart this {document.category}")
            document.defibrillate("asked for over the web")
            restarted.append(document)

        self._app.repository.change(kind, id, restart, context=said(actor=_called(user)))
        return restarted[-1]

    async def _body(self, request: Request) -> bytes:
        declared = request.headers.get("content-length", "")
        if declared.isdigit() and int(declared) > self._limit:
            raise HTTPException(413, f"A body may have {self._limit} bytes.")
        body = bytearray()
        try:
            with anyio.fail_after(self._seconds):
                async for chunk in request.stream():
                    body += chunk
                    if len(body) > self._limit:
                        raise HTTPException(413, f"A body may have {self._limit} bytes.")
        except TimeoutError:
            raise HTTPException(408, f"The body did not come within {self._seconds:g} s.") from None
        return bytes(body)


def _answering(app: Eventflow, ask: Answer) -> Answer:
    async def answer(request: Request) -> Response:
        try:
            return await ask(request)
        except (HTTPException, ClientDisconnect):
            raise
        except EventflowError as error:
            return _told(error, app.masker.text(str(error)))
        except Exception:  # noqa: BLE001  # user code: nothing of it may reach a stranger
            # What it came to is in the history of its item; the log gets its words masked.
            log.error("A request failed:\n%s", app.masker.text(format_exc()))  # the traceback, masked
            return _error(500, "failed", "It was heard, and what was to be done with it failed.")

    return answer


def _told(error: EventflowError, message: str) -> Response:
    status = status_of(error)
    log.info("A request is answered with %s: %s", status, message)
    if status < 500:
        return _error(status, error.code, message)
    if status == 503:
        return _error(status, error.code, "Not just now: come again.", {"Retry-After": "1"})
    return _error(status, error.code, "It was heard, and what was to be done with it failed.")


async def _refused(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException), "registered for these only"
    codes = {404: "not_found", 405: "method_not_allowed", 408: "too_slow", 413: "too_large"}
    return _error(error.status_code, codes.get(error.status_code, "refused"), error.detail, dict(error.headers or {}))


async def _gone(_: Request, __: Exception) -> Response:
    # Nobody is there to read it any more.
    return _error(400, "disconnected", "The request ended before its body did.")


def _error(status: int, code: str, message: str, headers: dict[str, str] | None = None) -> Response:
    return JSONResponse({"error": code, "message": message}, status, headers)


def _headers(request: Request) -> dict[str, str]:
    joined: dict[str, str] = {}
    for name, value in request.headers.items():
        joined[name] = f"{joined[name]}, {value}" if name in joined else value
    return joined


def _called(user: object) -> str | None:
    if user is None:
        return None
    for name in ("display_name", "username", "id"):
        if (found := getattr(user, name, None)) is not None:
            return str(found)
    return str(user)
