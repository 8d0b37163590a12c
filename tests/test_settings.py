"""Where settings come from, and what is said when they are wrong."""

from __future__ import annotations

import json
import os
from datetime import timedelta
from pathlib import Path

import pytest

from eventflow.errors import Misconfigured
from eventflow.settings import Settings, unknown_environment


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty folder and an environment that says nothing to eventflow."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("EVENTFLOW_")]:
        monkeypatch.delenv(name)


def problems(**given: object) -> list[str]:
    with pytest.raises(Misconfigured) as raised:
        Settings(**given)  # type: ignore[arg-type]  # wrong on purpose
    return list(raised.value.problems)


def test_nothing_has_to_be_said() -> None:
    settings = Settings()

    assert settings.database.get_secret_value() == "sqlite:///eventflow.db"
    assert settings.broker.get_secret_value() == "embedded://"
    assert settings.lease == timedelta(seconds=30)


def test_arguments_come_before_the_environment_and_that_before_files(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("pyproject.toml").write_text(
        "[tool.eventflow]\nthreads = 1\nsnapshot_every = 1\nmax_in_flight = 1\nlease = 1\n"
    )
    Path("eventflow.toml").write_text("threads = 2\nsnapshot_every = 2\nmax_in_flight = 2\n")
    monkeypatch.setenv("EVENTFLOW_THREADS", "3")
    monkeypatch.setenv("EVENTFLOW_SNAPSHOT_EVERY", "3")

    settings = Settings(threads=4)

    found = settings.threads, settings.snapshot_every, settings.max_in_flight, settings.lease.total_seconds()
    assert found == (4, 3, 2, 1)


def test_the_environment_is_read_when_settings_are_made(monkeypatch: pytest.MonkeyPatch) -> None:
    before = Settings()
    monkeypatch.setenv("EVENTFLOW_LEASE", "2m")

    assert before.lease == timedelta(seconds=30)
    assert Settings().lease == timedelta(minutes=2)


def test_settings_do_not_change() -> None:
    with pytest.raises(ValueError, match="frozen"):
        Settings().threads = 9  # type: ignore[misc]  # what is refused here


def test_all_problems_are_told_at_once() -> None:
    found = problems(database="postgre://h/x", threads=0, lease="soon", databse="x")

    assert len(found) == 4
    assert any('Did you mean "postgres' in one for one in found)
    assert any('Did you mean "database"' in one for one in found)


def test_an_unknown_word_in_a_file_is_told() -> None:
    Path("eventflow.toml").write_text('brokr = "embedded://"\n')

    assert problems() == ['There is no setting "brokr". Did you mean "broker"?']


def test_a_file_that_is_no_toml_is_told() -> None:
    Path("eventflow.toml").write_text("database = \n")

    assert "cannot be read" in problems()[0]


@pytest.mark.parametrize("shown", [repr, str, lambda it: it.model_dump_json(), lambda it: json.dumps(it.shown())])
def test_a_password_is_never_shown(shown: object) -> None:
    settings = Settings(
        database="postgresql://ann:hunter2@db.example/shop?sslpassword=hunter2",
        broker="amqp://ann:hunter2@mq.example",
        objects="s3://key:hunter2@store.example/bucket",
    )

    text = shown(settings)  # type: ignore[operator]  # one of the functions above

    assert "hunter2" not in text
    assert "db.example" in text


@pytest.mark.parametrize(
    "address", ["postgre://ann:hunter2@h/x", "ann:hunter2@h", "postgresql://ann:hunt/er2@h", "hunter2", "a:hunter2"]
)
def test_no_complaint_quotes_a_password(address: str) -> None:
    with pytest.raises(Misconfigured) as raised:
        Settings(database=address)

    assert "hunt" not in str(raised.value)


def test_names_in_the_environment_that_mean_nothing_are_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVENTFLOW_DATABSE", "sqlite://")
    monkeypatch.setenv("EVENTFLOW_TEST_POSTGRES", "postgresql://h")
    monkeypatch.setenv("EVENTFLOW_ACTOR", "ann")

    assert unknown_environment() == ['EVENTFLOW_DATABSE means nothing. Did you mean "EVENTFLOW_DATABASE"?']


def test_who_is_told_may_be_a_list_or_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVENTFLOW_NOTIFY_ON_LOCKDOWN", "ops@example.org, https://chat.example/hooks/hunter2")
    monkeypatch.setenv("EVENTFLOW_MAIL_SERVER", "smtp://ann:hunter2@mail.example:587")
    Path("eventflow.toml").write_text('notify_on_error = ["dev@example.org"]\n')

    settings = Settings()

    assert settings.notify_on_lockdown[0] == "ops@example.org"
    assert settings.notify_on_error == ("dev@example.org",)
    assert settings.shown()["notify_on_lockdown"] == ["ops@example.org", "https://chat.example/…"]
    assert "hunter2" not in repr(settings) + json.dumps(settings.shown()) + settings.model_dump_json()


def test_who_cannot_be_told_is_refused() -> None:
    assert "neither a mail address nor" in problems(notify_on_error=["ops"])[0]
    assert "neither a mail address nor" in problems(notify_on_error=["ftp://example.org"])[0]
    assert "mail_server is missing" in problems(notify_on_stale_lock=["ops@example.org"])[0]
    assert "smtp://…" in problems(mail_server="mail.example")[0]
