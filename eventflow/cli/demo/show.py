"""What the demo puts on the screen: a live bar on a terminal, plain lines everywhere else."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from eventflow_projections import ErrorGroup, Report
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from eventflow.model.aggregate import Aggregate
from eventflow.model.recorded import Recorded

ENDED = ("complete", "error")
PLAIN_EVERY = 2.0


class Counts:
    """The counts of a run as they change. Changes with every update."""

    def __init__(self, show: Show, items: int, bar: tuple[Progress, TaskID] | None) -> None:
        self._show, self._items, self._bar = show, items, bar
        self._began = self._said = time.monotonic()
        self._first: int | None = None

    def update(self, counts: dict[str, int]) -> None:
        """Show these counts."""
        ended = sum(counts.get(one, 0) for one in ENDED)
        if self._first is None:
            self._first = ended
        rate = (ended - self._first) / max(time.monotonic() - self._began, 0.001)
        text = "  ".join(f"{status} {count}" for status, count in sorted(counts.items()))
        if self._bar is not None:
            progress, task = self._bar
            progress.update(task, completed=ended, counts=f"{text}  {rate:.0f}/s")
        elif time.monotonic() - self._said > PLAIN_EVERY or ended == self._items:
            self._said = time.monotonic()
            self._show.say(f"  {ended}/{self._items} ended  {text}  {rate:.0f}/s")


class Show:
    """Talks to people; with ``--json`` on standard error, so that standard output is the summary alone."""

    def __init__(self, *, json_output: bool = False, no_color: bool = False) -> None:
        self.console = Console(stderr=json_output, no_color=no_color or None, highlight=False)

    def say(self, text: str) -> None:
        """A line of text."""
        self.console.print(text, markup=False, soft_wrap=True)

    def title(self, text: str) -> None:
        """The head of a chapter."""
        self.console.print(f"\n{text}", style="bold", markup=False)

    @contextmanager
    def progress(self, items: int) -> Iterator[Counts]:
        """Live progress of a run over so many items."""
        if not self.console.is_terminal:
            yield Counts(self, items, None)
            return
        columns = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[counts]}"), TimeElapsedColumn())
        with Progress(*columns, console=self.console) as progress:
            yield Counts(self, items, (progress, progress.add_task("documents", total=items, counts="")))

    def failures(self, groups: Sequence[ErrorGroup]) -> None:
        """What failed, by the kind of error."""
        self.title("What failed")
        if not groups:
            self.say("Nothing.")
            return
        table = Table("documents", "error", "an example")
        for group in groups:
            table.add_row(str(group.count), group.text, str(group.example))
        self.console.print(table)

    def history(self, document: Aggregate[Any], recorded: Sequence[Recorded]) -> None:
        """Everything that happened to one document, its conversation included."""
        self.title(f"One of them: {getattr(document, 'path', document.id)}")
        for one in recorded:
            header = one.header
            told = f"{header.name.partition(':')[2]} → {header.status}"
            attempt = f"  (attempt {header.attempt})" if header.attempt else ""
            self.say(f"  v{header.version:<3} {header.recorded_at:%H:%M:%S.%f}  {told}{attempt}")
            for line in _details(one):
                self.say(f"         {line}")

    def rebuilt(self, reports: Sequence[Report]) -> None:
        """Whether a rebuild from the first event gives the rows that are there."""
        self.title("Rebuilt from position 0 and compared row by row")
        for report in reports:
            verdict = "equal" if report.equal else f"DIFFERENT: {report.differences}"
            self.say(f"  {report.name:10} {report.rows} rows  {verdict}")

    def summary(self, figures: dict[str, Any]) -> None:
        """The figures at the end."""
        self.title("Summary")
        for name, value in figures.items():
            self.say(f"  {name.replace('_', ' '):30} {value}")


def _details(recorded: Recorded) -> Iterator[str]:
    kind = recorded.header.kind
    if kind not in ("request", "response"):
        if recorded.header.error:
            yield recorded.header.error
        return
    event: Any = recorded.event
    yield f"{event.method} {event.url}" if kind == "request" else f"HTTP {event.status}"
    shown = ("authorization", "idempotency-key", "content-type")
    yield from (f"{name}: {value}" for name, value in event.headers.items() if name.lower() in shown)
    if event.body:
        yield json.dumps(event.body)[1:-1].replace('\\"', '"')[:160]
