"""The code in a document, and how it is run: blocks of one document share a namespace, as a reader would type them.

``python`` blocks are executed in order as the module ``app``. In ``console`` blocks the lines that begin with
``$ eventflow`` are run, and what they print is compared with the lines below, where there are any; ``...`` stands for
anything.
"""

from __future__ import annotations

import doctest
import re
import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

from click.testing import CliRunner

from eventflow.cli.main import cli

A_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


class Block(NamedTuple):
    """A piece of code in a document."""

    document: Path
    line: int
    language: str
    code: str


def blocks(document: Path) -> list[Block]:
    """The blocks of a document that can be run."""
    text = document.read_text(encoding="utf-8")
    found = (Block(document, text.count("\n", 0, one.start()) + 2, one[1], one[2]) for one in A_BLOCK.finditer(text))
    return [block for block in found if block.language in ("python", "console")]


def run(document: Path) -> None:
    """Run every block of a document, in the present folder."""
    with _a_module("app") as module:
        for block in blocks(document):
            if block.language == "python":
                # Empty lines in front, so that a traceback names the line of the document.
                exec(compile("\n" * (block.line - 1) + block.code, str(document), "exec"), vars(module))
            else:
                _run_console(block)


@contextmanager
def _a_module(name: str) -> Iterator[ModuleType]:
    module = ModuleType(name)
    sys.modules[name] = module
    try:
        yield module
    finally:
        del sys.modules[name]


def _run_console(block: Block) -> None:
    for said in re.split(r"^\$ ", block.code, flags=re.MULTILINE)[1:]:
        command, _, wanted = said.partition("\n")
        program, *arguments = shlex.split(command)
        assert program == "eventflow", f"{block.document}:{block.line}: only eventflow is run, not {program}"
        result = CliRunner().invoke(cli, arguments)
        assert result.exit_code == 0, f"{block.document}:{block.line}: {command}\n{result.output}"
        assert not wanted.strip() or _is_as_told(wanted, result.output), (
            f"{block.document}:{block.line}: {command}\n{result.output}"
        )


def _is_as_told(wanted: str, found: str) -> bool:
    return doctest.OutputChecker().check_output(wanted, found, doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
