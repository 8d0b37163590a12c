"""What the demo puts on the screen: a live bar on a terminal, plain lines everywhere else."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from shutil import get_terminal_size
from typing import Any

import click
from rich.console import RenderableType
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text

from eventflow.cli import history
from eventflow.cli.demo.documents import ENDED, DocumentStatus
from eventflow.cli.history import Bodies
from eventflow.cli.output import Session, one_line
from eventflow.model.recorded import Recorded
from eventflow_projections import ErrorGroup, Report

PLAIN_EVERY = 2.0
"""Seconds between two lines where nothing can move."""

COLOURS = {DocumentStatus.COMPLETE: "green", DocumentStatus.ERROR: "red", DocumentStatus.QUEUED: "dim"}

HALFWAY = (DocumentStatus.READ, DocumentStatus.SENDING)

LABELS = {
    "items": "documents",
    "complete": "complete",
    "error": "in error",
    "failed_before_defibrillation": "failed before defibrillation",
    "defibrillated": "defibrillated",
    "rebuild_equal": "rebuilt rows equal the live ones",
    "exactly_once": "each complete exactly once",
    "events": "events in the log",
    "requests": "requests that the press saw",
    "items_per_second": "documents per second",
    "seconds": "seconds in all",
}


class Bar(Progress):
    """A bar, and below it how many stand where. Changes with every update."""

    counts: Text = Text("")

    def get_renderables(self) -> Iterable[RenderableType]:
        """The bar, then the counts."""
        yield self.make_tasks_table(self.tasks)
        yield self.counts


class Counts:
    """The counts of a run as they change. Changes with every update."""

    def __init__(self, show: Show, items: int, bar: Bar | None) -> None:
        self._show, self._items, self._bar = show, items, bar
        self._began = self._said = time.monotonic()
        self._first: int | None = None
        if bar is not None:
            self._task = bar.add_task("", total=items, rate="", ended=0)

    def update(self, counts: Mapping[str, int]) -> None:
        """Show these counts."""
        ended = sum(counts.get(one, 0) for one in ENDED)
        if self._first is None:
            self._first = ended
        rate = f"{max(ended - self._first, 0) / max(time.monotonic() - self._began, 0.001):.0f}/s"
        if self._bar is not None:
            self._bar.counts = _coloured(counts)
            half = sum(counts.get(one, 0) for one in HALFWAY) / 2
            self._bar.update(self._task, completed=ended + half, ended=ended, rate=rate)
        elif time.monotonic() - self._said > PLAIN_EVERY or ended == self._items:
            self._said = time.monotonic()
            self._show.say(f"  {ended} of {self._items} ended, {rate}: {_coloured(counts).plain.strip()}")


class Show:
    """Talks to people; with ``--json`` on standard error, so that standard output is the summary alone."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._console = session.console()

    def say(self, text: str) -> None:
        """A line of text."""
        self._session.say(text)

    def title(self, text: str) -> None:
        """The head of a chapter."""
        self.say("\n" + click.style(text, bold=True))

    def opening(self, items: int, press: str) -> None:
        """What is going to happen."""
        text = (
            f"{items} files, each of them a document: queued → reading → read → sending → complete, or error when its"
            f" attempts are spent. A task reads it, an endpoint posts it to a small press at {press}, which is slow at"
            " times, busy at times (503), and finds some too large (422) until it is repaired. Every step is an event"
            " in one log."
        )
        self.say(click.wrap_text(text, width=min(get_terminal_size((100, 0)).columns, 100)))

    @contextmanager
    def progress(self, items: int) -> Iterator[Counts]:
        """Live progress of a run over so many items."""
        if not self._console.is_terminal:
            yield Counts(self, items, None)
            return
        columns = (
            TextColumn(" "),
            BarColumn(bar_width=40, complete_style="cyan", finished_style="green"),
            TextColumn("{task.fields[ended]}/{task.total}"),
            TextColumn("{task.fields[rate]}", style="dim"),
            TimeElapsedColumn(),
        )
        with Bar(*columns, console=self._console) as bar:
            yield Counts(self, items, bar)

    def failures(self, groups: Sequence[ErrorGroup], *, title: str = "What failed") -> None:
        """What failed, by the kind of error."""
        self.title(title)
        for group in groups:
            self.say(f"  {group.count:>5}  {click.style(one_line(group.error), fg='red')}")
            self.say(click.style(f"         such as {group.example}", dim=True))
        if not groups:
            self.say("  Nothing.")

    def history(self, path: str, recorded: Sequence[Recorded]) -> None:
        """Everything that happened to one document; of its conversation the first attempt in full."""
        self.title(f"One of them, as the log tells it: {one_line(path)}")
        for one in recorded:
            is_first = (one.header.attempt or 1) == 1
            for line in history.lines(one, Bodies.SHORT if is_first else Bodies.NONE):
                self.say(line)

    def rebuilt(self, reports: Sequence[Report]) -> None:
        """Whether a rebuild from the first event gives the rows that are there."""
        self.title("Projections rebuilt from position 0, compared row by row with the live ones")
        for report in reports:
            verdict = (
                click.style("equal", fg="green") if report.equal else click.style("DIFFERENT", fg="red", bold=True)
            )
            self.say(f"  {report.name:10} {report.rows:>6} rows  {verdict}")
            for one in report.differences:
                self.say(f"    only in the {one.only} {one.table}: {history.as_text(one.row)}")

    def summary(self, figures: Mapping[str, Any]) -> None:
        """The figures at the end: the answer of the demo."""
        lines = [f"  {label:34}{_figure(figures[name]):>8}" for name, label in LABELS.items()]
        text = "\n".join(["", click.style("Summary", bold=True), *lines])
        if self._session.json:
            self.say(text)
        self._session.answer(figures, text)


def _coloured(counts: Mapping[str, int]) -> Text:
    parts = [
        Text(f"{status} {counts[status]}", COLOURS.get(status, "")) for status in DocumentStatus if counts.get(status)
    ]
    return Text("  ") + Text("  ").join(parts)


def _figure(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "NO"
    return f"{value:.1f}" if isinstance(value, float) else str(value)
