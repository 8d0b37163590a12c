"""Channels: runs of processes kept apart, each with its own workers, its own pace and its own quiet.

::

    app = Eventflow(
        ...,
        processes=[Release, Import],
        channels=[
            Channel("imports", "Imports from the shops", max_concurrency=1, lockdown="channel"),
            Channel("nightly", quiet_hours=QuietHours("23:50", "00:00", tz="Europe/Berlin")),
        ],
    )

A run whose start names none goes through the channel ``default``, which is there without being said. What a channel
says is the program's word, not the log's: a change of it counts for the next step of every run.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, get_args
from uuid import UUID

from eventflow.errors import Misconfigured
from eventflow.model.quiet import QuietHours

DEFAULT = "default"
"""The channel of runs whose start names none."""

Lockdown = Literal["channel", "process"]
"""What is held after a fatal error: everything else in the channel, or the other runs of the same process in it."""


class Fatal(NamedTuple):
    """A run that has stopped with a fatal error and waits for a person."""

    run: UUID
    process: str
    channel: str
    error: str | None = None

    @property
    def is_item(self) -> bool:
        """Whether it is an item of a step: what follows from its error is for the run to say that it is a part of.

        >>> Fatal(UUID(int=1), "release.print_page", "default").is_item
        True
        """
        return "." in self.process


@dataclass(frozen=True, slots=True)
class Channel:
    """A channel by its name, with the ``title`` that people see.

    ``max_concurrency`` is how many of its runs are worked on at the same moment, in all workers together; without it,
    as many as there are workers' threads. ``lockdown`` is what a fatal error holds until somebody has seen to it:
    ``"channel"``, ``"process"``, or nothing. In its ``quiet_hours`` no step begins. Raises ``Misconfigured``, with all
    that is wrong.
    """

    name: str = DEFAULT
    title: str | None = None
    max_concurrency: int | None = None
    lockdown: Lockdown | None = None
    quiet_hours: QuietHours | None = None

    def __post_init__(self) -> None:
        found = [f"Channel({self.name!r}): {problem}" for problem in self._problems()]
        if found:
            raise Misconfigured(*found)

    @property
    def called(self) -> str:
        """What people see: the title, else the name."""
        return self.title or self.name

    @property
    def is_guarded(self) -> bool:
        """Whether anything may keep a run from beginning here."""
        return self.max_concurrency is not None or self.lockdown is not None or self.quiet_hours is not None

    def stopped_by(self, run: UUID, process: str, fatal: Iterable[Fatal]) -> Fatal | None:
        """Whose fatal error holds this run; nothing when it may begin. Its own holds none."""
        return next((one for one in fatal if one.run != run and self._concerns(process, one)), None)

    def _concerns(self, process: str, fatal: Fatal) -> bool:
        if fatal.channel != self.name or self.lockdown is None:
            return False
        return self.lockdown == "channel" or fatal.process == process

    def _problems(self) -> Iterator[str]:
        if not is_name(self.name):
            yield 'a name is wanted of at most 60 small letters, digits and "_-", as in "imports".'
        if not _is_title(self.title):
            yield f"title={self.title!r}: a text for people is wanted, or None."
        if self.max_concurrency is not None and not _is_positive(self.max_concurrency):
            yield f"max_concurrency={self.max_concurrency!r}: at least one is needed, or None for no limit."
        if self.lockdown is not None and self.lockdown not in get_args(Lockdown):
            yield f'lockdown={self.lockdown!r}: wanted is "channel", "process" or None.'
        if not _is_quiet(self.quiet_hours):
            yield f'quiet_hours={self.quiet_hours!r}: wanted is QuietHours("23:50", "00:00", tz="Europe/Berlin").'


def is_name(name: object) -> bool:
    """Whether a channel can be called so.

    >>> is_name("imports"), is_name("Imports from the shops")
    (True, False)
    """
    return isinstance(name, str) and re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,59}", name) is not None


def channels_of(channels: Sequence[Channel]) -> Mapping[str, Channel]:
    """The channels by their names, with the default one among them.

    >>> [*channels_of([Channel("imports")])]
    ['default', 'imports']
    """
    return {DEFAULT: Channel(), **{one.name: one for one in channels}}


def problems(channels: Sequence[Any]) -> Iterator[str]:
    """What is wrong with an application's channels, each with what to do about it."""
    seen = set()
    for one in channels:
        if not isinstance(one, Channel):
            yield f'{one!r} is no channel. Write Channel("imports", ...).'
            continue
        if one.name in seen:
            yield f'There are two channels "{one.name}". Keep one.'
        seen.add(one.name)


def _is_positive(number: object) -> bool:
    return isinstance(number, int) and not isinstance(number, bool) and number > 0


def _is_title(said: object) -> bool:
    return said is None or (isinstance(said, str) and bool(said.strip()))


def _is_quiet(said: object) -> bool:
    return said is None or isinstance(said, QuietHours)
