"""SQL by name, out of ``sql/<dialect>/<file>.sql`` beside the code that uses it.

A statement begins with its name between dashes; lines that begin with ``--`` are for the reader::

    -- head --
    -- Where a stream ends.
    SELECT version FROM events WHERE stream = :stream ORDER BY version DESC LIMIT 1;
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from importlib.resources import files

_NAME = re.compile(r"^-- (\w+) --$", re.MULTILINE)


class Statements(Mapping[str, str]):
    """The statements of one file in one dialect."""

    def __init__(self, package: str, dialect: str, file: str) -> None:
        self._where = f"{package}/sql/{dialect}/{file}"
        self._statements = parse(text(package, dialect, file))

    def __getitem__(self, name: str) -> str:
        return self._statements[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._statements)

    def __len__(self) -> int:
        return len(self._statements)

    def __repr__(self) -> str:
        return f"<Statements {self._where}: {', '.join(self)}>"


def text(package: str, dialect: str, file: str) -> str:
    """The whole of one SQL file."""
    return files(package).joinpath("sql", dialect, file).read_text(encoding="utf-8")


def parse(sql: str) -> dict[str, str]:
    r"""The statements of a file by their names.

    >>> parse("-- one --\n-- Why.\nSELECT 1;\n-- two --\nSELECT 2")
    {'one': 'SELECT 1', 'two': 'SELECT 2'}
    """
    _, *parts = _NAME.split(sql)
    return {name: _bare(body) for name, body in zip(parts[::2], parts[1::2], strict=True)}


def _bare(body: str) -> str:
    lines = (line for line in body.splitlines() if not line.lstrip().startswith("--"))
    return "\n".join(lines).strip().removesuffix(";")
