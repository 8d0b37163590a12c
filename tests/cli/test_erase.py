"""Erasing from the command line, and seeing to master keys."""

from __future__ import annotations

import json
import os
from base64 import b64decode
from typing import Any
from uuid import UUID, uuid4

import pytest

from eventflow.cli.exits import Code
from eventflow.store import masters
from tests.cli.words import Shop, says


@pytest.fixture
def shop(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> Shop:
    monkeypatch.setenv("EVENTFLOW_OBJECTS", (shop.folder / "objects").as_uri())
    monkeypatch.setenv("EVENTFLOW_ERASABLE", "true")
    monkeypatch.setenv("EVENTFLOW_MASTER_KEY", masters.new())
    monkeypatch.setenv("EVENTFLOW_ACTOR", "ada")
    return shop


def erase(shop: Shop, *said: str) -> object:
    return shop.knows("erase", *said, "--reason", "request 17", "--yes")


def told_of(shop: Shop, id: UUID) -> list[dict[str, Any]]:
    return list(shop.knows("items", "history", str(id))["events"])


def test_what_is_named_is_erased_and_histories_say_so(shop: Shop) -> None:
    vase, cup = shop.has("a vase", "a cup")
    shop.knows("archive", "compress", "--stream", str(vase.id), "--older-than", "0")

    told = erase(shop, str(vase.id))

    assert isinstance(told, dict)
    assert [(one["id"], one["bodies"]) for one in told["erased"]] == [(str(vase.id), 3)]
    *those, last = told_of(shop, vase.id)
    assert [one["body"] for one in those] == [None] * 3
    assert {one["erased"]["by"] for one in those} == {"ada"}
    assert (last["name"], last["actor"], last["body"]["reason"]) == ("order:erased", "ada", "request 17")
    shown = shop.says("items", "history", str(vase.id)).stdout
    assert "erased" in shown and "a vase" not in shown
    assert told_of(shop, cup.id)[0]["body"]["fields"]["title"] == "a cup"


def test_what_is_erased_is_whole_still(shop: Shop) -> None:
    vase, _ = shop.has("a vase", "a cup")
    shop.knows("archive", "compress", "--older-than", "0")
    erase(shop, str(vase.id))

    told = shop.knows("log", "verify", "--all")

    assert (told["erased"], told["damaged"]) == (1, [])
    assert "1 were erased, 0 are damaged" in shop.says("log", "verify", "--all").stdout
    assert (shop.knows("archive", "verify")["whole"], shop.knows("archive", "verify")["erased"]) == (True, 1)
    assert "1 streams were erased" in shop.says("archive", "verify").stdout
    shown = shop.knows("items", "show", str(vase.id))
    assert (shown["erased"]["by"], shown["fields"], shown["standing"]["phase"]) == ("ada", None, "erased")


def test_a_dry_run_says_what_would_go_and_erases_nothing(shop: Shop) -> None:
    vase, _ = shop.has("a vase", "a cup")
    shop.knows("archive", "compress", "--stream", str(vase.id), "--older-than", "0")

    told = shop.knows("erase", "--where", "category:order", "--reason", "the law", "--dry-run")

    assert {(one["bodies"], one["hot"], one["archived"]) for one in told["erased"]} == {(3, 0, 3), (3, 3, 0)}
    assert told_of(shop, vase.id)[0]["body"]["fields"]["title"] == "a vase"


def test_all_that_pass_a_filter_are_erased_and_said_again_nothing_is(shop: Shop) -> None:
    shop.has("a vase", "a cup")

    first, again = (erase(shop, "--where", "category:order") for _ in range(2))

    assert isinstance(first, dict) and isinstance(again, dict)
    assert (len(first["erased"]), len(first["before"])) == (2, 0)
    assert (len(again["erased"]), len(again["before"])) == (0, 2)


def test_nobody_is_erased_by_mistake(shop: Shop) -> None:
    [vase] = shop.has("a vase")

    unsaid = shop.says("erase", str(vase.id), "--reason", "request 17")
    assert (unsaid.exit_code, "say --yes" in unsaid.stderr) == (Code.USAGE, True)
    assert shop.says("erase", str(vase.id), "--yes").exit_code == Code.USAGE
    assert shop.says("erase", "--reason", "request 17", "--yes").exit_code == Code.USAGE
    missing = shop.says("erase", str(uuid4()), "--reason", "request 17", "--yes")
    assert missing.exit_code == Code.NOT_FOUND
    assert told_of(shop, vase.id)[0]["body"]["fields"]["title"] == "a vase"


def test_what_is_not_erasable_is_refused_and_the_others_are_erased(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    [vase] = shop.has("a vase")
    monkeypatch.setenv("EVENTFLOW_ERASABLE", "false")
    [cup] = shop.has("a cup")

    result = shop.says("erase", str(cup.id), str(vase.id), "--reason", "request 17", "--yes")

    assert result.exit_code == Code.SOME_FAILED
    assert f"refused {cup.id}" in result.stdout
    assert "Erased 1 items, 3 bodies; refused 1." in result.stdout


def test_a_new_master_key_takes_over(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.has("a vase", "a cup")
    before = shop.knows("keys", "status")
    key = says("keys", "new").stdout.strip()
    assert len(b64decode(key, altchars=b"-_")) == 32

    monkeypatch.setenv("EVENTFLOW_MASTER_KEY", f"{key},{os.environ['EVENTFLOW_MASTER_KEY']}")
    assert shop.knows("keys", "rotate")["rewrapped"] == 2
    monkeypatch.setenv("EVENTFLOW_MASTER_KEY", key)

    after = shop.knows("keys", "status")
    assert after["masters"] == {after["current"]: 2}
    assert after["current"] != before["current"]
    assert "wraps new ones" in shop.says("keys", "status").stdout


def test_without_a_master_key_headers_are_shown_and_bodies_say_what_they_need(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    [vase] = shop.has("a vase")
    monkeypatch.delenv("EVENTFLOW_MASTER_KEY")

    told = shop.knows("log", "show", "1", alone=True)

    assert UUID(told["stream"]) == vase.id
    assert (told["body"], "EVENTFLOW_MASTER_KEY" in told["unreadable"]) == (None, True)


def test_the_doctor_misses_a_master_key(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.has("a vase")
    well = {one["name"]: one["state"] for one in shop.knows("doctor", alone=True)["findings"]}
    monkeypatch.setenv("EVENTFLOW_MASTER_KEY", masters.new())

    result = shop.says_alone("doctor", "--json")

    found = {one["name"]: one for one in json.loads(result.stdout)["findings"]}
    assert well["keys"] == "ok"
    assert (found["keys"]["state"], "which is not here" in found["keys"]["text"]) == ("fail", True)


def test_the_message_of_an_error_is_shown_by_the_history_alone(shop: Shop) -> None:
    [vase] = shop.has("broken vase")

    shown = shop.says("items", "history", str(vase.id)).stdout

    assert "ValueError\n" in shown and "broken vase is broken" in shown
    assert [one["error"] for one in shop.knows("failed", "list")["groups"]] == ["ValueError"]
    erase(shop, str(vase.id))
    assert "broken vase" not in shop.says("items", "history", str(vase.id)).stdout
    with shop.opened() as app:
        app.projections.catch_up()
    assert shop.knows("failed", "list")["groups"] == []
