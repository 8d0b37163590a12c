"""A share that is being raised when its worker is killed: whatever was done was done whole, and another goes on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

from eventflow.model.flows.flow import flow_stream
from eventflow.model.flows.ramp import Ascent, ramp_stream
from tests.cli.words import ROOT
from tests.crash.climbing import begin, climb, opened


def test_a_share_whose_worker_is_killed_is_raised_on_by_another_and_no_step_is_done_by_halves(url: str) -> None:
    begin(url)

    for steps in (3, 5):
        killed_after(url, steps)
        share, raised, sets = figures(url)
        assert share == 2 * raised == 2 * sets, "a step is in both streams, or in neither"
    climb(url)

    assert figures(url) == (100, 50, 50)
    with opened(url) as app:
        ramp = app.flows.ramps.get("order@1")
        assert ramp is not None and ramp.status is Ascent.DONE


def killed_after(url: str, steps: int) -> None:
    """Let a process of its own raise the share, and kill it at some moment after so many steps."""
    path = os.pathsep.join((str(ROOT), str(ROOT / "projections")))
    program = subprocess.Popen(
        [sys.executable, "-m", "tests.crash.climbing", url],
        env={**os.environ, "PYTHONPATH": path},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert program.stdout is not None
    for _ in range(steps):
        assert program.stdout.readline()
    program.send_signal(signal.SIGKILL)
    program.communicate()


def figures(url: str) -> tuple[int, int, int]:
    """The share, how often the ramp says that it was raised, and how often the definition does."""
    with opened(url) as app:
        raised = [one for one in app.log.headers(ramp_stream("order@1")) if one.name.endswith("ramp_raised")]
        sets = [one for one in app.log.headers(flow_stream("order@1")) if one.name.endswith("rollout_set")]
        return app.flows.get("order@1").rollout_pct or 0, len(raised), len(sets)
