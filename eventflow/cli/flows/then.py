"""What is asked of the definitions in a log, as they are or were, in place of those in a file."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

import click

from eventflow.cli.application import application
from eventflow.cli.flows.files import document_in
from eventflow.cli.output import Session
from eventflow.picking.catalogue import Catalogue, Pick
from eventflow.picking.explanation import Explanation
from eventflow.picking.query import FlowQuery
from eventflow.picking.reading import query_of, subject_of


class Then(NamedTuple):
    """A question about the definitions of a log."""

    catalogue: Catalogue
    query: FlowQuery
    subject: Any
    now: datetime

    def pick(self) -> Pick:
        """What is picked. Raises ``FlowNotFound`` for a forced flow that cannot be had."""
        return self.catalogue.pick(self.query, self.subject, self.now)

    def explain(self) -> Explanation:
        """Why."""
        return self.catalogue.explain(self.query, self.subject, self.now)


def then(
    session: Session,
    query: Path | None,
    subject: Path | None,
    now: datetime | None,
    at: int | datetime | None,
    item: UUID | None,
) -> Then:
    """The question: about the subject in a file or an item of the log, by the query in a file or the item's own."""
    if (subject is None) == (item is None):
        raise click.UsageError("Say --subject FILE or --item ID; and --definitions FILE if it is not about the log.")
    if query is None and item is None:
        raise click.UsageError("--query must be given, unless an --item has its own.")
    with application(session) as app:
        document = None if item is None else app.find(item)
        asked = query_of(document_in(query), "query") if query else app.flows.query_for(document)
        about = document if subject is None else subject_of(document_in(subject), "subject")
        return Then(app.flows.shelf(at).catalogue, asked, about, now or app.flows.moment(at))


def why(session: Session, item: UUID) -> Explanation:
    """Why an item got its flow when it began."""
    with application(session) as app:
        return app.flows.why(item)
