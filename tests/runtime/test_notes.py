"""What steps leave behind in passing."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from eventflow.errors import Refused
from eventflow.model.masking import Masker
from eventflow.runtime.processes.current import current_step
from eventflow.runtime.processes.notes import LONGEST, MOST, Collector, note, noting
from tests.house.repository import ROOT

log = logging.getLogger("shop.steps")


@pytest.fixture
def collector() -> Iterator[Collector]:
    """Two of them listen, as with two workers in one process."""
    both = (Collector(), Collector())
    for one in both:
        logging.getLogger().addHandler(one)
    yield both[0]
    for one in both:
        logging.getLogger().removeHandler(one)


def test_what_a_step_leaves_behind_is_in_no_other(collector: Collector) -> None:
    log.warning("before")
    with noting(Masker()) as first:
        log.warning("in the first")
    log.warning("between")
    with noting(Masker()) as second:
        note("in the second", page=3)

    assert [one.text for one in first()] == ["in the first"]
    assert [one.text for one in second()] == ["in the second page=3"]


def test_lines_are_masked_and_kept_once_each_with_level_and_source(collector: Collector) -> None:
    with noting(Masker()) as notes:
        log.error("login with password=%s", "hunter2")
        log.info("not let through")

    assert notes() == (("ERROR", "shop.steps", "login with password=********"),)


def test_lines_are_as_many_and_as_long_as_a_record_can_bear() -> None:
    with noting(Masker()) as notes:
        for number in range(MOST + 5):
            note("x" * 3 * LONGEST if number == 0 else "short")

    kept = notes()
    assert len(kept) == MOST + 1
    assert len(kept[0].text) == LONGEST
    assert kept[-1].text == "5 more lines were not kept."


def test_that_notes_are_taken_silences_nobody(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(
        "import logging\n"
        "from eventflow.runtime.processes.notes import Collector\n"
        "logging.getLogger().addHandler(Collector())\n"
        "logging.getLogger().addHandler(Collector())\n"
        "logging.getLogger('shop').warning('mind the gap')\n"
    )

    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, program], env=environment, capture_output=True, text=True, check=True)

    assert done.stderr == "mind the gap\n"


def test_outside_of_a_step_nothing_is_noted_and_nothing_is_known() -> None:
    note("nobody listens")

    with pytest.raises(Refused):
        current_step()
