"""The demo: told in full, cut off and resumed, and what it leaves."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from eventflow.cli.demo.documents import Document, document_id, located, read, spelled
from eventflow.cli.demo.press import Press
from eventflow.cli.exits import Code
from tests.cli.shop import Order
from tests.cli.words import PROGRAM, Shop, begins, document, ended, says
from tests.crash.brokers import a_namespace
from tests.services import POSTGRES, RABBITMQ, REDIS, fresh_schema
from tests.waiting import until

DATABASE = Path("eventflow-demo") / "demo.db"
ISSUE_KEYS = {
    "items", "complete", "error", "failed_before_defibrillation", "defibrillated", "rebuild_equal", "seconds",
}  # fmt: skip


@pytest.fixture
def folder(place: Path) -> Path:
    """Eighty files of different sizes, four of them too large for the press, two not made of text."""
    notes = place / "notes"
    (notes / "inner").mkdir(parents=True)
    for number in range(78):
        where = notes / "inner" if number % 2 else notes
        (where / f"{number:02}.txt").write_text("a word\n" * (100 + number), encoding="utf-8")
    (notes / "bytes.bin").write_bytes(bytes(range(256)))
    (notes / "empty").touch()
    return notes


def asked(sql: str) -> list[Any]:
    """What the log of the demo in this folder answers; nothing while there is none."""
    if not DATABASE.exists():
        return []
    connection = sqlite3.connect(f"file:{DATABASE}?mode=ro", uri=True, timeout=30)
    try:
        return [row[0] for row in connection.execute(sql)]
    except sqlite3.OperationalError:
        return []  # its tables are being made
    finally:
        connection.close()


def completions() -> Counter[str]:
    return Counter(asked("SELECT stream FROM events WHERE status = 'complete' AND phase = 'announced'"))


def amount(condition: str) -> int:
    return int((asked(f"SELECT count(*) FROM events WHERE {condition}") or [0])[0])


def is_at(goal: int) -> bool:
    """Whether so many events are there, or the end is near."""
    return amount("true") > goal or amount("status = 'complete'") > 70


def cut_off(process: Callable[[], subprocess.Popen[str]], moment: Callable[[], bool], number: int) -> tuple[int, str]:
    """How a demo ended that got a signal at this moment, and what it told; one that was over before is begun again."""
    demo = process()
    until(lambda: moment() or demo.poll() is not None, "the moment")
    demo.send_signal(number)
    code, _, err = ended(demo)
    return (code, err) if code else cut_off(process, moment, number)


def is_good(summary: dict[str, Any], items: int) -> bool:
    return (summary["items"], summary["complete"], summary["error"]) == (items, items, 0) and summary["rebuild_equal"]


def test_the_whole_story_is_told(folder: Path, place: Path) -> None:
    result = says("demo", str(folder))

    assert result.exit_code == 0, result.output
    assert "80 files" in result.stdout
    assert re.search(r"80 of 80 ended, \d+/s: complete 7\d  error \d", result.stdout)
    assert "TooLarge: 2 KiB are too many" in result.stdout
    assert "Authorization: Bearer ********" in result.stdout
    # The first answer to a document that is too large is 422, unless the press is busy just then.
    assert re.search(r"HTTP (422|503)", result.stdout) and "retry_scheduled" in result.stdout
    assert "documents back to work" in result.stdout
    assert re.search(r"current +80 rows  equal", result.stdout)
    assert re.search(r"complete +80\n", result.stdout)
    assert "\x1b" not in result.stdout
    assert sorted(path.name for path in place.iterdir()) == ["notes"]


def test_programs_get_one_document(folder: Path) -> None:
    result = says("demo", str(folder), "--json")

    summary = document(result)
    assert set(summary) >= ISSUE_KEYS
    assert is_good(summary, 80)
    assert summary["failed_before_defibrillation"] == summary["defibrillated"] >= 4
    assert summary["exactly_once"] is True
    assert "Summary" in result.stderr


def test_the_same_files_meet_the_same_fate(folder: Path) -> None:
    first, second = (document(says("demo", str(folder), "--json")) for _ in range(2))

    assert [first[key] for key in ("events", "requests", "defibrillated")] == [
        second[key] for key in ("events", "requests", "defibrillated")
    ]


def test_on_a_terminal_there_is_a_bar(folder: Path, place: Path) -> None:
    script = shutil.which("script")
    if script is None:
        pytest.skip("script (util-linux) is missing")
    command = " ".join(f"'{part}'" for part in (*PROGRAM, "demo", str(folder)))
    root = Path(__file__).resolve().parents[2]
    environment = {
        **os.environ, "TERM": "xterm-256color", "PYTHONPATH": f"{root}{os.pathsep}{root / 'projections'}",
    }  # fmt: skip
    environment.pop("NO_COLOR", None)

    told = subprocess.run(
        [script, "--quiet", "--return", "--command", command, "/dev/null"],
        env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip

    assert "━━━" in told and "\x1b[32mcomplete 80" in told
    assert "of 80 ended" not in told


def test_no_more_files_are_taken_than_asked_for(folder: Path) -> None:
    assert document(says("demo", str(folder), "--items", "5", "--json"))["items"] == 5


def test_without_a_folder_the_standard_library_is_read(place: Path) -> None:
    assert is_good(document(says("demo", "--items", "30", "--json")), 30)


def test_a_folder_without_files_is_a_usage_error(place: Path) -> None:
    (place / "void").mkdir()

    result = says("demo", "void")

    assert result.exit_code == Code.USAGE
    assert "no files below void" in result.stderr
    assert [path.name for path in place.iterdir()] == ["void"]
    assert says("demo", "--items", "0").exit_code == Code.USAGE


def test_the_folder_may_be_the_one_that_the_demo_works_in(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)

    assert document(says("demo", ".", "--keep", "--json"))["items"] == 80
    assert document(says("demo", ".", "--json"))["items"] == 80


# Cut off.

MOMENTS: dict[str, Callable[[], bool]] = {
    "while documents are queued": lambda: amount("version = 1") > 0,
    "while they are read": lambda: amount("name = 'document:counted'") > 30,
    "while they are sent": lambda: amount("status = 'complete'") > 20,
    "while failures are brought back": lambda: amount("name = 'document:defibrillated'") > 0,
    "while what was brought back is sent": lambda: amount("name = 'document:published' AND version > 15") > 0,
}


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_demo_that_is_killed_is_resumed_and_every_document_is_complete_once(
    moment: str, folder: Path, place: Path
) -> None:
    first = partial(begins, "demo", str(folder), "--json", folder=place)
    assert cut_off(first, MOMENTS[moment], signal.SIGKILL)[0] == -signal.SIGKILL

    resumed = begins("demo", "--resume", "--keep", "--json", folder=place)

    code, out, err = ended(resumed)
    assert code == 0, err
    summary = json.loads(out)
    assert is_good(summary, 80)
    assert summary["failed_before_defibrillation"] == summary["defibrillated"] >= 4
    assert amount("name = 'document:defibrillated'") == summary["defibrillated"]
    assert set(completions().values()) == {1} and len(completions()) == 80


def test_a_demo_may_be_killed_again_and_again(folder: Path, place: Path) -> None:
    arguments = ("demo", str(folder), "--keep", "--json")
    for step in range(1, 6):
        goal = amount("true") + 60 * step
        process = begins(*arguments, folder=place)
        until(partial(is_at, goal))
        process.kill()
        ended(process)
        arguments = ("demo", "--resume", "--keep", "--json")

    code, out, err = ended(begins(*arguments, folder=place))

    assert code == 0, err
    assert is_good(json.loads(out), 80)
    assert set(completions().values()) == {1}


def test_an_interrupted_demo_says_how_to_go_on(folder: Path, place: Path) -> None:
    first = partial(begins, "demo", str(folder), folder=place)

    code, err = cut_off(first, MOMENTS["while they are read"], signal.SIGINT)

    assert code == Code.INTERRUPTED
    assert "eventflow demo --resume" in err and "Traceback" not in err
    assert is_good(document(says("demo", "--resume", "--json")), 80)


def test_where_there_is_nothing_to_resume_that_is_said(place: Path) -> None:
    result = says("demo", "--resume")

    assert result.exit_code == Code.NOT_FOUND
    assert "Begin with: eventflow demo" in result.stderr
    assert list(place.iterdir()) == []


def test_a_resumed_demo_takes_the_files_that_it_began_with(folder: Path) -> None:
    assert says("demo", str(folder), "--resume").exit_code == Code.USAGE


def test_what_is_done_already_is_summed_up_again(folder: Path) -> None:
    first = document(says("demo", str(folder), "--keep", "--json"))

    again = document(says("demo", "--resume", "--json"))

    same = ("items", "complete", "failed_before_defibrillation", "defibrillated", "events", "rebuild_equal")
    assert [again[key] for key in same] == [first[key] for key in same]
    assert again["requests"] == 0


def test_a_second_demo_in_the_same_folder_is_refused(folder: Path, place: Path) -> None:
    first = begins("demo", str(folder), "--json", folder=place)
    until(MOMENTS["while they are read"])
    first.send_signal(signal.SIGSTOP)

    for arguments in (("demo", str(folder)), ("demo", "--resume")):
        second = says(*arguments)
        assert second.exit_code == Code.REFUSED
        assert "Another demo is at work in eventflow-demo" in second.stderr

    first.send_signal(signal.SIGCONT)
    code, out, _ = ended(first)
    assert code == 0
    assert is_good(json.loads(out), 80)


def test_a_new_demo_takes_the_place_of_one_that_was_cut_off(folder: Path, place: Path) -> None:
    cut_off(partial(begins, "demo", str(folder), folder=place), MOMENTS["while they are read"], signal.SIGKILL)

    assert document(says("demo", str(folder), "--items", "10", "--json"))["items"] == 10


def test_a_database_that_is_not_of_a_demo_is_left_alone(folder: Path, place: Path) -> None:
    (place / "eventflow-demo").mkdir()
    (place / DATABASE).write_text("mine")

    result = says("demo", str(folder))

    assert result.exit_code == Code.REFUSED
    assert (place / DATABASE).read_text() == "mine"


# What does not get through.


def test_a_file_that_cannot_be_read_is_in_error_until_it_can_be(folder: Path, place: Path) -> None:
    (folder / "locked.txt").write_text("secret\n")
    (folder / "locked.txt").chmod(0)
    drop = [
        "setpriv",
        "--bounding-set",
        "-dac_override,-dac_read_search",
        "--inh-caps",
        "-dac_override,-dac_read_search",
    ]
    without_rights = drop if os.geteuid() == 0 else []

    code, out, err = ended(begins("demo", str(folder), "--json", folder=place, prefix=without_rights))

    summary = json.loads(out)
    assert code == Code.SOME_FAILED
    assert (summary["items"], summary["complete"], summary["error"]) == (81, 80, 1)
    assert "PermissionError" in err and "What failed again" in err
    assert "1 documents are not complete" in err and "demo --resume" in err

    (folder / "locked.txt").chmod(0o600)
    assert is_good(document(says("demo", "--resume", "--json")), 81)


def test_the_name_of_a_file_need_not_be_text(folder: Path) -> None:
    Path(os.fsdecode(bytes(folder) + b"/caf\xe9 \x1b[2J.txt")).write_text("odd\n")

    result = says("demo", str(folder), "--json")

    assert is_good(document(result), 81)
    assert "\x1b[2J" not in result.output


def test_a_path_is_found_again_by_its_spelling() -> None:
    for name in (b"/a/plain.txt", b"/a/caf\xe9 %20.txt", "/a/日本.txt".encode(), b"/file:/x"):
        path = Path(os.fsdecode(name))
        assert located(spelled(path)) == path
        spelled(path).encode()


def test_a_large_file_is_counted_in_pieces(place: Path) -> None:
    content = b"word " * 300_000 + b"\n" + b"x" * 2_000_000 + b" end"
    (place / "large").write_bytes(content)

    counted = read(Document.create(path=str(place / "large")))

    assert (counted.size, counted.words, counted.lines) == (len(content), len(content.split()), 1)


def test_the_press_answers_the_same_key_with_the_same_page() -> None:
    press = Press(limit=10)
    try:
        small, large = {"path": "a", "size": 10}, {"path": "b", "size": 11}
        assert press.answer("one", large)[0] in (422, 503)
        press.repair()
        pages = {press.answer("one", small)[1].get("url") for _ in range(5)} - {None}
    finally:
        press.close()

    assert len(pages) == 1


def test_the_same_file_is_the_same_document(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)

    assert document_id(Path("empty")) == document_id(folder / "empty")


# What it leaves.


def test_what_is_kept_can_be_looked_into_and_worked_on(
    folder: Path, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = says("demo", str(folder), "--keep")
    commands = re.findall(r"^  eventflow (.+)$", result.stdout, re.MULTILINE)
    monkeypatch.chdir(place / "eventflow-demo")

    assert len(commands) == 5
    for command in commands:
        assert says(*command.split()).exit_code == 0, command
    item = document(says("items", "list", "--limit", "1", "--json"))["items"][0]
    assert "word" in json.dumps(document(says("items", "show", item["id"], "--json"))["fields"])
    assert says("defibrillate", item["id"]).exit_code == Code.SOME_FAILED


def test_a_worker_finishes_what_a_killed_demo_left(folder: Path, place: Path) -> None:
    cut_off(partial(begins, "demo", str(folder), folder=place), MOMENTS["while they are read"], signal.SIGKILL)
    engines = ("--app", "eventflow.cli.demo.application:app", "--database", f"sqlite:///{DATABASE}")

    code, _, err = ended(begins(*engines, "worker", "--burst", folder=place, EVENTFLOW_LEASE="1s"))

    assert code == 0, err
    assert len(completions()) >= 70


def test_what_the_environment_says_is_named_on_every_line(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVENTFLOW_DATABASE", "sqlite:///precious.db")

    result = says("demo", str(folder), "--keep")

    assert "eventflow --database sqlite:///demo.db items list" in result.stdout
    assert not Path("precious.db").exists()


@pytest.mark.parametrize("broker", [REDIS, RABBITMQ], ids=["redis", "rabbitmq"])
def test_the_demo_runs_on_services(broker: str, folder: Path, place: Path) -> None:
    with fresh_schema() as url, a_namespace(broker) as queues:
        engines = ("--database", url, "--broker", queues)
        first = begins(*engines, "demo", str(folder), "--json", folder=place)
        until((place / "eventflow-demo" / "demo.json").exists)
        code, out, err = ended(first)
        assert code == 0, err
        assert is_good(json.loads(out), 80)

        again = says(*engines, "demo", str(folder))
        assert again.exit_code == Code.REFUSED
        assert "wants an empty one" in again.stderr
    assert not (place / "eventflow-demo").exists() or not (place / DATABASE).exists()


def test_a_demo_on_services_is_resumed(folder: Path, place: Path) -> None:
    with fresh_schema() as url, a_namespace(REDIS) as queues:
        engines = ("--database", url, "--broker", queues)
        # What is claimed when it is killed comes back as soon as its lease is over.
        first = begins(*engines, "demo", str(folder), "--keep", "--json", folder=place, EVENTFLOW_LEASE="3s")
        until(lambda: len(document_or_none(*engines) or ()) > 20)
        first.kill()
        ended(first)

        assert says("demo", "--resume").exit_code == Code.USAGE
        code, out, err = ended(begins(*engines, "demo", "--resume", "--json", folder=place, EVENTFLOW_LEASE="3s"))

        assert code == 0, err
        assert is_good(json.loads(out), 80)


def test_a_log_that_is_not_of_a_demo_is_refused(folder: Path) -> None:
    with fresh_schema() as url:
        shop = ("--app", "tests.cli.shop:app", "--database", url)
        assert says(*shop, "items", "list").exit_code == 0
        with Shop(url, folder).opened() as app:
            app.save(Order.create(title="precious"))

        result = says("--database", url, "demo", str(folder))

        assert result.exit_code == Code.REFUSED
        assert len(document(says("--database", url, "log", "stats", "--json"))["names"]) == 1


def test_services_that_are_away_are_told(folder: Path, place: Path) -> None:
    result = says("--database", "postgresql://ann@127.0.0.1:1/shop", "demo", str(folder))

    assert result.exit_code == Code.UNREACHABLE
    assert POSTGRES not in result.stderr


def document_or_none(*engines: str) -> list[Any] | None:
    result = says(*engines[:2], "items", "list", "--where", "status:complete", "--json", "--limit", "100")
    return json.loads(result.stdout)["items"] if result.exit_code == 0 else None
