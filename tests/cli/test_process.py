"""``eventflow process``: what operators see of runs, and what they do to them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from click.testing import Result

from eventflow.app import Eventflow
from eventflow.cli.exits import Code
from eventflow.model.process.process import Process
from eventflow.model.process.step import step
from eventflow.settings import Settings
from tests.cli.bindery import APP, CHANNELS, ROOM, Bind, Print, Sell
from tests.cli.words import begins, document, ended, says
from tests.waiting import until

LATER = "tests.cli.bindery:later"
"""The same program a version later."""


class Bindery:
    """A bindery's log, and the ways to speak with it."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.database = folder, f"sqlite:///{folder / 'bindery.db'}"

    @contextmanager
    def opened(self) -> Iterator[Eventflow]:
        with Eventflow(
            Settings(database=self.database), aggregates=[], processes=[Bind, Print, Sell], channels=CHANNELS
        ) as app:
            yield app

    def has(self, *processes: Process, **said: Any) -> list[UUID]:
        """Runs that were worked on as far as they can be."""
        with self.opened() as app:
            ids = [app.processes.start(one, actor="ann", **said).id for one in processes]
            app.drain()
        return ids

    def runs(self) -> list[dict[str, Any]]:
        """The runs up to now, in the order in which they began."""
        with self.opened() as app:
            app.projections.catch_up()
        return list(reversed(self.knows("list")["runs"]))

    def works(self) -> None:
        """Do what is due."""
        with self.opened() as app:
            app.drain()

    def says(self, *arguments: object, app: str = APP) -> Result:
        return says("--app", app, "--database", self.database, "process", *map(str, arguments))

    def says_alone(self, *arguments: object) -> Result:
        return says("--database", self.database, "process", *map(str, arguments))

    def knows(self, *arguments: object) -> Any:
        return document(self.says(*arguments, "--json"))

    def statuses(self) -> list[str]:
        """Where the runs stand, in the order in which they began."""
        return [one["status"] for one in self.runs()]

    def glue(self) -> None:
        (self.folder / "glue").touch()


@pytest.fixture
def bindery(place: Path, monkeypatch: pytest.MonkeyPatch) -> Bindery:
    monkeypatch.setenv(ROOM, str(place))
    monkeypatch.setenv("EVENTFLOW_ACTOR", "bob")
    return Bindery(place)


# -- looking ---------------------------------------------------------------------------------------


def test_runs_are_listed_with_where_they_stand_and_why(bindery: Bindery) -> None:
    good, bad = bindery.has(Bind(title="whales"), Bind(title="broken"), channel="default")

    answer = bindery.says("list")

    lines = answer.stdout.splitlines()
    columns = "id process status step attempts due updated channel subject error"
    assert lines[0].split() == columns.split(" ")
    assert lines[1].startswith(f"{bad}  Binding of a book 1  error    glue  1")
    assert lines[1].endswith("default           ValueError: broken falls apart")
    assert lines[2].startswith(f"{good}  Binding of a book 1  success")


def test_a_filter_and_a_limit_choose_runs(bindery: Bindery) -> None:
    ids = bindery.has(*(Bind(title="broken") for _ in range(3)), Bind(title="whales"), channel="default")

    first = bindery.knows("list", "--where", "process:bind status:error", "--limit", 2)
    rest = bindery.knows("list", "--where", "process:bind status:error", "--limit", 2, "--after", first["after"])

    assert [one["id"] for page in (first, rest) for one in page["runs"]] == [str(one) for one in reversed(ids[:3])]
    assert rest["after"] is None
    assert bindery.says("list", "--where", "stat:error").exit_code == Code.USAGE


def test_further_columns_are_what_the_runs_know(bindery: Bindery) -> None:
    bindery.has(Bind(title="whales"))

    answer = bindery.says("list", "--columns", "title,pages,colour")

    assert answer.stdout.splitlines()[0].split()[-4:] == ["title", "pages", "colour", "error"]
    assert answer.stdout.split()[-2:] == ["whales", "6"]
    [run] = bindery.knows("list", "--columns", "pages")["runs"]
    assert run["knows"] == {"pages": 6}
    assert bindery.says_alone("list", "--columns", "pages").exit_code == Code.USAGE


