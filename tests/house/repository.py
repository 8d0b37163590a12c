"""The repository as the rules of the house look at it."""

from __future__ import annotations

import ast
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = (ROOT / "eventflow", ROOT / "projections" / "eventflow_projections")


@cache
def files() -> tuple[Path, ...]:
    """Every file that belongs to the repository or is about to."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return tuple(path for path in (ROOT / name for name in sorted(set(listed.split("\0"))) if name) if path.is_file())


def texts() -> Iterator[tuple[str, str]]:
    """The path and the text of every file that is text."""
    for path in files():
        content = path.read_bytes()
        if b"\0" not in content:
            yield str(path.relative_to(ROOT)), content.decode()


def modules() -> list[Path]:
    """The modules that are shipped."""
    return [path for package in PACKAGES for path in sorted(package.rglob("*.py"))]


@cache
def parsed(path: Path) -> ast.Module:
    """The syntax tree of a module."""
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def documents() -> list[Path]:
    """What is written for people: the READMEs and everything in docs."""
    return [ROOT / "README.md", ROOT / "docker" / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
