"""The hours of a day in which nothing begins.

They are what a clock on a wall of that place shows, summer and winter. When the clock goes back, the hours that come
twice are quiet both times, and those between them too; what the clock skips is not there to be quiet.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from eventflow.errors import Misconfigured, did_you_mean

_DAY = timedelta(days=1)
_SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class QuietHours:
    """From ``start`` until ``end`` of every day (``"HH:MM"``), as clocks show it in the time zone ``tz``.

    ``start`` is quiet, ``end`` is not any more. An end that is not after the start is that of the next day:
    ``QuietHours("23:50", "00:00")`` are the last ten minutes. Raises ``Misconfigured``, with all that is wrong.
    """

    start: str
    end: str
    tz: str = "UTC"

    def __post_init__(self) -> None:
        problems = [*self._problems()]
        if problems:
            raise Misconfigured(*problems)

    def ends(self, now: datetime) -> datetime | None:
        """When the quiet hours end that this moment is in (UTC); nothing when it is in none.

        >>> QuietHours("23:50", "00:00", tz="Europe/Berlin").ends(datetime(2026, 7, 1, 21, 55, tzinfo=UTC))
        datetime.datetime(2026, 7, 1, 22, 0, tzinfo=datetime.timezone.utc)
        """
        end = self._end(now)
        while end is not None and (later := self._end(end)) is not None:
            end = later  # a clock that went back has brought the next ones into these
        return end

    def __str__(self) -> str:
        return f"{self.start}-{self.end} {self.tz}"

    def _end(self, now: datetime) -> datetime | None:
        return next((end for start, end in self._around(now) if start <= now < end), None)

    def _around(self, now: datetime) -> Iterator[tuple[datetime, datetime]]:
        """The quiet hours that began today, and the day before."""
        zone, start, end = ZoneInfo(self.tz), _time(self.start), _time(self.end)
        today = now.astimezone(zone).date()
        for day in (today, today - _DAY):
            last = day if end > start else day + _DAY
            yield _first(day, start, zone), _last(last, end, zone)

    def _problems(self) -> Iterator[str]:
        for name in ("start", "end"):
            said = getattr(self, name)
            if not _is_time(said):
                yield f'QuietHours({name}={said!r}): a time such as "23:50" is wanted.'
        if self.start == self.end:
            yield f'QuietHours("{self.start}", "{self.end}") would be no time at all, or all of it.'
        if not _is_zone(self.tz):
            near = did_you_mean(str(self.tz), sorted(available_timezones()))
            yield f'QuietHours(tz={self.tz!r}): a time zone such as "Europe/Berlin" is wanted.{near}'


def _is_time(said: object) -> bool:
    return isinstance(said, str) and re.fullmatch(r"([01][0-9]|2[0-3]):[0-5][0-9]", said, re.ASCII) is not None


def _is_zone(name: object) -> bool:
    try:
        return isinstance(name, str) and bool(ZoneInfo(name))
    except (ZoneInfoNotFoundError, ValueError, OSError):  # also what is a path, or a folder of zones
        return False


def _time(said: str) -> time:
    return time.fromisoformat(said)


def _first(day: date, at: time, zone: ZoneInfo) -> datetime:
    """The first moment at which a clock there shows this time; if it skips it, the moment at which it does."""
    early, late = _readings(day, at, zone)
    return early if early <= late else _change(late, early, zone)


def _last(day: date, at: time, zone: ZoneInfo) -> datetime:
    """The last moment at which a clock there shows this time; if it skips it, the moment at which it does."""
    early, late = _readings(day, at, zone)
    return late if early <= late else _change(late, early, zone)


def _readings(day: date, at: time, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """The time by the clock before a change, and after it. Only of a time that is skipped the first is the later."""
    wall = datetime.combine(day, at, zone)
    return wall.astimezone(UTC), wall.replace(fold=1).astimezone(UTC)


def _change(before: datetime, after: datetime, zone: ZoneInfo) -> datetime:
    """The moment between these two at which the clock there is put forward, to the second."""
    offset = before.astimezone(zone).utcoffset()
    low, high = 0, int((after - before).total_seconds())
    while high - low > 1:
        middle = (low + high) // 2
        is_before = (before + middle * _SECOND).astimezone(zone).utcoffset() == offset
        low, high = (middle, high) if is_before else (low, middle)
    return before + high * _SECOND
