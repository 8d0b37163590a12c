"""The files for containers, checked without an engine."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import click
import pytest

from eventflow.cli.main import cli
from eventflow.settings import unknown_environment
from tests.house.repository import ROOT

DOCKER = ROOT / "docker"
COMPOSE = (DOCKER / "compose.yaml").read_text(encoding="utf-8")
DOCKERFILE = (DOCKER / "Dockerfile").read_text(encoding="utf-8")


def run(program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).with_name(program)), *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_the_compose_file_follows_its_schema() -> None:
    done = run("check-jsonschema", "--builtin-schema", "vendor.compose-spec", "docker/compose.yaml")

    assert done.returncode == 0, done.stdout


def test_the_dockerfile_is_clean() -> None:
    done = run("hadolint", "docker/Dockerfile")

    assert done.returncode == 0, done.stdout


def test_every_image_has_a_version() -> None:
    images = re.findall(r"^(?:FROM| +image:) (\S+)", COMPOSE + DOCKERFILE, re.MULTILINE)

    assert images
    assert [one for one in images if ":" not in one or one.rstrip("}").endswith(":latest")] == []


def test_every_port_is_open_to_this_machine_only() -> None:
    ports = re.findall(r"ports: \[(.*)\]", COMPOSE)

    assert ports
    assert [one for one in ports if not one.startswith('"127.0.0.1:')] == []


def test_what_the_containers_of_eventflow_are_told_to_do_is_a_command() -> None:
    services = dict(re.findall(r"^  (\w+):\n((?:    .*\n|\n)+)", COMPOSE, re.MULTILINE))
    [arguments] = re.findall(r"command: (\[.*\])", services["dashboard"])
    name, *options = json.loads(arguments)

    with click.Context(cli) as context:
        command = cli.get_command(context, name)
        assert command is not None
        assert command.make_context(name, options, parent=context).params["host"] == "0.0.0.0"


def test_what_the_image_copies_is_there_and_let_in() -> None:
    copied = [one for line in re.findall(r"^COPY (?!--)(.*) \S+$", DOCKERFILE, re.MULTILINE) for one in line.split()]
    let_in = (ROOT / ".dockerignore").read_text(encoding="utf-8").split()

    assert [one for one in copied if not (ROOT / one).exists()] == []
    assert [one for one in copied if f"!{one}" not in let_in] == []


@pytest.mark.parametrize("name", ["compose.yaml", "Dockerfile", "README.md"])
def test_every_setting_that_is_named_exists(name: str) -> None:
    named = re.findall(r"EVENTFLOW_[A-Z_]+", (DOCKER / name).read_text(encoding="utf-8"))

    assert unknown_environment(dict.fromkeys(named, "")) == []
