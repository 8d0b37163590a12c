"""No masked secret appears anywhere: not in the database, the archive or logs, on the command line or in errors.

Handlers say and hear secrets in every way there is; the peer must have got them, and nobody else. What is kept is
searched in the database, then in the segments that it leaves for, then in the copies that come back.
"""

from __future__ import annotations

import logging
import socket
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import quote, urlsplit
from uuid import uuid4

import pytest

from eventflow.app import Eventflow
from eventflow.errors import EventflowError
from eventflow.model.callback import callback
from eventflow.model.exchange import AsyncExchange, Exchange, Request
from eventflow.model.incoming import Incoming
from eventflow.model.library import RequestSent
from eventflow.model.masking import Masker
from eventflow.model.multipart import File
from eventflow.model.reaction import Reaction, endpoint, task
from eventflow.model.rendering import as_curl, as_message
from eventflow.model.retry import Retry
from eventflow.settings import Settings
from eventflow.store.database import Dialect
from eventflow.testing import Clock
from eventflow_projections import Projection
from tests.cli.words import says
from tests.peer import Answer, Asked, Peer
from tests.services import an_s3_server
from tests.walks.conftest import MakeApp
from tests.walks.leaks import in_objects, in_tables
from tests.walks.library import Document, Published, Status, Written

SECRET = "hunter2"
LETTERS = f"{SECRET}-and-more"

MASKER = Masker(
    keys=["iban"],
    patterns=[r"SI\d\d-\w+", "(?i)nickname"],
    paths=["payload.customer.tax_no", "headers.x-tenant"],
    url_query=["customer"],
    url_routes=["/users/{mask}"],
)
COMMANDS = (
    ("items", "history", "{id}", "--bodies"),
    ("items", "history", "{id}", "--json", "--bodies"),
    ("items", "show", "{id}", "--json"),
    ("items", "list"),
    ("failed", "list"),
    ("log", "tail", "--json"),
)
STEPS: dict[str, Any] = {"on": Status.QUEUED, "processing": Status.SENDING, "failed": Status.ERROR}
JUST_NOW = timedelta(seconds=-1)
"""The clock stands still, and what happened at this moment leaves as well."""

SOON = Retry(attempts=2, after=timedelta(seconds=30))

SAID: dict[str, dict[str, Any]] = {
    "json": {"json": {"password": LETTERS, "user": [{"IBAN": LETTERS}], "customer": {"tax_no": LETTERS}}},
    "form": {"form": {"token": LETTERS, "customer[tax_no]": LETTERS, "old_nickname": LETTERS}},
    "files": {
        "form": {"secret": LETTERS},
        "files": {"scan": File(f'{{"iban": "{LETTERS}"}}', "a.json", "application/json")},
    },
    "xml": {"content": f"<a><iban>{LETTERS}</iban><tax_no>{LETTERS}</tax_no></a>"},
    "text": {"content": f"pay SI56-{LETTERS.replace('-', '')} with password={LETTERS}"},
    "cut": {"content": f'{{"customer": {{"tax_no": "{LETTERS}"}}, "iban": "{LETTERS}", "x": "{"x" * 5000}"}}'},
}


def the_request(url: str, body: dict[str, Any]) -> Request:
    """A request with a secret wherever one can be."""
    parts = urlsplit(url)
    return Request(
        "POST",
        f"http://ann:{SECRET}@{parts.netloc}/users/{LETTERS}?customer={quote(LETTERS)}&key={SECRET}",
        headers={"Authorization": f"Bearer {LETTERS}", "X-Tenant": LETTERS, "Cookie": f"a={LETTERS}"},
        params={"access_token": LETTERS},
        **body,
    )


def the_answer(asked: Asked) -> Answer:
    """An answer with a secret wherever one can be."""
    status = 500 if "first" in asked.body.decode("utf-8", "replace") else 200
    body = {"url": "u1", "customer": {"tax_no": LETTERS}, "tokens": [LETTERS], "note": f"SI56-{SECRET}"}
    location = f"/users/{LETTERS}?customer={LETTERS}"
    return Answer(status, body, {"Set-Cookie": f"sid={LETTERS}", "X-Tenant": LETTERS, "Location": location})


def speaking(url: str, **body: Any) -> Reaction[Document, Any]:
    """An endpoint that says all of it."""

    @endpoint(Document, **STEPS, complete=Status.COMPLETE, retry=SOON, name="speak", record_limit=500)
    def speak(document: Document) -> Exchange[Published]:
        response = yield the_request(url, body)
        if response.json()["tokens"] != [LETTERS]:
            raise ValueError("the answer was masked on its way")
        return Published(url=response.json()["url"])

    return speak


def refused(url: str) -> Reaction[Document, Any]:
    """An endpoint that is told no, and quotes what it was told."""

    @endpoint(Document, **STEPS, complete=Status.COMPLETE, retry=SOON, name="speak")
    def speak(document: Document) -> Exchange[Published]:
        request = the_request(url, {"json": {"first": 1}})
        response = yield request
        try:
            response.raise_for_status(request)
        except EventflowError as error:
            raise RuntimeError(f"{request.url} with {dict(request.headers)} said {response.text}") from error
        return Published(url="")

    return speak


