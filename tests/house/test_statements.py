"""What the SQL of the house must not say."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.house.repository import PACKAGES, ROOT

STATEMENTS = sorted(path for package in PACKAGES for path in package.rglob("*.sql"))
LOG = ("events",)
"""The tables whose rows stay for ever."""

A_DELETION = re.compile(
    r"\b(?:DELETE\s+FROM|TRUNCATE(?:\s+TABLE)?|DROP\s+TABLE(?:\s+IF\s+EXISTS)?)\s+(\w+)", re.IGNORECASE
)


@pytest.mark.parametrize("path", STATEMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_statement_deletes_what_the_log_holds(path: Path) -> None:
    deleted = A_DELETION.findall(path.read_text(encoding="utf-8"))

    assert [name for name in deleted if name.lower() in LOG] == []


def test_the_tables_of_the_log_are_called_so() -> None:
    schema = (ROOT / "eventflow" / "store" / "sql" / "sqlite" / "schema.sql").read_text(encoding="utf-8")

    assert [name for name in LOG if not re.search(rf"TABLE (?:IF NOT EXISTS )?{name}\b", schema)] == []
