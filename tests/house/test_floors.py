"""Imports go down only, and each library is used behind its door."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import grimp

from tests.house.repository import ROOT

TOP = ("eventflow.cli", "eventflow.testing")


def test_the_floors_and_the_doors_are_kept() -> None:
    linter = Path(sys.executable).with_name("lint-imports")
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'projections'}"}

    done = subprocess.run(
        [str(linter), "--no-cache"], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stdout + done.stderr


def test_nobody_inside_comes_in_by_the_front_door() -> None:
    graph = grimp.build_graph("eventflow", "eventflow_projections", cache_dir=None)

    through_it = graph.find_modules_that_directly_import("eventflow")

    assert {one for one in through_it if not one.startswith(TOP)} == set()
