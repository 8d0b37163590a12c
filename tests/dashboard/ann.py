"""Ann, who may do some things and sees a part."""

from __future__ import annotations

from typing import Any

from eventflow.dashboard import VIEW, Access, Person


class Ann(Access):
    """Lets Ann in, who sees a part or may do a part."""

    def __init__(self, *allowed: tuple[str, str | None], part: str = "") -> None:
        self._allowed, self._part = allowed, part

    def authenticate(self, request: Any) -> Person:
        """Ann, always."""
        return Person("ann")

    def may(self, person: Person, action: str, resource: str | None = None) -> bool:
        """Look, and these things; everything when none is named."""
        return action == VIEW or not self._allowed or (action, resource) in self._allowed

    def scope(self, person: Person) -> str:
        """This part."""
        return self._part
