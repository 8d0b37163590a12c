"""What is written for people is true: examples run, commands exist, pages are found."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from tests.house import blocks
from tests.house.repository import ROOT, documents

README = (ROOT / "README.md").read_text(encoding="utf-8")
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
DECISIONS = ROOT / "docs" / "decisions"


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("document", documents(), ids=name_of)
def test_every_link_to_a_file_leads_somewhere(document: Path) -> None:
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", document.read_text(encoding="utf-8"))

    assert [link for link in links if not (document.parent / link).exists()] == []


@pytest.mark.parametrize("document", [one for one in documents() if blocks.blocks(one)], ids=name_of)
def test_every_example_runs(document: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("EVENTFLOW_")]:
        monkeypatch.delenv(name)

    blocks.run(document)


def test_every_make_target_that_is_named_exists() -> None:
    texts = [path.read_text(encoding="utf-8") for path in documents()]
    named = {one for text in texts for one in re.findall(r"(?:^|`)make ([a-z]+)\b", text, re.MULTILINE)}
    targets = set(re.findall(r"^([a-z]+):", MAKEFILE, re.MULTILINE))

    assert {"demo", "test"} <= named
    assert named <= targets


def test_ci_runs_what_the_readme_says() -> None:
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")

    assert re.findall(r"^make.*$", script, re.MULTILINE) == ["make test </dev/null"]
    assert "```sh\nmake test\n```" in README


def test_every_decision_is_in_the_index() -> None:
    pages = sorted(path.name for path in DECISIONS.glob("[0-9]*.md"))
    listed = re.findall(r"\]\((\d{4}-[^)]+\.md)\)", (DECISIONS / "README.md").read_text(encoding="utf-8"))

    assert listed == pages


def test_decisions_are_numbered_without_gaps() -> None:
    numbers = sorted(int(path.name[:4]) for path in DECISIONS.glob("[0-9]*.md"))

    assert numbers == list(range(1, len(numbers) + 1))


def test_every_decision_tells_its_forces_the_choice_and_the_cost() -> None:
    for path in DECISIONS.glob("[0-9]*.md"):
        heads = re.findall(r"^## (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
        assert heads == ["Forces", "Choice", "Cost"], path.name
