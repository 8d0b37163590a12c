"""What is done again and again, each thing in its rhythm: one at a time for each log."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from eventflow.errors import NotFound, did_you_mean
from eventflow.model.masking import Masker
from eventflow.model.recorded import Context
from eventflow.model.telling import told, traced
from eventflow.runtime.switches import TICK, Switches
from eventflow.store.ticks import Run, Runs

log = logging.getLogger("eventflow.ticks")

SELDOM = 10.0
"""Seconds after which a run with nothing to do is kept anew: most runs have nothing to do."""

SCHEDULER = Context(actor="scheduler")
"""Who does what ticks do, where that is recorded."""

EARLY = 0.1
"""The part of its rhythm by which a tick may come early: a caller that is punctual is never sent away."""


@dataclass(frozen=True, kw_only=True)
class Tick:
    """Something to be done every so often: ``run`` does it, quickly, and returns how much there was to do.

    An ``eager`` one is run again at once while there was something to do. What it does must be safe to be done twice:
    a leader may be killed before it could say that it was done.
    """

    name: str
    every: timedelta
    run: Callable[[], int | None]
    purpose: str = ""
    eager: bool = False


class Ticks:
    """Runs ticks when it is their time, unless they are paused; one that was triggered, at once.

    Its caller holds the leadership and calls ``step`` often. The rhythm goes by the clock of the machine that is never
    set; the last run of each is kept, so that the next leader goes on in the same rhythm. A tick that raises is told
    of and comes again at its time.
    """

    def __init__(
        self,
        ticks: Sequence[Tick],
        *,
        runs: Runs,
        switches: Switches,
        clock: Callable[[], datetime],
        masker: Masker,
        host: str,
    ) -> None:
        self._ticks = {one.name: one for one in ticks}
        self._runs, self._switches, self._clock, self._masker, self._host = runs, switches, clock, masker, host
        self._last: dict[str, Run] = {}
        self._next: dict[str, float] = {}
        self._kept: dict[str, float] = {}

    def all(self) -> list[Tick]:
        """The ticks, in the order in which they were given."""
        return list(self._ticks.values())

    def get(self, name: str) -> Tick:
        """One of them. Raises ``NotFound``."""
        if name not in self._ticks:
            raise NotFound(f'There is no tick "{name}".{did_you_mean(name, list(self._ticks))}')
        return self._ticks[name]

    def start(self) -> None:
        """Take over: go on in the rhythm of whoever led before; what never ran is due."""
        if not self._ticks:
            return
        self._last = self._runs.all()
        now, present = time.monotonic(), self._clock()
        for tick in self._ticks.values():
            last = self._last.get(tick.name)
            is_done = last is not None and not (tick.eager and last.done)
            rest = tick.every - (present - last.began_at) if last is not None and is_done else timedelta(0)
            self._next[tick.name] = now + min(max(rest, timedelta(0)), tick.every).total_seconds()

    def step(self) -> int:
        """Run what is due; returns how much there was to do."""
        return sum(run.done for run in self.run_due())

    def run_due(self) -> list[Run]:
        """Run what is due, and say what came of each."""
        return [self.run(name) for name in self.due()]

    def due(self) -> list[str]:
        """The names of those that are to be run now."""
        return [tick.name for tick in self._ticks.values() if self._is_wanted(tick)]

    def run(self, name: str) -> Run:
        """Run one now, due or not, and keep what came of it. Raises ``NotFound``, ``Unavailable``."""
        tick = self.get(name)
        heeded, began_at, began = self._switches.wanted(TICK, name), self._clock(), time.monotonic()
        done, error = self._try(tick)
        took = time.monotonic() - began
        self._next[name] = began + (0.0 if tick.eager and done else tick.every.total_seconds())
        last = self._last.get(name)
        run = Run(
            name=name,
            every=tick.every,
            began_at=began_at,
            took=timedelta(seconds=took),
            done=done,
            error=error,
            failures=0 if error is None else 1 + (last.failures if last else 0),
            heeded=max(heeded, last.heeded if last else 0),
            host=self._host,
        )
        self._keep(run, last)
        return run

    def _is_wanted(self, tick: Tick) -> bool:
        last = self._last.get(tick.name)
        if self._switches.wanted(TICK, tick.name) > (last.heeded if last else 0):
            return True
        early = tick.every.total_seconds() * EARLY
        is_time = time.monotonic() >= self._next.get(tick.name, 0.0) - early
        return is_time and not self._switches.is_paused(TICK, tick.name)

    def _try(self, tick: Tick) -> tuple[int, str | None]:
        try:
            return int(tick.run() or 0), None
        except Exception as error:  # noqa: BLE001
            # A tick may be user code; one that fails must not keep the others from their time.
            trace = traced(error, self._masker)
            log.error("The tick %s failed and comes again at its time.\n%s", tick.name, trace)
            return 0, told(error, self._masker)

    def _keep(self, run: Run, last: Run | None) -> None:
        self._last[run.name] = run
        now, nothing_new = time.monotonic(), last is not None and last[5:] == run[5:] and not run.done
        if not nothing_new or now >= self._kept.get(run.name, 0.0) + SELDOM:
            self._kept[run.name] = now
            self._runs.put(run)