def test_a_run_is_shown_with_its_steps_and_what_it_knows(bindery: Bindery) -> None:
    [id] = bindery.has(Bind(title="broken vase"), subject=("book", "7"), key="today")

    shown = bindery.knows("show", str(id)[:13])

    assert (shown["id"], shown["title"], shown["definition"]) == (str(id), "Binding of a book", 1)
    assert (shown["steps"], shown["done"], shown["step"]) == (["sew", "glue", "press"], ["sew"], "glue")
    assert (shown["subject"], shown["key"], shown["started_by"]) == ("book:7", "today", "ann")
    assert shown["knows"] == {"title": "broken vase", "pages": 11}
    text = bindery.says("show", id).stdout
    assert "sew✓ [glue] press" in text
    assert text.splitlines()[-1].split() == ["knows.pages", "11"]


def test_runs_are_looked_at_without_their_application(bindery: Bindery) -> None:
    [id] = bindery.has(Bind(title="broken"))

    assert document(bindery.says_alone("list", "--json"))["runs"][0]["error"] == "ValueError: broken falls apart"
    assert document(bindery.says_alone("show", id, "--json"))["knows"] is None
    assert "step_failed" in bindery.says_alone("history", id).stdout


def test_a_history_tells_of_every_step_and_who_wanted_what(bindery: Bindery) -> None:
    [id] = bindery.has(Bind(title="broken"))
    bindery.glue()
    bindery.says("restart", id, "--reason", "there is glue")
    bindery.works()

    events = bindery.knows("history", id, "--bodies")["events"]

    assert [one["name"].partition(":")[2] for one in events] == [
        "created", "claimed", "step_succeeded", "step_failed", "restarted", "retry_started", "step_succeeded",
        "step_succeeded",
    ]  # fmt: skip
    assert (events[4]["actor"], events[4]["body"]["reason"]) == ("bob", "there is glue")
    assert bindery.says("history", UUID(int=1)).exit_code == Code.NOT_FOUND


def test_a_log_without_processes_has_no_runs(place: Path) -> None:
    with Eventflow(Settings(database=f"sqlite:///{place / 'log.db'}"), aggregates=[]):
        pass

    answer = says("--database", f"sqlite:///{place / 'log.db'}", "process", "list")

    assert (answer.exit_code, "no application with processes" in answer.stderr) == (Code.NOT_FOUND, True)


# -- starting --------------------------------------------------------------------------------------


def test_a_run_is_started_with_what_it_knows(bindery: Bindery) -> None:
    started = bindery.knows("start", "bind", "title=whales", "pages=3", "--subject", "book:7", "--deadline", "2h")

    [run] = bindery.runs()
    assert (run["id"], run["status"], run["subject"]) == (started["id"], "pending", "book:7")
    assert (run["started_by"], run["channel"]) == ("bob", "books")
    assert bindery.knows("show", started["id"])["knows"] == {"title": "whales", "pages": 3}


def test_a_run_is_started_once_under_a_key_and_when_it_is_time(bindery: Bindery) -> None:
    said = ("start", "bind", "--input", '{"title": "whales"}', "--key", "today", "--at", "2999-01-01")

    first, second = bindery.knows(*said), bindery.knows(*said)

    assert first["id"] == second["id"]
    bindery.works()
    [run] = bindery.runs()
    assert (run["status"], run["due"]) == ("pending", "2999-01-01T00:00:00+00:00")


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("bnd",), Code.NOT_FOUND, 'Did you mean "bind"'),
        (("bind",), Code.USAGE, "title: Field required"),
        (("bind", "tilte=x"), Code.USAGE, 'Did you mean "title"'),
        (("bind", "whales"), Code.USAGE, "is not FIELD=VALUE"),
        (("bind", "--input", "{"), Code.USAGE, "--input is no JSON"),
        (("bind", "--input", "[]"), Code.USAGE, "has to be a JSON object"),
        (("bind", "title=x", "--subject", "book"), Code.USAGE, "is no subject"),
        (("bind", "title=x", "--channel", "boks"), Code.REFUSED, 'Did you mean "books"'),
        (("bind", "title=x", "--delay", "1h", "--at", "2999-01-01"), Code.USAGE, "either --delay or --at"),
        (("bind", "title=x", "--at", "soon"), Code.USAGE, "is no time"),
    ],
)
def test_what_cannot_be_started_is_told(bindery: Bindery, arguments: tuple[str, ...], code: Code, words: str) -> None:
    answer = bindery.says("start", *arguments)

    assert (answer.exit_code, words in answer.stderr) == (code, True), answer.stderr
    assert bindery.runs() == []


