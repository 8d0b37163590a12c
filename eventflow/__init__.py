"""Event-sourced workflows: one append-only log, and everything that is done with it.

What applications use is here; each name is imported when it is first asked for, so that looking at a part costs no
more than that part.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from eventflow.__about__ import __version__
from eventflow.lazily import door

if TYPE_CHECKING:
    from eventflow.app import Eventflow
    from eventflow.model.aggregate import Aggregate, folds
    from eventflow.model.callback import Callback, callback
    from eventflow.model.channel import Channel
    from eventflow.model.command import Spacer, command
    from eventflow.model.event import Event, upcast
    from eventflow.model.exchange import AsyncExchange, Exchange, Request, Response, Timeout, play, replies
    from eventflow.model.flows.flow import Flow
    from eventflow.model.flows.moves import TransitionResult
    from eventflow.model.flows.tasks import FlowTask, Move, Verdict, action, allow, deny, restriction, validation
    from eventflow.model.handlers import AsyncEndpoint, AsyncTask, Endpoint, Task
    from eventflow.model.incident import Incident
    from eventflow.model.incoming import Incoming
    from eventflow.model.limits import CircuitBreaker, Concurrency, RateLimit
    from eventflow.model.masking import Masker
    from eventflow.model.multipart import File
    from eventflow.model.people import People
    from eventflow.model.probe import Probe
    from eventflow.model.process.awaiting import Child, Ended, Moment, RunEnd, Signal
    from eventflow.model.process.deed import Deed
    from eventflow.model.process.endings import Abandon, RetryLater, Skip
    from eventflow.model.process.fan import Each, Gathered
    from eventflow.model.process.process import Process, migration
    from eventflow.model.process.run import Run
    from eventflow.model.process.status import RunStatus
    from eventflow.model.process.step import Done, Step, StepTask, calls, step
    from eventflow.model.quiet import QuietHours
    from eventflow.model.reaction import endpoint, task
    from eventflow.model.reception import Receipt
    from eventflow.model.recorded import Header, Kind, Recorded
    from eventflow.model.rendering import as_curl, as_message
    from eventflow.model.retry import Retry
    from eventflow.model.signature import HMACSignature
    from eventflow.model.status import Look, NumberedStatusEnum, StatusEnum, label_of
    from eventflow.model.transition import transition
    from eventflow.model.vocabulary import Vocabulary
    from eventflow.model.wait import Wait
    from eventflow.model.webhook import webhook
    from eventflow.picking.builder import FlowPickerBuilder
    from eventflow.picking.query import FlowQuery
    from eventflow.runtime.attempt import cancelled
    from eventflow.runtime.commands.commands import Passing
    from eventflow.runtime.commands.holding import Held
    from eventflow.runtime.incidents import Notifier
    from eventflow.runtime.notifiers import Mail, Server, Webhook
    from eventflow.runtime.processes.current import current_step
    from eventflow.runtime.processes.notes import note
    from eventflow.runtime.ticks import Tick
    from eventflow.runtime.tracing import traced
    from eventflow.settings import Settings

_HOMES = {
    "Abandon": "eventflow.model.process.endings",
    "Aggregate": "eventflow.model.aggregate",
    "AsyncEndpoint": "eventflow.model.handlers",
    "AsyncExchange": "eventflow.model.exchange",
    "AsyncTask": "eventflow.model.handlers",
    "Callback": "eventflow.model.callback",
    "Channel": "eventflow.model.channel",
    "Child": "eventflow.model.process.awaiting",
    "CircuitBreaker": "eventflow.model.limits",
    "Concurrency": "eventflow.model.limits",
    "Deed": "eventflow.model.process.deed",
    "Done": "eventflow.model.process.step",
    "Each": "eventflow.model.process.fan",
    "Ended": "eventflow.model.process.awaiting",
    "Endpoint": "eventflow.model.handlers",
    "Event": "eventflow.model.event",
    "Eventflow": "eventflow.app",
    "Exchange": "eventflow.model.exchange",
    "File": "eventflow.model.multipart",
    "Flow": "eventflow.model.flows.flow",
    "FlowPickerBuilder": "eventflow.picking.builder",
    "FlowQuery": "eventflow.picking.query",
    "FlowTask": "eventflow.model.flows.tasks",
    "Gathered": "eventflow.model.process.fan",
    "HMACSignature": "eventflow.model.signature",
    "Header": "eventflow.model.recorded",
    "Held": "eventflow.runtime.commands.holding",
    "Incident": "eventflow.model.incident",
    "Incoming": "eventflow.model.incoming",
    "Kind": "eventflow.model.recorded",
    "Look": "eventflow.model.status",
    "Mail": "eventflow.runtime.notifiers",
    "Masker": "eventflow.model.masking",
    "Moment": "eventflow.model.process.awaiting",
    "Move": "eventflow.model.flows.tasks",
    "Notifier": "eventflow.runtime.incidents",
    "NumberedStatusEnum": "eventflow.model.status",
    "Passing": "eventflow.runtime.commands.commands",
    "People": "eventflow.model.people",
    "Probe": "eventflow.model.probe",
    "Process": "eventflow.model.process.process",
    "QuietHours": "eventflow.model.quiet",
    "RateLimit": "eventflow.model.limits",
    "Receipt": "eventflow.model.reception",
    "Recorded": "eventflow.model.recorded",
    "Request": "eventflow.model.exchange",
    "Response": "eventflow.model.exchange",
    "Retry": "eventflow.model.retry",
    "RetryLater": "eventflow.model.process.endings",
    "Run": "eventflow.model.process.run",
    "RunEnd": "eventflow.model.process.awaiting",
    "RunStatus": "eventflow.model.process.status",
    "Server": "eventflow.runtime.notifiers",
    "Settings": "eventflow.settings",
    "Signal": "eventflow.model.process.awaiting",
    "Skip": "eventflow.model.process.endings",
    "Spacer": "eventflow.model.command",
    "StatusEnum": "eventflow.model.status",
    "Step": "eventflow.model.process.step",
    "StepTask": "eventflow.model.process.step",
    "Task": "eventflow.model.handlers",
    "Tick": "eventflow.runtime.ticks",
    "Timeout": "eventflow.model.exchange",
    "TransitionResult": "eventflow.model.flows.moves",
    "Verdict": "eventflow.model.flows.tasks",
    "Vocabulary": "eventflow.model.vocabulary",
    "Wait": "eventflow.model.wait",
    "Webhook": "eventflow.runtime.notifiers",
    "action": "eventflow.model.flows.tasks",
    "allow": "eventflow.model.flows.tasks",
    "as_curl": "eventflow.model.rendering",
    "as_message": "eventflow.model.rendering",
    "callback": "eventflow.model.callback",
    "calls": "eventflow.model.process.step",
    "cancelled": "eventflow.runtime.attempt",
    "command": "eventflow.model.command",
    "current_step": "eventflow.runtime.processes.current",
    "deny": "eventflow.model.flows.tasks",
    "endpoint": "eventflow.model.reaction",
    "folds": "eventflow.model.aggregate",
    "label_of": "eventflow.model.status",
    "migration": "eventflow.model.process.process",
    "note": "eventflow.runtime.processes.notes",
    "play": "eventflow.model.exchange",
    "replies": "eventflow.model.exchange",
    "restriction": "eventflow.model.flows.tasks",
    "step": "eventflow.model.process.step",
    "task": "eventflow.model.reaction",
    "traced": "eventflow.runtime.tracing",
    "transition": "eventflow.model.transition",
    "upcast": "eventflow.model.event",
    "validation": "eventflow.model.flows.tasks",
    "webhook": "eventflow.model.webhook",
}

__all__ = [
    "Abandon",
    "Aggregate",
    "AsyncEndpoint",
    "AsyncExchange",
    "AsyncTask",
    "Callback",
    "Channel",
    "Child",
    "CircuitBreaker",
    "Concurrency",
    "Deed",
    "Done",
    "Each",
    "Ended",
    "Endpoint",
    "Event",
    "Eventflow",
    "Exchange",
    "File",
    "Flow",
    "FlowPickerBuilder",
    "FlowQuery",
    "FlowTask",
    "Gathered",
    "HMACSignature",
    "Header",
    "Held",
    "Incident",
    "Incoming",
    "Kind",
    "Look",
    "Mail",
    "Masker",
    "Moment",
    "Move",
    "Notifier",
    "NumberedStatusEnum",
    "Passing",
    "People",
    "Probe",
    "Process",
    "QuietHours",
    "RateLimit",
    "Receipt",
    "Recorded",
    "Request",
    "Response",
    "Retry",
    "RetryLater",
    "Run",
    "RunEnd",
    "RunStatus",
    "Server",
    "Settings",
    "Signal",
    "Skip",
    "Spacer",
    "StatusEnum",
    "Step",
    "StepTask",
    "Task",
    "Tick",
    "Timeout",
    "TransitionResult",
    "Verdict",
    "Vocabulary",
    "Wait",
    "Webhook",
    "__version__",
    "action",
    "allow",
    "as_curl",
    "as_message",
    "callback",
    "calls",
    "cancelled",
    "command",
    "current_step",
    "deny",
    "endpoint",
    "folds",
    "label_of",
    "migration",
    "note",
    "play",
    "replies",
    "restriction",
    "step",
    "task",
    "traced",
    "transition",
    "upcast",
    "validation",
    "webhook",
]

__getattr__, __dir__ = door(__name__, __all__, _HOMES)
