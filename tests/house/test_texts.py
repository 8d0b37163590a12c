"""What no file of the repository may say."""

from __future__ import annotations

import re

from tests.house.repository import ROOT, files, texts

# Put together here, so that this file does not say it either.
OF_A_MACHINE = re.compile("|".join(f"/{one}/" for one in ("work", "root", "home", "Users", "opt/wheels", "opt/pypi")))
OF_AN_INDEX = re.compile("pythonhosted" + r"\.org|--(?:extra-)?index" + "-url|--find" + "-links|--trusted" + "-host")
IN_A_CONTAINER = "/home/eventflow"


def test_no_file_names_a_path_of_a_machine() -> None:
    found = [f"{name}: {line}" for name, line in lines() if OF_A_MACHINE.search(line.replace(IN_A_CONTAINER, ""))]

    assert found == []


def test_no_file_names_the_address_of_a_package_index() -> None:
    assert [f"{name}: {line}" for name, line in lines() if OF_AN_INDEX.search(line)] == []


def test_every_text_ends_with_a_line_end() -> None:
    assert [name for name, text in texts() if text and not text.endswith("\n")] == []


def test_no_file_is_large() -> None:
    assert [str(path.relative_to(ROOT)) for path in files() if path.stat().st_size > 500_000] == []


def lines() -> list[tuple[str, str]]:
    return [(name, line) for name, text in texts() for line in text.splitlines()]
