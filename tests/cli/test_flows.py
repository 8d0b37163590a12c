"""Definitions of flows on the command line: published, changed, looked at as they are and were, and gone by."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from click.testing import Result

from eventflow.app import Eventflow
from eventflow.cli.exits import Code
from eventflow.settings import Settings
from tests.cli.flow_shop import APP, Order, cheap
from tests.cli.words import document, says

FLOW = """
subject_type = "order"
rollout_pct = 0
names = {en = "Orders"}

[[states]]
key = "new"
type = "start"
status = "new"

[[states]]
key = "sent"
status = "sent"
is_terminal = true

[[transitions]]
key = "send"
from = "new"
to = "sent"
tasks = [{task = "cheap", kind = "restriction"}]
"""


class Counter:
    """A shop's log in a folder, and the ways to speak with it."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.database = folder, f"sqlite:///{folder / 'shop.db'}"

    def says(self, *arguments: str) -> Result:
        """What a command answers."""
        return says("--app", APP, "--database", self.database, "--broker", "embedded://", "flows", *arguments)

    def knows(self, *arguments: str) -> Any:
        """The document of a command that went well."""
        return document(self.says(*arguments, "--json"))

    def file(self, name: str, content: Any) -> str:
        """A file of this content."""
        (self.folder / name).write_text(content if isinstance(content, str) else json.dumps(content))
        return str(self.folder / name)

    def order(self, **fields: Any) -> UUID:
        """A new order."""
        with Eventflow(Settings(database=self.database), aggregates=[Order], flow_tasks=[cheap]) as app:
            order = Order.create(**fields)
            app.save(order)
            return order.id

    def position(self) -> str:
        """Where the log ends."""
        return str(self.knows("list")["position"])


@pytest.fixture
def counter(place: Path, monkeypatch: pytest.MonkeyPatch) -> Counter:
    """A shop with one flow, for nobody yet."""
    monkeypatch.setenv("EVENTFLOW_ACTOR", "ann")
    counter = Counter(place)
    counter.knows("publish", counter.file("order.toml", FLOW), "--reason", "we sell")
    return counter


def test_definitions_come_in_from_toml_and_json_all_or_none(counter: Counter) -> None:
    second = counter.file("second.json", [{"subject_type": "order", "version": 2}, {"subject_type": "order"}])

    again = counter.knows("publish", str(counter.folder / "order.toml"))
    refused = counter.says("publish", counter.file("twice.json", [{"id": "x", "subject_type": "order"}]))
    counter.knows("publish", second)

    assert [one["stream_version"] for one in again["flows"]] == [1]
    assert refused.exit_code == Code.REFUSED
    assert [one["id"] for one in counter.knows("list")["flows"]] == ["order@1", "order@2"]


@pytest.mark.parametrize(
    ("name", "content"),
    [("a.json", "{"), ("a.toml", "id ="), ("a.json", "[1]"), ("a.json", '{"subject_type": "order", "version": 0}')],
)
def test_a_file_that_says_no_flow_is_told_with_its_place(counter: Counter, name: str, content: str) -> None:
    result = counter.says("publish", counter.file(name, content))

    assert result.exit_code == Code.REFUSED
    assert (
        "version" in result.stderr
        or "no JSON" in result.stderr
        or "no TOML" in result.stderr
        or "flows[0]" in result.stderr
    )


def test_every_verb_changes_what_it_says_and_its_history_tells_who_and_why(counter: Counter) -> None:
    why = ("--reason", "so")
    counter.knows("deactivate", "order@1", *why)
    counter.knows("activate", "order@1", *why)
    counter.knows("default", "order@1", *why)
    counter.knows("window", "order@1", "--from", "2026-03-01T00:00:00Z", *why)
    counter.knows("rollout", "order@1", "--to", "30", *why)
    counter.knows("update", "order@1", "channel=web", 'names={"de": "Auftrag"}', *why)
    counter.knows("reorder", "order@1", *why)
    counter.knows("archive", "order@1", *why)
    counter.knows("restore", "order@1", *why)

    shown = counter.knows("show", "order@1", "--history")

    changes = [(one["what"], one["by"], one["reason"]) for one in shown["history"]]
    names = "flow_deactivated flow_activated default_set window_set rollout_set flow_updated ordering_set flow_archived"
    assert changes == [
        ("created", "ann", "we sell"), *((name, "ann", "so") for name in [*names.split(), "flow_restored"]),
    ]  # fmt: skip
    assert (shown["rollout_pct"], shown["channel"], shown["names"]) == (30, "web", {"de": "Auftrag"})
    assert "rollout_pct=30 (so)" in counter.says("show", "order@1", "--history").stdout