# -- seeing to them --------------------------------------------------------------------------------


def test_a_run_that_failed_goes_on_after_its_restart(bindery: Bindery) -> None:
    [id] = bindery.has(Bind(title="broken"))
    bindery.glue()

    answer = bindery.says("restart", str(id)[:8], "--reason", "there is glue")
    bindery.works()

    assert (answer.exit_code, answer.stdout) == (0, f"Restart 1, refused 0.\n  {id} is retry now, at glue\n")
    assert bindery.statuses() == ["success"]


def test_a_run_is_restarted_from_a_step_by_force_only_when_it_is_over(bindery: Bindery) -> None:
    [id] = bindery.has(Bind(title="whales"))

    refused = bindery.says("restart", id)
    forced = bindery.says("restart", id, "--force", "--from-step", "glue")
    bindery.works()

    assert (refused.exit_code, forced.exit_code) == (Code.REFUSED, 0)
    assert 'the status is "success"' in refused.stdout
    names = [one["name"].partition(":")[2] for one in bindery.knows("history", id)["events"]]
    assert (names.count("step_succeeded"), names.count("restarted")) == (5, 1)


def test_many_runs_are_restarted_by_a_filter_and_a_dry_run_restarts_none(bindery: Bindery) -> None:
    bindery.has(*(Bind(title="broken") for _ in range(3)), Bind(title="whales"), channel="default")
    bindery.glue()

    dry = bindery.knows("restart", "--where", "status:error", "--dry-run")
    assert (len(dry["runs"]), dry["dry_run"]) == (3, True)
    assert bindery.statuses() == ["error", "error", "error", "success"]
    unasked = bindery.says("restart", "--where", "status:error")
    assert (unasked.exit_code, "say --yes, or --dry-run" in unasked.stderr) == (Code.USAGE, True)
    done = bindery.knows("restart", "--where", "status:error", "--limit", 2, "--yes")
    bindery.works()

    assert len(done["runs"]) == 2
    assert bindery.statuses() == ["success", "success", "error", "success"]


def test_very_many_runs_are_restarted_as_a_batch(bindery: Bindery) -> None:
    bindery.has(*(Bind(title="broken") for _ in range(5)), channel="default")
    bindery.glue()
    said = ("restart", "--where", "process:bind status:error", "--canary", 1)
    assert bindery.knows(*said, "--dry-run") == {"total": 5, "dry_run": True}

    begun = bindery.knows(*said, "--reason", "there is glue", "--yes")
    bindery.works()
    with bindery.opened() as app:
        app.batches.step()
        app.drain()
        while not app.batches.get(UUID(begun["id"])).is_over:
            app.batches.step()
            app.drain()

    assert bindery.statuses() == ["success"] * 5
    done = document(says("--app", APP, "--database", bindery.database, "batches", "show", begun["id"], "--json"))
    assert (done["status"], done["done"], done["by"], done["where"]) == (
        "finished", 5, "bob", "process:bind status:error",
    )  # fmt: skip
    assert done["does"] == "restart"


def batch_of(bindery: Bindery, *arguments: object) -> Any:
    """What a command says of the batch that it has begun, stayed with and ended."""
    return bindery.knows(*arguments, "--batch", "--wait", "--yes", "--reason", "it is August")