def speaking_beside_others(url: str) -> Reaction[Document, Any]:
    """The same on the event loop; what it comes to cannot be recorded."""

    @endpoint(Document, **STEPS, complete=Status.COMPLETE, retry=SOON, name="speak")
    async def speak(document: Document) -> AsyncExchange[Published]:
        response = yield replace(the_request(url, SAID["json"]), url=f"{url}/users/{LETTERS}?customer={SECRET}")
        if response.ok:
            raise ValueError(f"got {response.headers} and {response.json()!r}, {{'iban': '{LETTERS}'}}")
        yield Published(url="")

    return speak


def nobody_there() -> str:
    """An address that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return f"http://127.0.0.1:{server.getsockname()[1]}"


@task(Document, **STEPS, complete=Status.WRITTEN, retry=SOON)
def stumble(document: Document) -> Written:
    """Raise with a secret in the message, in its cause and in a value that does not fit."""
    try:
        Written(text={"iban": LETTERS})  # type: ignore[arg-type]
    except ValueError as error:
        raise KeyError(f"nickname={LETTERS}, tax_no: {LETTERS} at http://h/users/{SECRET}?customer={SECRET}") from error
    return Written(text="")


@callback(Document, expects=Status.QUEUED, complete=Status.COMPLETE, failed=Status.ERROR, verify=None)
def called(document: Document, request: Incoming) -> Published:
    """Take what comes; sometimes it does not fit."""
    said = request.json()
    if "broken" in said:
        raise ValueError(f"{request.url} said {said!r}")
    return Published(url=said["url"])


def everything_told(app: Eventflow, document: Document) -> Iterator[str]:
    """The history in every form in which it is shown, and what the command line says."""
    for recorded in app.history(document.id):
        yield f"{recorded.header} {recorded.event.event_body()}"
        if recorded.header.kind in ("request", "callback"):
            yield as_curl(recorded.event)
        if recorded.header.kind in ("request", "response", "callback"):
            yield as_message(recorded.event)
    database, id = app.settings.database.get_secret_value(), str(document.id)
    for command in COMMANDS:
        result = says("--database", database, *(word.format(id=id) for word in command))
        assert result.exit_code == 0, result.output
        yield result.output


def nothing_leaks(app: Eventflow, document: Document, log: pytest.LogCaptureFixture) -> None:
    """Neither while the bodies are in the database, nor once they left it, nor when they were brought back."""
    app.drain()
    assert leaks(app, document) == []
    said = [one.event.event_body() for one in app.history(document.id)]
    assert [done.left for done in app.archive(older_than=JUST_NOW)] == [[]]
    assert app.archives.standing().archived.events >= len(said)
    assert leaks(app, document) == []
    assert app.restore().amount.events >= len(said)
    assert leaks(app, document) == []
    assert [one.event.event_body() for one in app.history(document.id)] == said
    assert [record.getMessage() for record in log.records if SECRET in log.handler.format(record)] == []


def leaks(app: Eventflow, document: Document) -> list[str]:
    """Whatever is kept or told with the secret in it."""
    places = (everything_told(app, document), in_tables(app.settings), in_objects(app.objects))
    return [text for place in places for text in place if SECRET in text]


def worked_on(app: Eventflow, clock: Clock) -> Document:
    """A document that was worked on, and once more when its retry was due."""
    app.save(document := Document.create(title="Whales"))
    app.drain()
    clock.forward(seconds=60)
    app.drain()
    return document


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    with an_s3_server() as url:
        yield url


@pytest.fixture
def settings(settings: Settings, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """The usual engines, segments in a folder with SQLite and in a bucket with PostgreSQL."""
    objects = settings.objects.get_secret_value()
    if settings.database.get_secret_value().startswith("postgres"):
        objects = f"{request.getfixturevalue('s3')}/secrets-{uuid4().hex[:12]}?secure=false&create=true"
    monkeypatch.setenv("EVENTFLOW_OBJECTS", objects)
    return Settings(database=settings.database, broker=settings.broker, objects=objects)


@pytest.fixture(autouse=True)
def every_word(caplog: pytest.LogCaptureFixture) -> None:
    """All that any logger says is kept."""
    caplog.set_level(logging.DEBUG)


@pytest.mark.parametrize("said", SAID)
def test_what_is_said_and_heard_is_masked_in_what_is_kept_and_nowhere_else(
    make_app: MakeApp, clock: Clock, peer: Peer, caplog: pytest.LogCaptureFixture, said: str
) -> None:
    peer.answer = the_answer
    app = make_app(aggregates=[Document], reactions=[speaking(peer.url, **SAID[said])], masker=MASKER)

    document = worked_on(app, clock)

    assert app.get(Document, document.id).status is Status.COMPLETE
    [asked] = peer.asked
    assert asked.headers["authorization"] == f"Bearer {LETTERS}"
    assert f"/users/{LETTERS}?customer={LETTERS}" in asked.path
    assert SECRET in asked.body.decode()
    nothing_leaks(app, document, caplog)


def test_a_body_over_the_limit_of_its_reaction_says_so(make_app: MakeApp, clock: Clock, peer: Peer) -> None:
    peer.answer = the_answer
    app = make_app(aggregates=[Document], reactions=[speaking(peer.url, **SAID["cut"])], masker=MASKER)

    document = worked_on(app, clock)

    [request] = [one.event for one in app.history(document.id) if isinstance(one.event, RequestSent)]
    assert request.truncated
    assert request.size == len(SAID["cut"]["content"])
    assert len(request.body or "") <= 500


def test_what_is_refused_and_quoted_is_masked(
    make_app: MakeApp, clock: Clock, peer: Peer, caplog: pytest.LogCaptureFixture
) -> None:
    peer.answer = the_answer
    app = make_app(aggregates=[Document], reactions=[refused(peer.url)], masker=MASKER)

    document = worked_on(app, clock)

    assert app.get(Document, document.id).status is Status.ERROR
    assert len(peer.asked) == 2
    nothing_leaks(app, document, caplog)


def test_what_is_said_on_the_event_loop_is_masked(
    make_app: MakeApp, clock: Clock, peer: Peer, caplog: pytest.LogCaptureFixture
) -> None:
    peer.answer = the_answer
    app = make_app(aggregates=[Document], reactions=[speaking_beside_others(peer.url)], masker=MASKER)

    document = worked_on(app, clock)

    assert app.get(Document, document.id).status is Status.ERROR
    assert len(peer.asked) == 2
    nothing_leaks(app, document, caplog)


def test_what_nobody_hears_is_masked(make_app: MakeApp, clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    app = make_app(aggregates=[Document], reactions=[speaking(nobody_there(), **SAID["json"])], masker=MASKER)

    document = worked_on(app, clock)

    assert app.get(Document, document.id).status is Status.ERROR
    nothing_leaks(app, document, caplog)


def test_what_a_handler_raises_is_masked(make_app: MakeApp, clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    app = make_app(aggregates=[Document], reactions=[stumble], masker=MASKER)

    document = worked_on(app, clock)

    assert app.get(Document, document.id).status is Status.ERROR
    nothing_leaks(app, document, caplog)


class Nosy(Projection):
    """Stumbles over what it reads."""

    name, tables = "nosy", ("nosy",)

    def statements(self, dialect: Dialect) -> dict[str, str]:  # the same for both
        """A table that nothing is ever written to."""
        return {"create": "CREATE TABLE {nosy} (word text)"}

    def apply(self, batch: object, transaction: object, tables: object) -> None:
        """Say what must not be said."""
        raise ValueError(f"password={LETTERS} at http://ann:{SECRET}@h/")


def test_what_stops_a_projection_is_masked(make_app: MakeApp, caplog: pytest.LogCaptureFixture) -> None:
    app = make_app(aggregates=[Document], projections=[Nosy()])
    app.save(Document.create(title="Whales"))

    app.projections.step_all()

    [status] = app.projections.status()
    assert status.error == f"ValueError: password={'*' * 8} at http://{'*' * 8}@h/"
    assert [text for text in in_tables(app.settings) if SECRET in text] == []
    assert "stands still" in caplog.text
    assert SECRET not in caplog.text


@pytest.mark.parametrize("said", [{"url": "u1"}, {"broken": LETTERS}])
def test_what_a_callback_says_is_masked(
    make_app: MakeApp, caplog: pytest.LogCaptureFixture, said: dict[str, str]
) -> None:
    app = make_app(aggregates=[Document], callbacks=[called], masker=MASKER)
    app.save(document := Document.create(title="Whales"))
    url = f"https://shop.example/users/{LETTERS}?customer={LETTERS}"
    heard: dict[str, Any] = {**said, "customer": {"tax_no": LETTERS}, "iban": LETTERS, "broken_token": LETTERS}
    if "broken" in said:
        heard = {"broken": True, "customer": {"tax_no": LETTERS}, "iban": LETTERS}
    request = Incoming.of(heard, url=url, headers={"X-Signature": LETTERS, "X-Tenant": LETTERS})

    try:
        app.call_back(called, document.id, request)
    except ValueError:
        assert "broken" in said

    nothing_leaks(app, document, caplog)


def test_whoever_looks_for_a_secret_finds_what_nobody_masked(make_app: MakeApp) -> None:
    app = make_app(aggregates=[Document])
    app.save(document := Document.create(title="Whales", text=f"the word is {SECRET} " * 100))

    assert any(SECRET in text for text in in_tables(app.settings))
    app.archive(older_than=JUST_NOW)

    assert any(SECRET in text for text in in_tables(app.settings)), "a snapshot holds it"
    assert any(SECRET in text for text in in_objects(app.objects))
    assert any(SECRET in text for text in everything_told(app, document))
