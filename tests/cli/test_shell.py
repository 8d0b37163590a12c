"""The command line as such: its options, its lazy commands, its answers and how it ends."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from uuid import UUID

import click
import pytest
from click.testing import CliRunner, Result

from eventflow import errors
from eventflow.cli.exits import Code
from eventflow.cli.lazy import Elsewhere
from eventflow.cli.main import COMMANDS, Shell, cli
from eventflow.cli.output import Session, Table, pass_session

HEAVY = ("dramatiq", "eventsourcing", "msgpack", "psycopg", "pydantic", "pydantic_settings", "rich", "urllib3")


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, arguments)


def run_one_that(does: click.Command, *arguments: str) -> Result:
    """Run the given command, called "one", in the outermost group."""
    group = Shell(name="eventflow", elsewhere={}, params=list(cli.params), callback=cli.callback)
    group.add_command(does, "one")
    return CliRunner().invoke(group, arguments or ("one",))


def one_that_raises(error: BaseException) -> click.Command:
    @click.command()
    def one() -> None:
        raise error

    return one


def test_the_help_lists_every_command() -> None:
    result = run("--help")

    assert result.exit_code == 0
    assert all(name in result.output for name in COMMANDS)


def test_the_help_imports_nothing_but_the_command_line() -> None:
    program = (
        "import sys\nfrom eventflow.cli.main import cli\n"
        "cli.main(['--help'], standalone_mode=False)\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)"
    )

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert done.stderr.strip() == "[]"


def leaves(command: click.Command, path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """The command lines of a command, or of those in it."""
    if isinstance(command, click.Group):
        for name in command.list_commands(click.Context(command)):
            one = command.get_command(click.Context(command), name)
            assert one is not None
            yield from leaves(one, (*path, name))
    else:
        yield path


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_a_help_of_its_own_with_an_example(name: str) -> None:
    loaded = cli.get_command(click.Context(cli), name)
    assert loaded is not None
    for path in leaves(loaded, (name,)):
        result = run(*path, "--help")

        assert result.exit_code == 0, result.output
        assert f"Usage: eventflow {' '.join(path)}" in result.output
        assert re.search(rf"Examples?:\n +eventflow\b.* {' '.join(path)}\b", result.output), path
        assert "--json" in result.output


def test_a_mistyped_command_is_answered_with_the_nearest_one() -> None:
    result = run("versoin")

    assert result.exit_code == Code.USAGE
    assert 'Did you mean "version"?' in result.stderr


def test_a_usage_error_is_json_where_json_was_asked_for() -> None:
    result = run("version", "--json", "--loudly")

    assert result.exit_code == Code.USAGE
    error = json.loads(result.stderr)["error"]
    assert error["code"] == "usage"
    assert "--loudly" in error["message"]
    assert error["hint"] == 'See "eventflow version --help".'


def test_the_version_is_a_table_for_people() -> None:
    result = run("version")

    assert result.exit_code == 0
    assert result.stdout.splitlines()[0].split() == ["name", "version"]
    assert "eventflow" in result.stdout


@pytest.mark.parametrize("arguments", [("--json", "version"), ("version", "--json")])
def test_json_may_be_asked_for_before_and_behind_the_command(arguments: tuple[str, ...]) -> None:
    result = run(*arguments)

    document = json.loads(result.stdout)
    assert set(document) == {"eventflow", "python", "packages"}
    assert document["packages"]["dramatiq"].startswith("2.")


def test_json_may_be_asked_for_behind_a_command_of_a_group_that_was_loaded_late() -> None:
    group = Shell(
        name="eventflow",
        elsewhere={"late": Elsewhere(f"{__name__}:late", "Late.")},
        params=list(cli.params),
        callback=cli.callback,
    )

    result = CliRunner().invoke(group, ["late", "said", "--json"])

    assert json.loads(result.stdout) == {"said": True}


@click.group()
def late() -> None:
    """Loaded when it is called."""


@late.command()
@pass_session
def said(session: Session) -> None:
    """Answers."""
    session.say("for people only")
    session.answer({"said": True}, "yes")


def test_people_are_told_on_standard_error_when_programs_listen() -> None:
    aloud = run_one_that(said)
    for_programs = run_one_that(said, "--json", "one")

    assert aloud.stdout.splitlines() == ["for people only", "yes"]
    assert for_programs.stderr == "for people only\n"
    assert json.loads(for_programs.stdout) == {"said": True}


def test_quiet_silences_what_was_not_asked_for() -> None:
    assert run_one_that(said, "-q", "one").output == "yes\n"


def test_quiet_and_verbose_exclude_each_other() -> None:
    assert run("-q", "-v", "version").exit_code == Code.USAGE


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.StreamNotFound(UUID(int=1)), Code.NOT_FOUND),
        (errors.TransitionRefused("approve", "queued", ["written"]), Code.REFUSED),
        (errors.VersionConflict(UUID(int=1), 2), Code.REFUSED),
        (errors.Unavailable("The database", "connection refused"), Code.UNREACHABLE),
        (errors.DamagedBody(7, "document:written", "no msgpack"), Code.DAMAGED),
        (errors.TimedOut("generate", 3), Code.TIMED_OUT),
        (errors.Misconfigured("no such app"), Code.USAGE),
        (errors.Failed("no"), Code.SOME_FAILED),
        (ZeroDivisionError("by zero"), Code.SOME_FAILED),
        (KeyboardInterrupt(), Code.INTERRUPTED),
    ],
)
def test_every_kind_of_error_has_its_exit_code(error: BaseException, code: Code) -> None:
    result = run_one_that(one_that_raises(error))

    assert result.exit_code == code
    assert "Traceback" not in result.output


def test_an_error_is_a_document_where_json_was_asked_for() -> None:
    broken = one_that_raises(errors.Unavailable("The broker", "connection refused"))

    result = run_one_that(broken, "--json", "one")

    error = json.loads(result.stderr)["error"]
    assert (error["code"], error["message"]) == ("unavailable", "The broker is out of reach: connection refused")
    assert "eventflow doctor" in error["hint"]
    assert result.stdout == ""


def test_a_traceback_is_shown_when_everything_is_asked_for() -> None:
    result = run_one_that(one_that_raises(ZeroDivisionError("by zero")), "-vv", "one")

    assert "Traceback" in result.stderr


def test_no_error_shows_a_password() -> None:
    error = RuntimeError("cannot reach postgresql://ann:hunter2@db.example/shop")

    result = run_one_that(one_that_raises(error), "-vv", "one")

    assert "db.example" in result.output
    assert "hunter2" not in result.output


def test_a_command_may_end_with_a_code() -> None:
    @click.command()
    def one() -> Code:
        return Code.SOME_FAILED

    assert run_one_that(one).exit_code == 1


def test_a_table_outside_a_terminal_is_plain_and_cut_nowhere() -> None:
    table = Table(["id", "error"], [("a", "x" * 300), ("b", None), ("c", "two\nlines")])

    assert table.plain().splitlines() == ["id  error", f"a   {'x' * 300}", "b", "c   two lines"]