@pytest.mark.parametrize(
    ("said", "does", "steps", "then"),
    [
        (("abandon",), "abandon", [], ["aborted", "aborted"]),
        (("goto", "press"), "goto", ["press"], ["success", "success"]),
        (("skip", "press"), "skip", ["press"], ["error", "error"]),
        (("restart", "--step", "sew", "--force"), "restart", ["sew"], ["error", "error"]),
    ],
)
def test_whatever_is_done_to_many_is_done_as_a_batch_if_that_is_wanted(
    bindery: Bindery, said: tuple[str, ...], does: str, steps: list[str], then: list[str]
) -> None:
    bindery.has(*(Bind(title="broken") for _ in range(2)), channel="default")
    meant = (*said, "--where", "step:glue status:error")
    assert bindery.knows(*meant, "--batch", "--dry-run") == {"total": 2, "dry_run": True}

    done = batch_of(bindery, *meant)
    bindery.works()

    assert (done["status"], done["done"], done["by"], done["reason"]) == ("finished", 2, "bob", "it is August")
    assert (done["does"], done["steps"]) == (does, steps)
    assert bindery.statuses() == then
    listed = says("--app", APP, "--database", bindery.database, "batches", "list").stdout
    assert " ".join((does, *steps)) in listed


def test_runs_that_a_batch_cannot_migrate_are_told_in_it(bindery: Bindery) -> None:
    bindery.has(Bind(title="broken"))

    answer = bindery.says("migrate", "--where", "definition:1", "--batch", "--wait", "--yes", app=LATER)

    assert (answer.exit_code, "0 of 1 migrated, 1 refused" in answer.stdout) == (Code.SOME_FAILED, True)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("abandon", "4f0cb1a5", "--batch"), "said by --where"),
        (("abandon", "4f0cb1a5", "--wait"), "stays with a batch"),
        (("goto", "press", "--where", "status:error", "--batch"), "say --yes, or --dry-run"),
    ],
)
def test_what_makes_no_batch_is_told(bindery: Bindery, arguments: tuple[str, ...], words: str) -> None:
    bindery.has(Bind(title="broken"))

    answer = bindery.says(*arguments)

    assert (answer.exit_code, words in answer.stderr) == (Code.USAGE, True), answer.stderr


def test_why_a_run_was_started_is_shown_with_it_and_in_its_history(bindery: Bindery) -> None:
    id = bindery.knows("start", "bind", "title=whales", "--reason", "the reader asked for it")["id"]
    bindery.works()

    shown, history = bindery.knows("show", id), bindery.says("history", id, "--bodies").stdout

    assert (shown["why"], shown["started_by"]) == ("the reader asked for it", "bob")
    assert "the reader asked for it" in history
    with bindery.opened() as app:
        first = app.processes.history(UUID(id))[0]
    assert (first.message, first.actor) == ("the reader asked for it", "bob")


def test_a_run_that_awaits_something_is_told_so_once(bindery: Bindery) -> None:
    id = bindery.knows("start", "sell", "--key", "first")["id"]
    bindery.works()
    assert bindery.statuses() == ["waiting"]

    first = bindery.knows("signal", id, "sold", '{"price": 12}')
    second = bindery.knows("signal", id, "sold", '{"price": 12}')
    bindery.works()

    assert (first["is_new"], second["is_new"]) == (True, False)
    assert bindery.statuses() == ["success"]
    assert bindery.knows("show", id)["knows"] == {"price": 12}


@pytest.mark.parametrize("arguments", [(), ("4f0cb1a5", "--where", "status:error"), ("--where", " ", "--yes")])
def test_which_runs_are_meant_has_to_be_said_once(bindery: Bindery, arguments: tuple[str, ...]) -> None:
    assert bindery.says("abandon", *arguments).exit_code == Code.USAGE


def test_a_run_goes_to_a_later_step_and_skips_others(bindery: Bindery) -> None:
    [id] = bindery.has(Bind(title="broken"))

    bindery.knows("goto", id, "press", "--reason", "glued by hand")
    back = bindery.says("goto", id, "sew")
    bindery.works()

    assert (back.exit_code, 'restart(step="sew")' in back.stdout) == (Code.REFUSED, True)
    assert bindery.statuses() == ["success"]
    later = bindery.knows("start", "bind", "title=broken")["id"]
    assert bindery.says("skip", later, "glu").exit_code == Code.REFUSED
    bindery.knows("skip", later, "glue", "press", "--reason", "it is a brochure")
    bindery.works()
    names = [one["name"].partition(":")[2] for one in bindery.knows("history", later)["events"]]
    assert names.count("step_skipped") == 2


