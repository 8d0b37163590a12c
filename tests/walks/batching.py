"""Batches moved on to where they have to wait, or to their end."""

from __future__ import annotations

from eventflow.app import Eventflow
from eventflow.model.batch import Batch


def moved(app: Eventflow, batch: Batch) -> Batch:
    """The batch after everything that can be done for it now was done, without a worker."""
    app.projections.catch_up()
    while app.batches.move([batch.id]):
        pass
    return app.batches.get(batch.id)


def ended(app: Eventflow, batch: Batch) -> Batch:
    """The batch after workers and steps in turn, until neither has anything to do."""
    last = -1
    while app.log.last_position() != last:
        last = app.log.last_position()
        batch = moved(app, batch)
        app.drain()
    return batch
