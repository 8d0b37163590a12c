"""One version, locks without addresses, and a wheel with all that is needed in it."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from importlib import metadata
from itertools import chain
from pathlib import Path
from zipfile import ZipFile

import pytest

from eventflow.__about__ import __version__
from tests.house.repository import PACKAGES, ROOT

LOCKS = sorted(path.name for path in ROOT.glob("requirements*.lock"))
A_LINE = re.compile(r"(    --hash=sha256:[0-9a-f]{64}|[A-Za-z0-9][^:/]*==[^:/]+)( \\)?")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def pinned(lock: str) -> set[str]:
    """The lines of a lock that name a version."""
    text = (ROOT / lock).read_text(encoding="utf-8")
    return set(re.findall(r"^([A-Za-z0-9][^\s;]*==[^\s;\\]+)", text, re.MULTILINE))


def test_there_is_one_version() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    told = re.findall(r"^## (\S+)", changelog, re.MULTILINE)

    assert told[0] == __version__
    assert PROJECT["project"]["dynamic"] == ["version"]


def test_what_is_installed_is_this_version() -> None:
    try:
        installed = metadata.version("eventflow")
    except metadata.PackageNotFoundError:
        pytest.skip("eventflow is used without being installed")

    assert installed == __version__


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_holds_names_versions_and_hashes_and_no_addresses(lock: str) -> None:
    lines = (ROOT / lock).read_text(encoding="utf-8").splitlines()
    odd = [line for line in lines if not A_LINE.fullmatch(line)]

    assert lines
    assert odd == []


@pytest.mark.parametrize("lock", [lock for lock in LOCKS if lock != "requirements-docs.lock"])
def test_what_runs_is_what_was_tested(lock: str) -> None:
    assert pinned(lock) <= pinned("requirements.lock")


def test_every_dependency_is_in_the_lock() -> None:
    project = PROJECT["project"]
    wanted = [*project["dependencies"], *chain.from_iterable(project["optional-dependencies"].values())]
    names = {re.split(r"[\[<>=]", one)[0] for one in wanted} - {"eventflow"}

    assert names <= {re.split(r"[\[=]", one)[0] for one in pinned("requirements.lock")}


def test_all_gives_every_extra() -> None:
    extras = PROJECT["project"]["optional-dependencies"]

    assert extras["all"] == [f"eventflow[{','.join(name for name in extras if name != 'all')}]"]


def test_the_wheel_holds_both_packages_with_their_sql_types_templates_and_files_of_pages(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)

    [wheel] = tmp_path.glob("*.whl")
    packed = {name for name in ZipFile(wheel).namelist() if ".dist-info/" not in name}

    assert packed == {
        str(path.relative_to(package.parent))
        for package in PACKAGES
        for path in package.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert {"eventflow/dashboard/templates/base.html", "eventflow/dashboard/static/dashboard.css"} <= packed