def test_a_change_for_a_version_that_is_gone_is_refused(counter: Counter) -> None:
    counter.knows("rollout", "order@1", "--to", "10")

    assert counter.says("deactivate", "order@1", "--if-version", "1").exit_code == Code.REFUSED
    assert counter.knows("deactivate", "order@1", "--if-version", "2")["flows"][0]["stream_version"] == 3
    assert counter.says("activate", "ordr@1").exit_code == Code.NOT_FOUND
    assert counter.says("update", "order@1", "rollout_pct=many").exit_code == Code.REFUSED
    assert counter.says("update", "order@1", "nonsense").exit_code == Code.USAGE
    assert counter.says("window", "order@1", "--from", "17").exit_code == Code.USAGE


def test_the_catalogue_is_listed_picked_from_and_compared_as_it_was(counter: Counter) -> None:
    then = counter.position()
    counter.knows("rollout", "order@1", "--everybody")
    counter.knows("duplicate", "order@1")
    counter.knows("activate", "order@2")
    query = counter.file("query.json", {"subject_type": "order", "rollout_key": {"attr": "id"}})
    subject = counter.file("subject.json", {"id": "7"})
    about = ("--query", query, "--subject", subject)

    assert [one["id"] for one in counter.knows("list", "--at", then)["flows"]] == ["order@1"]
    assert counter.knows("list", "--at", "2020-01-01T00:00:00Z")["flows"] == []
    assert counter.knows("pick", *about)["picked"] == "order@2"
    assert counter.knows("pick", *about, "--at", then)["picked"] is None
    assert counter.knows("explain", *about, "--at", then)["steps"][0]["dropped"][0]["constraint"] == "rollout"
    assert counter.says("show", "order@2", "--at", then).exit_code == Code.NOT_FOUND
    changed = {one["flow"]: one for one in counter.knows("diff", "--since", then)["flows"]}
    assert changed["order@1"]["before"]["rollout_pct"] == 0 and changed["order@1"]["after"]["rollout_pct"] is None
    assert changed["order@2"]["before"] is None
    assert counter.knows("diff", then, counter.position())["flows"] == [*changed.values()]
    assert counter.knows("diff", then, then)["flows"] == []
    assert counter.says("diff", "order@1", "order@9").exit_code == Code.NOT_FOUND
    assert counter.says("diff", "order@1").exit_code == Code.USAGE
    counter.knows("update", "order@2", "channel=web")
    assert counter.knows("diff", "order@1", "order@2")["fields"] == {"channel": [None, "web"]}
    assert "web" in counter.says("diff", "order@1", "order@2").stdout
    assert counter.says("list", "--at", "2026-03-01T00:00:00").exit_code == Code.USAGE
    assert counter.says("pick", *about, "--at", "17", "--definitions", query).exit_code == Code.USAGE


def test_what_was_exported_is_taken_in_as_it_was(counter: Counter, tmp_path: Path) -> None:
    exported = counter.knows("export")
    file = counter.file("export.json", exported)

    assert counter.says("import", file).exit_code == Code.REFUSED
    [taken] = counter.knows("import", file, "--set", "channel=web", "--set", "status=false")["flows"]

    assert (taken["id"], taken["channel"], taken["status"]) == ("order@1-2", "web", False)
    (tmp_path / "other").mkdir()
    other = Counter(tmp_path / "other")
    other.knows("import", file)
    assert other.knows("export") == exported


def test_a_flow_is_drawn_and_checked(counter: Counter) -> None:
    assert "s0 --> s1: send" in counter.says("draw", "order@1").stdout
    assert counter.says("draw", "order@1", "--format", "svg").stdout.startswith("<svg ")
    assert counter.says("check").exit_code == Code.OK
    counter.knows("publish", counter.file("draft.json", {"subject_type": "order", "version": 2, "status": False,
                                                         "states": [{"key": "a"}, {"key": "b"}]}))  # fmt: skip
    result = counter.says("check", "--json")
    assert result.exit_code == Code.SOME_FAILED
    assert "one_start" in {one["code"] for one in json.loads(result.stdout)["problems"]}


