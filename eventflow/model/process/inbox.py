"""What was said to a run: kept until a step takes it, each thing once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import sha256
from json import dumps
from typing import Any

from pydantic import BaseModel


class Letter(BaseModel, frozen=True):
    """Something that was said to a run: by which ``name``, and known by which ``key`` when it comes again.

    ``taken`` is the step that has it; ``stale`` says that this step was begun anew since.
    """

    key: str
    name: str
    data: Any = None
    taken: str | None = None
    stale: bool = False


def key_of(name: str, data: Any) -> str:
    """What makes a signal the same one when it comes again, unless its sender says so: all of it.

    >>> key_of("approved", {"by": "Ada", "on": 3}) == key_of("approved", {"on": 3, "by": "Ada"})
    True
    >>> key_of("approved", {"by": "Ada"}) == key_of("refused", {"by": "Ada"})
    False
    """
    return sha256(dumps([name, data], sort_keys=True, default=str).encode()).hexdigest()[:32]


def letter_for(letters: Sequence[Letter], step: str, name: str) -> Letter | None:
    """What a step is given that waits for this name, if it is there.

    What it has taken before stays its own, however often it is retried. A step that somebody restarted takes a newer
    one if there is one, else the one it had.

    >>> early, late = (Letter(key=key, name="approved") for key in "ab")
    >>> letter_for([early, late], "approve", "approved").key
    'a'
    """
    named = [one for one in letters if one.name == name]
    own = [one for one in named if one.taken == step]
    fresh = [one for one in own if not one.stale]
    free = [one for one in named if one.taken is None]
    return next(iter((*fresh[-1:], *free, *own[-1:])), None)


def took(letters: Iterable[Letter], step: str, key: str) -> tuple[Letter, ...]:
    """The letters once a step has taken one."""
    return tuple(one.model_copy(update={"taken": step, "stale": False}) if one.key == key else one for one in letters)


def staled(letters: Iterable[Letter], steps: Iterable[str]) -> tuple[Letter, ...]:
    """The letters once these steps are begun anew."""
    anew = set(steps)
    return tuple(one.model_copy(update={"stale": True}) if one.taken in anew else one for one in letters)
