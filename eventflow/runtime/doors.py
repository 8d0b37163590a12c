"""Who may begin in which channel: the doors of channels, and what shuts them.

A door is shut in quiet hours, and after a fatal error where the channel says so; then nothing is claimed, and what is
due waits in the log's own table of work. Behind the door there are so many places. What is under way when a door is
shut goes on: to the end of its step in quiet hours, to the end of its claim after an error.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from eventflow.model.channel import Channel, Fatal
from eventflow.model.process.events import Restarted
from eventflow.model.process.run import CATEGORY, Route
from eventflow.model.process.status import RunStatus
from eventflow.model.recorded import Header
from eventflow.model.routine import Routine
from eventflow.runtime.job import Job
from eventflow.runtime.turns import AT_LAST
from eventflow.store.log import Log
from eventflow.store.work import Work

FATAL = frozenset((RunStatus.ERROR, RunStatus.EXCEPTION))

Known = Callable[[Sequence[str]], tuple[int, Iterable[Fatal]]]
"""What the read side knows of some channels: up to which position of the log, and the fatal errors there."""


class Hold(NamedTuple):
    """What keeps a run from beginning, and when it is worth another look."""

    due: datetime
    what: str


class Fatalities:
    """The runs that have stopped for good in some channels, as the log has it at each moment. Changes as it is read.

    Begins with what the read side knows and follows the log from there: that the read side is behind holds nobody up,
    and lets nobody slip through.
    """

    def __init__(self, log: Log, channels: Iterable[str], known: Known) -> None:
        self._log, self._channels, self._known = log, tuple(channels), known
        self._position: int | None = None
        self._fatal: dict[UUID, Fatal] = {}
        self._reading = threading.Lock()

    def of(self, channel: str) -> list[Fatal]:
        """Those of a channel. Raises ``Unavailable``."""
        with self._reading:
            self._follow()
            return [one for one in self._fatal.values() if one.channel == channel and not one.is_item]

    def _follow(self) -> None:
        if self._position is None:
            self._position, known = self._known(self._channels)
            self._fatal = {one.run: one for one in known}
        while headers := self._log.tail(self._position):
            for header in headers:
                self._heed(header)
            self._position = headers[-1].position

    def _heed(self, header: Header) -> None:
        if header.category != CATEGORY:
            return
        if header.status not in FATAL:
            self._fatal.pop(header.stream, None)
        elif header.phase is not None and (route := Route.of(header.reaction)).channel in self._channels:
            self._fatal[header.stream] = Fatal(header.stream, route.process, route.channel, header.error)


class Doors:
    """The doors of an application's channels."""

    def __init__(
        self,
        channels: Mapping[str, Channel],
        *,
        log: Log,
        work: Work,
        known: Known,
        clock: Callable[[], datetime],
    ) -> None:
        self._channels, self._log, self._work, self._clock = channels, log, work, clock
        self._locking = [name for name, one in channels.items() if one.lockdown is not None]
        self._fatalities = Fatalities(log, self._locking, known)

    def __bool__(self) -> bool:
        """Whether any channel asks anything of those who come."""
        return any(one.is_guarded for one in self._channels.values())

    def guards(self, routine: Routine) -> bool:
        """Whether runs have to ask here before they begin."""
        channel = self._channels.get(routine.channel)
        return channel is not None and channel.is_guarded

    def quiet(self, channel: str) -> datetime | None:
        """When the quiet hours end that a channel has now, if it has."""
        hours = self._channels[channel].quiet_hours if channel in self._channels else None
        return None if hours is None else hours.ends(self._clock())

    def places(self, job: Job, routine: Routine) -> int | None:
        """How many runs may be at work at once where this one wants to begin, if there is a number.

        None for a run that somebody has just restarted by force: it goes in beside the others.
        """
        most = self._channels[routine.channel].max_concurrency
        return None if most is not None and self._restarted(job, by_force=True) else most

    def shut(self, job: Job, routine: Routine) -> Hold | None:
        """What shuts the door for this run now, if anything does. Raises ``Unavailable``."""
        end = self.quiet(routine.channel)
        if end is not None:
            return Hold(end, f"quiet {routine.channel}")
        channel = self._channels[routine.channel]
        if channel.lockdown is None:
            return None
        held = channel.stopped_by(job.stream, routine.definition.name, self._fatalities.of(routine.channel))
        if held is None or self._restarted(job):
            return None
        return Hold(self._clock() + AT_LAST, _lockdown(routine.channel))

    def fatal(self, channel: str) -> list[Fatal]:
        """The fatal errors of a channel with a lockdown; of another one nobody keeps account here."""
        return self._fatalities.of(channel) if channel in self._locking else []

    def follow(self, headers: Iterable[Header]) -> None:
        """Something has happened: where a fatal error was seen to, those that waited for that come again."""
        mended = {
            Route.of(header.reaction).channel
            for header in headers
            if header.category == CATEGORY and header.previous in FATAL and header.status not in FATAL
        }
        for channel in mended.intersection(self._locking):
            self.open(channel)

    def open(self, channel: str) -> None:
        """Let those come again that waited for somebody to see to an error."""
        self._work.wake_all(_lockdown(channel), self._clock())

    def _restarted(self, job: Job, *, by_force: bool = False) -> bool:
        """Whether it is a person's restart that the run is to go on by."""
        if job.version == 1:
            return False
        last = self._log.at(job.position)
        if last is None or last.header.name != f"{CATEGORY}:{Restarted.event_name}":
            return False
        return not by_force or bool(getattr(last.event, "forced", False))


def _lockdown(channel: str) -> str:
    return f"lockdown {channel}"
