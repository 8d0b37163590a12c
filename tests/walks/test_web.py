"""The web: a real server in front of the application, asked over real sockets."""

from __future__ import annotations

import json
import logging
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from http.client import HTTPConnection
from typing import Any, Self
from uuid import UUID, uuid4

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.routing import Mount

from eventflow.app import Eventflow
from eventflow.asgi import Web
from eventflow.errors import BadInput, Unavailable
from eventflow.model.aggregate import Aggregate
from eventflow.model.callback import callback
from eventflow.model.incoming import Incoming
from eventflow.model.process.awaiting import Signal
from eventflow.model.process.process import Process
from eventflow.model.process.step import step
from eventflow.model.signature import HMACSignature
from eventflow.model.webhook import webhook
from eventflow.testing import Clock, in_memory
from tests.walks.conftest import MakeApp
from tests.walks.library import Document, Published, Status

WAITING = Status.SENDING
SECRET = "s3cr3t-t0ken"
SIGNATURE = HMACSignature(SECRET, timestamp_header="X-Time", header="X-Signature")
ANN = {"X-User": "ann"}

Ask = Callable[..., tuple[int, Any]]


@callback(
    Document,
    expects=WAITING,
    complete=Status.COMPLETE,
    failed=Status.ERROR,
    fingerprint=lambda request: str(request.json()["id"]),
    verify=None,
)
def published(document: Document, request: Incoming) -> Published:
    """The press says where it is."""
    match request.json():
        case {"raise": "bad"}:
            raise BadInput("url: Field required")
        case {"raise": "away"}:
            raise Unavailable("The press at s3cr3t-t0ken", "closed")
        case {"raise": "broken", "token": _}:
            raise RuntimeError(f"token={request.json()['token']}")
    return Published(url=request.json()["url"])


@callback(Document, expects=WAITING, complete=Status.COMPLETE, failed=Status.ERROR, verify=SIGNATURE)
def signed(document: Document, request: Incoming) -> Published:
    """The same, by whoever knows the secret."""
    return Published(url=request.json()["url"])


@callback(
    Document,
    expects=WAITING,
    complete=Status.COMPLETE,
    failed=Status.ERROR,
    identify=lambda request: UUID(request.query["document"]),
    methods=["GET"],
    silent=True,
    verify=None,
)
def told(document: Document, request: Incoming) -> Published:
    """The address says all there is to say."""
    return Published(url=request.query["url"])


CALLBACKS = [published, signed, told]


class Owned(Aggregate[Status], category="owned", initial=Status.ERROR, defibrillate={Status.ERROR: Status.QUEUED}):
    """Whoever owns it may restart it."""

    owner: str

    def can_be_defibrillated_by(self, user: object) -> bool:
        return user == self.owner


