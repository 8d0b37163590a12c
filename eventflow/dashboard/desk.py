"""What a page is given to answer with: the application, who asks and for what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import quote, urlencode

from starlette.requests import Request

from eventflow.app import Eventflow
from eventflow.dashboard.access import VIEW, Access, Person
from eventflow.dashboard.mounting import below
from eventflow.errors import BadInput, NotAllowed
from eventflow.views.looks import Looks

ROWS = 25
"""Rows of a list on one page."""

DIGITS = 18
"""Digits of the largest number that is taken for one."""


@dataclass(frozen=True, slots=True)
class Page:
    """What a page shows: a template, and the values it is drawn with; programs are given the values alone."""

    template: str
    title: str
    values: Mapping[str, Any] = field(default_factory=dict)
    status: int = 200


@dataclass(frozen=True, slots=True)
class Done:
    """What came of an action: a sentence, and where to look next (a path of the dashboard)."""

    message: str
    path: str


@dataclass(frozen=True, slots=True)
class Desk:
    """One request, for whoever answers it."""

    app: Eventflow
    looks: Looks
    access: Access
    person: Person
    request: Request
    form: Mapping[str, Sequence[str]] = field(default_factory=dict)

    @property
    def now(self) -> datetime:
        """The present time."""
        return self.app.clock()

    @property
    def root(self) -> str:
        """Where the dashboard is mounted."""
        return str(self.request.scope.get("root_path", "")).rstrip("/")

    @property
    def path(self) -> str:
        """The page that is asked for, below where the dashboard is mounted."""
        return below(self.request.scope) or "/"

    def url(self, *parts: object, **query: object) -> str:
        """The address of a page of the dashboard: ``url("items", id, at=7)``; what is None is left out."""
        path = "".join(f"/{quote(str(part), safe=':')}" for part in parts) or "/"
        asked = urlencode({name: value for name, value in query.items() if value not in (None, "")})
        return f"{self.root}{path}" + (f"?{asked}" if asked else "")

    def here(self, **query: object) -> str:
        """The address of this page with other words behind the question mark; the rest of them stays."""
        asked = {**dict(self.request.query_params), **query}
        kept = urlencode({name: value for name, value in asked.items() if value not in (None, "")})
        return f"{self.root}{quote(self.path, safe='/:')}" + (f"?{kept}" if kept else "")

    def asked(self, name: str, usual: str = "") -> str:
        """A word behind the question mark."""
        return self.request.query_params.get(name, usual)

    def asked_number(self, name: str, usual: int, *, least: int = 0, most: int = 1000) -> int:
        """A number behind the question mark. Raises ``BadInput`` for what is none, or none of these."""
        said = self.asked(name, str(usual))
        if not said.isdecimal() or len(said) > DIGITS or not least <= int(said) <= most:
            raise BadInput(f'"{said}" is no {name}: wanted is a number from {least} to {most}.')
        return int(said)

    def said(self, name: str) -> str | None:
        """A field of the form that was sent, or nothing when it was left empty."""
        return (self.form.get(name) or [""])[-1].strip() or None

    def chosen(self, name: str) -> list[str]:
        """Every value that a field of the form was sent with: the rows that were ticked."""
        return list(self.form.get(name, ()))

    # -- who asks --------------------------------------------------------------------------------

    @property
    def actor(self) -> str | None:
        """Under which name the log has what this person does."""
        return self.person.name

    @property
    def scope(self) -> str:
        """The filter that lists are narrowed to for this person."""
        return self.access.scope(self.person)

    def narrowed(self, where: str) -> str:
        """A filter, within what this person sees."""
        return f"{self.scope} {where}".strip()

    def may(self, action: str, resource: str | None = None) -> bool:
        """Whether this person may do this (with this category, channel, key)."""
        allowed = self.app.people.may_view if action == VIEW else self.app.people.may_manage
        return self.access.may(self.person, action, resource) and allowed(self.actor)

    def check(self, action: str, resource: str | None = None) -> None:
        """Raise ``NotAllowed`` if this person may not do this."""
        if not self.may(action, resource):
            raise NotAllowed(f"{action} of {resource}" if resource else action)

    def check_all(self) -> None:
        """Raise ``NotAllowed`` for who sees a part of the items only: this is about all of them."""
        if self.scope:
            raise NotAllowed("A page about the whole log, for who sees a part of it,")

    def redacted(self, body: dict[str, Any]) -> dict[str, Any]:
        """A body as this person may see it."""
        return self.access.redact(self.person, body)