def test_what_transitions_may_call_is_told(counter: Counter) -> None:
    [told] = counter.knows("tasks", "--kind", "restriction")["tasks"]

    assert (told["task"], told["subject_type"], told["kind"]) == ("cheap", "order", "restriction")
    assert counter.knows("tasks", "--subject-type", "bill")["tasks"] == []
    assert "Whether it may go" in counter.says("tasks").stdout


def test_an_item_goes_by_its_flow(counter: Counter) -> None:
    cup, vase = counter.order(total=5), counter.order(total=500)

    assert counter.knows("moves", str(cup))["possible"] == [{"transition": "send", "allowed": True, "code": None}]
    denied = counter.says("move", str(vase), "send", "--json")
    made = counter.knows("move", str(cup), "send", "--payload", '{"by": "bea"}')

    assert denied.exit_code == Code.REFUSED
    told = json.loads(denied.stdout)
    assert (told["success"], told["code"], told["messages"]) == (False, "too_much", ["looked at"])
    assert (made["success"], made["state"], made["completed"]) == (True, "sent", True)
    after = counter.knows("moves", str(cup))
    assert [(one["transition"], one["by"]) for one in after["moves"]] == [("send", "ann")] and not after["possible"]
    assert counter.says("move", str(cup), "snd").exit_code == Code.NOT_FOUND
    assert counter.says("move", str(vase), "send", "--payload", "[]").exit_code == Code.REFUSED
    assert "It is too much." in counter.says("move", str(vase), "send").stderr


def test_an_item_is_rebound_unbound_and_asked_why(counter: Counter) -> None:
    id = str(counter.order())
    why = counter.knows("explain", "--item", id)
    assert (why["picked"], why["fallback_step"]) == ("order@1", "disable_rollout")
    counter.knows("publish", counter.file("second.json", {"subject_type": "order", "version": 2}))

    assert counter.knows("pick", "--item", id)["picked"] == "order@2"
    assert counter.knows("rebind", id)["flow"] == "order@2"
    assert counter.knows("rebind", id, "order@1")["flow"] == "order@1"
    assert counter.knows("unbind", id)["flow"] is None
    assert counter.says("rebind", id, "order@9").exit_code == Code.NOT_FOUND
    assert counter.knows("explain", "--item", id)["picked"] == "order@1"


def test_a_share_is_raised_from_the_command_line(counter: Counter) -> None:
    begun = counter.knows(
        "rollout", "order@1", "--to", "30", "--by", "10", "--every", "1h", "--halt-when", "error_rate>5%"
    )

    assert (begun["state"], begun["share"], begun["to"], begun["every"]) == ("running", 0, 30, 3600.0)
    with Eventflow(Settings(database=counter.database), aggregates=[Order], flow_tasks=[cheap]) as app:
        app.drain()
    assert counter.knows("rollout", "order@1")["share"] == 10
    stopped = counter.knows("rollout", "order@1", "--stop", "--reason", "late")
    assert (stopped["state"], stopped["why"], stopped["share"]) == ("halted", "late", 10)
    with Eventflow(Settings(database=counter.database), aggregates=[Order], flow_tasks=[cheap]) as app:
        app.projections.catch_up()
    assert [one["flow"] for one in counter.knows("rollouts")["rollouts"]] == ["order@1"]


@pytest.mark.parametrize(
    "wrong",
    [
        ("--to", "30", "--by", "10"),
        ("--by", "10", "--every", "1h"),
        ("--to", "30", "--everybody"),
        ("--to", "130"),
        ("--halt-when", "errors>1"),
        ("--to", "30", "--by", "10", "--every", "soon"),
    ],
)
def test_a_rollout_that_makes_no_sense_is_a_mistake(counter: Counter, wrong: tuple[str, ...]) -> None:
    assert counter.says("rollout", "order@1", *wrong).exit_code == Code.USAGE


def test_a_condition_that_is_none_is_refused(counter: Counter) -> None:
    wrong = ("--to", "30", "--by", "10", "--every", "1h", "--halt-when", "it rains")

    assert counter.says("rollout", "order@1", *wrong).exit_code == Code.REFUSED
