"""What somebody does to runs that have stopped, or shall: to one of them, to some, or to very many as a batch.

::

    app.steer_where("process:release status:error", Deed.goto("announce"), reason="it was typeset by hand")
"""

from __future__ import annotations

from math import inf
from typing import Literal, Self

from pydantic import BaseModel, model_validator

from eventflow.errors import Refused

Verb = Literal["restart", "goto", "skip", "abandon", "migrate"]

PAST: dict[Verb, str] = {
    "restart": "brought back",
    "goto": "moved on",
    "skip": "changed",
    "abandon": "abandoned",
    "migrate": "migrated",
}
"""What was done to a run, for people."""

AMOUNTS: dict[Verb, tuple[int, float, str]] = {
    "restart": (0, 1, "one step at most"),
    "goto": (1, 1, "one step"),
    "skip": (1, inf, "steps"),
    "abandon": (0, 0, "no step"),
    "migrate": (0, 0, "no step"),
}
"""About how many steps each is: at least, at most, and in words."""


class Deed(BaseModel, frozen=True, extra="forbid"):
    """One of the things that can be done to a run, as data: made by ``Deed.restart()``, ``Deed.abandon()`` and so on.

    ``steps`` are those that it is about, ``force`` says that it is done whatever the status of the run. Raises
    ``Refused`` for too many steps, or too few.
    """

    verb: Verb = "restart"
    steps: tuple[str, ...] = ()
    force: bool = False

    @model_validator(mode="after")
    def _is_about_steps(self) -> Self:
        least, most, wanted = AMOUNTS[self.verb]
        if not least <= len(self.steps) <= most:
            raise Refused(f"To {self.verb} a run is about {wanted}, not about {', '.join(self.steps) or 'none'}.")
        return self

    @classmethod
    def restart(cls, step: str | None = None, *, force: bool = False) -> Self:
        """Go on at the step that failed, or from another one on, with a fresh budget of attempts."""
        return cls(verb="restart", steps=() if step is None else (step,), force=force)

    @classmethod
    def goto(cls, step: str, *, force: bool = False) -> Self:
        """Go on at a later step; what lies between is passed over."""
        return cls(verb="goto", steps=(step,), force=force)

    @classmethod
    def skip(cls, *steps: str) -> Self:
        """Pass over these steps when their turn comes."""
        return cls(verb="skip", steps=steps)

    @classmethod
    def abandon(cls) -> Self:
        """Give it up for good."""
        return cls(verb="abandon")

    @classmethod
    def migrate(cls) -> Self:
        """Bring it to the present version of its process."""
        return cls(verb="migrate")

    @property
    def is_about_failures(self) -> bool:
        """Whether it is done to what has failed, and not to whatever is there."""
        return self.verb == "restart" and not self.force

    @property
    def step(self) -> str | None:
        """The step that it is about, if it is about one."""
        return self.steps[0] if self.steps else None

    @property
    def past(self) -> str:
        """What was done, for people.

        >>> Deed.skip("print").past
        'changed'
        """
        return PAST[self.verb]


BRING_BACK = Deed()
"""What is done to whatever has failed, unless something else is said."""
