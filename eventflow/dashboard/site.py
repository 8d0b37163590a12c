"""The dashboard as an ASGI application: which page answers, for whom, and what errors look like."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from traceback import format_exc
from urllib.parse import quote, unquote

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from eventflow.app import Eventflow
from eventflow.dashboard import live
from eventflow.dashboard.access import VIEW, Access, Here, Person
from eventflow.dashboard.desk import Desk, Done, Page
from eventflow.dashboard.drawing import assets, draw, plain
from eventflow.dashboard.guard import FORM, FORM_LIMIT, HEADERS, form_of, is_own, refusal
from eventflow.dashboard.health import Health
from eventflow.dashboard.live import Pulse
from eventflow.dashboard.mounting import below
from eventflow.dashboard.pages import ACTIONS, PAGES, menu
from eventflow.dashboard.pages.menu import Section
from eventflow.errors import EventflowError, NotAllowed
from eventflow.views.looks import Looks
from eventflow.webcodes import status_of

log = logging.getLogger("eventflow.dashboard")

TOLD = "eventflow_told"
"""The cookie that carries what came of an action to the page behind it."""

TOLD_LIMIT = 300
"""Characters of it: browsers leave out cookies that are too long."""

FOREVER = "public, max-age=31536000, immutable"

LOST = {
    404: ("not_found", "There is no such page."),
    405: ("method_not_allowed", "Pages are asked for with GET, and what is to be done is sent with POST."),
    413: ("too_large", f"A form may have {FORM_LIMIT} bytes."),
    415: ("wrong_content", f"What is to be done is sent as a form, {FORM}."),
}

Answer = Callable[[Desk], Page]
Act = Callable[[Desk], Done]


class Dashboard:
    """An ASGI application that shows an application and lets operators steer it.

    ``access`` says who gets in and what they may do; without one only this machine may. ``title`` is what the pages
    are headed with. It leaves the application open: whoever opened that closes it.
    """

    def __init__(self, app: Eventflow, *, access: Access | None = None, title: str = "eventflow") -> None:
        self._app, self._access, self._title = app, access or Here(), title
        self._pulse, self._health, self._looks = Pulse(app), Health(app), Looks(app)
        lost = {HTTPException: self._lost, ClientDisconnect: _gone}
        self._site = Starlette(routes=self._routes(), exception_handlers=lost)
        # It would lead to the name and the scheme that were asked for, which a proxy may have changed.
        self._site.router.redirect_slashes = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        refused = refusal(scope) if scope["type"] == "http" else None
        await (refused or self._site)(scope, receive, send)

    def end(self) -> None:
        """Let go of the browsers that listen for news, so that a server can stop at once; pages are still answered."""
        self._pulse.end()

    def _routes(self) -> list[Route]:
        return [
            Route("/static/{digest}/{name}", _static),
            Route("/live", self._live),
            Route("/healthz", self._health.alive),
            Route("/readyz", self._health.ready),
            *(Route(path, self._showing(answer), methods=["GET"]) for path, answer in PAGES),
            *(Route(path, self._doing(name, act), methods=["POST"]) for path, name, act in ACTIONS),
        ]

    # -- looking ---------------------------------------------------------------------------------

    def _showing(self, answer: Answer) -> Callable[[Request], Awaitable[Response]]:
        async def show(request: Request) -> Response:
            person = await self._admitted(request)
            if isinstance(person, Response):
                return person
            return await run_in_threadpool(self._shown, answer, self._desk(request, person))

        return show

    def _shown(self, answer: Answer, desk: Desk) -> Response:
        try:
            desk.check(VIEW)
            return self._drawn(desk, answer(desk))
        except Exception as error:  # noqa: BLE001  # whatever goes wrong on a page is told on a page
            return self._refused(desk, error)

    def _drawn(self, desk: Desk, page: Page) -> Response:
        if _wants_json(desk.request):
            return JSONResponse(plain(dict(page.values)), page.status, HEADERS)
        told = unquote(desk.request.cookies.get(TOLD, ""))
        answer = HTMLResponse(self._html(desk, page, told=told, menu=menu(desk)), page.status, HEADERS)
        if told:
            answer.delete_cookie(TOLD, path=desk.root or "/")
        return answer

    async def _live(self, request: Request) -> Response:
        person = await self._admitted(request)
        if isinstance(person, Response):
            return person
        desk = self._desk(request, person)
        if not await run_in_threadpool(desk.may, VIEW):
            return self._refused(desk, NotAllowed(VIEW))
        if request.method == "HEAD":
            return Response(headers=live.HEADERS, media_type=live.STREAM)
        return self._pulse.stream()

    # -- doing -----------------------------------------------------------------------------------

    def _doing(self, name: str, act: Act) -> Callable[[Request], Awaitable[Response]]:
        async def do(request: Request) -> Response:
            person = await self._admitted(request)
            if isinstance(person, Response):
                return person
            form = await form_of(request)
            return await run_in_threadpool(self._done, name, act, self._desk(request, person, form))

        return do

    def _done(self, name: str, act: Act, desk: Desk) -> Response:
        try:
            if not is_own(desk.request):
                raise NotAllowed("What a page of another site sends")
            desk.check(name)
            done = act(desk)
        except Exception as error:  # noqa: BLE001  # whatever goes wrong on a page is told on a page
            return self._refused(desk, error)
        log.info("%s did %s: %s", desk.actor or "Somebody", name, done.message)
        if _wants_json(desk.request):
            return JSONResponse({"message": done.message}, headers=HEADERS)
        answer = RedirectResponse(f"{desk.root}{done.path}", 303, HEADERS)
        answer.set_cookie(
            TOLD, quote(done.message[:TOLD_LIMIT]), path=desk.root or "/", httponly=True, samesite="strict", max_age=60
        )
        return answer

    # -- who, and what went wrong ----------------------------------------------------------------

    async def _admitted(self, request: Request) -> Person | Response:
        found = await run_in_threadpool(self._access.authenticate, request)
        return found if found is not None else Response("Who are you?\n", 401, HEADERS, "text/plain")

    def _desk(self, request: Request, person: Person, form: dict[str, list[str]] | None = None) -> Desk:
        return Desk(self._app, self._looks, self._access, person, request, form or {})

    def _refused(self, desk: Desk, error: Exception) -> Response:
        if not isinstance(error, EventflowError):
            log.error("A page failed:\n%s", self._app.masker.text(format_exc()))
            return self._sorry(desk, 500, "unexpected", "This page failed; the log of the program says why.")
        return self._sorry(desk, status_of(error), error.code, self._app.masker.text(str(error)))

    def _sorry(self, desk: Desk, status: int, code: str, message: str) -> Response:
        if _wants_json(desk.request):
            return JSONResponse({"error": code, "message": message}, status, HEADERS)
        values = {"status": status, "code": code, "message": message}
        page = Page("error.html", "That did not work", values, status)
        return HTMLResponse(self._html(desk, page), status, HEADERS)

    def _html(self, desk: Desk, page: Page, *, told: str = "", menu: Sequence[Section] = ()) -> str:
        around = {"desk": desk, "page": page, "site": self._title, "looks": desk.looks, "menu": menu, "told": told}
        return draw(page.template, {**page.values, **around})

    async def _lost(self, request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException), "registered for these only"
        if error.status_code == 404 and (path := _without_slash(request)) is not None:
            return RedirectResponse(path, 307, HEADERS)
        person = await self._admitted(request)
        if isinstance(person, Response):
            return person
        code, message = LOST.get(error.status_code, ("refused", error.detail))
        answer = self._sorry(self._desk(request, person), error.status_code, code, message)
        answer.headers.update(error.headers or {})
        return answer


async def _static(request: Request) -> Response:
    found = assets().get(request.path_params["name"])
    if found is None or found.digest != request.path_params["digest"]:
        raise HTTPException(404)
    headers = {"cache-control": FOREVER, "x-content-type-options": "nosniff"}
    return Response(found.content, media_type=found.type, headers=headers)


def _without_slash(request: Request) -> str | None:
    """Where a page is whose address was given a slash at its end, or was not given the one that it is itself."""
    root, path = str(request.scope.get("root_path", "")).rstrip("/"), below(request.scope)
    if request.method not in ("GET", "HEAD") or path == "/" or not (path == "" or path.endswith("/")):
        return None
    query = request.scope.get("query_string", b"").decode("latin-1")
    # One slash in front, whatever was asked for: two would lead to another site.
    return f"{root}/{quote(path.strip('/'), safe='/:')}" + (
        f"?{quote(query, safe='=&%+:;,/?@!$()*~')}" if query else ""
    )


async def _gone(request: Request, error: Exception) -> Response:  # noqa: ARG001 - an exception handler
    return Response(status_code=400)  # nobody is there to read it


def _wants_json(request: Request) -> bool:
    accepted = request.headers.get("accept", "")
    return request.query_params.get("format") == "json" or ("application/json" in accepted and "html" not in accepted)