def test_many_runs_go_to_a_later_step_or_skip_one(bindery: Bindery) -> None:
    bindery.has(*(Bind(title="broken") for _ in range(2)), channel="default")
    meant = ("--where", "step:glue status:error")

    assert len(bindery.knows("skip", "press", *meant, "--dry-run")["runs"]) == 2
    assert len(bindery.knows("goto", "press", *meant, "--limit", 1, "--yes")["runs"]) == 1
    bindery.works()

    assert bindery.statuses() == ["success", "error"]
    assert bindery.says("goto", *meant, "press", "sew", "--yes").exit_code == Code.USAGE
    assert bindery.says("skip", UUID(int=1)).exit_code == Code.USAGE


def test_a_run_that_is_to_be_tried_later_is_tried_at_once_when_it_is_restarted(bindery: Bindery) -> None:
    [id] = bindery.has(Print())
    assert bindery.knows("show", id)["status"] == "retry"

    bindery.knows("restart", id)
    bindery.works()

    attempts = [one["attempt"] for one in bindery.knows("history", id)["events"] if one["phase"] == "claimed"]
    assert attempts == [1, 1]


def test_runs_are_abandoned_also_before_they_begin(bindery: Bindery) -> None:
    bindery.knows("start", "bind", "title=whales", "--delay", "1h")
    bindery.has(Bind(title="broken"))

    done = bindery.knows("abandon", "--where", "process:bind", "--reason", "no more books", "--yes")
    again = bindery.says("abandon", done["runs"][0]["id"])

    assert bindery.statuses() == ["aborted", "aborted"]
    assert again.exit_code == Code.REFUSED
    shown = bindery.knows("show", done["runs"][0]["id"])
    assert (shown["actor"], shown["message"]) == ("bob", "no more books")


def test_one_that_is_refused_among_several_is_told_and_the_others_are_done(bindery: Bindery) -> None:
    bad, good = bindery.has(Bind(title="broken"), Bind(title="whales"), channel="default")

    answer = bindery.says("restart", bad, good, "--json")

    assert answer.exit_code == Code.SOME_FAILED
    assert str(good) in answer.stdout
    assert bindery.statuses() == ["retry", "success"]
    assert bindery.says("restart", UUID(int=1)).exit_code == Code.NOT_FOUND


def test_runs_that_cannot_be_migrated_say_why(bindery: Bindery) -> None:
    [id] = bindery.has(Bind(title="broken"))

    present = bindery.says("migrate", id)
    dry = bindery.says("migrate", "--where", "definition:1", "--dry-run", "--json", app=LATER)

    assert (present.exit_code, "which is the present version" in present.stdout) == (Code.REFUSED, True)
    assert dry.exit_code in (Code.REFUSED, Code.SOME_FAILED)
    assert str(id) in dry.stdout


# -- as a whole ------------------------------------------------------------------------------------


def test_channels_say_what_goes_on_and_what_shuts_them(bindery: Bindery) -> None:
    [bad] = bindery.has(Bind(title="broken"))
    waiting = bindery.knows("start", "bind", "title=whales")["id"]
    bindery.works()

    books, press, default = (
        next(one for one in bindery.knows("channels")["channels"] if one["name"] == name)
        for name in ("books", "press", "default")
    )

    assert (books["title"], books["open"], books["colour"], books["max_concurrency"]) == ("The bindery", 2, "danger", 4)
    assert (books["lockdown"], books["held_by"][0]["run"]) == ("process", str(bad))
    assert press["quiet_hours"] == "00:00-23:59 UTC"
    assert (default["open"], default["held_by"]) == (0, [])
    assert f"LOCKDOWN: bind {bad} holds other runs of bind" in bindery.says("channels").stdout
    assert "lockdown books" in bindery.knows("show", waiting)["waits"]
    bindery.says("abandon", bad)
    bindery.works()
    assert "LOCKDOWN" not in bindery.says("channels").stdout
    assert bindery.statuses() == ["aborted", "success"]


