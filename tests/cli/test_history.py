"""Reading what was said to other systems, on the command line."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from eventflow.app import Eventflow
from eventflow.settings import Settings
from tests.cli.words import document, says
from tests.peer import Answer, Peer
from tests.walks.library import Document, sending, write


class Press:
    """A press that took a document, and the log of it."""

    def __init__(self, database: str, id: str, url: str) -> None:
        self.database, self.id, self.url = database, id, url

    def history(self, *options: str) -> str:
        """What ``items history`` says."""
        result = says("--database", self.database, "items", "history", self.id, *options)
        assert result.exit_code == 0, result.output
        return result.stdout


@pytest.fixture
def press(tmp_path: Path) -> Iterator[Press]:
    """A document that was sent, once in vain."""
    peer, database = Peer(), f"sqlite:///{tmp_path / 'log.db'}"
    peer.answer = lambda asked: Answer(body={"url": "https://u/1", "token": "hunter2"})
    with Eventflow(Settings(database=database), aggregates=[Document], reactions=[write, sending(peer.url)]) as app:
        one = Document.create(title="Whales")
        app.save(one)
        app.drain()
        yield Press(database, str(one.id), peer.url)
    peer.close()


def test_a_request_is_a_line_unless_it_is_asked_for(press: Press) -> None:
    assert f"POST {press.url}/articles" in press.history()
    assert "curl" not in press.history()
    assert press.url not in press.history("--no-bodies")


def test_with_bodies_a_request_is_a_command_and_its_answer_a_message(press: Press) -> None:
    told = [line.strip() for line in press.history("--bodies").splitlines()]

    command = told[told.index("curl \\") :]
    assert command[:3] == ["curl \\", "-sS \\", "-X 'POST' \\"]
    assert "-H 'Authorization: Bearer ********' \\" in command
    assert '--data-raw \'{"text":"# Whales\\n"}\' \\' in command
    assert f"'{press.url}/articles'" in command
    assert "HTTP/1.1 200 OK" in told
    assert '{"url":"https://u/1","token":"********"}' in told


def test_programs_get_commands_and_messages_too(press: Press) -> None:
    events = document(says("--database", press.database, "items", "history", press.id, "--bodies", "--json"))["events"]

    [request] = [one for one in events if one["kind"] == "request"]
    [response] = [one for one in events if one["kind"] == "response"]
    assert request["curl"].startswith("curl \\\n")
    assert request["message"].startswith("HTTP/1.1 POST /articles\r\nHost: 127.0.0.1:")
    assert "curl" not in response
    assert response["message"].startswith("HTTP/1.1 200 OK\r\n")
    assert not [one for one in events if one["kind"] is None and "message" in one]
