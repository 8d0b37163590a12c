"""A printing house: books are released, sold and bound in runs, and commands keep it in order."""

from __future__ import annotations

from datetime import timedelta
from typing import Self

from eventflow import Channel, Process, QuietHours, Retry, Signal, Spacer, command, step
from eventflow.model.command import Listed
from eventflow.model.process.fan import Each

missing: set[str] = set()
"""What there is none of at the moment; tests give it back."""


class Release(Process, name="release", title="Release of a document", channel="books", retry=Retry(attempts=1)):
    """Typeset, print, announce."""

    title: str
    pages: int = 0
    note: str = "<script>alert('hello')</script>"

    @step
    def typeset(self) -> Self:
        """Count its pages."""
        return self.learn(pages=len(self.title))

    @step(title="Print it")
    def print_it(self) -> None:
        """What is broken cannot be printed."""
        if self.title.startswith("broken"):
            raise ValueError(f"{self.title} falls apart")

    @step
    def announce(self) -> None:
        """Tell everybody."""


class Ink(Process, name="ink", retry=Retry(attempts=3, after=timedelta(hours=1))):
    """One step that fails again and again."""

    @step
    def fetch(self) -> None:
        """There is none."""
        raise LookupError("no ink")


class Sell(Process, name="sell"):
    """Waits for somebody who wants it."""

    @step(awaits=Signal("sold"))
    def hand_over(self) -> None:
        """Give it away."""


class Bind(Process, name="bind", retry=Retry(attempts=1)):
    """Each sheet by itself."""

    sheets: tuple[str, ...]
    sizes: tuple[int | None, ...] = ()

    @step(over=Each("sheets", failing="some", into="sizes"))
    def sew(self, sheet: str) -> int:
        """Those that are torn cannot be sewn."""
        if sheet == "torn":
            raise ValueError("a torn sheet")
        return len(sheet)

    @step
    def press(self) -> None:
        """Under the press with it."""


@command("import-invoices", params=("north", "south"), title="Invoices")
def import_invoices(param: str) -> str:
    """Import what the bank of a region has, if there is one."""
    if param in missing:
        raise ValueError(f"<b>the bank of the {param}</b> is away & <script>alert('hello')</script>silent")
    return f"{param}: 3 invoices"


@command("sweep", every=timedelta(hours=1), title="Sweep the floor")
def sweep() -> None:
    """Nothing is left of it."""


PROCESSES: list[type[Process]] = [Release, Ink, Sell, Bind]
COMMANDS: list[Listed] = [import_invoices, Spacer(), sweep]
CHANNELS = [
    Channel("books", "The bindery", max_concurrency=4, lockdown="process"),
    Channel("night", "By night", quiet_hours=QuietHours("00:00", "23:59")),
]
