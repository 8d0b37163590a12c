"""What is done again and again, on the command line: listed, paused, triggered, run."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import Any

import pytest

from eventflow.cli.exits import Code
from tests.cli.words import Shop, begins, document, ended, heard, says
from tests.waiting import until

APP = "tests.cli.shop:patient"


@pytest.fixture
def spoken(shop: Shop) -> Any:
    """What a command answers in a shop with ticks of its own."""
    return lambda *arguments: says("--app", APP, *shop.engines, *arguments)


def known(shop: Shop, *arguments: str) -> Any:
    return document(says("--app", APP, *shop.engines, *arguments, "--json"))


def tick(shop: Shop, name: str) -> Any:
    return next(one for one in known(shop, "scheduler", "list")["ticks"] if one["name"] == name)


def test_every_tick_is_listed_with_its_rhythm_and_its_purpose(shop: Shop, spoken: Any) -> None:
    names = {one["name"] for one in known(shop, "scheduler", "list")["ticks"]}

    assert names >= {"dust", "probe-order", "rescue", "resend"}
    assert (tick(shop, "dust")["every"], tick(shop, "dust")["last"]) == (3600.0, None)
    assert "dusts the shelves" in spoken("scheduler", "list").output


def test_what_is_due_is_done_once(shop: Shop) -> None:
    first = known(shop, "scheduler", "run", "--once")["runs"]
    again = known(shop, "scheduler", "run", "--once")["runs"]

    assert {one["name"]: one["done"] for one in first}["dust"] == 3
    assert "dust" not in [one["name"] for one in again]
    assert tick(shop, "dust")["done"] == 3
    assert tick(shop, "dust")["next"] > tick(shop, "dust")["last"]


def test_a_tick_that_fails_is_told_and_the_command_ends_with_1(shop: Shop, spoken: Any) -> None:
    (shop.folder / "mud").touch()

    result = spoken("scheduler", "run", "--once")

    assert result.exit_code == Code.SOME_FAILED
    assert "ValueError: there is mud" in result.output
    assert tick(shop, "dust")["failures"] == 1


def test_a_paused_tick_is_not_run_and_says_by_whom_and_why(
    shop: Shop, spoken: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EVENTFLOW_ACTOR", "ann")
    spoken("scheduler", "pause", "dust", "--for", "2h", "--reason", "visitors")

    runs = known(shop, "scheduler", "run", "--once")["runs"]

    assert "dust" not in [one["name"] for one in runs]
    found = tick(shop, "dust")
    assert (found["paused"], found["reason"], found["by"], found["next"]) == (True, "visitors", "ann", None)
    assert "paused by ann until" in found["switch"]


def test_a_resumed_tick_goes_on(shop: Shop, spoken: Any) -> None:
    spoken("scheduler", "pause", "dust")

    assert "dust goes on." in spoken("scheduler", "resume", "dust").output
    assert "dust was not paused." in spoken("scheduler", "resume", "dust").output
    assert "dust" in [one["name"] for one in known(shop, "scheduler", "run", "--once")["runs"]]


def test_a_triggered_tick_is_run_by_whoever_does_the_ticks(shop: Shop) -> None:
    scheduler = begins("--app", APP, *shop.engines, "scheduler", "run", folder=shop.folder, SHOP_ROOM=str(shop.folder))
    heard(scheduler, "Scheduler: ")
    until(lambda: tick(shop, "dust")["last"], "the first run")

    result = says("--app", APP, *shop.engines, "scheduler", "trigger", "dust", "--wait", "--reason", "to see")

    scheduler.send_signal(signal.SIGTERM)
    code, _, err = ended(scheduler)
    assert (code, result.exit_code) == (0, 0), err
    assert "dust ran: 3 done." in result.output


def test_while_one_does_the_ticks_another_is_told_so(shop: Shop, spoken: Any) -> None:
    scheduler = begins("--app", APP, *shop.engines, "scheduler", "run", folder=shop.folder, SHOP_ROOM=str(shop.folder))
    heard(scheduler, "Scheduler: ")
    until(lambda: tick(shop, "dust")["last"], "the first run")

    result = spoken("scheduler", "run", "--once")

    scheduler.terminate()
    ended(scheduler)
    assert result.exit_code == Code.LOCKED


@pytest.mark.parametrize("verb", ["pause", "resume", "trigger"])
def test_a_tick_that_is_not_there_ends_with_3_and_a_suggestion(spoken: Any, verb: str) -> None:
    result = spoken("scheduler", verb, "dusk")

    assert result.exit_code == Code.NOT_FOUND
    assert 'Did you mean "dust"?' in result.output


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--for", "soon"), "no length of time"),
        (("--until", "soon"), "no time"),
        (("--for", "1h", "--until", "2030-01-01"), "either"),
    ],
)
def test_an_end_that_is_none_is_a_usage_error(spoken: Any, options: tuple[str, ...], words: str) -> None:
    result = spoken("scheduler", "pause", "dust", *options)

    assert result.exit_code == Code.USAGE
    assert words in result.output


def test_an_end_that_is_past_is_refused(spoken: Any) -> None:
    assert spoken("scheduler", "pause", "dust", "--until", "2020-01-01").exit_code == Code.REFUSED


def test_a_burst_does_the_ticks_as_well(shop: Shop) -> None:
    code, _, err = ended(
        begins("--app", APP, *shop.engines, "worker", "--burst", folder=shop.folder, SHOP_ROOM=str(shop.folder))
    )

    assert code == 0, err
    assert tick(shop, "dust")["done"] == 3


def test_probes_are_asked_for_on_the_command_line(shop: Shop, spoken: Any, place: Path) -> None:
    spoken("queues", "pause", "default")
    with shop.opened() as app:
        from tests.cli.shop import Order

        app.save(*(Order.create(title=title) for title in ("whales", "ships")))
    assert spoken("projections", "rebuild", "--all").exit_code == 0

    dry = known(shop, "probe", "--dry-run")
    one = known(shop, "probe", "--model", "order", "--limit", "1")

    assert [len(each["probed"]) for each in dry["probes"]] == [2]
    assert [len(each["probed"]) for each in one["probes"]] == [1]
    assert spoken("probe", "--model", "oder").exit_code == Code.NOT_FOUND
    assert "would be probed" in spoken("probe", "--dry-run").output


def test_an_application_without_probes_says_so(shop: Shop) -> None:
    assert "no probes" in shop.says("probe").output
    assert json.loads(shop.says("probe", "--json").stdout) == {"dry_run": False, "probes": []}
