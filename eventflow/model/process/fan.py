"""A step that is done once for each of several items, and then gathers what came of them.

::

    class Release(Process, name="release", version=1):
        pages: tuple[str, ...] = ()
        sizes: tuple[int | None, ...] = ()

        @step(over=Each("pages", at_once=4, failing="some", into="sizes"))
        def print_page(self, page: str) -> int: ...

Each item is a run of its own, which is worked on wherever there is room, has the retries of the step, and is shown and
restarted like any other. What an item came to is recorded once: nothing computes it again, whoever is killed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, get_args

from pydantic import BaseModel

from eventflow.model.process.awaiting import is_said
from eventflow.model.process.kin import Kin

Policy = Literal["all", "some", "fast"]
"""What follows when items fail: all have their turn and the step fails then; the step gathers what there is; the step
fails with the first that does, and what goes on of the others is abandoned."""


class Fan(BaseModel, frozen=True):
    """The items of a step, as they were when its turn came."""

    step: str
    items: tuple[Any, ...]


@dataclass(frozen=True)
class Each:
    """How a step is done for each item: ``over`` is the field that holds them, or a function of the process.

    ``at_once`` is how many are under way at the same moment, ``failing`` what follows when some fail, ``at_least`` how
    many have to succeed when ``failing="some"``. What they came to goes, in the order of the items, ``into`` a field
    (``None`` for what failed), or is given to the method that ``gather`` names as ``Gathered``.
    """

    over: str | Callable[[Any], Sequence[Any]]
    at_once: int = field(default=8, kw_only=True)
    failing: Policy = field(default="all", kw_only=True)
    at_least: int = field(default=1, kw_only=True)
    into: str | None = field(default=None, kw_only=True)
    gather: str | None = field(default=None, kw_only=True)

    def items(self, process: Any) -> tuple[Any, ...]:
        """What there is to be done, of the process as it is now."""
        found = getattr(process, self.over) if isinstance(self.over, str) else self.over(process)
        return tuple(found)

    def problems(self) -> Iterator[str]:
        """What is wrong with it."""
        if not is_said(self.over):
            yield f"over={self.over!r}: wanted is the name of a field that holds the items, or a function."
        if not _is_positive(self.at_once):
            yield f"at_once={self.at_once!r}: at least one item has to be under way."
        if self.failing not in get_args(Policy):
            yield f"failing={self.failing!r}: wanted is {' or '.join(map(repr, get_args(Policy)))}."
        if not (type(self.at_least) is int and self.at_least >= 0):
            yield f"at_least={self.at_least!r} is no number of items."
        if self.into is not None and self.gather is not None:
            yield "the results go either into= a field or to the method that gather= names: say one of them."


class Failure(NamedTuple):
    """An item that failed: its place, and why."""

    item: int
    error: str


@dataclass(frozen=True, slots=True)
class Gathered:
    """What the items came to, in their order: ``None`` of those that failed, of which ``failures`` tells."""

    results: tuple[Any, ...]
    failures: tuple[Failure, ...] = ()


class Course(NamedTuple):
    """How a step over items goes on.

    ``begin`` are the items that begin now. Once it ``is_over`` nothing more begins: ``stop`` are the runs that nobody
    waits for then, and ``has_failed`` says that it did not come to what was wanted.
    """

    begin: tuple[int, ...] = ()
    is_over: bool = False
    has_failed: bool = False
    stop: tuple[Kin, ...] = ()


def course(each: Each, items: int, kin: Sequence[Kin]) -> Course:
    """How a step over so many items goes on, of which these runs are known.

    >>> course(Each("pages", at_once=2), 3, [])
    Course(begin=(0, 1), is_over=False, has_failed=False, stop=())
    """
    known = {one.index: one for one in kin}
    failed = [one for one in kin if one.has_failed]
    under_way = tuple(one for one in kin if one.is_open)
    if failed and each.failing == "fast":
        return Course((), is_over=True, has_failed=True, stop=under_way)
    waiting = [at for at in range(items) if at not in known or known[at].again]
    if waiting or under_way:
        return Course(tuple(waiting[: max(0, each.at_once - len(under_way))]))
    wanted = items if each.failing == "all" else min(items, each.at_least)
    return Course((), is_over=True, has_failed=items - len(failed) < wanted)


def gathered(items: int, kin: Sequence[Kin]) -> Gathered:
    """What the items came to."""
    known = {one.index: one for one in kin}
    results = tuple(None if known[at].has_failed else known[at].result for at in range(items))
    return Gathered(results, failures_of(kin))


def failures_of(kin: Sequence[Kin]) -> tuple[Failure, ...]:
    """Which items failed, and why."""
    failed = [one for one in kin if one.has_failed and one.index is not None]
    return tuple(Failure(one.index or 0, one.error or str(one.status)) for one in sorted(failed, key=_place))


def _place(kin: Kin) -> int:
    return kin.index or 0


def in_words(items: int, failures: Sequence[Failure]) -> str:
    """What failed, for people.

    >>> in_words(3, [Failure(1, "OSError: no paper")])
    '1 of 3 items failed; item 1 with OSError: no paper'
    """
    first = failures[0]
    return f"{len(failures)} of {items} items failed; item {first.item} with {first.error}"


def _is_positive(number: object) -> bool:
    return type(number) is int and number > 0
