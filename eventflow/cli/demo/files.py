"""Which files a demo takes."""

from __future__ import annotations

import itertools
import sysconfig
from collections.abc import Iterator, Sequence
from pathlib import Path

LEFT_OUT = {"__pycache__", "site-packages", "node_modules"}
COMPILED = {".pyc", ".so"}


def standard_library() -> Path:
    """The folder of real files that every Python brings along."""
    return Path(sysconfig.get_paths()["stdlib"])


def files(folder: Path, limit: int, *, without: Path) -> list[Path]:
    """Up to ``limit`` files below a folder, the same ones each time; ``without`` what is in that folder."""
    found = (path for path in _walk(folder.absolute(), without.absolute()) if path.suffix not in COMPILED)
    return list(itertools.islice(found, limit))


def too_large(paths: Sequence[Path]) -> int:
    """The size that one file in twenty exceeds, one at least where sizes differ."""
    sizes = sorted(map(_size, paths), reverse=True)
    return sizes[min(max(len(sizes) // 20, 1), len(sizes) - 1)]


def _walk(folder: Path, without: Path) -> Iterator[Path]:
    inside = [path for path in _inside(folder) if not path.is_symlink()]
    yield from (path for path in inside if path.is_file())
    for path in inside:
        if path.is_dir() and path != without and path.name not in LEFT_OUT and not path.name.startswith("."):
            yield from _walk(path, without)


def _inside(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError:
        # A folder that one may not look into holds no files for us; a file that one may not read is another matter.
        return []


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
