"""Those who listen to the work, and the work that goes on whatever becomes of them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from enum import StrEnum
from typing import Any, NoReturn

import pytest

from eventflow.model.aggregate import Aggregate
from eventflow.model.process.process import Process
from eventflow.model.process.step import step
from eventflow.model.reaction import task
from eventflow.runtime.telemetry import Listener
from eventflow.testing import in_memory


class Status(StrEnum):
    """Where a letter is."""

    WRITTEN = "written"
    SENT = "sent"
    LOST = "lost"


class Letter(Aggregate[Status], category="letter", initial=Status.WRITTEN):
    """Something to be sent."""

    to: str


@task(Letter, on=Status.WRITTEN, processing=None, complete=Status.SENT, failed=Status.LOST)
def send(letter: Letter) -> None:
    """Send it, if it has an address."""
    if not letter.to:
        raise ValueError("to nobody")


class Round(Process, name="round"):
    """The way of a postman."""

    @step
    def walk(self) -> None:
        """Along the street."""


class Notebook(Listener):
    """Writes down what it hears."""

    def __init__(self) -> None:
        self.heard: list[str] = []

    def sent(self, queue: str, jobs: Sequence[Any], began: int) -> None:
        self.heard.append(f"sent {queue}")

    @contextmanager
    def working(self, attempt: Any) -> Iterator[None]:
        yield
        self.heard.append(f"{attempt.reaction.name} {attempt.came_to}")


def fails(*_: object) -> NoReturn:
    raise RuntimeError("no ink")


@contextmanager
def fails_at_the_end(*_: object) -> Iterator[None]:
    yield
    raise RuntimeError("no ink")


def deaf(block: Callable[..., Any]) -> Listener:
    """A listener that fails at whatever it hears."""
    moments, blocks = ("sent", "asked", "appended"), ("processing", "working", "stepping")
    listener = type("Deaf", (Listener,), dict.fromkeys(moments, fails) | dict.fromkeys(blocks, block))
    found: Listener = listener()
    return found


@pytest.mark.parametrize("block", [fails, fails_at_the_end])
def test_the_work_goes_on_whatever_becomes_of_who_listens(
    block: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    notebook = Notebook()
    with in_memory(
        aggregates=[Letter], reactions=[send], processes=[Round], listeners=[deaf(block), notebook]
    ) as app, caplog.at_level(logging.ERROR, "eventflow.telemetry"):  # fmt: skip
        app.save(good := Letter.create(to="Ann"), bad := Letter.create(to=""))
        run = app.processes.start(Round())
        app.drain()

        assert [app.get(Letter, one.id).status for one in (good, bad)] == [Status.SENT, Status.LOST]
        assert app.processes.get(run.id).status == "success"

    assert {"sent default", "send done", "send failed", "round/1@default done"} <= set(notebook.heard)
    assert "no ink" in caplog.text


def test_who_listens_for_a_while_hears_nothing_afterwards() -> None:
    notebook = Notebook()
    with in_memory(aggregates=[Letter], reactions=[send]) as app:
        with app.telemetry.heard_by(notebook):
            app.save(Letter.create(to="Ann"))
            app.drain()
        heard = list(notebook.heard)
        app.save(Letter.create(to="Eve"))
        app.drain()

    assert "send done" in heard
    assert notebook.heard == heard
