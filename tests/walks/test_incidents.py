"""Incidents: people are told once each, whoever sees them, and nothing that is recorded depends on that."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from eventflow.app import Eventflow
from eventflow.errors import Misconfigured, Unavailable
from eventflow.model.channel import Channel
from eventflow.model.incident import COMMAND_FAILED, LOCKDOWN, STALE_LOCK, Incident, Notice, Telling, notice_id
from eventflow.model.lock import lock_id
from eventflow.model.process.process import Process
from eventflow.model.process.status import RunStatus
from eventflow.model.process.step import step
from eventflow.model.retry import Retry
from eventflow.runtime.incidents import Notifier
from eventflow.runtime.notifiers import Mail, Server, Webhook
from eventflow.settings import Settings
from eventflow.testing import Clock
from tests.mailbox import TAKEN, Mailbox
from tests.peer import Answer, Peer
from tests.walks.library import Document

DEAD = timedelta(hours=-1)
OPS = "ops@example.org"


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    """A real mail server."""
    mailbox = Mailbox()
    yield mailbox
    mailbox.close()


@pytest.fixture
def chat() -> Iterator[Peer]:
    """A real HTTP server that is a chat."""
    peer = Peer()
    yield peer
    peer.close()


@pytest.fixture
def app(lasting: Settings, mailbox: Mailbox, chat: Peer) -> Iterator[Eventflow]:
    """An application that tells ops by mail of stale locks and lockdowns, and a chat of everything."""
    with an_app(lasting, mailbox, chat) as app:
        yield app


def an_app(lasting: Settings, mailbox: Mailbox, chat: Peer, *further: Notifier, **composition: Any) -> Eventflow:
    settings = Settings(
        **{
            **lasting.model_dump(include={"database", "snapshot_every"}),
            "app": "shop.app:app",
            "mail_server": mailbox.url,
            "mail_from": "shop@example.org",
            "notify_on_lockdown": [OPS, f"{chat.url}/hooks/secret-7"],
            "notify_on_stale_lock": f"{OPS}, {chat.url}/hooks/secret-7",
            "notify_on_error": [f"{chat.url}/hooks/secret-7"],
        }
    )
    return Eventflow(settings, aggregates=[Document], clock=Clock(), notifiers=further, **composition)


def clock_of(app: Eventflow) -> Clock:
    assert isinstance(app.clock, Clock)
    return app.clock


def a_lockdown(app: Eventflow, **facts: str) -> Incident:
    return Incident(
        kind=LOCKDOWN,
        key=uuid4().hex,
        subject="channel billing is locked down",
        text="Run 7 ended with a fatal error.\nNothing of this channel goes on until that is solved.",
        at=app.clock(),
        facts=facts,
    )


def notice_of(app: Eventflow, incident: Incident, recipient: str) -> Notice:
    return app.get(Notice, notice_id(incident, recipient))


def test_a_lockdown_is_mailed_and_posted_once(app: Eventflow, mailbox: Mailbox, chat: Peer) -> None:
    incident = a_lockdown(app, channel="billing")

    assert app.report(incident, actor="worker") == 2
    assert app.report(incident) == 0
    app.drain()
    assert app.report(incident) == 0
    app.drain()

    (mail,), (post,) = mailbox.mails, chat.asked
    assert (mail["Subject"], mail["To"], mail["From"]) == (f"shop.app: {incident.subject}", OPS, "shop@example.org")
    assert incident.text in mail.get_content().replace("\r\n", "\n")
    assert "channel: billing" in mail.get_content()
    said = json.loads(post.body)
    assert (said["kind"], said["key"], said["facts"]) == (LOCKDOWN, incident.key, {"channel": "billing"})
    assert notice_of(app, incident, f"mail:{OPS}").status is Telling.TOLD
    assert str(notice_id(incident, f"mail:{OPS}")) in mail["Message-ID"]
    assert post.key == said["notice"]


def test_of_many_workers_that_see_an_incident_one_tells_of_it(
    app: Eventflow, lasting: Settings, mailbox: Mailbox, chat: Peer
) -> None:
    incident, together, begun = a_lockdown(app), threading.Barrier(4), []

    def see(one: Eventflow) -> None:
        together.wait()
        begun.append(one.report(incident))

    with an_app(lasting, mailbox, chat) as other:
        threads = [threading.Thread(target=see, args=(one,)) for one in (app, other, app, other)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    app.drain()

    assert sum(begun) == 2
    assert (len(mailbox.mails), len(chat.asked)) == (1, 1)


def test_a_channel_in_lockdown_is_told_of_once_for_each_time_that_a_run_ends_so(
    lasting: Settings, mailbox: Mailbox, chat: Peer
) -> None:
    channel = Channel("till", "The till", lockdown="channel")
    with an_app(lasting, mailbox, chat, processes=[Break], channels=[channel]) as app:
        run = app.processes.start(Break())
        for _ in range(2):
            app.drain()
            clock_of(app).forward(minutes=1)
        assert app.processes.get(run.id).status is RunStatus.ERROR
        app.tick()
        app.drain()
        first = [mail["Subject"] for mail in mailbox.mails]

        app.processes.restart(run.id)
        for _ in range(3):
            app.drain()
            clock_of(app).forward(minutes=1)

    assert first == ["shop.app: LOCKDOWN of The till"]
    assert [mail["Subject"] for mail in mailbox.mails] == first * 2
    assert "the drawer is stuck" in mailbox.mails[0].get_content()
    assert f"eventflow process show {run.id}" in mailbox.mails[0].get_content()


class Break(Process, name="break", channel="till", retry=Retry(attempts=1)):
    """Something that cannot go well."""

    @step
    def open(self) -> None:
        """It never opens."""
        raise ValueError("the drawer is stuck")


def test_a_lock_that_is_left_behind_is_told_of_once_with_its_last_errors(
    app: Eventflow, lasting: Settings, mailbox: Mailbox, chat: Peer
) -> None:
    key = f"import-{uuid4().hex[:8]}"
    token = app.locks.take(key, lease=DEAD)
    app.locks.err(key, token, "the bank is away")

    with an_app(lasting, mailbox, chat) as other:
        for one in (app, other, app):
            one.locks.watch()
        with other.lock(key):
            pass
    app.drain()

    (mail,) = mailbox.mails
    assert mail["Subject"] == f"shop.app: {key} is LOCKED"
    assert "the bank is away" in mail.get_content()
    assert f"eventflow locks clear {key}" in mail.get_content()
    assert len(chat.asked) == 1


def test_a_lock_that_is_taken_over_before_anybody_looked_is_told_of_too(app: Eventflow, mailbox: Mailbox) -> None:
    key = f"import-{uuid4().hex[:8]}"
    app.locks.take(key, lease=DEAD)
    with app.lock(key):
        pass
    app.drain()

    assert [mail["Subject"] for mail in mailbox.mails] == [f"shop.app: {key} is LOCKED"]


def test_a_command_that_failed_is_told_to_those_who_asked_for_that(
    app: Eventflow, mailbox: Mailbox, chat: Peer
) -> None:
    key = f"import-{uuid4().hex[:8]}"
    with pytest.raises(ValueError, match="hunter2"), app.lock(key):
        raise ValueError("password=hunter2")
    app.drain()

    (post,) = chat.asked
    said = json.loads(post.body)
    assert (said["kind"], said["facts"]["lock"]) == (COMMAND_FAILED, key)
    assert b"hunter2" not in post.body
    assert mailbox.mails == []


def test_a_command_that_fails_again_and_again_is_told_of_once_until_it_goes_well(app: Eventflow, chat: Peer) -> None:
    key = f"import-{uuid4().hex[:8]}"

    def fails() -> None:
        with pytest.raises(ValueError, match="away"), app.lock(key):
            raise ValueError("the bank is away")

    fails()
    fails()
    app.drain()
    once = len(chat.asked)
    with app.lock(key):
        pass
    fails()
    app.drain()

    assert (once, len(chat.asked)) == (1, 2)


def test_a_mail_server_in_trouble_changes_nothing_of_what_is_recorded_and_is_asked_again(
    app: Eventflow, mailbox: Mailbox
) -> None:
    key = f"import-{uuid4().hex[:8]}"
    mailbox.answer = "451 try again later"
    app.locks.take(key, lease=DEAD)
    app.locks.watch()
    app.drain()

    story = [one.header.name for one in app.history(lock_id(key))]
    assert story[-1] == "eventflow_lock:found_stale"
    (untold,) = [one for one in app.untold() if key in one.subject]
    assert untold.recipient == f"mail:{OPS}"
    assert "try again later" in untold.error
    assert untold.due is not None

    mailbox.answer = TAKEN
    clock_of(app).forward(minutes=1)
    app.drain()

    assert [mail["Subject"] for mail in mailbox.mails] == [f"shop.app: {key} is LOCKED"]
    assert [one for one in app.untold() if key in one.subject] == []


def test_what_a_mail_server_will_never_take_is_given_up_seen_and_brought_back(app: Eventflow, mailbox: Mailbox) -> None:
    incident = a_lockdown(app)
    mailbox.answer = "550 nobody of that name"
    app.report(incident)
    app.drain()

    notice = notice_of(app, incident, f"mail:{OPS}")
    assert (notice.status, mailbox.attempts) == (Telling.FAILED, 1)
    assert [one.due for one in app.untold() if one.notice == notice.id] == [None]

    mailbox.answer = TAKEN
    app.defibrillate(notice.id)
    app.drain()
    assert notice_of(app, incident, f"mail:{OPS}").status is Telling.TOLD


def test_a_chat_that_is_away_is_asked_again_with_the_same_key_and_its_address_is_in_no_record(
    app: Eventflow, chat: Peer
) -> None:
    incident = a_lockdown(app)
    chat.answer = lambda asked: Answer(503)
    app.report(incident)
    app.drain()
    chat.answer = lambda asked: Answer()
    clock_of(app).forward(minutes=1)
    app.drain()

    assert [one.path for one in chat.asked] == ["/hooks/secret-7"] * 2
    assert len({one.key for one in chat.asked}) == 1
    (name,) = [one for one in app.incidents.notifiers if one.startswith("webhook:")]
    notice = notice_of(app, incident, name)
    recorded = [repr(one.event) + repr(one.header) for one in app.history(notice.id)]
    assert any("answered 503" in one for one in recorded)
    assert not any("secret-7" in one for one in recorded)


def test_a_notifier_of_ones_own_is_told_of_what_it_wants(lasting: Settings, mailbox: Mailbox, chat: Peer) -> None:
    told: list[Any] = []

    class Pager:
        name = "pager"

        def wants(self, kind: str) -> bool:
            return kind == LOCKDOWN

        def tell(self, incident: Incident, notice: str) -> None:
            told.append((incident.key, notice))

    with an_app(lasting, mailbox, chat, Pager()) as app:
        incident = a_lockdown(app)
        app.report(incident)
        app.report(incident.model_copy(update={"kind": STALE_LOCK}))
        app.drain()

    assert told == [(incident.key, str(notice_id(incident, "pager")))]


def test_without_anybody_to_be_told_nothing_is_begun(lasting: Settings) -> None:
    with Eventflow(lasting, aggregates=[Document]) as app:
        assert app.report(a_lockdown(app)) == 0
        assert app.routes.reactions == {}


def test_a_subject_cannot_smuggle_headers_into_a_mail(mailbox: Mailbox) -> None:
    mail = Mail(Server(mailbox.url), to=OPS, sender="shop@example.org")
    with Eventflow(Settings(database="sqlite://"), aggregates=[Document]) as app:
        incident = a_lockdown(app).model_copy(update={"subject": "hello\r\nBcc: eve@example.org"})

    mail.tell(incident, "n")

    assert mailbox.mails[0]["Subject"] == "eventflow: hello Bcc: eve@example.org"
    assert mailbox.mails[0]["Bcc"] is None


def test_a_password_is_not_said_without_encryption(mailbox: Mailbox) -> None:
    named = mailbox.url.replace("://", "://ann:hunter2@")
    mail = Mail(Server(named), to=OPS, sender="shop@example.org")
    with Eventflow(Settings(database="sqlite://"), aggregates=[Document]) as app:
        incident = a_lockdown(app)

    with pytest.raises(Unavailable, match="offers no encryption") as raised:
        mail.tell(incident, "n")

    assert "hunter2" not in repr((raised.value, mail))
    assert mailbox.attempts == 0


def test_a_mail_server_that_is_not_there_is_out_of_reach() -> None:
    with Eventflow(Settings(database="sqlite://"), aggregates=[Document]) as app:
        incident = a_lockdown(app)

    with pytest.raises(Unavailable, match="mail server"):
        Mail(Server("smtp://127.0.0.1:1"), to=OPS, sender="shop@example.org").tell(incident, "n")


@pytest.mark.parametrize("url", ["http://127.0.0.1", "smtp://", "smtp://host?tls=perhaps"])
def test_what_is_no_mail_server_is_told(url: str) -> None:
    with pytest.raises(Misconfigured):
        Server(url)


def test_two_notifiers_of_one_name_are_told() -> None:
    hooks = [Webhook("https://chat.example/hooks/7") for _ in range(2)]

    with pytest.raises(Misconfigured, match="Two notifiers"):
        Eventflow(Settings(database="sqlite://"), aggregates=[Document], notifiers=hooks)
