"""Runs whose steps ask a real HTTP server, and the workers that work on them."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from datetime import timedelta
from typing import Self
from urllib.request import Request, urlopen

from eventflow.app import Eventflow
from eventflow.model.channel import Channel
from eventflow.model.process.process import Process
from eventflow.model.process.step import step
from eventflow.model.retry import Retry
from eventflow.runtime.processes.current import current_step
from eventflow.settings import Settings
from tests.crash.program import Order

ASIDE = "aside"
"""A channel in which nothing is to be done: whoever works on it alone leads, if anything."""

STEPS = ("fetch", "check", "print", "bind", "ship")


class Parcel(Process, name="parcel", retry=Retry(attempts=3, interruptions=1000)):
    """Five steps, each of which is something done to the world: it learns the number that the world has given it."""

    peer: str
    fetch_: int = 0
    check_: int = 0
    print_: int = 0
    bind_: int = 0
    ship_: int = 0

    @step
    def fetch(self) -> Self:
        return self.asked()

    @step
    def check(self) -> Self:
        return self.asked()

    @step
    def print(self) -> Self:
        return self.asked()

    @step
    def bind(self) -> Self:
        return self.asked()

    @step
    def ship(self) -> Self:
        return self.asked()

    def asked(self) -> Self:
        """One request; the answer is a number that goes up with each."""
        now = current_step()
        request = Request(f"{self.peer}/{now.run}/{now.step}", b"{}", {"Worker": str(os.getpid())})
        with urlopen(request, timeout=30) as answer:
            return self.learn(**{f"{now.step}_": json.load(answer)["number"]})


@dataclass(frozen=True)
class Orders(Order):
    """What a worker of runs is told."""

    def application(self) -> Eventflow:
        settings = Settings(database=self.database, broker=self.broker, lease=timedelta(seconds=self.lease))
        return Eventflow(
            settings,
            aggregates=[],
            processes=[Parcel],
            channels=[Channel(ASIDE)],
            projections=[],
            resend_after=timedelta(seconds=self.resend_after),
        )
