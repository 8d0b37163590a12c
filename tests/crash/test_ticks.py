"""Ticks outlive those who run them: a leader that is killed, a database that is away."""

from __future__ import annotations

import logging
import os
import signal
from datetime import timedelta
from pathlib import Path

import pytest

from eventflow.app import Eventflow
from eventflow.runtime.ticks import Tick
from eventflow.settings import Settings
from eventflow.store.ticks import Runs
from tests.cli.words import begins, heard
from tests.services import PrivatePostgres, fresh_schema
from tests.waiting import until
from tests.walks.library import Document

SHOP = "tests.cli.shop:patient"


def test_a_leader_that_is_killed_in_the_middle_of_a_tick_is_followed_by_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHOP_ROOM", str(tmp_path))
    (tmp_path / "stuck").touch()
    with fresh_schema() as url:
        arguments = ("--app", SHOP, "--database", url, "scheduler", "run")
        first = begins(*arguments, folder=tmp_path, SHOP_ROOM=str(tmp_path))
        until((tmp_path / "dusting").exists)
        second = begins(*arguments, folder=tmp_path, SHOP_ROOM=str(tmp_path))
        heard(second, "Scheduler: ")

        (tmp_path / "stuck").unlink()
        os.kill(first.pid, signal.SIGKILL)
        first.communicate()

        with Eventflow(Settings(database=url), aggregates=[Document]) as app:
            until(lambda: "dust" in Runs(app.database).all())
            run = Runs(app.database).all()["dust"]
        second.terminate()
        second.communicate()
    assert run.host.endswith(f":{second.pid}")
    assert (run.done, run.error) == (3, None)


def test_ticks_go_on_when_the_database_is_back(caplog: pytest.LogCaptureFixture) -> None:
    runs: list[int] = []
    often = Tick(name="often", every=timedelta(seconds=0.05), run=lambda: runs.append(1))
    with (
        PrivatePostgres() as server,
        caplog.at_level(logging.CRITICAL),
        Eventflow(Settings(database=server.url), aggregates=[Document], ticks=[often]) as app,
    ):
        worker = app.worker()
        worker.start()
        try:
            until(lambda: len(runs) > 1)
            server.restart("immediate")
            seen = len(runs)
            until(lambda: len(runs) > seen + 1)
            app.switches.trigger("tick", "often")
            until(lambda: Runs(app.database).all()["often"].heeded > 0)
        finally:
            worker.stop()
