"""The types carry the wiring: a pair that does not fit is an error of the type checker."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

PLAIN = """
[mypy]
strict = true
mypy_path = $MYPY_CONFIG_FILE_DIR
namespace_packages = true
explicit_package_bases = true
"""


@pytest.mark.parametrize("plugins", ["", "plugins = pydantic.mypy"])
def test_mypy_accepts_what_fits_and_refuses_what_does_not(tmp_path: Path, plugins: str) -> None:
    config = tmp_path / "mypy.ini"
    config.write_text(PLAIN.replace("$MYPY_CONFIG_FILE_DIR", str(ROOT)) + plugins)

    checked = subprocess.run(
        [
            sys.executable,
            "-m",
            "mypy",
            "--config-file",
            config,
            "--cache-dir",
            tmp_path,
            "tests/model/typing_samples.py",
        ],
        cwd=ROOT,
        env={**os.environ, "MYPYPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert checked.returncode == 0, checked.stdout + checked.stderr
