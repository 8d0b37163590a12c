"""Every promise in the table of parity has tests, and the tests that it names exist."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import NamedTuple

import pytest

from tests.house.repository import ROOT, parsed

TABLE = (ROOT / "docs" / "parity.md").read_text(encoding="utf-8")
ROWS = [f"F{number}" for number in (*range(1, 56), *range(59, 63), *range(65, 73))]
ROWS += [f"J{number}" for number in range(1, 117)]
A_ROW = re.compile(r"^\| (?P<id>[A-Z]+\d+[a-z]?) \| (?P<promise>.+?) \|(?P<tests>[^|]*)\|$", re.MULTILINE)
A_TEST = re.compile(r"`(tests/[\w/]+\.py)::(\w+(?:::\w+)?)`")


class Row(NamedTuple):
    """A promise, and the tests that show it."""

    id: str
    promise: str
    tests: str

    def named(self) -> list[tuple[str, str]]:
        """The files and names of its tests."""
        return A_TEST.findall(self.tests)


TOLD = [Row(one["id"], one["promise"], one["tests"]) for one in A_ROW.finditer(TABLE)]


def test_every_promise_has_one_row() -> None:
    assert sorted(row.id for row in TOLD if row.id in ROWS) == sorted(ROWS)
    assert len({row.id for row in TOLD}) == len(TOLD)


def test_every_promise_has_a_test() -> None:
    assert [row.id for row in TOLD if not row.named()] == []


def test_no_line_of_the_table_is_misread() -> None:
    lines = [line for line in TABLE.splitlines() if re.match(r"\| [A-Z]+\d", line)]

    assert len(lines) == len(TOLD)


@pytest.mark.parametrize("row", TOLD, ids=lambda row: row.id)
def test_the_tests_of_a_row_exist(row: Row) -> None:
    cells = [cell.strip() for cell in row.tests.split("<br>") if cell.strip()]

    assert [cell for cell in cells if not A_TEST.fullmatch(cell)] == []
    assert [f"{file}::{name}" for file, name in row.named() if name not in names_in(file)] == []


def names_in(file: str) -> set[str]:
    """What the tests in a file are called; those of a class, with its name."""
    path = ROOT / file
    return set(found_in(parsed(path), "")) if path.is_file() else set()


def found_in(node: ast.Module | ast.ClassDef, prefix: str) -> Iterator[str]:
    for one in node.body:
        if isinstance(one, ast.ClassDef):
            yield from found_in(one, f"{one.name}::")
        elif isinstance(one, ast.FunctionDef) and one.name.startswith("test_"):
            yield f"{prefix}{one.name}"
