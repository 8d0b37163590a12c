"""The status page: figures, all commands, every channel, every command; and what can be done about them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from eventflow import Eventflow
from eventflow.dashboard import Dashboard
from eventflow.model.lock import CommandState
from eventflow.model.people import People
from eventflow.runtime.switches import QUEUE
from eventflow.settings import Settings
from tests.dashboard.ann import Ann
from tests.dashboard.conftest import House, Shop, near
from tests.dashboard.house import COMMANDS, Release, missing
from tests.dashboard.shop import Browser, Order, Seen

NORTH, SOUTH, SWEEP = "import-invoices-north", "import-invoices-south", "sweep"
ALIVE, DEAD = timedelta(hours=1), timedelta(hours=-1)
ACTIONS = ("disable", "enable", "clear", "force", "run", "pause", "resume")


@pytest.fixture(scope="module")
def operator(house: House) -> Browser:
    """Ann, who may do everything."""
    return near(Dashboard(house.app, access=Ann()))


def status(browser: Browser) -> Seen:
    """The page."""
    return browser.page("/status")


def line(page: Seen, key: str) -> Seen:
    """The line of a command or a lock."""
    [row] = [one for one in page.all("#commands tbody tr") if one.select(f"input[name=key][value='{key}']")]
    return Seen(f"<main>{row}</main>")


def fact(browser: Browser, key: str) -> dict[str, Any]:
    """What programs are told of it."""
    facts = browser.facts("/status")
    [found] = [one for group in (*facts["groups"], facts["others"]) for one in group if one["key"] == key]
    return dict(found)


@contextmanager
def held(house: House, key: str, lease: timedelta) -> Iterator[None]:
    """Somebody has the lock, and gives no sign of life."""
    house.app.locks.take(key, lease=lease)
    try:
        yield
    finally:
        house.app.locks.clear(key, force=True)


class TestCommands:
    """How each stands, and what came of it."""

    def test_they_stand_in_their_order_and_spacers_part_them(self, operator: Browser) -> None:
        page = status(operator)
        bodies = [[row.select("td")[0].get_text() for row in one.select("tr")] for one in page.all("#commands tbody")]
        assert bodies == [
            [f"Invoices (north) {NORTH}", f"Invoices (south) {SOUTH}"],
            [f"Sweep the floor {SWEEP}"],
        ]

    def test_errors_of_the_last_run_stand_apart_from_earlier_ones_and_without_markup(self, operator: Browser) -> None:
        row = line(status(operator), NORTH)
        text = "ValueError: the bank of the north is away & silent"
        assert row.texts(".badge") == ["ERROR"]
        assert row.texts("summary")[:2] == ["Errors of the last run 1", "Earlier errors 1"]
        assert [one.partition(" ")[2].partition(" ")[2] for one in row.texts(".lines li")] == [text, text]
        assert "&amp; silent" in row.html
        assert row.all("main b, main script") == []
        assert (len(fact(operator, NORTH)["errors"]), len(fact(operator, NORTH)["earlier_errors"])) == (1, 1)

    def test_a_run_that_went_well_says_when_and_what_came_of_it(self, operator: Browser) -> None:
        row = line(status(operator), SOUTH)
        assert row.texts(".badge") == ["Idle"]
        assert "south: 3 invoices" in row
        assert row.one("td:nth-of-type(3)").get_text().strip().endswith("ago")
        assert "every 1 h" in line(status(operator), SWEEP)

    def test_every_state_has_its_colour_and_its_icon(self, operator: Browser, house: House) -> None:
        colours, icons = {}, set()
        for state in CommandState:
            with standing(house, state):
                row = line(status(operator), SOUTH)
            assert row.texts(".badge") == [state.label]
            [colours[state.value]] = [one for one in row.one(".badge")["class"] if one.startswith("c-")]
            assert colours[state.value].replace("c-", "f-") in row.one("svg.icon")["class"]
            icons.add(str(row.one("svg.icon path")["d"]))
        assert colours == {
            "idle": "c-gray", "working": "c-blue", "disabled": "c-orange", "locked": "c-red", "error": "c-red",
        }  # fmt: skip
        assert len(icons) == len(CommandState)

    def test_one_is_disabled_for_a_while_and_enabled_again(self, operator: Browser, house: House) -> None:
        page = status(operator)
        told = operator.press(page, "Disable", _at(page, SOUTH), reason="the bank moves", **{"for": "2h"}).told
        assert told == f"{SOUTH} may not be run now. What runs goes on to its end."
        row = line(status(operator), SOUTH)
        assert "Disabled by ann" in row
        assert "the bank moves" in row
        found = house.app.lockboard.disabled(SOUTH)
        assert found is not None
        assert found.until is not None
        assert timedelta(hours=1) < found.until - house.app.clock() <= timedelta(hours=2)
        assert house.app.lockboard.disabled(NORTH) is None
        page = status(operator)
        assert operator.press(page, "Enable", _at(page, SOUTH)).told == f"{SOUTH} may be run again."
        assert house.app.lockboard.disabled(SOUTH) is None

    def test_until_when_may_be_said_as_a_time(self, operator: Browser, house: House) -> None:
        operator.submit("/status/disable", key=SOUTH, until="2090-01-01T08:00")
        found = house.app.lockboard.disabled(SOUTH)
        assert found is not None
        assert str(found.until) == "2090-01-01 08:00:00+00:00"
        operator.submit("/status/enable", key=SOUTH)

    @pytest.mark.parametrize(
        "said",
        [
            {"for": "soon"}, {"for": "0"}, {"for": "99999999999d"}, {"until": "tomorrow"},
            {"for": "1h", "until": "2090-01-01"}, {"key": ""}, {"all": "yes"},
        ],
    )  # fmt: skip
    def test_nonsense_disables_nothing(self, operator: Browser, house: House, said: dict[str, str]) -> None:
        before = house.app.log.last_position()
        assert operator.post("/status/disable", data={"key": SOUTH, **said}).status_code == 422
        assert house.app.log.last_position() == before

    @pytest.mark.parametrize("action", ["disable", "enable", "clear", "force", "run"])
    def test_a_key_that_nobody_knows_is_told(self, operator: Browser, action: str) -> None:
        answer = operator.post(f"/status/{action}", data={"key": "swep"})
        assert (answer.status_code, 'Did you mean "sweep"?' in Seen(answer.text)) == (404, True)

    def test_all_are_disabled_and_enabled_at_once(self, operator: Browser, house: House) -> None:
        operator.submit("/status/disable", key=SOUTH)
        with held(house, NORTH, ALIVE):
            operator.press(status(operator), "Disable all", "#all", reason="a deployment")
            page = status(operator)
            assert "a deployment" in page.one("#all").get_text()
            assert f"Still at work: {NORTH}" in page
        page = status(operator)
        assert "Nothing is at work." in page
        assert {one.get_text() for one in page.all("#commands .badge")} == {"DISABLED"}
        assert "with all others" in line(page, SWEEP)
        assert operator.press(page, "Enable all", "#all").told == "all commands may be run again."
        assert line(status(operator), SOUTH).texts(".badge") == ["DISABLED"]
        operator.submit("/status/enable", key=SOUTH)
        assert "Enabled." in status(operator)

    def test_a_lock_that_is_left_behind_is_cleared(self, operator: Browser, house: House) -> None:
        house.app.locks.take(SOUTH, lease=DEAD)
        house.app.locks.watch()
        page = status(operator)
        assert line(page, SOUTH).texts(".badge") == ["LOCKED"]
        assert line(page, SOUTH).buttons() == ["Disable", "Clear"]
        assert operator.press(page, "Clear", _at(page, SOUTH), reason="it is gone").told.startswith(f"{SOUTH} is free")
        assert fact(operator, SOUTH)["holder"] is None

    def test_a_lock_whose_holder_lives_is_taken_by_force_only(self, operator: Browser, house: House) -> None:
        with held(house, SOUTH, ALIVE):
            page = status(operator)
            assert line(page, SOUTH).buttons() == ["Disable", "Take by force"]
            refused = operator.post("/status/clear", data={"key": SOUTH})
            assert (refused.status_code, "is held by" in refused.text) == (409, True)
            assert fact(operator, SOUTH)["holder"] is not None
            assert operator.press(page, "Take by force", _at(page, SOUTH)).told.startswith(f"{SOUTH} is free")
            assert fact(operator, SOUTH)["holder"] is None

    def test_a_lock_of_no_command_is_shown_while_it_is_held(self, operator: Browser, house: House) -> None:
        with house.app.lock("year-end"):
            assert line(status(operator), "year-end").texts(".badge") == ["Working"]
        assert "year-end" not in status(operator)

    def test_one_with_a_rhythm_is_wanted_now(self, operator: Browser, house: House) -> None:
        page, before = status(operator), fact(operator, SWEEP)["last_run"]
        assert "Run now" not in line(page, SOUTH).buttons()
        told = operator.press(page, "Run now", _at(page, SWEEP), reason="guests").told
        assert told == "sweep is wanted now. No worker is running: it waits for one."
        house.app.drain()
        assert fact(operator, SWEEP)["last_run"] > before

    def test_one_without_a_rhythm_or_that_is_disabled_is_not_run(self, operator: Browser, house: House) -> None:
        assert "has no rhythm" in operator.submit("/status/run", key=SOUTH).one(".error").get_text()
        house.app.lockboard.disable(SWEEP, reason="visitors")
        assert "Run now" not in line(status(operator), SWEEP).buttons()
        assert "visitors" in operator.submit("/status/run", key=SWEEP).one(".error").get_text()
        house.app.lockboard.enable(SWEEP)


class TestChannels:
    """What goes on in each, and what shuts it."""

    def test_each_says_how_many_stand_where_in_the_colour_of_the_gravest(self, operator: Browser, house: House) -> None:
        page, badge = status(operator), house.app.runs.badge("books")
        card = Seen(str(page.one("#channel-books")))
        assert card.one("h3 a").get_text() == "The bindery"
        assert card.one("h3 .count").get_text() == str(badge.amount)
        assert "c-red" in card.one("h3 .count")["class"]
        assert "0 of 4 places" in card.one(".facts").get_text()
        [failed] = [one for one in card.all(".legend a") if one.get_text().startswith("Error")]
        assert [row[7] for row in operator.page(str(failed["href"])).rows()] == ["books"]

    def test_a_lockdown_names_the_run_that_holds_it(self, operator: Browser, house: House) -> None:
        card = Seen(str(status(operator).one("#channel-books")))
        assert "holds other runs of release. ValueError: broken vase falls apart" in card.one(".error").get_text()
        assert f"/run/{house.bad}" in card.links()

    def test_quiet_hours_say_their_end(self, operator: Browser, house: House) -> None:
        card = status(operator).one("#channel-night").get_text()
        assert "00:00-23:59 UTC" in card
        assert ("Quiet until" in card) == (house.app.engine.doors.quiet("night") is not None)

    def test_one_is_paused_and_goes_on(self, operator: Browser, house: House) -> None:
        told = operator.press(status(operator), "Pause", "#channel-night", reason="no light", **{"for": "1h"}).told
        assert told == "night rests. What is under way goes on."
        assert house.app.switches.is_paused(QUEUE, "night")
        assert "Paused by ann" in status(operator).one("#channel-night").get_text()
        assert "no light" in status(operator).one("#channel-night").get_text()
        assert operator.press(status(operator), "Resume", "#channel-night").told == "night goes on."
        assert not house.app.switches.is_paused(QUEUE, "night")

    def test_one_that_there_is_not_is_told(self, operator: Browser) -> None:
        answer = operator.post("/status/pause", data={"channel": "book"})
        assert (answer.status_code, 'Did you mean "books"?' in Seen(answer.text)) == (404, True)


class TestFigures:
    """New runs and the highest attempt of each day."""

    def test_they_say_what_each_day_had(self, operator: Browser, house: House) -> None:
        new, highest = operator.facts("/status")["figures"]
        [begun] = [one.begun for one in house.app.runs.totals(1)]
        assert (len(new["rows"]), new["rows"][-1]["amount"]) == (30, begun)
        assert highest["rows"][-1]["amount"] >= 1
        page = Seen(str(status(operator).one("#figures")))
        assert len(page.all("svg.trend")) == 2
        assert page.rows()[0] == [str(house.app.runs.today()), str(begun)]

    @pytest.mark.parametrize(("name", "days"), [("runs", 90), ("attempts", 7)])
    def test_their_ranges_are_chosen_apart(self, operator: Browser, name: str, days: int) -> None:
        page = status(operator)
        [link] = [one for one in page.links() if f"{name}={days}" in one]
        lengths = {one["name"]: len(one["rows"]) for one in operator.facts(link)["figures"]}
        assert lengths == {"runs": 30, "attempts": 30, name: days}

    @pytest.mark.parametrize("query", ["runs=7", "attempts=31", "runs=x", "runs=90000"])
    def test_a_range_that_there_is_not_is_told(self, operator: Browser, query: str) -> None:
        assert operator.get(f"/status?{query}").status_code == 422


class TestWhoMay:
    """Looking and changing are asked apart."""

    def test_who_sees_a_part_sees_nothing_of_it_and_can_do_nothing(self, house: House) -> None:
        browser, before = near(Dashboard(house.app, access=Ann(part="tenant:acme"))), house.app.log.last_position()
        assert browser.get("/status").status_code == 403
        assert "/status" not in browser.page("/").links()
        for action in ACTIONS:
            for said in ({"key": SOUTH}, {"channel": "books"}, {"all": "yes"}):
                assert browser.post(f"/status/{action}", data=said).status_code == 403, (action, said)
        assert house.app.log.last_position() == before

    def test_who_may_only_look_has_no_buttons_and_is_refused(self, house: House) -> None:
        browser, before = near(Dashboard(house.app, access=Ann(("nothing", None)))), house.app.log.last_position()
        assert status(browser).buttons() == []
        for action in ACTIONS:
            assert browser.post(f"/status/{action}", data={"key": SOUTH, "channel": "books"}).status_code == 403
        assert house.app.log.last_position() == before

    def test_it_is_asked_of_each_command_and_each_channel(self, house: House) -> None:
        names = ("commands.disable", "queues.pause")
        access = Ann(*((one, None) for one in names), (names[0], SWEEP), (names[1], "night"))
        browser, before = near(Dashboard(house.app, access=access)), house.app.log.last_position()
        page = status(browser)
        assert page.buttons("#commands") == ["Disable"]
        assert page.buttons("#channels") == ["Pause"]
        assert page.buttons("#channel-night") == ["Pause"]
        assert browser.post("/status/disable", data={"key": SOUTH}).status_code == 403
        assert browser.post("/status/pause", data={"channel": "books"}).status_code == 403
        assert house.app.log.last_position() == before

    def test_the_application_says_who_may_look_and_who_may_change(self, tmp_path: Path) -> None:
        people = People(
            name_of={"ann": "Ann Example"}.get,
            may_view=lambda actor: actor is not None,
            may_manage=lambda actor: actor == "bob",
        )
        with Eventflow(
            alone(tmp_path), aggregates=[Order], processes=[Release], commands=COMMANDS, people=people
        ) as app:
            app.lockboard.disable(SWEEP, actor="bob")
            ann, nobody = near(Dashboard(app, access=Ann())), near(Dashboard(app))
            assert status(ann).buttons() == []
            assert ann.post("/status/enable", data={"key": SWEEP}).status_code == 403
            assert app.lockboard.disabled(SWEEP) is not None
            assert nobody.get("/status").status_code == 403


def test_an_application_with_nothing_of_it_says_so(shop: Shop) -> None:
    browser = near(Dashboard(shop.app))
    page = status(browser)
    assert "This application has neither processes nor commands." in page
    assert page.all("#channels, #commands, #figures") == []
    assert "/status" not in browser.page("/").links()


def test_an_application_with_commands_alone_has_no_channels(tmp_path: Path) -> None:
    with Eventflow(alone(tmp_path), aggregates=[], commands=COMMANDS) as app:
        browser = near(Dashboard(app))
        page = status(browser)
        assert page.all("#channels, #figures") == []
        assert len(page.all("#commands tbody tr")) == 3
        assert "/status" in page.links()
        assert "/runs" not in page.links()


def alone(folder: Path) -> Settings:
    """A database for what does not depend on which one it is."""
    return Settings(database=f"sqlite:///{folder / 'log.db'}")


@contextmanager
def standing(house: House, state: CommandState) -> Iterator[None]:
    """A command that stands so."""
    if state is CommandState.WORKING:
        with held(house, SOUTH, ALIVE):
            yield
    elif state is CommandState.LOCKED:
        with held(house, SOUTH, DEAD):
            house.app.locks.watch()
            yield
    elif state is CommandState.DISABLED:
        house.app.lockboard.disable(SOUTH)
        yield
        house.app.lockboard.enable(SOUTH)
    elif state is CommandState.ERROR:
        missing.add("south")
        with suppress(ValueError):
            house.app.run("import-invoices", "south")
        missing.clear()
        yield
        house.app.run("import-invoices", "south")
    else:
        yield


def _at(page: Seen, key: str) -> str:
    """Where the line of a command is."""
    for number, body in enumerate(page.all("#commands tbody"), 1):
        for place, row in enumerate(body.select("tr"), 1):
            if row.select("td")[0].get_text().endswith(key):
                return f"#commands tbody:nth-of-type({number}) tr:nth-of-type({place})"
    raise AssertionError(f"There is no {key} on the page.")
