"""A segment is opened with ordinary tools, as its page says."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from eventflow.store.archive.segment import Slice
from tests.house.repository import ROOT
from tests.store.rows import a_stream, an_order
from tests.store.test_segment import a_dictionary, a_segment

PAGE = (ROOT / "docs" / "concepts" / "archive.md").read_text(encoding="utf-8")
UNPACK, WITH_ZSTD, WITH_PYTHON = re.findall(r"^```sh\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)


@pytest.fixture(scope="module")
def streams() -> list[Slice]:
    return [a_stream([an_order(number), an_order(number + 1)], number=number) for number in range(1, 30)]


@pytest.fixture(scope="module")
def segment(tmp_path_factory: pytest.TempPathFactory, streams: list[Slice]) -> bytes:
    return a_segment(*streams, dictionary=a_dictionary())[0]


def run(command: str, folder: Path) -> str:
    """What a command says; the Python it asks for is the one that runs the tests."""
    command = command.replace("python -c", f"'{sys.executable}' -c")
    return subprocess.run(command, cwd=folder, shell=True, check=True, capture_output=True, text=True).stdout


def need(program: str) -> None:
    if shutil.which(program) is None:
        pytest.skip(f"{program} is not installed: apt-get install {program}")


@pytest.mark.parametrize(("command", "program"), [(WITH_ZSTD, "zstd"), (WITH_PYTHON, "unzip")], ids=["zstd", "python"])
def test_every_event_is_read_with_the_commands_of_the_page(
    command: str, program: str, segment: bytes, streams: list[Slice], tmp_path: Path
) -> None:
    need("unzip")
    need(program)
    (tmp_path / "segment.zip").write_bytes(segment)

    run(UNPACK, tmp_path)
    told = [json.loads(line) for line in run(command, tmp_path).splitlines()]

    wanted = {(str(one.stream), header.version, header.name) for one in streams for header, _ in one.rows}
    assert {(one["stream"], one["version"], one["name"]) for one in told} == wanted
    assert all(one["body"]["lines"][0]["unit"] == "pcs" for one in told)
