"""The read side: tables that follow the log, and typed questions to them."""

from eventflow_projections.comparison import Difference, Report
from eventflow_projections.current import Current as _Current
from eventflow_projections.history import History as _History
from eventflow_projections.lingering import Lingering
from eventflow_projections.metrics import Metrics as _Metrics
from eventflow_projections.pages import Page
from eventflow_projections.projection import Projection, Reading, Tables
from eventflow_projections.queries import Count, Entry, ErrorGroup, History, Item, Items, Lingerers, Metrics
from eventflow_projections.run_queries import Badge, RunCount, RunDay, Runs, RunTotal
from eventflow_projections.runner import ProjectionRunner, Projections, Status
from eventflow_projections.runs import Running, RunRow
from eventflow_projections.stories import Step, Stories, Story
from eventflow_projections.where import Where

__all__ = [
    "Badge",
    "Count",
    "Difference",
    "Entry",
    "ErrorGroup",
    "History",
    "Item",
    "Items",
    "Lingerers",
    "Lingering",
    "Metrics",
    "Page",
    "Projection",
    "ProjectionRunner",
    "Projections",
    "Reading",
    "Report",
    "RunCount",
    "RunDay",
    "RunRow",
    "RunTotal",
    "Running",
    "Runs",
    "Status",
    "Step",
    "Stories",
    "Story",
    "Tables",
    "Where",
    "standard",
]


def standard() -> tuple[Projection, ...]:
    """The projections that the queries of this package read: current, history, metrics."""
    return _Current(), _History(), _Metrics()
