"""Group commit inside one process: many threads append, one commit serves them all.

There is no thread of its own and no waiting for company. Whoever finds no leader leads: it takes everything
that stands in the queue, writes it with one statement and hands the lead to the first that queued up meanwhile.
Alone it costs next to nothing; under load the batches grow with the time a commit takes.

Exceptions may be raised into a thread at any moment (time limits, shutdown). Therefore a turn stays in the
queue until it is settled, who leads is plain data, and a follower that has waited long looks whether its leader
is still at work; if not, it leads itself.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from copy import copy
from threading import Lock, get_ident
from types import CodeType
from typing import Generic, TypeVar

from eventflow.errors import Unavailable

W = TypeVar("W")
R = TypeVar("R")

PATIENCE = 0.5
"""Seconds a follower waits before it looks after its leader."""


STINTS = 4
"""How many batches one caller writes at most before somebody else has to lead."""

CROWD = 3
"""How many must be waiting for the leader to go on: waking another one costs more than a short batch."""


class _Turn(Generic[W, R]):
    """One caller's place in the queue. Changes once, when it is settled."""

    __slots__ = ("abandoned", "error", "result", "settled", "thread", "wake", "weight", "work")

    def __init__(self, work: W, weight: int) -> None:
        self.work, self.weight, self.thread = work, weight, get_ident()
        self.result: R | None = None
        self.error: Exception | None = None
        self.settled = self.abandoned = False
        self.wake = Lock()
        self.wake.acquire()


class Coalescer(Generic[W, R]):
    """Lets one caller write for many. Holds the queue and who leads.

    ``write`` gets the works of a batch and returns their results in that order, all or nothing. If it raises
    anything but ``Unavailable``, the batch is written again one by one, so that each caller gets its own outcome.
    """

    def __init__(self, write: Callable[[Sequence[W]], Sequence[R]], limit: int) -> None:
        self._write, self._limit = write, limit
        self._mutex = Lock()
        self._queue: list[_Turn[W, R]] = []
        self._leader: _Turn[W, R] | None = None

    def submit(self, work: W, weight: int) -> R:
        """The result of writing ``work``, alone or in company; ``weight`` counts against the limit of a batch."""
        turn: _Turn[W, R] = _Turn(work, weight)
        try:
            self._enter(turn)
            while not turn.settled:
                if self._leader is turn:
                    self._lead(turn)
                elif not turn.wake.acquire(timeout=PATIENCE):
                    self._look_after_the_leader(turn)
        finally:
            if self._leader is turn or not turn.settled:
                self._leave(turn)
        if turn.error is not None:
            raise turn.error
        return turn.result  # type: ignore[return-value]  # a settled turn without an error has a result

    def _enter(self, turn: _Turn[W, R]) -> None:
        with self._mutex:
            self._queue.append(turn)
            if self._leader is None:
                self._leader = turn

    def _lead(self, turn: _Turn[W, R]) -> None:
        stints = STINTS
        while self._leader is turn:
            stints -= 1
            batch = self._batch()
            if len(batch) > 1:
                self._write_together(batch)
            else:
                for one in batch:
                    self._write_alone(one)
            self._settle(batch, turn if stints else None)

    def _batch(self) -> list[_Turn[W, R]]:
        batch: list[_Turn[W, R]] = []
        weight = 0
        with self._mutex:
            for turn in self._queue:
                if turn.abandoned:
                    continue
                weight += turn.weight
                if batch and weight > self._limit:
                    break
                batch.append(turn)
        return batch

    def _write_together(self, batch: list[_Turn[W, R]]) -> None:
        try:
            results = self._write([turn.work for turn in batch])
        except Unavailable as error:
            for turn in batch:
                # Each thread raises an error of its own: a traceback cannot be shared.
                turn.error = copy(error)
        except Exception:  # noqa: BLE001 - whatever it is, each caller shall get its own
            for turn in batch:
                self._write_alone(turn)
        else:
            for turn, result in zip(batch, results, strict=True):
                turn.result = result

    def _write_alone(self, turn: _Turn[W, R]) -> None:
        try:
            (turn.result,) = self._write((turn.work,))
        except Exception as error:  # noqa: BLE001 - handed to the caller it belongs to
            turn.error = error

    def _settle(self, batch: list[_Turn[W, R]], leader: _Turn[W, R] | None) -> None:
        with self._mutex:
            for turn in batch:
                turn.settled = True
            heir = self._hand_over(leader)
        # The next leader first: the server shall not wait until everybody has been told.
        if heir is not None:
            _wake(heir)
        for turn in batch:
            _wake(turn)

    def _hand_over(self, leader: _Turn[W, R] | None = None) -> _Turn[W, R] | None:
        self._queue = [turn for turn in self._queue if not (turn.settled or turn.abandoned)]
        if leader is not None and len(self._queue) >= CROWD:
            return None
        self._leader = self._queue[0] if self._queue else None
        return self._leader

    def _leave(self, turn: _Turn[W, R]) -> None:
        heir = None
        with self._mutex:
            turn.abandoned = True
            if self._leader is turn:
                heir = self._hand_over()
        if heir is not None:
            _wake(heir)

    def _look_after_the_leader(self, turn: _Turn[W, R]) -> None:
        with self._mutex:
            if not turn.settled and (self._leader is None or _has_left(self._leader)):
                self._queue = [one for one in self._queue if not (one.settled or one.abandoned)]
                self._leader = turn


def _wake(turn: _Turn[W, R]) -> None:
    try:
        turn.wake.release()
    except RuntimeError:
        # It was awake already: a leader wakes nobody in particular when it settles its own turn.
        return


def _has_left(leader: _Turn[W, R]) -> bool:
    """Whether the thread of ``leader`` is no longer inside ``submit`` on behalf of that turn."""
    return leader.thread == get_ident() or not _runs(leader.thread, Coalescer.submit.__code__)


def _runs(thread: int, code: CodeType) -> bool:
    frame = sys._current_frames().get(thread)
    while frame is not None and frame.f_code is not code:
        frame = frame.f_back
    return frame is not None
