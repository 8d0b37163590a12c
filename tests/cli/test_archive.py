"""Moving old bodies away from the command line, and looking after them."""

from __future__ import annotations

from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from eventflow.cli.archive import progress
from eventflow.cli.exits import Code
from eventflow.cli.output import Session
from eventflow.store import masters
from tests.cli.words import Shop, ended
from tests.services import a_free_port


@pytest.fixture
def shop(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> Shop:
    monkeypatch.setenv("EVENTFLOW_OBJECTS", (shop.folder / "objects").as_uri())
    return shop


def objects(shop: Shop) -> list[Path]:
    return list((shop.folder / "objects").rglob("*.zip"))


def test_what_is_chosen_leaves_and_is_read_as_before(shop: Shop) -> None:
    vase, cup = shop.has("a vase", "a cup")
    before = shop.knows("items", "history", str(vase.id), "--bodies")

    told = shop.knows("archive", "compress", "--stream", str(vase.id), "--older-than", "0")

    assert (told["events"], len(told["segments"])) == (3, 1)
    assert shop.knows("items", "history", str(vase.id), "--bodies") == before
    assert shop.knows("archive", "status")["archived"]["events"] == 3
    assert shop.knows("archive", "compress", "--older-than", "0")["events"] == 3
    assert cup.id != vase.id


def test_a_dry_run_says_how_much_and_moves_nothing(shop: Shop) -> None:
    shop.has("a vase")

    asked = ("archive", "compress", "--older-than", "0", "--dry-run")

    told = shop.knows(*asked)

    assert (told["events"], told["streams"]) == (3, 1)
    assert objects(shop) == []
    assert "Would leave: 3 bodies of 1 streams" in shop.says(*asked).stdout


def test_what_is_young_stays(shop: Shop) -> None:
    shop.has("a vase")

    assert shop.says("archive", "compress").stdout == "Nothing is old enough to leave, or it has left already.\n"


def test_an_archive_that_is_damaged_is_told_and_ends_with_7(shop: Shop) -> None:
    shop.has("a vase")
    shop.knows("archive", "compress", "--older-than", "0")
    assert shop.knows("archive", "verify")["whole"]
    objects(shop)[0].unlink()

    result = shop.says("archive", "verify")

    assert result.exit_code == Code.DAMAGED
    assert ".zip" in result.stdout


def test_what_nobody_needs_is_removed_and_room_given_back(shop: Shop) -> None:
    shop.has("a vase")
    shop.knows("archive", "compress", "--older-than", "0")
    [segment] = objects(shop)
    spare = segment.parents[3] / "2020/01/01/7d1f2c1e-0000-4000-8000-000000000000.zip"
    spare.parent.mkdir(parents=True)
    spare.write_bytes(b"never swapped")

    assert shop.knows("archive", "gc", "--dry-run")["objects"] == [
        spare.relative_to(shop.folder / "objects").as_posix()
    ]
    told = shop.knows("archive", "gc")

    assert len(told["objects"]) == 1
    assert told["after"] <= told["before"]
    assert objects(shop) == [segment]


def test_options_that_contradict_each_other_are_refused(shop: Shop) -> None:
    shop.has("a vase")

    result = shop.says("archive", "compress", "--event", "2", "--from", "1")

    assert result.exit_code == Code.USAGE
    assert shop.says("archive", "compress", "--older-than", "long").exit_code == Code.USAGE


def test_archived_bodies_are_restored_for_a_while_and_purged(shop: Shop) -> None:
    vase, cup = shop.has("a vase", "a cup")
    shop.knows("archive", "compress", "--older-than", "0")
    one = ("--stream", str(vase.id))

    assert shop.knows("archive", "restore", *one, "--dry-run")["events"] == 3
    told = shop.knows("archive", "restore", *one, "--for", "12h", "--reason", "an audit")
    assert (told["events"], told["for"], told["left"]) == (3, 43200, [])
    assert shop.knows("archive", "status")["restored"]["events"] == 3

    assert shop.knows("archive", "purge", "--dry-run")["events"] == 3
    assert shop.knows("archive", "purge", "--stream", str(cup.id))["events"] == 0
    assert shop.knows("archive", "purge", *one)["events"] == 3
    assert shop.says("archive", "purge").stdout == "Nothing is restored.\n"


def test_what_cannot_be_restored_is_told(shop: Shop) -> None:
    shop.has("a vase")
    shop.knows("archive", "compress", "--older-than", "0")
    objects(shop)[0].unlink()

    result = shop.says("archive", "restore")

    assert result.exit_code == Code.SOME_FAILED
    assert "Put the object back from a copy" in result.stderr


def test_archived_bodies_are_shown_without_an_application(shop: Shop) -> None:
    (vase,) = shop.has("a vase")
    asked = ("items", "history", str(vase.id), "--bodies")
    before = shop.knows(*asked, alone=True)
    shop.knows("archive", "compress", "--older-than", "0")

    assert shop.knows(*asked, alone=True) == before


def test_a_history_goes_on_where_an_archived_body_is_missing(shop: Shop) -> None:
    (vase,) = shop.has("a vase")
    shop.knows("archive", "compress", "--older-than", "0")
    objects(shop)[0].unlink()

    told = shop.knows("items", "history", str(vase.id), "--bodies")

    assert len(told["events"]) == 3
    assert all("Put the object back" in one["unreadable"] for one in told["events"])


def test_a_bar_shows_how_far_it_has_come_where_there_is_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = StringIO()
    monkeypatch.setattr(Session, "console", lambda self: Console(file=terminal, force_terminal=True, width=80))

    with progress(Session(), "compress", 8) as advance:
        advance(6)

    assert "compress" in terminal.getvalue()
    assert "75%" in terminal.getvalue()


def test_a_storage_that_is_away_is_told_once(shop: Shop) -> None:
    shop.has("a vase")
    away = f"s3://key:secret@127.0.0.1:{a_free_port()}/bucket?secure=false&timeout=1"

    code, _, told = ended(shop.begins("archive", "compress", "--older-than", "0", EVENTFLOW_OBJECTS=away))

    assert code == Code.UNREACHABLE
    assert "Error: bucket bucket is out of reach" in told
    assert "urllib3" not in told


class TestResealing:
    """What was archived in plain before its class was erasable."""

    @pytest.fixture
    def erasable(self, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> Shop:
        """Orders became erasable after some of them were archived."""
        shop.has("a vase", "a cup")
        shop.knows("archive", "compress", "--older-than", "0")
        shop.has("a bowl")
        monkeypatch.setenv("EVENTFLOW_ERASABLE", "true")
        monkeypatch.setenv("EVENTFLOW_MASTER_KEY", masters.new())
        return shop

    def test_a_dry_run_says_how_much_and_changes_nothing(self, erasable: Shop) -> None:
        [object] = objects(erasable)

        told = erasable.knows("archive", "reseal", "--category", "order", "--dry-run")

        assert (told["segments"], told["bodies"], told["hot"]) == (1, 6, 3)
        said = erasable.says("archive", "reseal", "--dry-run").stdout
        assert "Would be enciphered: 6 bodies in 1 segments of" in said
        assert objects(erasable) == [object]

    def test_what_an_erasure_asks_for_is_done_and_then_it_erases(self, erasable: Shop) -> None:
        vase = erasable.knows("items", "list", "--where", "category:order")["items"][-1]["id"]
        refused = erasable.says("erase", vase, "--reason", "request 17", "--yes")
        assert refused.exit_code == Code.SOME_FAILED
        assert "eventflow archive reseal --category order" in " ".join(refused.stdout.split())
        [old] = objects(erasable)

        done = erasable.says("archive", "reseal", "--category", "order", "--reason", "the law")

        assert "6 archived bodies are enciphered in 1 segments; in the database: 3 hot, 0 copies" in done.stdout
        assert f"{old.name} was replaced: throw copies of it away" in done.stdout
        assert erasable.knows("archive", "status")["replaced"][0]["key"].endswith(old.name)
        assert erasable.knows("archive", "verify")["whole"]
        assert "Nothing stands in plain" in erasable.says("archive", "reseal").stdout
        erasable.knows("erase", vase, "--reason", "request 17", "--yes")
        assert not old.exists()
        assert erasable.knows("archive", "verify")["whole"]

    def test_old_objects_go_when_their_grace_is_over(self, erasable: Shop) -> None:
        [old] = objects(erasable)

        erasable.knows("archive", "reseal", "--grace", "0")

        assert len(objects(erasable)) == 1
        assert not old.exists()

    def test_what_is_not_erasable_is_refused(self, shop: Shop) -> None:
        shop.has("a vase")

        refused = shop.says("archive", "reseal", "--category", "order")

        assert refused.exit_code == Code.REFUSED
        assert "erasable=True" in refused.stderr

    def test_what_is_gone_is_told_and_left(self, erasable: Shop) -> None:
        [object] = objects(erasable)
        object.unlink()

        done = erasable.says("archive", "reseal", "--category", "order")

        assert done.exit_code == Code.SOME_FAILED
        assert object.name in done.stderr
