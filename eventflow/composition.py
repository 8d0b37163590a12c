"""What has been said of an application, before anything is made of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from eventflow.errors import Misconfigured
from eventflow.model.aggregate import Aggregate
from eventflow.model.callback import CallbackReaction, Calling
from eventflow.model.channel import Channel
from eventflow.model.channel import problems as channel_problems
from eventflow.model.command import Listed
from eventflow.model.command import problems as command_problems
from eventflow.model.composition import callbacks_of, check, composed
from eventflow.model.flows.rules import problems as rule_problems
from eventflow.model.flows.tasks import FlowTask
from eventflow.model.flows.tasks import problems as task_problems
from eventflow.model.handlers import AnyReaction
from eventflow.model.limits import Limit
from eventflow.model.limits import problems as limit_problems
from eventflow.model.people import People
from eventflow.model.probe import Probe
from eventflow.model.probe import problems as probe_problems
from eventflow.model.process.definition import problems as process_problems
from eventflow.model.process.definition import stray_channels
from eventflow.model.process.process import Process
from eventflow.model.reaction import Reaction
from eventflow.model.works import Works, strays, works_by
from eventflow.picking.definition import FlowDefinition
from eventflow.runtime.incidents import Notifier
from eventflow.runtime.telemetry import Listener
from eventflow.runtime.ticks import Tick
from eventflow_projections import Projection


@dataclass(frozen=True, kw_only=True)
class Composition:
    """What the arguments of ``Eventflow`` say, beside its engines."""

    aggregates: Sequence[type[Aggregate[Any]]]
    reactions: Sequence[AnyReaction]
    projections: Sequence[Projection] | None
    ticks: Sequence[Tick]
    limits: Sequence[Limit]
    probes: Sequence[Probe[Any]]
    callbacks: Sequence[Calling]
    commands: Sequence[Listed]
    notifiers: Sequence[Notifier]
    people: People
    channels: Sequence[Channel]
    flows: Sequence[FlowDefinition]
    flow_tasks: Sequence[FlowTask[Any]]
    processes: Sequence[type[Process]]
    listeners: Sequence[Listener]

    @cached_property
    def known(self) -> list[Reaction[Any, Any]]:
        """The reactions, however they were written."""
        return composed(self.reactions)

    @cached_property
    def calls(self) -> list[CallbackReaction[Any, Any]]:
        """The callbacks, however they were written."""
        return callbacks_of(self.callbacks)

    @cached_property
    def works(self) -> Works:
        """What is done with the subjects of a flow."""
        return works_by(self.aggregates, self.known, self.calls)

    def check(self) -> None:
        """Raises ``Misconfigured`` with every problem at once."""
        problems = [
            *check(self.known, self.aggregates, self.calls),
            *probe_problems(self.probes, self.aggregates),
            *limit_problems(self.limits),
            *rule_problems(self.aggregates),
            *task_problems(self.flow_tasks, self.aggregates),
            *command_problems(self.commands),
            *channel_problems(self.channels),
            *process_problems(self.processes, self.aggregates),
            *stray_channels(self.processes, self.channels),
        ]
        # Where the rest does not fit together yet there is no telling what is done with whom.
        problems = problems or [*strays(self.flows, self.works)]
        if problems:
            raise Misconfigured(*problems)
