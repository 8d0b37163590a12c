"""A projection that raises: the work is done all the same, and whoever waits for the projection is told."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from datetime import timedelta

import pytest

from eventflow.errors import ProjectionStopped
from eventflow.model.recorded import Header
from eventflow.store.port import Dialect, Transaction
from eventflow_projections import standard
from eventflow_projections.projection import Projection, Tables
from tests.walks.conftest import MakeApp
from tests.walks.library import Document, Status, write


class Readers(Projection):
    """Raises at the first event that has no reader, unless it is told how to do without."""

    name = "readers"
    tables = ("readers",)

    def __init__(self, *, content: bool) -> None:
        self._content = content

    def statements(self, dialect: Dialect) -> Mapping[str, str]:
        return {"create": "CREATE TABLE {readers} (name text PRIMARY KEY)"}

    def apply(self, batch: Sequence[Header], transaction: Transaction, tables: Tables) -> None:
        if not self._content:
            raise LookupError("nobody reads this")


def test_a_drain_does_the_work_and_names_the_projection_that_cannot_follow(
    make_app: MakeApp, caplog: pytest.LogCaptureFixture
) -> None:
    app = make_app(aggregates=[Document], reactions=[write], projections=[*standard(), Readers(content=False)])
    document = Document.create(title="Whales")
    end = app.save(document)

    with (
        caplog.at_level(logging.ERROR, "eventflow.projections"),
        pytest.raises(
            ProjectionStopped, match=r"readers stands at 0 of \d+ .* LookupError: nobody reads this\. "
        ) as told,
    ):
        app.drain()

    assert isinstance(told.value.__cause__, LookupError)
    assert (told.value.projection, told.value.position) == ("readers", 0)
    assert app.get(Document, document.id).status is Status.WRITTEN
    assert {one.name for one in app.projections.status() if one.position > end} >= {"current", "metrics"}
    assert "nobody reads this" in caplog.text
    with pytest.raises(ProjectionStopped, match="nobody reads this"):
        app.is_idle()


def test_what_stopped_a_projection_once_does_not_stop_the_program_that_can_do_better(make_app: MakeApp) -> None:
    app = make_app(aggregates=[Document], reactions=[write], projections=[Readers(content=False)])
    app.save(Document.create(title="Whales"))
    with pytest.raises(ProjectionStopped):
        app.drain()

    better = make_app(aggregates=[Document], reactions=[write], projections=[Readers(content=True)])
    better.drain(timeout=timedelta(seconds=30))

    assert better.is_idle()
