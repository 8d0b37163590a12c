"""A channel with one place, and workers in several processes that may be killed at any moment."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from eventflow.app import Eventflow
from eventflow.model.process.status import RunStatus
from tests.crash.press import PressOrder, Print
from tests.crash.program import Order, Program
from tests.waiting import until


@pytest.fixture
def engines() -> str:
    return "redis"


@pytest.fixture
def press(order: Order) -> PressOrder:
    return PressOrder(**order.__dict__)


@pytest.fixture
def app(press: PressOrder) -> Iterator[Eventflow]:
    with closing(press.application()) as app:
        yield app


@pytest.fixture
def workers(press: PressOrder, app: Eventflow) -> Iterator[list[Program]]:
    """Two of them, at work."""
    with ExitStack() as started:
        programs = [Program(press), Program(press)]
        for one in programs:
            started.callback(one.close)
        yield [one.begun() for one in programs]


def test_one_at_a_time_is_at_work_in_a_channel_whoever_is_killed(
    app: Eventflow, workers: list[Program], tmp_path: Path
) -> None:
    room = tmp_path / "room"
    room.mkdir()
    runs = [app.processes.start(Print(room=room)) for _ in range(40)]

    def ended() -> int:
        return sum(app.processes.get(one.id).status is RunStatus.SUCCESS for one in runs)

    until(lambda: ended() >= 5, "they are at work")
    workers[0].kill()
    until(lambda: ended() == len(runs), "the other one does the rest")

    assert [one.name for one in room.iterdir() if one.name.startswith("overlap")] == []


def test_nothing_slips_in_between_an_error_and_its_lockdown(
    app: Eventflow, workers: list[Program], tmp_path: Path
) -> None:
    runs = [app.processes.start(Print(room=tmp_path, is_broken=True)) for _ in range(12)]

    until(lambda: sum(app.waits(one.id) == "lockdown press" for one in runs) == 11, "all the others are held")

    versions = sorted(app.processes.get(one.id).version for one in runs)
    assert versions == [1] * 11 + [3], "One was claimed and failed."
