"""Commands and their locks on the command line: run, shown, disabled, enabled, cleared."""

from __future__ import annotations

import signal
from datetime import timedelta
from typing import Any

import pytest

from eventflow.app import Eventflow
from eventflow.cli.exits import Code
from eventflow.model.lock import Finished, lock_id
from eventflow.model.recorded import Context
from eventflow.settings import Settings
from tests.cli.shop import Order
from tests.cli.words import Shop, begins, document, ended, says
from tests.waiting import until

APP = "tests.cli.shop:commanded"
ALIVE, DEAD = timedelta(hours=1), timedelta(hours=-1)
NORTH = "import-invoices-north"


@pytest.fixture(autouse=True)
def ann(place: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is Ann who works here."""
    monkeypatch.setenv("EVENTFLOW_ACTOR", "ann")


@pytest.fixture
def spoken(shop: Shop) -> Any:
    """What a command answers in a shop with commands of its own."""
    return lambda *arguments: says("--app", APP, *shop.engines, *arguments)


@pytest.fixture
def known(spoken: Any) -> Any:
    """The document of a command that went well."""
    return lambda *arguments: document(spoken(*arguments, "--json"))


def log_of(shop: Shop) -> Eventflow:
    return Eventflow(Settings(database=shop.database), aggregates=[Order])


def standing(known: Any, key: str) -> Any:
    return known("locks", "status", key)["commands"][0]


def test_a_command_is_run_and_its_run_is_recorded_with_what_it_said(shop: Shop, spoken: Any, known: Any) -> None:
    ran = known("run", "import-invoices", "--param", "north")

    assert (ran["key"], ran["token"], ran["result"]) == (NORTH, 1, "north: 3 invoices")
    assert "ran in" in spoken("run", "import-invoices", "--param", "south").output
    with log_of(shop) as app:
        history = app.history(lock_id(NORTH))
        (word,) = [one.event for one in history if isinstance(one.event, Finished)]
        assert [one.text for one in word.lines] == ["asking the bank of the north"]
        assert {one.header.actor for one in history} == {"ann"}


def test_the_commands_are_listed(known: Any, spoken: Any) -> None:
    keys = [one["key"] for one in known("run")["commands"]]

    assert keys == [NORTH, "import-invoices-south", "sweep"]
    assert "Invoices (north)" in spoken("run").output


def test_a_command_that_fails_ends_with_1_and_stands_in_error(shop: Shop, spoken: Any, known: Any) -> None:
    (shop.folder / "mud").touch()

    result = spoken("run", "import-invoices", "--param", "north")

    assert result.exit_code == Code.SOME_FAILED
    assert "ValueError: the bank is away" in result.output
    found = standing(known, NORTH)
    assert (found["state"], [one["text"] for one in found["errors"]]) == ("error", ["ValueError: the bank is away"])
    assert "ERROR" in spoken("locks", "status").output


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("run", "import-invoice"), Code.NOT_FOUND, 'Did you mean "import-invoices"'),
        (("run", "import-invoices"), Code.NOT_FOUND, "north, south"),
        (("run", "import-invoices", "--param", "nort"), Code.NOT_FOUND, 'Did you mean "north"'),
        (("locks", "status", "swep"), Code.NOT_FOUND, 'Did you mean "sweep"'),
        (("locks", "disable", "swep"), Code.NOT_FOUND, 'Did you mean "sweep"'),
        (("locks", "clear", "swep"), Code.NOT_FOUND, 'Did you mean "sweep"'),
        (("locks", "disable"), Code.USAGE, "--all"),
        (("locks", "enable", "sweep", "--all"), Code.USAGE, "--all"),
        (("locks", "disable", "sweep", "--until", "2020-01-01"), Code.REFUSED, "over already"),
    ],
)
def test_a_slip_of_the_pen_is_told(spoken: Any, arguments: tuple[str, ...], code: Code, words: str) -> None:
    result = spoken(*arguments)

    assert result.exit_code == code
    assert words in result.output


def test_a_disabled_command_ends_with_5_and_says_by_whom_why_and_until_when(spoken: Any, known: Any) -> None:
    known("locks", "disable", "sweep", "--reason", "visitors", "--until", "2090-01-01")

    result = spoken("run", "sweep")

    assert result.exit_code == Code.LOCKED
    assert '"sweep" is disabled by ann until 2090-01-01 00:00:00 UTC: visitors' in result.output
    found = standing(known, "sweep")
    assert found["state"] == "disabled"
    assert (found["disabled"]["by"], found["disabled"]["reason"]) == ("ann", "visitors")
    assert known("locks", "enable", "sweep")["enabled"] == [{"key": "sweep", "was_disabled": True}]
    assert spoken("run", "sweep").exit_code == Code.OK


def test_everything_is_disabled_and_enabled_at_once(spoken: Any, known: Any) -> None:
    spoken("locks", "disable", "--all", "--for", "1h")

    assert spoken("run", "sweep").exit_code == Code.LOCKED
    assert spoken("run", "sweep", "--skip-global-lock").exit_code == Code.OK
    shown = known("locks", "status")
    assert shown["all"]["state"] == "disabled"
    assert {one["state"] for one in shown["commands"]} == {"disabled"}

    assert "all commands is enabled." in spoken("locks", "enable", "--all").output
    assert "all commands was not disabled." in spoken("locks", "enable", "--all").output
    assert known("locks", "status")["all"]["state"] == "enabled"


def test_a_lock_that_is_held_ends_with_5_unless_it_is_skipped_or_removed(shop: Shop, spoken: Any, known: Any) -> None:
    with log_of(shop) as app:
        app.locks.take("sweep", lease=ALIVE)

    held = spoken("run", "sweep", "--json")
    assert held.exit_code == Code.LOCKED
    assert '"code": "lock_held"' in held.output
    assert standing(known, "sweep")["state"] == "working"

    assert known("run", "sweep", "--skip-command-lock")["token"] is None
    assert standing(known, "sweep")["state"] == "working"
    assert known("run", "sweep", "--remove-command-lock")["token"] == 2
    assert standing(known, "sweep")["state"] == "idle"


def test_the_old_names_of_the_options_are_understood(shop: Shop, spoken: Any) -> None:
    spoken("locks", "disable", "--all")
    with log_of(shop) as app:
        app.locks.take("sweep", lease=ALIVE)

    assert spoken("run", "sweep").exit_code == Code.LOCKED
    assert spoken("run", "sweep", "--skip-lock", "--remove-lock").exit_code == Code.OK


def test_a_lock_of_a_living_holder_is_cleared_by_force_only(shop: Shop, spoken: Any, known: Any) -> None:
    with log_of(shop) as app:
        app.locks.take("sweep", lease=ALIVE)

    assert spoken("locks", "clear", "sweep").exit_code == Code.LOCKED
    cleared = known("locks", "clear", "sweep", "--force", "--reason", "it hangs")

    assert cleared["cleared"]
    assert "sweep was free." in spoken("locks", "clear", "sweep").output
    with log_of(shop) as app:
        broken = app.history(lock_id("sweep"))[-1]
        assert (broken.header.actor, getattr(broken.event, "reason", None)) == ("ann", "it hangs")


def test_a_lock_that_is_left_behind_is_shown_as_locked_and_cleared(shop: Shop, spoken: Any, known: Any) -> None:
    with log_of(shop) as app:
        app.locks.take("sweep", lease=DEAD)
        app.locks.watch()

    assert standing(known, "sweep")["state"] == "locked"
    assert "LOCKED" in spoken("locks", "status").output
    assert known("locks", "clear", "sweep")["cleared"]
    assert standing(known, "sweep")["state"] == "idle"


def test_the_status_shows_what_else_is_held_and_all_that_ever_was(shop: Shop, known: Any) -> None:
    with log_of(shop) as app:
        for number in range(3):
            app.locks.release(f"order-{number}", app.locks.take(f"order-{number}"))
        app.locks.take("report", lease=ALIVE, context=Context(actor="ben"))

    shown = [one["key"] for one in known("locks", "status")["commands"]]
    every = [one["key"] for one in known("locks", "status", "--all", "--after", "order-0", "--limit", "2")["commands"]]

    assert shown == [NORTH, "import-invoices-south", "sweep", "report"]
    assert every == ["order-1", "order-2"]


def test_the_scheduler_runs_commands_and_lists_them(known: Any) -> None:
    runs = {one["name"]: one["done"] for one in known("scheduler", "run", "--once")["runs"]}

    assert runs["command-sweep"] == 1
    assert "command-sweep" in [one["name"] for one in known("scheduler", "list")["ticks"]]
    assert standing(known, "sweep")["last_run"] is not None


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_command_that_is_interrupted_gives_its_lock_back(shop: Shop, known: Any, number: int) -> None:
    (shop.folder / "stuck").touch()
    running = begins(
        "--app", APP, *shop.engines, "run", "import-invoices", "--param", "north",
        folder=shop.folder, SHOP_ROOM=str(shop.folder),
    )  # fmt: skip
    until((shop.folder / "north.began").exists)
    assert standing(known, NORTH)["state"] == "working"

    running.send_signal(number)
    code, _, _ = ended(running)

    assert code == Code.INTERRUPTED
    assert standing(known, NORTH)["holder"] is None


@pytest.mark.parametrize(
    "arguments", [("locks", "status"), ("locks", "disable", "--all"), ("locks", "clear", "sweep"), ("run", "sweep")]
)
def test_who_may_not_is_refused(spoken: Any, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]) -> None:
    monkeypatch.setenv("EVENTFLOW_ACTOR", "eve")

    result = spoken(*arguments)

    assert result.exit_code == Code.REFUSED
    assert "is not allowed" in result.output


def test_an_application_without_commands_says_so(shop: Shop) -> None:
    assert "no commands" in shop.says("run").output
    assert shop.knows("locks", "status")["commands"] == []