class Server:
    """A web server in a thread of its own. Holds the thread and the socket it listens on."""

    def __init__(self, web: Any) -> None:
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listening.getsockname()[1])
        self._server = uvicorn.Server(uvicorn.Config(web, log_config=None, lifespan="off", ws="none"))
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [self._listening]})
        self._thread.start()

    def ask(self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None) -> tuple[int, Any]:
        """The status and the JSON of an answer."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=30)
        raw = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        kind = {} if raw is None else {"Content-Type": "application/json"}
        try:
            connection.request(method, path, raw, {**kind, **(headers or {})})
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())
        finally:
            connection.close()

    def stop(self) -> None:
        """Stop and wait."""
        self._server.should_exit = True
        self._thread.join()
        self._listening.close()


@pytest.fixture
def serve() -> Iterator[Callable[[Any], Server]]:
    """Web servers; each is stopped at the end."""
    with ExitStack() as opened:

        def start(web: Any) -> Server:
            server = Server(web)
            opened.callback(server.stop)
            return server

        yield start


Serve = Callable[[Any], Server]


def waiting(app: Eventflow) -> Document:
    document = Document.create(title="Whales", status=WAITING)
    app.save(document)
    return document


def names(app: Eventflow, id: UUID) -> list[str]:
    return [one.header.name.partition(":")[2] for one in app.history(id)]


def test_a_callback_comes_over_the_web(make_app: MakeApp, serve: Serve) -> None:
    app = make_app(aggregates=[Document], callbacks=CALLBACKS)
    document = waiting(app)
    server = serve(Web(app))

    status, answer = server.ask("POST", f"/callbacks/published/{document.id}", {"id": 1, "url": "u1"})

    assert status == 200
    assert answer == {"verdict": "accepted", "position": app.log.last_position(), "stream": str(document.id)}
    assert app.get(Document, document.id).url == "u1"


def test_a_callback_replayed_a_hundred_times_at_once_over_the_web_changes_the_state_once(
    make_app: MakeApp, serve: Serve
) -> None:
    # Two servers, with nothing in common but the database.
    apps = [make_app(aggregates=[Document], callbacks=CALLBACKS) for _ in range(2)]
    servers = [serve(Web(app)) for app in apps]
    document = waiting(apps[0])

    def replay(number: int) -> tuple[int, str]:
        path = f"/callbacks/published/{document.id}"
        status, answer = servers[number % 2].ask("POST", path, {"id": 1, "url": "u1"})
        return status, answer["verdict"]

    with ThreadPoolExecutor(20) as pool:
        answers = sorted(pool.map(replay, range(100)))

    assert answers == [(200, "accepted")] + [(200, "duplicate")] * 99
    assert names(apps[1], document.id) == ["created", "callback_received", "published"]


@pytest.mark.parametrize(
    ("path", "body", "headers", "status", "error"),
    [
        ("/callbacks/publised/{id}", {"id": 1}, {}, 404, "not_found"),
        ("/callbacks/published/{other}", {"id": 1, "url": "u"}, {}, 404, "stream_not_found"),
        ("/callbacks/published/no-id", {"id": 1, "url": "u"}, {}, 404, "not_found"),
        ("/callbacks/published", {"id": 1, "url": "u"}, {}, 422, "bad_input"),
        ("/callbacks/published/{id}", b"{nonsense", {}, 400, "malformed"),
        ("/callbacks/published/{id}", {"no": "id"}, {}, 422, "bad_input"),
        ("/callbacks/published/{id}", {"id": 1, "raise": "bad"}, {}, 422, "bad_input"),
        ("/callbacks/published/{id}", b"hello", {"Content-Type": "text/plain"}, 415, "wrong_content"),
        ("/callbacks/published/{id}", b"x" * 5000, {}, 413, "too_large"),
        ("/callbacks/signed/{id}", {"url": "u"}, {}, 401, "signature_refused"),
        ("/callbacks/signed/{id}", {"url": "u"}, {"X-Time": "1", "X-Signature": "00"}, 401, "signature_refused"),
        ("/callbacks/told/{id}", {"url": "u"}, {}, 405, "method_not_allowed"),
        ("/defibrillations/document/{id}", None, {}, 404, "not_found"),
        ("/elsewhere", {}, {}, 404, "not_found"),
    ],
)
def test_bad_input_is_answered_with_a_clear_refusal(
    make_app: MakeApp, serve: Serve, path: str, body: Any, headers: dict[str, str], status: int, error: str
) -> None:
    app = make_app(aggregates=[Document], callbacks=CALLBACKS)
    document = waiting(app)
    server = serve(Web(app, body_limit=4096))

    answered, answer = server.ask("POST", path.format(id=document.id, other=uuid4()), body, headers)

    assert (answered, answer["error"]) == (status, error)
    assert len(answer["message"]) > 5
    assert names(app, document.id) == ["created"]


def test_a_callback_in_another_status_is_a_conflict(make_app: MakeApp, serve: Serve) -> None:
    app = make_app(aggregates=[Document], callbacks=CALLBACKS)
    app.save(document := Document.create(title="Whales"))
    server = serve(Web(app))

    status, answer = server.ask("POST", f"/callbacks/published/{document.id}", {"id": 1, "url": "u"})

    assert (status, answer["error"]) == (409, "transition_refused")


def test_a_body_of_no_declared_length_is_measured_as_it_comes(make_app: MakeApp, serve: Serve) -> None:
    app = make_app(aggregates=[Document], callbacks=CALLBACKS)
    server = serve(Web(app, body_limit=100))

    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as raw:
        raw.sendall(
            f"POST /callbacks/published/{uuid4()} HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
        )
        raw.sendall(b"80\r\n" + b"x" * 128 + b"\r\n")
        answer = raw.recv(65536)

    assert answer.startswith(b"HTTP/1.1 413 ")


def test_a_body_that_does_not_come_is_not_waited_for(make_app: MakeApp, serve: Serve) -> None:
    app = make_app(aggregates=[Document], callbacks=CALLBACKS)
    server = serve(Web(app, body_seconds=0.05))

    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as raw:
        raw.sendall(f"POST /callbacks/published/{uuid4()} HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nx".encode())
        answer = raw.recv(65536)

    assert answer.startswith(b"HTTP/1.1 408 ")


def test_what_went_wrong_inside_is_not_told_outside(
    make_app: MakeApp, serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    app = make_app(aggregates=[Document], callbacks=CALLBACKS)
    document = waiting(app)
    server = serve(Web(app))

    with caplog.at_level(logging.DEBUG):
        status, answer = server.ask(
            "POST", f"/callbacks/published/{document.id}", {"id": 1, "raise": "broken", "token": SECRET}
        )

    assert (status, answer["error"]) == (500, "failed")
    assert "s3cr3t" not in str(answer)
    assert "RuntimeError" in caplog.text
    assert "s3cr3t" not in caplog.text
    assert app.get(Document, document.id).status is Status.ERROR


def test_what_is_out_of_reach_is_asked_for_again(make_app: MakeApp, serve: Serve) -> None:
    app = make_app(aggregates=[Document], callbacks=CALLBACKS)
    document = waiting(app)
    server = serve(Web(app))

    status, answer = server.ask("POST", f"/callbacks/published/{document.id}", {"id": 1, "raise": "away"})

    assert (status, answer["error"]) == (503, "unavailable")
    assert "s3cr3t" not in str(answer)
    assert server.ask("POST", f"/callbacks/published/{document.id}", {"id": 1, "url": "u"})[0] == 200


def test_who_knows_the_secret_is_let_in_while_the_request_is_young(
    make_app: MakeApp, serve: Serve, clock: Clock
) -> None:
    app = make_app(aggregates=[Document], callbacks=CALLBACKS)
    document = waiting(app)
    server = serve(Web(app))
    body, time = b'{"url": "u1"}', {"X-Time": str(int(clock().timestamp()))}
    headers = {**time, "X-Signature": SIGNATURE.sign(Incoming(headers=time, content=body))}
    path = f"/callbacks/signed/{document.id}"

    assert server.ask("POST", path, body + b" ", headers)[0] == 401
    clock.forward(minutes=6)
    assert server.ask("POST", path, body, headers)[0] == 401
    clock.forward(minutes=-2)
    assert server.ask("POST", path, body, headers)[0] == 200


def test_a_request_without_a_body_may_say_it_all_in_its_address(make_app: MakeApp, serve: Serve) -> None:
    app = make_app(aggregates=[Document], callbacks=CALLBACKS)
    document = waiting(app)
    server = serve(Starlette(routes=[Mount("/flow", Web(app))]))
    path = f"/flow/callbacks/told?document={document.id}&url=u1"

    assert server.ask("GET", path)[1]["verdict"] == "accepted"
    assert server.ask("GET", path)[1]["verdict"] == "ignored"

    assert app.get(Document, document.id).url == "u1"


def a_user(request: Request) -> object:
    return request.headers.get("x-user")


class Private(Owned, category="private", erasable=True):
    """What its owner may have erased."""


def test_what_was_erased_is_gone(serve: Serve) -> None:
    with in_memory(aggregates=[Private]) as app:
        app.save(mine := Private.create(owner="ann"))
        web = Web(app, defibrillation=True, user=a_user)
        path = web.defibrillation_path(mine, "ann")
        app.erase(mine.id, reason="request 17")

        status, answer = serve(web).ask("POST", str(path), headers=ANN)

    assert (status, answer["error"]) == (410, "erased")


class Invoice(Process, name="invoice", version=1):
    """What somebody pays over the web."""

    paid: int = 0

    @step(awaits=Signal("paid"))
    def settle(self, payment: dict[str, int]) -> Self:
        return self.learn(paid=payment["amount"])


def test_a_run_is_told_over_the_web_what_it_waits_for(serve: Serve) -> None:
    verify = HMACSignature(SECRET, header="X-Signature")
    hook = webhook(Invoice, "paid", verify=verify)
    with in_memory(aggregates=[], processes=[Invoice], callbacks=[hook]) as app:
        run = app.processes.start(Invoice())
        app.drain()
        server, body = serve(Web(app)), b'{"amount": 12}'
        path, signed = f"/callbacks/paid/{run.id}", {"X-Signature": verify.sign(Incoming(content=body))}

        statuses = [server.ask("POST", path, body, headers)[0] for headers in ({}, signed)]
        app.drain()

        assert statuses == [401, 200]
        assert app.processes.known(run.id) == Invoice(paid=12)


def test_an_owner_restarts_what_is_theirs(make_app: MakeApp, serve: Serve) -> None:
    app = make_app(aggregates=[Owned])
    app.save(mine := Owned.create(owner="ann"))
    web = Web(app, defibrillation=True, user=a_user)
    server = serve(web)
    path = web.defibrillation_path(mine, "ann")

    status, answer = server.ask("POST", str(path), headers=ANN)

    assert (status, answer["status"]) == (200, "queued")
    last = app.history(mine.id)[-1].header
    assert (last.name, last.actor) == ("owned:defibrillated", "ann")
    assert server.ask("POST", str(path), headers=ANN)[0] == 409


@pytest.mark.parametrize(
    ("headers", "status"),
    [({}, 403), ({"X-User": "bob"}, 403), ({**ANN, "Sec-Fetch-Site": "cross-site"}, 403)],
)
def test_nobody_else_restarts_it(make_app: MakeApp, serve: Serve, headers: dict[str, str], status: int) -> None:
    app = make_app(aggregates=[Owned, Document])
    app.save(theirs := Owned.create(owner="ann"), document := Document.create(title="W", status=Status.ERROR))
    server = serve(Web(app, defibrillation=True, user=a_user))

    assert server.ask("POST", f"/defibrillations/owned/{theirs.id}", headers=headers)[0] == status

    assert server.ask("POST", f"/defibrillations/document/{document.id}", headers=ANN)[0] == 403
    assert app.get(Owned, theirs.id).status is Status.ERROR


def test_what_is_not_there_cannot_be_restarted(make_app: MakeApp, serve: Serve) -> None:
    app = make_app(aggregates=[Owned, Document])
    app.save(mine := Owned.create(owner="ann"))
    server = serve(Web(app, defibrillation=True, user=a_user))

    for path in (f"owned/{uuid4()}", f"document/{mine.id}", f"nothing/{mine.id}", "owned/x"):
        assert server.ask("POST", f"/defibrillations/{path}", headers=ANN)[0] == 404


def test_that_door_is_closed_unless_it_is_opened(make_app: MakeApp, serve: Serve) -> None:
    app = make_app(aggregates=[Owned])
    app.save(mine := Owned.create(owner="ann"))
    closed = Web(app, user=a_user)
    server = serve(closed)

    assert server.ask("POST", f"/defibrillations/owned/{mine.id}", headers=ANN)[0] == 404

    assert closed.defibrillation_path(mine, "ann") is None
    opened = Web(app, defibrillation=True)
    assert opened.defibrillation_path(mine, "bob") is None
    assert opened.defibrillation_path(Owned.create(owner="ann", status=Status.QUEUED), "ann") is None
