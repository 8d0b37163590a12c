"""``eventflow flows``: definitions of flows, and which of them a subject gets."""

from __future__ import annotations

import click

from eventflow.cli.lazy import Elsewhere, LazyGroup

VERBS = {
    "pick": Elsewhere("eventflow.cli.flows.pick:pick", "Which flow a subject gets."),
    "explain": Elsewhere("eventflow.cli.flows.pick:explain", "Why it gets that one, and none of the others."),
    "list": Elsewhere("eventflow.cli.flows.catalogue:list_", "Definitions, now or as they were."),
    "show": Elsewhere("eventflow.cli.flows.catalogue:show", "One definition, or how it came to be so."),
    "diff": Elsewhere("eventflow.cli.flows.catalogue:diff", "In what two flows differ, or what has changed."),
    "check": Elsewhere("eventflow.cli.flows.catalogue:check", "What is wrong with the graphs of flows."),
    "validate": Elsewhere("eventflow.cli.flows.catalogue:validate", "The same as check."),
    "draw": Elsewhere("eventflow.cli.flows.catalogue:draw", "States and transitions as a picture."),
    "export": Elsewhere("eventflow.cli.flows.catalogue:export", "Flows as a JSON document."),
    "import": Elsewhere("eventflow.cli.flows.changes:import_", "Take in what was exported."),
    "publish": Elsewhere("eventflow.cli.flows.changes:publish", "Bring in the definitions in files."),
    "update": Elsewhere("eventflow.cli.flows.changes:update", "Change fields of a flow."),
    "activate": Elsewhere("eventflow.cli.flows.changes:activate", "Let a flow be picked."),
    "deactivate": Elsewhere("eventflow.cli.flows.changes:deactivate", "Let a flow be picked no more."),
    "default": Elsewhere("eventflow.cli.flows.changes:default", "Make a flow the default."),
    "window": Elsewhere("eventflow.cli.flows.changes:window", "When a flow is in force."),
    "reorder": Elsewhere("eventflow.cli.flows.changes:reorder", "Which flows are preferred."),
    "duplicate": Elsewhere("eventflow.cli.flows.changes:duplicate", "Make another flow like this one."),
    "archive": Elsewhere("eventflow.cli.flows.changes:archive", "Put a flow away."),
    "restore": Elsewhere("eventflow.cli.flows.changes:restore", "Bring an archived flow back."),
    "tasks": Elsewhere("eventflow.cli.flows.catalogue:tasks", "What transitions may call."),
    "rollout": Elsewhere("eventflow.cli.flows.rollout:rollout", "Set a share, or raise it step by step."),
    "rollouts": Elsewhere("eventflow.cli.flows.rollout:rollouts", "The shares that are being raised."),
    "move": Elsewhere("eventflow.cli.flows.subjects:move", "Make a transition of an item."),
    "moves": Elsewhere("eventflow.cli.flows.subjects:moves", "Where an item stands in its flow."),
    "rebind": Elsewhere("eventflow.cli.flows.subjects:rebind", "Let an item go on by another flow."),
    "unbind": Elsewhere("eventflow.cli.flows.subjects:unbind", "Let an item go by no flow any more."),
}


@click.group(cls=LazyGroup, elsewhere=VERBS)
def flows() -> None:
    """Definitions of flows, and which of them a subject gets."""
