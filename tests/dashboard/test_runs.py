"""Runs of processes on pages: lists of them, one of them, and what can be done with it."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any, Self
from uuid import UUID, uuid4

import pytest

from eventflow import Eventflow, Process, Retry, migration, step
from eventflow.dashboard import Dashboard, Person
from eventflow.model.process.status import RunStatus
from eventflow.settings import Settings
from tests.dashboard.ann import Ann
from tests.dashboard.conftest import House, Shop, near
from tests.dashboard.house import Release, Sell
from tests.dashboard.shop import Browser

STEERED = ("restart", "goto", "skip", "abandon", "migrate")


@pytest.fixture(scope="module")
def operator(house: House) -> Browser:
    """Somebody at the machine of the printing house."""
    return near(Dashboard(house.app))


def broken(house: House) -> UUID:
    """A run that has just failed."""
    run = house.app.processes.start(Release(title="broken"), channel="default", actor="ann")
    house.app.drain()
    return run.id


def moved(house: House) -> None:
    """What batches have begun is done."""
    house.app.projections.catch_up()
    house.app.batches.step()
    house.app.drain()


def named(ids: list[UUID]) -> str:
    """These, in a filter."""
    return ",".join(map(str, ids))


def restarted(house: House, ids: list[UUID]) -> list[UUID]:
    """Those that somebody has restarted."""
    return [one for one in ids if "restarted" in [entry.name for entry in house.app.processes.history(one)]]


def stands(house: House, run: UUID) -> tuple[RunStatus, str | None, tuple[str, ...]]:
    """The status, the step that is next, and the steps that are done."""
    found = house.app.processes.get(run)
    return found.status, found.step, found.done


def reasons(house: House, run: UUID) -> tuple[str | None, str | None]:
    """Who did the last thing to a run, and why."""
    last = house.app.processes.history(run)[-1]
    return last.actor, last.message


# -- lists -----------------------------------------------------------------------------------------


class TestTheList:
    """Runs, the newest first."""

    def test_runs_are_listed_with_where_they_stand_and_why(self, operator: Browser, house: House) -> None:
        page = operator.page(f"/runs?where=id:{house.bad}")
        assert page.texts("thead th") == [
            "Run", "Process", "Status", "Step", "Attempts", "Due", "Updated", "Channel", "Subject", "Error",
        ]  # fmt: skip
        [row] = page.rows()
        assert row[1:6] == ["Release of a document 1", "Error", "print_it", "1", ""]
        assert (row[7], row[9]) == ("books", "ValueError: broken vase falls apart")
        assert str(page.one("tbody a")["href"]) == f"/run/{house.bad}"

    def test_a_filter_chooses_and_says_what_it_does_not_know(self, operator: Browser, house: House) -> None:
        assert len(operator.page("/runs?where=status:waiting process:sell").rows()) == 1
        assert "Nothing passes" in operator.page("/runs?where=process:nothing")
        assert "wanted" in operator.page("/runs?where=colour:red", 400)

    def test_a_run_that_is_tried_again_says_when(self, operator: Browser, house: House) -> None:
        [row] = operator.page(f"/runs?where=id:{house.retrying}").rows()
        assert (row[2], row[5][:3]) == ("Retry", "in ")
        assert operator.facts(f"/runs?where=id:{house.waiting}")["rows"][0]["due"] is not None  # its deadline

    def test_numbers_of_each_status_process_and_channel_lead_on(self, operator: Browser, house: House) -> None:
        counts = house.app.runs.counts()
        failed = sum(one.amount for one in counts if one.status == "error")
        page = operator.page("/runs?where=process:release+status:success")
        [status] = [one for one in page.all("[aria-label='By status'] a") if one.get_text().startswith("Error")]
        assert status.get_text().split() == ["Error", str(failed)]
        there = operator.page(str(status["href"]))
        assert str(there.one("#where")["value"]) == "process:release status:error"
        facets = {one["field"]: one["rows"] for one in operator.facts("/runs")["facets"]}
        assert {one["value"] for one in facets["channel"]} == {"books", "default"}
        assert {one["label"] for one in facets["process"]} >= {"Release of a document", "Bind: Sew"}

    def test_pages_follow_each_other(self, operator: Browser, house: House, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("eventflow.dashboard.pages.runs.ROWS", 3)
        met, page = [], operator.page("/runs?where=process:bind,bind.sew,ink,sell")
        while True:
            met += [str(one["href"]) for one in page.all("tbody a")]
            if "Older" not in page.texts(".paging a"):
                break
            page = page.follow(operator, "Older")
        known = [f"/run/{one.id}" for one in house.app.runs.page("process:bind,bind.sew,ink,sell").rows]
        assert (met, len(met)) == (known, 6)

    def test_further_columns_are_what_the_runs_know(self, operator: Browser, house: House) -> None:
        page = operator.page(f"/runs?columns=title,+pages,colour&where=id:{house.good}")
        assert page.texts("thead th")[9:12] == ["title", "pages", "colour"]
        assert page.rows()[0][9:12] == ["Whales", "6", ""]
        [row] = operator.facts(f"/runs?columns=pages&where=id:{house.good}")["rows"]
        assert row["knows"] == {"pages": 6}

    def test_the_menu_counts_what_is_not_over_in_the_colour_of_the_gravest(
        self, operator: Browser, house: House
    ) -> None:
        count = operator.page("/").one(".menu a[href='/runs'] .count")
        assert count.get_text() == str(house.app.runs.badge().amount)
        assert "c-red" in str(count["class"])


# -- one run ---------------------------------------------------------------------------------------


class TestOneRun:
    """Everything there is to know of it."""

    def test_it_says_where_it_stands_and_what_it_is_about(self, operator: Browser, house: House) -> None:
        page = operator.page(f"/run/{house.good}")
        assert page.one("h1").get_text().split()[-1] == "Success"
        facts = dict(zip(page.texts("#head dt"), page.texts("#head dd"), strict=True))
        assert (facts["Process"], facts["Channel"]) == ("release version 1", "The bindery")
        assert facts["Why"] == "the fair is near"
        assert facts["Begun"].endswith("by ann")
        assert "Order" in page.follow(operator, str(house.order)[:8]).one("h1").get_text()

    def test_it_shows_its_steps_with_the_times_that_its_events_say(self, operator: Browser, house: House) -> None:
        page = operator.page(f"/run/{house.bad}")
        assert [row[:3] for row in page.rows()] == [
            ["Typeset", "done", "1"],
            ["Print it", "Error", "1"],
            ["Announce", "ahead", ""],
        ]
        assert len(page.all("svg.gantt")) == 3
        recorded = {one.name: one for one in house.app.processes.history(house.bad)}
        typeset, printed, _ = operator.facts(f"/run/{house.bad}")["steps"]
        [span] = typeset["spans"]
        assert (span["kind"], span["seconds"]) == ("done", recorded["step_succeeded"].body["seconds"])
        failed, stopped = printed["spans"]
        took = recorded["step_failed"].at - recorded["step_succeeded"].at
        assert (failed["kind"], failed["attempt"]) == ("failed", 1)
        assert failed["seconds"] == pytest.approx(took.total_seconds(), abs=span["seconds"] + 1e-5)
        assert (stopped["kind"], stopped["is_idle"]) == ("stopped", True)

    def test_a_run_that_is_over_has_no_step_that_goes_on(self, operator: Browser, house: House) -> None:
        facts = operator.facts(f"/run/{house.good}")
        assert [one["state"] for one in facts["steps"]] == ["done"] * 3
        assert {span["kind"] for one in facts["steps"] for span in one["spans"]} == {"done"}
        assert facts["run"]["ended_at"] is not None

    def test_it_says_what_its_step_waits_for(self, operator: Browser, house: House) -> None:
        page = operator.page(f"/run/{house.waiting}")
        assert "Waits for signal sold" in page
        assert "Deadline" in page.texts("#head dt")
        [waits] = [span for one in operator.facts(f"/run/{house.waiting}")["steps"] for span in one["spans"]]
        assert (waits["kind"], waits["is_idle"]) == ("waits", True)

    def test_it_says_whose_error_holds_it_up(self, operator: Browser, house: House) -> None:
        page = operator.page(f"/run/{house.held}")
        assert "Held up: lockdown books" in page
        assert f"release {house.bad} has stopped with ValueError: broken vase falls apart" in page

    def test_it_says_when_it_is_tried_again(self, operator: Browser, house: House) -> None:
        due = operator.facts(f"/run/{house.retrying}")["run"]["due"]
        assert "in 59 min" in operator.page(f"/run/{house.retrying}")
        assert due[:10] == str((house.app.clock() + timedelta(hours=1)).date())

    def test_items_lead_to_their_runs_and_these_back(self, operator: Browser, house: House) -> None:
        page = operator.page(f"/run/{house.fanned}")
        kin = operator.facts(f"/run/{house.fanned}")["kin"]
        assert ([one["status"] for one in kin["rows"]], kin["total"]) == (["error", "success", "success"], 3)
        assert [one["index"] for one in kin["rows"]] in ([1, 0, 2], [1, 2, 0])
        assert "ValueError: a torn sheet" in page.one("#others").get_text()
        torn = operator.page(str(page.all("#others tbody a")[0]["href"]))
        assert "ValueError: a torn sheet" in torn
        assert f"/run/{house.fanned}" in torn.links()
        assert len(page.follow(operator, "All that are a part of it").rows()) == 3

    def test_its_history_has_every_event_with_its_body_and_who_wanted_it(self, operator: Browser, house: House) -> None:
        page = operator.page(f"/run/{house.good}")
        names = page.texts("#events .event > p > b")
        assert names == ["step_succeeded", "step_succeeded", "step_succeeded", "claimed", "created"]
        first = operator.facts(f"/run/{house.good}")["events"][-1]
        assert (first["actor"], first["body"]["fields"]["state"]["title"]) == ("ann", "Whales")
        assert "by ann" in page.one("#v1").get_text()
        assert "falls apart" in operator.page(f"/run/{house.bad}").one("#v4 pre").get_text()

    def test_a_long_history_is_paged(self, operator: Browser, house: House, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("eventflow.dashboard.pages.runs.STEPS", 2)
        page = operator.page(f"/run/{house.good}")
        assert [one["version"] for one in operator.facts(f"/run/{house.good}")["events"]] == [5, 4]
        assert len(page.follow(operator, "Older").all("#events > li")) == 2

    def test_what_it_knows_is_text_and_is_redacted(self, operator: Browser, house: House) -> None:
        assert "<script>alert('hello')</script>" in operator.page(f"/run/{house.good}").one("#knows").get_text()

        class Discreet(Ann):
            def redact(self, person: Person, body: dict[str, Any]) -> dict[str, Any]:
                return {
                    name: "…"
                    if name in ("title", "note")
                    else self.redact(person, one)
                    if isinstance(one, dict)
                    else one
                    for name, one in body.items()
                }

        browser = near(Dashboard(house.app, access=Discreet()))
        assert "Whales" not in browser.page(f"/run/{house.good}").html
        assert "Whales" not in browser.page(f"/runs?columns=title&where=id:{house.good}").html

    @pytest.mark.parametrize("id", [uuid4(), None])
    def test_what_is_no_run_is_not_there(self, operator: Browser, house: House, id: UUID | None) -> None:
        assert "no run" in operator.page(f"/run/{id or house.order}", 404)


# -- what can be done ------------------------------------------------------------------------------


class TestSteering:
    """What operators do to one run; each is recorded with who did it and why."""

    def test_a_run_that_failed_goes_on_at_its_step(self, house: House) -> None:
        browser, run = near(Dashboard(house.app, access=Ann())), broken(house)
        page = browser.page(f"/run/{run}")
        assert page.buttons("#head") == ["Restart", "Go to a step", "Skip steps", "Abandon"]
        told = browser.press(page, "Restart", reason="there is glue").told
        assert told == "Brought back: it is retry now, at print_it."
        assert stands(house, run) == (RunStatus.RETRY, "print_it", ("typeset",))
        assert reasons(house, run) == ("ann", "there is glue")

    def test_a_run_begins_again_at_an_earlier_step(self, operator: Browser, house: House) -> None:
        run = broken(house)
        operator.press(operator.page(f"/run/{run}"), "Restart", step="typeset")
        assert stands(house, run) == (RunStatus.RETRY, "typeset", ())

    def test_what_is_over_is_restarted_by_force_only_and_that_is_said(self, operator: Browser, house: House) -> None:
        run = house.app.processes.start(Sell()).id
        house.app.processes.abandon(run)
        refused = operator.submit(f"/run/{run}/restart", step="hand_over")
        assert "aborted" in refused.one(".error").get_text()
        page = operator.page(f"/run/{run}")
        assert page.buttons("#head") == ["Restart by force"]
        operator.press(page, "Restart by force")
        assert stands(house, run)[0] is RunStatus.RETRY

    def test_a_run_goes_on_at_a_later_step(self, operator: Browser, house: House) -> None:
        run = broken(house)
        told = operator.press(operator.page(f"/run/{run}"), "Go to a step", reason="by hand").told
        assert told == "Moved on: it is retry now, at announce."
        assert stands(house, run) == (RunStatus.RETRY, "announce", ("typeset", "print_it"))
        states = [one["state"] for one in operator.facts(f"/run/{run}")["steps"]]
        assert states == ["done", "skipped", "present"]

    def test_steps_are_skipped_when_their_turn_comes(self, operator: Browser, house: House) -> None:
        run = broken(house)
        operator.press(operator.page(f"/run/{run}"), "Skip steps", step=["print_it", "announce"], reason="electronic")
        assert house.app.processes.get(run).skips == ("print_it", "announce")
        assert "print_it, announce" in operator.page(f"/run/{run}")
        assert "about steps, not about none" in operator.submit(f"/run/{run}/skip").one(".error").get_text()

    def test_a_run_is_given_up_for_good(self, operator: Browser, house: House) -> None:
        run = broken(house)
        assert operator.press(operator.page(f"/run/{run}"), "Abandon", reason="no use").told.startswith("Abandoned")
        assert stands(house, run)[0] is RunStatus.ABORTED
        assert reasons(house, run)[1] == "no use"

    def test_a_step_that_there_is_not_is_told(self, operator: Browser, house: House) -> None:
        run = broken(house)
        before = house.app.log.last_position()
        said = operator.submit(f"/run/{run}/goto", step="anounce").one(".error").get_text()
        assert 'Did you mean "announce"?' in said
        assert house.app.log.last_position() == before

    def test_a_run_of_an_older_version_is_migrated(self, tmp_path: Path) -> None:
        settings = Settings(database=f"sqlite:///{tmp_path / 'log.db'}")
        with Eventflow(settings, aggregates=[], processes=[Ledger]) as app:
            run = app.processes.start(Ledger(title="Cash"), delay=timedelta(hours=1)).id
            assert "Migrate" not in near(Dashboard(app)).page(f"/run/{run}").buttons("#head")
        with Eventflow(settings, aggregates=[], processes=[Ledger2]) as app:
            browser = near(Dashboard(app, access=Ann()))
            told = browser.press(browser.page(f"/run/{run}"), "Migrate", reason="a new year").told
            assert told.startswith("Migrated")
            found = app.processes.get(run)
            assert (found.definition, found.state["colour"]) == (2, "red")
            assert app.processes.history(run)[-1].message == "a new year"

    @pytest.mark.parametrize("verb", STEERED)
    def test_each_asks_whether_it_may_be_done_in_the_channel_of_the_run(self, house: House, verb: str) -> None:
        run, action = broken(house), f"runs.{verb}"
        before = house.app.log.last_position()
        other = near(Dashboard(house.app, access=Ann((action, None), (action, "books"))))
        assert other.page(f"/run/{run}").buttons() == []
        refused = other.submit(f"/run/{run}/{verb}", step="announce")
        assert f"{action} of default" in refused.one(".error").get_text()
        assert near(Dashboard(house.app, access=Ann(("x", None)))).post(f"/run/{run}/{verb}").status_code == 403
        assert house.app.log.last_position() == before
        own = near(Dashboard(house.app, access=Ann((action, None), (action, "default"))))
        assert len(own.page(f"/run/{run}").buttons()) == (verb != "migrate")


class TestVeryMany:
    """All that pass a filter are restarted as a batch."""

    def test_a_batch_is_begun_over_those_that_pass(self, house: House) -> None:
        browser, ids = near(Dashboard(house.app, access=Ann())), [broken(house) for _ in range(3)]
        assert "Restart all that pass" not in browser.page("/runs").buttons()
        page = browser.page(f"/runs?where=id:{named(ids)}")
        there = browser.press(page, "Restart all that pass", reason="glue", rate="1000000", limit="2")
        assert there.told.endswith("has begun, over 2 runs. Workers move it on.")
        moved(house)
        assert restarted(house, ids) == ids[:2]
        batch = house.app.batches.get(house.app.items.page("category:eventflow_batch", limit=1).rows[0].id)
        assert (batch.why, batch.rate, batch.limit, batch.done) == ("glue", 1_000_000, 2, 2)
        assert [one.actor for one in house.app.processes.history(ids[0]) if one.name == "restarted"] == ["ann"]

    @pytest.mark.parametrize(
        "said",
        [{"where": ""}, {"rate": "fast"}, {"rate": "nan"}, {"rate": "-1"}, {"limit": "x"}, {"canaries": "1,b"}],
    )
    def test_nonsense_begins_nothing(self, operator: Browser, house: House, said: dict[str, str]) -> None:
        before = house.app.log.last_position()
        answer = operator.post("/runs/restart", data={"where": "status:error", **said})
        assert answer.status_code == 422
        assert house.app.log.last_position() == before

    def test_channels_in_which_that_is_not_allowed_are_left_alone(self, house: House) -> None:
        ids = [house.bad, broken(house)]
        access = Ann(("runs.restart", None), ("runs.restart", "default"))
        told = near(Dashboard(house.app, access=access)).submit("/runs/restart", where=f"id:{named(ids)}").told
        assert "over 1 run." in told
        moved(house)
        assert restarted(house, ids) == ids[1:]


# -- who sees what ---------------------------------------------------------------------------------


class TestAPart:
    """Somebody who sees a part of what there is."""

    def test_lists_are_narrowed_and_the_rest_is_not_there(self, house: House) -> None:
        browser = near(Dashboard(house.app, access=Ann(part="status:waiting,lost")))
        assert {row[2] for row in browser.page("/runs").rows()} == {"Waiting"}
        assert browser.page("/runs?where=status:error").rows() == []
        assert browser.facts("/runs")["facets"] == []
        assert browser.get(f"/run/{house.waiting}").status_code == 200
        assert browser.get(f"/run/{house.bad}").status_code == 404
        assert browser.page("/runs").all(".menu .count") == []

    @pytest.mark.parametrize("verb", STEERED)
    def test_nothing_can_be_done_to_the_rest(self, house: House, verb: str) -> None:
        before = house.app.log.last_position()
        browser = near(Dashboard(house.app, access=Ann(part="status:waiting")))
        assert browser.post(f"/run/{house.bad}/{verb}", data={"step": "announce"}).status_code == 404
        assert house.app.log.last_position() == before

    def test_a_batch_is_about_that_part(self, house: House) -> None:
        ids = [broken(house) for _ in range(3)]
        browser = near(Dashboard(house.app, access=Ann(part=f"id:{ids[1]}")))
        assert "over 1 run." in browser.submit("/runs/restart", where=f"id:{named(ids)}").told
        moved(house)
        assert restarted(house, ids) == [ids[1]]

    def test_items_of_a_run_that_are_not_seen_are_not_named(self, house: House) -> None:
        browser = near(Dashboard(house.app, access=Ann(part=f"id:{house.fanned}")))
        assert browser.facts(f"/run/{house.fanned}")["kin"] == {"rows": [], "total": 0, "awaited": []}
        own = [one.id for one in house.app.runs.page(f"parent:{house.fanned}").rows]
        all_of_it = near(Dashboard(house.app, access=Ann(part=f"id:{named([house.fanned, *own])}")))
        assert all_of_it.get(f"/run/{house.fanned}").status_code == 200
        assert len(all_of_it.facts(f"/run/{house.fanned}")["kin"]["rows"]) == 3

    def test_whose_error_holds_a_run_up_is_not_told(self, house: House) -> None:
        page = near(Dashboard(house.app, access=Ann(part=f"id:{house.held}"))).page(f"/run/{house.held}")
        assert "Held up: lockdown books" in page
        assert str(house.bad) not in page.html
        assert "falls apart" not in page.html

    @pytest.mark.parametrize("part", ["category:order", "reaction:pack"])
    def test_a_part_that_no_run_can_be_told_by_shows_none(self, house: House, part: str) -> None:
        browser = near(Dashboard(house.app, access=Ann(part=part)))
        assert "no run can be told by" in browser.page("/runs", 403)
        assert browser.get(f"/run/{house.good}").status_code == 403
        assert browser.post("/runs/restart", data={"where": "status:error"}).status_code == 403


def test_an_application_without_processes_says_so(shop: Shop) -> None:
    browser = near(Dashboard(shop.app))
    assert "This application has no processes" in browser.page("/runs")
    assert browser.facts("/runs")["rows"] == []
    assert browser.get(f"/run/{shop.packed}").status_code == 404
    assert "/runs" not in browser.page("/").links()
    narrow = near(Dashboard(shop.app, access=Ann(part="status:lost")))
    assert narrow.get(f"/run/{shop.packed}").status_code == 404


class Ledger(Process, name="ledger", retry=Retry(attempts=1)):
    """A year of it."""

    title: str

    @step
    def close(self) -> None:
        """Add it up."""


class Ledger2(Process, name="ledger", version=2, retry=Retry(attempts=1)):
    """The year after."""

    title: str
    colour: str

    @step
    def close(self) -> Self:
        """Add it up."""
        return self

    @staticmethod
    @migration(from_version=1)
    def coloured(state: dict[str, Any]) -> dict[str, Any]:
        """It was always red."""
        return {**state, "colour": "red"}
