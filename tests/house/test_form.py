"""How modules, functions and statements are to look."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import pytest

from tests.house.repository import ROOT, modules, parsed

Function = ast.FunctionDef | ast.AsyncFunctionDef

A_STATEMENT = re.compile(
    r"\b(SELECT\s.+\sFROM|INSERT\s+INTO|UPDATE\s+\S+\s+SET|DELETE\s+FROM"
    r"|(CREATE|ALTER|DROP)\s+(TABLE|INDEX|SCHEMA|VIEW|SEQUENCE)|LOCK\s+TABLE|TRUNCATE)\b",
    re.DOTALL,
)


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_opens_with_what_lives_in_it(path: Path) -> None:
    text = ast.get_docstring(parsed(path))

    assert text, "no docstring"
    assert text.splitlines()[0].endswith((".", ",", ":", "?"))


def test_most_functions_fit_in_a_handful_of_lines() -> None:
    lengths = [length(one) for path in modules() for one in functions(parsed(path))]

    assert median(lengths) < 10


def test_sql_lives_in_sql_files() -> None:
    found = [f"{path.relative_to(ROOT)}: {sql}" for path in modules() for sql in statements(parsed(path))]

    assert found == []


def functions(tree: ast.Module) -> Iterator[Function]:
    return (node for node in ast.walk(tree) if isinstance(node, Function))


def length(function: Function) -> int:
    """The lines from ``def`` to the end, without the docstring."""
    whole = (function.end_lineno or function.lineno) - function.lineno + 1
    first = function.body[0]
    if ast.get_docstring(function) is not None:
        whole -= (first.end_lineno or first.lineno) - first.lineno + 1
    return whole


def statements(tree: ast.Module) -> Iterator[str]:
    """The texts in a module that are SQL.

    Docstrings may quote it, and the driver may put names into it (``sql.SQL``): they cannot be parameters.
    """
    nodes = list(ast.walk(tree))
    let_in = {id(node.value) for node in nodes if isinstance(node, ast.Expr)}
    let_in |= {id(one) for node in nodes if isinstance(node, ast.Call) and is_composed(node) for one in node.args}
    for node in nodes:
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in let_in:
            found = A_STATEMENT.search(node.value)
            if found:
                yield found[0]


def is_composed(call: ast.Call) -> bool:
    return ast.unparse(call.func) == "sql.SQL"
