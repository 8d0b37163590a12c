"""Who people are, and what they may do: known to the application that eventflow is a part of, and asked of it here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from eventflow.errors import NotAllowed


def _itself(actor: str) -> str | None:
    return actor


def _everybody(actor: str | None) -> bool:  # noqa: ARG001 - whoever it is
    return True


@dataclass(frozen=True, kw_only=True)
class People:
    """What an application knows of those who work with it.

    ``name_of`` gives the name of an actor as it is shown to others, or nothing when it knows none; without it actors
    are shown as they are recorded. ``may_view`` and ``may_manage`` say who may look and who may change; everybody,
    unless something else is said.
    """

    name_of: Callable[[str], str | None] = _itself
    may_view: Callable[[str | None], bool] = _everybody
    may_manage: Callable[[str | None], bool] = _everybody

    def shown(self, actor: str | None) -> str | None:
        """The name of an actor.

        >>> People(name_of={"7": "Ann"}.get).shown("7"), People(name_of={"7": "Ann"}.get).shown("8")
        ('Ann', '8')
        """
        return None if actor is None else self.name_of(actor) or actor

    def check_view(self, what: str, actor: str | None) -> None:
        """Raise ``NotAllowed`` if this one may not look."""
        if not self.may_view(actor):
            raise NotAllowed(what)

    def check_manage(self, what: str, actor: str | None) -> None:
        """Raise ``NotAllowed`` if this one may not change anything."""
        if not self.may_manage(actor):
            raise NotAllowed(what)


ANYBODY = People()
