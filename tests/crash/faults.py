"""Places in the product where a program of these tests can be made to kill itself, as with SIGKILL from outside."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from functools import wraps
from itertools import count
from typing import Any

from eventflow.model.recorded import Phase
from eventflow.runtime.network import Network
from eventflow.runtime.repository import Repository
from eventflow.runtime.runner import Runner
from eventflow.store.log import Log
from eventflow.store.work import Work
from tests.walks.library import Status

Call = Callable[..., Any]
Condition = Callable[[Any], bool]


def install(fault: str, nth: int) -> None:
    """From now on, this process dies the ``nth`` time it comes to the place with this name."""
    FAULTS[fault](nth)


def die() -> None:
    """End as a killed process ends: at once, without a word."""
    os.kill(os.getpid(), signal.SIGKILL)


def _before(owner: type, method: str, *, when: Condition = lambda arguments: True) -> Callable[[int], None]:
    def act(call: Call, due: Call, *args: Any, **options: Any) -> Any:
        if when(args) and due():
            die()
        return call(*args, **options)

    return _wrapped(owner, method, act)


def _during(owner: type, method: str, *, when: Condition) -> Callable[[int], None]:
    def act(call: Call, due: Call, *args: Any, **options: Any) -> Any:
        if when(args) and due():
            threading.Thread(target=die).start()
        return call(*args, **options)

    return _wrapped(owner, method, act)


def _after(owner: type, method: str, *, when: Condition = lambda result: True) -> Callable[[int], None]:
    def act(call: Call, due: Call, *args: Any, **options: Any) -> Any:
        result = call(*args, **options)
        if when(result) and due():
            die()
        return result

    return _wrapped(owner, method, act)


def _wrapped(owner: type, method: str, act: Call) -> Callable[[int], None]:
    def install(nth: int) -> None:
        call, calls = getattr(owner, method), count(1)

        @wraps(call)
        def wrapped(*args: Any, **options: Any) -> Any:
            return act(call, lambda: next(calls) == nth, *args, **options)

        setattr(owner, method, wrapped)

    return install


def _records(status: Status) -> Condition:
    return lambda arguments: any(draft.status == status for one, _ in arguments[1] for draft in one.pending)


def _recorded(status: Status) -> Condition:
    return lambda headers: any(header.status == status and header.phase == Phase.ANNOUNCED for header in headers)


FAULTS: dict[str, Callable[[int], None]] = {
    "after the append, before the relay saw it": _after(Log, "tail", when=bool),
    "after the message, before the checkpoint": _before(Work, "move"),
    "after the delivery, before the claim": _before(Runner, "run"),
    "after the claim, before the work": _after(
        Repository, "save_each", when=lambda headers: any(header.phase == Phase.CLAIMED for header in headers)
    ),
    "after the request was recorded, before it was sent": _before(Network, "send"),
    "after the answer, before it was recorded": _after(Network, "send"),
    "after the work, before the record": _before(Repository, "save_each", when=_records(Status.WRITTEN)),
    "during the record": _during(Repository, "save_each", when=_records(Status.WRITTEN)),
    "after the record, before anybody heard of it": _after(Repository, "save_each", when=_recorded(Status.COMPLETE)),
}
