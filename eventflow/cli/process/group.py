"""The commands of ``eventflow process``; each is imported when it is called."""

from __future__ import annotations

import click

from eventflow.cli.lazy import Elsewhere, LazyGroup

_LOOKING = "eventflow.cli.process.looking"
_CHANNELS = "eventflow.cli.process.channels"
_STEERING = "eventflow.cli.process.steering"

COMMANDS = {
    "list": Elsewhere(f"{_LOOKING}:list_", "Runs, the newest first."),
    "show": Elsewhere(f"{_LOOKING}:show", "One run: where it stands, and what it knows."),
    "history": Elsewhere(f"{_LOOKING}:history_", "Everything that happened in a run."),
    "channels": Elsewhere(f"{_CHANNELS}:channels", "Each channel: what goes on there, and what shuts it."),
    "stats": Elsewhere(f"{_CHANNELS}:stats", "How many runs stand where; new ones and attempts by day."),
    "check": Elsewhere("eventflow.cli.process.checking:check", "Whether recorded runs fit the present definitions."),
    "start": Elsewhere("eventflow.cli.process.starting:start", "Start a run."),
    "restart": Elsewhere(f"{_STEERING}:restart", "Let runs go on at the step that failed, or from another one on."),
    "goto": Elsewhere(f"{_STEERING}:goto", "Let a run go on at a later step."),
    "skip": Elsewhere(f"{_STEERING}:skip", "Let steps of a run be passed over."),
    "abandon": Elsewhere(f"{_STEERING}:abandon", "Give runs up, for good."),
    "signal": Elsewhere(f"{_STEERING}:signal", "Say something to a run."),
    "migrate": Elsewhere(f"{_STEERING}:migrate", "Bring runs to the present version of their process."),
}


@click.group(cls=LazyGroup, elsewhere=COMMANDS)
def process() -> None:
    """The runs of processes: find them, look at them, start them, and see to those that have stopped."""