def test_figures_say_how_many_stand_where_and_how_many_began(bindery: Bindery) -> None:
    bindery.has(Bind(title="broken"), Print())

    figures = bindery.knows("stats")

    assert figures["badge"] == {"amount": 2, "colour": "danger"}
    assert [(one["process"], one["status"], one["amount"]) for one in figures["counts"] if one["amount"]] == [
        ("bind", "error", 1),
        ("print", "retry", 1),
    ]
    assert [(one["process"], one["begun"], one["attempts"]) for one in figures["days"]] == [
        ("bind", 1, 1),
        ("print", 1, 1),
    ]
    assert "bind" in bindery.says("stats").stdout


def test_a_worker_serves_the_channels_that_are_named(bindery: Bindery) -> None:
    here = bindery.knows("start", "bind", "title=whales")["id"]
    elsewhere = bindery.knows("start", "bind", "title=bees", "--channel", "default")["id"]
    unknown = says("--app", APP, "--database", bindery.database, "worker", "--channel", "boks")
    assert (unknown.exit_code, 'Did you mean "books"' in unknown.stderr) == (Code.USAGE, True)

    worker = begins("--app", APP, "--database", bindery.database, "worker", "--channel", "books", folder=bindery.folder)
    until(lambda: {one["id"]: one["status"] for one in bindery.runs()}[here] == "success")
    worker.terminate()

    code, _, said = ended(worker)
    assert (code, "threads on books;" in said) == (0, True)
    assert {one["id"]: one["status"] for one in bindery.runs()}[elsewhere] == "pending"


def test_a_burst_ends_when_nothing_is_left_to_do_for_this_worker(bindery: Bindery) -> None:
    here = bindery.knows("start", "bind", "title=whales")["id"]
    elsewhere = bindery.knows("start", "bind", "title=bees", "--channel", "default")["id"]
    unknown = bindery.knows("start", "sell")["id"]

    for arguments, app in ((("--channel", "books"), APP), ((), "tests.cli.test_process:another")):
        said = ("--app", app, "--database", bindery.database, "worker", "--burst", *arguments)
        assert ended(begins(*said, folder=bindery.folder))[0] == 0

    found = {one["id"]: one["status"] for one in bindery.runs()}
    # The other program has other steps under the same version, and knows nothing of what is sold.
    assert (found[here], found[elsewhere], found[unknown]) == ("success", "error", "pending")


# -- check -----------------------------------------------------------------------------------------


class AnotherBind(Process, name="bind", channel="books"):
    """The same name and version, and other steps."""

    title: str
    pages: int = 0

    @step
    def sew(self) -> None:
        """As ever."""

    @step
    def press(self) -> None:
        """Too early."""


def another() -> Eventflow:
    """A program that is to be deployed."""
    return Eventflow(aggregates=[], processes=[AnotherBind], channels=CHANNELS)


def test_runs_that_fit_their_definitions_are_counted(bindery: Bindery) -> None:
    # One after the other: what a fatal error holds in its channel is open as well.
    bindery.has(Bind(title="whole"))
    bindery.has(Bind(title="broken one"))

    still_open, everything = bindery.says("check"), bindery.knows("check", "--all")

    assert (still_open.exit_code, still_open.stdout.strip().splitlines()[-1]) == (Code.OK, "All 1 fit.")
    assert everything == {"checked": 2, "unfit": []}


def test_the_first_step_that_does_not_fit_is_named_before_a_deployment(bindery: Bindery) -> None:
    (run,) = bindery.has(Bind(title="broken one"))

    for chosen in (["--run", str(run)], ["--process", "bind"], ["--where", "status:error"]):
        found = bindery.says("check", *chosen, "--json", app="tests.cli.test_process:another")

        assert found.exit_code == Code.SOME_FAILED
        (unfit,) = json.loads(found.stdout)["unfit"]
        assert (unfit["run"], unfit["version"], unfit["step"]) == (str(run), 1, "glue")
        assert '"glue" is gone' in unfit["reason"]


def test_check_is_told_either_runs_or_where_to_look(bindery: Bindery) -> None:
    assert bindery.says("check", "--run", "1234", "--process", "bind").exit_code == Code.USAGE


def test_people_are_shown_what_a_run_waits_for(bindery: Bindery) -> None:
    (run,) = bindery.has(Sell())

    assert bindery.knows("show", run)["waits"] == "signal sold"
