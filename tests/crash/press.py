"""A press that one may use at a time, and workers that use it."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from eventflow.app import Eventflow
from eventflow.model.channel import Channel
from eventflow.model.process.process import Process
from eventflow.model.process.step import step
from eventflow.model.retry import Retry
from eventflow.settings import Settings
from tests.crash.program import Order

CHANNEL = Channel("press", max_concurrency=1, lockdown="channel")


class Print(Process, name="print", channel="press", retry=Retry(attempts=1)):
    """Is at the press twice, and tells of others who are there at the same time."""

    room: Path
    is_broken: bool = False

    @step
    def ink(self) -> None:
        """The first time."""
        be_inside(self.room)
        if self.is_broken:
            raise ValueError("the press is broken")

    @step
    def bind(self) -> None:
        """The second time."""
        be_inside(self.room)


def be_inside(room: Path) -> None:
    """Be there for a moment."""
    mine = room / f"{os.getpid()}"
    mine.touch()
    if others := [one for one in inside(room) if one != os.getpid()]:
        (room / f"overlap-{os.getpid()}-{others[0]}").touch()
    time.sleep(0.005)
    mine.unlink()


def inside(room: Path) -> Iterator[int]:
    """The processes that are there and live."""
    for one in room.iterdir():
        if one.name.isdecimal() and is_alive(int(one.name)):
            yield int(one.name)


def is_alive(pid: int) -> bool:
    """Whether there is such a process."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@dataclass(frozen=True)
class PressOrder(Order):
    """What a worker at the press is told."""

    def application(self) -> Eventflow:
        """The press."""
        settings = Settings(database=self.database, broker=self.broker, lease=timedelta(seconds=self.lease))
        resend = timedelta(seconds=self.resend_after)
        return Eventflow(settings, aggregates=[], processes=[Print], channels=[CHANNEL], resend_after=resend)
