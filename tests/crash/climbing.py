"""A process that raises a share as fast as it can, until it is killed: ``python -m tests.crash.climbing URL``."""

from __future__ import annotations

import sys
from datetime import timedelta

from eventflow.app import Eventflow
from eventflow.model.flows.ramp import Ascent
from eventflow.settings import Settings
from tests.walks.flow_words import Order, a_flow

OFTEN = timedelta(microseconds=1)


def opened(url: str) -> Eventflow:
    """The application that the share belongs to."""
    return Eventflow(Settings(database=url, broker="embedded://"), aggregates=[Order])


def begin(url: str) -> None:
    """A flow for nobody, on its way to everybody by two percent at a time."""
    with opened(url) as app:
        app.flows.create(a_flow(rollout_pct=0))
        app.flows.rollout("order@1", to=100, by=2, every=OFTEN)


def climb(url: str) -> None:
    """Go on until it is where it was to go; a line for each step."""
    with opened(url) as app:
        while (ramp := app.flows.ramps.get("order@1")) is not None and ramp.status is Ascent.RUNNING:
            app.projections.catch_up()
            app.flows.ramps.step()
            sys.stdout.write(f"{ramp.at}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    climb(sys.argv[1])
