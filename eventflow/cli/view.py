"""What commands look at: the log and its read side, through an application or with a database alone.

Headers and the read side mean the same to every program. Bodies are read in the words of an application; without one
they are shown as they were packed. Looking changes nothing: no database is made, no table is added.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, cast
from urllib.parse import unquote, urlsplit
from uuid import UUID

import click

from eventflow.app import Eventflow
from eventflow.cli import application
from eventflow.cli.output import Session
from eventflow.errors import NotFound
from eventflow.model.event import Event
from eventflow.model.masking import Masker
from eventflow.model.vocabulary import Vocabulary
from eventflow.store import figures, schema
from eventflow.store.archive.reader import open_archive
from eventflow.store.codec import Codec
from eventflow.store.database import Database, connect
from eventflow.store.keyring import open_keyring
from eventflow.store.log import Log, open_log
from eventflow.store.objects import open_objects
from eventflow_projections import Items, Projections, Runs, Stories, standard


class Verbatim(Event, extra="allow"):
    """A body as it was packed, whatever event it is of."""

    @classmethod
    def revive(cls, data: Mapping[str, Any], version: int) -> Self:  # noqa: ARG003 - it is of no version
        """The fields, without a look at what they should be."""
        return cast("Self", cls.model_construct(None, **data))

    def event_body(self) -> dict[str, Any]:
        """The fields."""
        return dict(self.__pydantic_extra__ or {})


class AnyWord(Vocabulary):
    """A vocabulary that takes every event for what it is."""

    def resolve(self, name: str) -> type[Event]:  # noqa: ARG002 - all are alike
        """``Verbatim``."""
        return Verbatim


@dataclass(frozen=True)
class View:
    """A log, what keeps it, and the application if there is one."""

    database: Database
    log: Log
    projections: Projections
    app: Eventflow | None = None

    @property
    def items(self) -> Items:
        """The items. Raises ``NotFound`` when no projection keeps them."""
        if not figures.has_table(self.database, "items"):
            raise NotFound("Nothing keeps the items of this log. Make it so: eventflow projections rebuild current")
        return self.app.items if self.app else Items(self.database)

    @property
    def runs(self) -> Runs:
        """The runs of processes. Raises ``NotFound`` when no projection keeps them."""
        if not figures.has_table(self.database, "runs"):
            raise NotFound(
                "Nothing keeps runs of processes here: no application with processes has worked on this log."
            )
        return self.app.runs if self.app else Runs(self.database)

    @property
    def stories(self) -> Stories:
        """The stories. Raises ``NotFound`` when no projection keeps them."""
        if not figures.has_table(self.database, "stories"):
            raise NotFound("Nothing keeps the stories of this log. Make it so: eventflow projections rebuild history")
        return Stories(self.database, self.log)

    def behind(self) -> int:
        """How many positions the items are behind the log."""
        return max((one.lag for one in self.projections.status() if one.name == "current"), default=0)

    def stream(self, id: str) -> UUID:
        """The stream that an id or its beginning means. Raises ``NotFound``, and a usage error for what is no id."""
        try:
            return UUID(id)
        except ValueError:
            return self._beginning_with(id)

    def _beginning_with(self, id: str) -> UUID:
        if len(id) < 4 or set(id.lower()) - set("0123456789abcdef-"):
            raise click.BadParameter(f'"{id}" is neither a UUID nor the beginning of one (four digits or more).')
        found = self.items.page(f"id:{id}*", limit=2).rows
        if not found:
            raise NotFound(f"There is no item whose id begins with {id}.")
        if len(found) > 1:
            raise click.BadParameter(f"Several ids begin with {id}: {found[0].id}, {found[1].id}, …")
        return found[0].id


@contextmanager
def opened(session: Session) -> Iterator[View]:
    """What the command line asks to look at, until the block ends.

    ``--app`` is asked first. A ``--database`` without it is looked at alone, and without either whatever application
    there is. Raises ``NotFound`` when there is no log, ``Unavailable``, and ``Misconfigured``.
    """
    if session.app or (session.database is None and application.is_named(session)):
        with application.application(session) as app:
            yield View(app.database, app.log, app.projections, app)
    else:
        with database_of(session) as database:
            if not schema.status(database).present:
                raise NotFound(f"There is no log in {_shown(session)}.")
            schema.prepare(database)
            log = bare_log(session, database)
            yield View(database, log, Projections(database, log, standard()))


def bare_log(session: Session, database: Database) -> Log:
    """The log in a database, whatever its words; bodies that left it are where the settings keep objects."""
    url = application.settings(session).objects.get_secret_value()
    codec = Codec()
    archive = open_archive(database, lambda: open_objects(url), codec)
    said = application.settings(session).master_key
    keyring = open_keyring(database, said.get_secret_value() if said else None)
    return open_log(database, AnyWord({}, {}, {}), codec=codec, archive=archive, keyring=keyring)


def database_of(session: Session) -> Database:
    """The database as it is, whatever its schema. Raises ``NotFound`` instead of making a file that is not there."""
    url = application.settings(session).database.get_secret_value()
    if is_missing(url):
        raise NotFound(f"There is no database {_shown(session)}. Say which one: --database URL, or EVENTFLOW_DATABASE.")
    return connect(url)


def is_missing(url: str) -> bool:
    """Whether this is the address of a file that is not there."""
    parts = urlsplit(url)
    path = unquote(parts.path.removeprefix("/"))
    return parts.scheme == "sqlite" and bool(path) and not Path(path).exists()


def tell_lag(session: Session, view: View) -> None:
    """Say so when the items are behind the log, lest somebody take them for the present."""
    behind = view.behind()
    if behind:
        session.hint(f"The items are {behind} events behind the log; a running worker keeps them up to it.")


def _shown(session: Session) -> str:
    return Masker().url(application.settings(session).database.get_secret_value())
