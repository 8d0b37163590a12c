"""An application with processes for the command line to work on: books are bound, some of them badly."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path
from typing import Self

from pydantic import BaseModel

from eventflow.app import Eventflow
from eventflow.model.channel import Channel
from eventflow.model.process.awaiting import Signal
from eventflow.model.process.process import Process
from eventflow.model.process.step import step
from eventflow.model.quiet import QuietHours
from eventflow.model.retry import Retry

APP = "tests.cli.bindery:app"
ROOM = "BINDERY_ROOM"
"""Where there is glue, or none: a folder, named in the environment."""


class Bind(Process, name="bind", title="Binding of a book", channel="books", retry=Retry(attempts=1)):
    """Sew, glue, press."""

    title: str
    pages: int = 0

    @step
    def sew(self) -> Self:
        """Count the pages."""
        return self.learn(pages=len(self.title))

    @step
    def glue(self) -> None:
        """What is broken needs glue."""
        if self.title.startswith("broken") and not (Path(os.environ[ROOM]) / "glue").exists():
            raise ValueError(f"{self.title} falls apart")

    @step
    def press(self) -> None:
        """Under the press with it."""


class Print(Process, name="print", retry=Retry(attempts=3, after=timedelta(hours=1))):
    """One step that fails again and again."""

    @step
    def ink(self) -> None:
        """There is none."""
        raise ValueError("no ink")


class Sold(BaseModel):
    """Somebody has bought it."""

    price: int


class Sell(Process, name="sell"):
    """Waits for somebody who wants it."""

    price: int = 0

    @step(awaits=Signal("sold"))
    def hand_over(self, sold: Sold) -> Self:
        """For that price."""
        return self.learn(price=sold.price)


CHANNELS = [
    Channel("books", "The bindery", max_concurrency=4, lockdown="process"),
    Channel("press", quiet_hours=QuietHours("00:00", "23:59")),
]


def app() -> Eventflow:
    """The bindery, on the engines that the settings name."""
    return Eventflow(aggregates=[], processes=[Bind, Print, Sell], channels=CHANNELS)


class Bind2(Bind, name="bind", version=2, title="Binding of a book", channel="books", retry=Retry(attempts=1)):
    """The same, a version later, and no word of how older runs come to it."""

    cover: str


def later() -> Eventflow:
    """The bindery a year later."""
    return Eventflow(aggregates=[], processes=[Bind2, Print, Sell], channels=CHANNELS)
