"""What a misbehaving peer does to a document: each way ends as the documentation says, and the history tells it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from eventflow.app import Eventflow
from eventflow.model.exchange import Exchange, Request, Timeout
from eventflow.model.reaction import EndpointReaction, endpoint
from eventflow.model.retry import Retry
from eventflow.settings import Settings
from eventflow.testing import Clock
from tests import hostile
from tests.hostile import Call, Hostile, a_peer_that
from tests.walks.conftest import MakeApp
from tests.walks.library import Document, Published, Status

LONG = timedelta(seconds=60)
PATIENT = Timeout(connect=LONG, read=LONG, total=LONG)
WHEN_SILENT = Timeout(connect=LONG, read=timedelta(seconds=0.3), total=LONG)
WHEN_SLOW = Timeout(connect=LONG, read=LONG, total=timedelta(seconds=0.5))


def sending(peer: Hostile, *, redirects: int = 0, timeout: Timeout = PATIENT) -> EndpointReaction[Document, Published]:
    """An endpoint that posts to the peer, twice at most."""

    @endpoint(
        Document,
        on=Status.QUEUED,
        processing=Status.SENDING,
        complete=Status.COMPLETE,
        failed=Status.ERROR,
        retry=Retry(attempts=2, after=timedelta(seconds=30)),
    )
    def send(document: Document) -> Exchange[Published]:
        request = Request("POST", peer.url, json={"text": document.title}, redirects=redirects, timeout=timeout)
        response = yield request
        response.raise_for_status(request)
        return Published(url=response.json()["url"])

    return send


def after_all_attempts(app: Eventflow, clock: Clock) -> Document:
    """A document that was sent, and sent again."""
    document = Document.create(title="Whales")
    app.save(document)
    app.drain()
    clock.forward(minutes=1)
    app.drain()
    return app.get(Document, document.id)


def error(app: Eventflow, document: Document) -> str:
    """What is said to have been wrong last."""
    return next(one.header.error for one in reversed(app.history(document.id)) if one.header.error)


@pytest.mark.parametrize(
    ("behaves", "told"),
    [
        (hostile.resets, "Unavailable"),
        (hostile.hangs_up, "Unavailable"),
        (hostile.says_half, "Unavailable"),
        (hostile.says_half_a_head, "Unavailable"),
        (hostile.speaks_no_http, "Unavailable"),
        (hostile.says_nothing, "Unavailable"),
        (hostile.drips, "total time limit"),
        (hostile.drips_its_headers, "total time limit"),
        (hostile.says_go_on_for_ever, "total time limit"),
        (hostile.redirects_to_itself, "answered 307"),
        (hostile.says_more_than_promised, "KeyError"),
        (hostile.says_what_is_no_utf8, "is not JSON"),
    ],
    ids=lambda one: getattr(one, "__name__", ""),
)
def test_a_misbehaving_peer_fails_the_attempts_and_nothing_else(
    make_app: MakeApp, clock: Clock, behaves: Callable[[Call], None], told: str
) -> None:
    timeout = WHEN_SLOW if "time limit" in told else WHEN_SILENT if behaves is hostile.says_nothing else PATIENT
    with a_peer_that(behaves) as peer:
        app = make_app(aggregates=[Document], reactions=[sending(peer, timeout=timeout)])

        document = after_all_attempts(app, clock)

        assert document.status is Status.ERROR
        assert told in error(app, document)
        assert len({_key(head) for head in peer.heads}) == 1
        assert document.standing.attempt == 0


def _key(head: str) -> str:
    return next(line for line in head.split("\r\n") if line.lower().startswith("idempotency-key"))


@pytest.mark.parametrize(
    "behaves",
    [hostile.sends_100_megabytes, hostile.sends_a_bomb, hostile.sends_a_bomb_in_a_bomb],
    ids=lambda one: one.__name__,
)
def test_an_answer_that_is_too_large_fails_the_attempts(
    settings: Settings, clock: Clock, behaves: Callable[[Call], None]
) -> None:
    narrow = settings.model_copy(update={"http_answer_limit": 1_000_000})
    patient = Timeout(total=timedelta(seconds=30))

    with (
        a_peer_that(behaves) as peer,
        Eventflow(narrow, aggregates=[Document], reactions=[sending(peer, timeout=patient)], clock=clock) as app,
    ):
        document = after_all_attempts(app, clock)

        assert document.status is Status.ERROR
        assert "AnswerTooLarge" in error(app, document)


@pytest.mark.parametrize("behaves", [hostile.asks_to_wait, hostile.fails_once], ids=lambda one: one.__name__)
def test_a_peer_that_recovers_is_asked_again_when_it_said(
    make_app: MakeApp, clock: Clock, behaves: Callable[[Call], None]
) -> None:
    with a_peer_that(behaves) as peer:
        app = make_app(aggregates=[Document], reactions=[sending(peer)])
        document = Document.create(title="Whales")
        app.save(document)
        app.drain()
        standing = app.get(Document, document.id).standing
        asked_for = timedelta(seconds=120 if behaves is hostile.asks_to_wait else 30)
        assert standing.due == clock() + asked_for

        clock.forward(seconds=asked_for.total_seconds())
        app.drain()

        assert app.get(Document, document.id).status is Status.COMPLETE
        assert len(peer.heads) == 2


def test_redirects_are_followed_as_often_as_was_said_and_all_of_it_is_recorded(make_app: MakeApp, clock: Clock) -> None:
    with a_peer_that(hostile.redirects_to_itself) as peer:
        app = make_app(aggregates=[Document], reactions=[sending(peer, redirects=3)])
        document = Document.create(title="Whales")
        app.save(document)

        app.drain()

        said = [one.header.kind for one in app.history(document.id)]
        assert len(peer.heads) == said.count("request") == said.count("response") == 4
        assert len({_key(head) for head in peer.heads}) == 1
        assert "answered 307" in error(app, document)
