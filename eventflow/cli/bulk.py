"""What commands have in common that do the same to one, to some, or as a batch to very many."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from functools import wraps
from typing import Any, Protocol

import click

from eventflow.app import Eventflow
from eventflow.cli import batches
from eventflow.cli.exits import Code
from eventflow.cli.output import Session, pass_session
from eventflow.model.batch import Batch
from eventflow.views.batches import document


class Numbers(click.ParamType[tuple[int, ...]]):
    """Numbers above zero between commas."""

    name = "n,n,…"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, ...]:
        """The numbers; ``Any``, since click hands over texts and what was converted before."""
        if isinstance(value, tuple):
            return value
        parts = str(value).split(",")
        if not all(part.strip().isdecimal() and int(part) > 0 for part in parts):
            self.fail(f'"{value}" is no list of numbers such as 1,10,100.', param, ctx)
        return tuple(map(int, parts))


class Rate(click.ParamType[float]):
    """How many in a second: ``50``, ``50/s``, ``600/m``, ``3600/h``."""

    name = "n/s"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """So many in a second; ``Any``, since click hands over texts and what was converted before."""
        found = re.fullmatch(r"(\d+(?:\.\d+)?)(?:/([smh]))?", str(value).strip())
        if not found or float(found[1]) <= 0:
            self.fail(f'"{value}" is no rate such as 50/s, 600/m or 3600/h.', param, ctx)
        return float(found[1]) / {"s": 1, "m": 60, "h": 3600}[found[2] or "s"]


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What a command is about: ``ids``, or at most ``limit`` of those that pass ``where``; and how it is done."""

    ids: Sequence[Any] = ()
    where: str | None
    limit: int | None
    batch: bool
    canary: tuple[int, ...] | None
    rate: float | None
    reason: str | None
    dry_run: bool
    yes: bool
    wait: bool

    @property
    def is_batch(self) -> bool:
        """Whether it is to be an operation of its own."""
        return self.batch or self.canary is not None or self.rate is not None

    @property
    def passing(self) -> str:
        """The filter, if that is how it is said; nothing passes none."""
        return self.where or ""

    def about(self, ids: Sequence[Any]) -> Wish:
        """The same of these."""
        return replace(self, ids=ids)

    def check(self) -> None:
        """Raises a usage error for what is said twice, or not at all."""
        if bool(self.ids) == (self.where is not None):
            raise click.UsageError("Say which ones: either ids, or --where FILTER.")
        if self.ids and self.limit is not None:
            raise click.UsageError("--limit goes with --where.")
        if self.ids and self.is_batch:
            raise click.UsageError("A batch is said by --where FILTER.")
        if self.where is not None and not self.where.strip():
            raise click.UsageError("An empty filter means everything. Say what you mean.")

    def is_agreed(self, verb: str, amount: int, what: str) -> bool:
        """Whether that shall be done to so many: nobody is asked of what was named, nor when nothing is done."""
        if self.where is None or self.dry_run or self.yes or not amount:
            return True
        if not sys.stdin.isatty():
            raise click.UsageError(
                f"{amount} {what} pass {self.where!r}. Nobody can be asked here: say --yes, or --dry-run."
            )
        return click.confirm(f"{verb.capitalize()} {amount} {what}?", err=True)


class Countable(Protocol):
    """A part of the read side that can be chosen from."""

    def count(self, where: str, *, at_most: int) -> int:
        """How many pass."""


OPTIONS = (
    click.option("--where", metavar="FILTER", help='Those that pass: "status:error age<1d".'),
    click.option("--limit", type=click.IntRange(1), help="At most so many of those that pass, the oldest first."),
    click.option("--batch", is_flag=True, help="As an operation of its own, which workers do: for very many."),
    click.option("--canary", type=Numbers(), help="A batch: groups that go ahead, such as 1,10,100."),
    click.option("--rate", type=Rate(), help="A batch: at most so many in a second (50/s), a minute or an hour."),
    click.option("--reason", metavar="TEXT", help="Why; it is recorded with who did it."),
    click.option("--dry-run", is_flag=True, help="Say what would be done."),
    click.option("--yes", is_flag=True, help="Do not ask."),
)
stay_option = click.option("--wait", is_flag=True, help="Stay until the batch has ended, and help.")


def wished(command: Callable[..., Code]) -> Callable[..., Code]:
    """Give a command the options of a wish, and as its second argument the ``Wish`` that they come to.

    Below the other options; ``--wait`` and the ids are the command's own, as they differ.
    """

    @wraps(command)
    def gathered(session: Session, /, **said: Any) -> Code:
        own = {one.name: said.pop(one.name) for one in fields(Wish) if one.name in said}
        return command(session, Wish(**own), **said)

    told: Callable[..., Code] = pass_session(gathered)
    for option in reversed(OPTIONS):
        told = option(told)
    return told


def as_batch(
    session: Session,
    app: Eventflow,
    wish: Wish,
    *,
    verb: str,
    what: str,
    among: Countable,
    begin: Callable[[], Batch],
) -> Code:
    """Begin a batch, if that is wanted, and leave it to the workers or stay with it."""
    total = among.count(wish.passing, at_most=sys.maxsize)
    total = total if wish.limit is None else min(total, wish.limit)
    if wish.dry_run:
        session.answer({"total": total, "dry_run": True}, f"Would {verb} {total}.")
        return Code.OK
    if not wish.is_agreed(verb, total, what):
        session.hint("Nothing was done.")
        return Code.SOME_FAILED
    begun = begin()
    if wish.wait:
        return batches.drive(session, app, begun.id)
    session.answer(document(app, begun), f"batch {begun.id} has begun, over {begun.total} {what}.")
    session.hint(f"Workers move it on. How far it is: eventflow batches show {begun.id}")
    return Code.OK
