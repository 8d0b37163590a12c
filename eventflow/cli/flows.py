"""``eventflow flows``: definitions of flows, and which of them a subject gets."""

from __future__ import annotations

import click

from eventflow.cli.lazy import Elsewhere, LazyGroup

VERBS = {
    "pick": Elsewhere("eventflow.cli.flow_pick:pick", "Which flow a subject gets."),
    "explain": Elsewhere("eventflow.cli.flow_pick:explain", "Why it gets that one, and none of the others."),
}


@click.group(cls=LazyGroup, elsewhere=VERBS)
def flows() -> None:
    """Definitions of flows, and which of them a subject gets."""
