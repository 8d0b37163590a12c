"""Bringing failed items back, one by one and by filter."""

from __future__ import annotations

import json
import os
import signal
from uuid import uuid4

import pytest

from eventflow.cli.exits import Code
from tests.cli.shop import Status
from tests.cli.words import Shop, ended, heard, says
from tests.waiting import until


def statuses(shop: Shop) -> dict[str, str]:
    return {item["id"]: item["status"] for item in shop.knows("items", "list")["items"]}


def test_one_failed_item_is_brought_back_in_the_name_of_somebody(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    [vase] = shop.has("broken vase")
    monkeypatch.setenv("EVENTFLOW_ACTOR", "bea")

    done = shop.knows("defibrillate", str(vase.id), "--reason", "there is glue")

    assert done == {"defibrillated": [str(vase.id)], "refused": [], "dry_run": False}
    last = shop.knows("items", "history", str(vase.id))["events"][-1]
    assert (last["name"], last["status"], last["actor"]) == ("order:defibrillated", "new", "bea")
    assert last["body"] == {"reason": "there is glue"}


def test_without_a_name_the_user_of_the_system_did_it(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    [vase] = shop.has("broken vase")
    monkeypatch.setenv("LOGNAME", "carl")

    shop.knows("defibrillate", str(vase.id))

    assert shop.knows("items", "history", str(vase.id))["events"][-1]["actor"] == "carl"


def test_what_has_not_failed_is_refused_with_its_reason_and_the_others_are_not(shop: Shop) -> None:
    whales, vase = shop.has("whales", "broken vase")

    result = shop.says("defibrillate", str(whales.id), str(vase.id), "--json")

    done = json.loads(result.stdout)
    assert result.exit_code == Code.SOME_FAILED
    assert done["defibrillated"] == [str(vase.id)]
    assert [one["id"] for one in done["refused"]] == [str(whales.id)]
    assert 'the status is "packed"' in done["refused"][0]["reason"]


def test_an_id_that_is_not_there_ends_with_not_found(shop: Shop) -> None:
    [vase] = shop.has("broken vase")
    stranger = str(uuid4())

    result = shop.says("defibrillate", stranger, str(vase.id))

    assert result.exit_code == Code.NOT_FOUND
    assert "Defibrillated 1, refused 1." in result.stdout and stranger in result.stdout


def test_all_that_pass_a_filter_are_brought_back(shop: Shop) -> None:
    shop.has("whales", "broken 1", "broken 2", "broken cup")

    done = shop.knows("defibrillate", "--where", "status:failed -error:cup", "--yes")

    assert len(done["defibrillated"]) == 2
    with shop.opened() as app:
        app.drain()
    assert sorted(statuses(shop).values()) == ["failed", "failed", "failed", "packed"]


def test_of_many_only_so_many_the_oldest_first(shop: Shop) -> None:
    first, _ = shop.has("broken 1", "broken 2")

    done = shop.knows("defibrillate", "--where", "status:failed", "--limit", "1", "--yes")

    assert done["defibrillated"] == [str(first.id)]


def test_a_dry_run_says_what_would_be_done_and_does_nothing(shop: Shop) -> None:
    whales, vase = shop.has("whales", "broken vase")

    result = shop.says("defibrillate", "--where", "category:order", "--dry-run", "--json")

    done = json.loads(result.stdout)
    assert done["dry_run"] is True
    assert (done["defibrillated"], [one["id"] for one in done["refused"]]) == ([str(vase.id)], [str(whales.id)])
    assert statuses(shop)[str(vase.id)] == "failed"


def test_where_nobody_can_be_asked_many_need_a_yes(shop: Shop) -> None:
    shop.has("broken 1", "broken 2")

    result = shop.says("defibrillate", "--where", "status:failed")

    assert result.exit_code == Code.USAGE
    assert "--yes" in result.stderr
    assert set(statuses(shop).values()) == {"failed"}


def test_ids_and_a_filter_exclude_each_other(shop: Shop) -> None:
    for arguments in [(), (str(uuid4()), "--where", "status:failed"), (str(uuid4()), "--limit", "1")]:
        assert shop.says("defibrillate", *arguments).exit_code == Code.USAGE


def test_without_an_application_it_is_said_that_one_is_needed(shop: Shop) -> None:
    [vase] = shop.has("broken vase")

    result = says("--database", shop.database, "defibrillate", str(vase.id))

    assert result.exit_code == Code.USAGE
    assert "--app MODULE:ATTRIBUTE" in result.stderr


def test_one_may_wait_until_the_work_is_done(shop: Shop) -> None:
    orders = shop.has("broken 1", "broken 2")
    shop.glue()
    worker = shop.begins("worker")

    done = shop.knows("defibrillate", *(str(order.id) for order in orders), "--wait")
    worker.terminate()

    assert done["ended"] == {Status.PACKED: 2}
    assert done["waiting"] == []
    assert ended(worker)[0] == 0


def test_who_waits_is_told_that_it_failed_again(shop: Shop) -> None:
    [vase] = shop.has("broken vase")
    worker = shop.begins("worker")

    result = shop.says("defibrillate", str(vase.id), "--wait", "--json")
    worker.terminate()

    assert result.exit_code == Code.SOME_FAILED
    assert json.loads(result.stdout)["ended"] == {Status.FAILED: 1}
    assert ended(worker)[0] == 0


def test_an_interrupted_one_says_how_far_it_came(shop: Shop) -> None:
    [vase] = shop.has("broken vase")

    waiting = shop.begins("defibrillate", str(vase.id), "--wait", "--json")
    until(lambda: statuses_in_the_log(shop, vase.id)[-1] == "new")
    heard(waiting, "No worker is running")
    os.kill(waiting.pid, signal.SIGINT)

    code, out, _ = ended(waiting)
    assert code == Code.INTERRUPTED
    assert json.loads(out)["defibrillated"] == [str(vase.id)]


def statuses_in_the_log(shop: Shop, id: object) -> list[str]:
    return [event["status"] for event in shop.knows("items", "history", str(id))["events"]]
