"""The work on runs as the runtime knows it: a reaction for each process, version and channel."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from eventflow.model.process.definition import Definition
from eventflow.model.process.run import Run, route_of
from eventflow.model.process.status import RunStatus
from eventflow.model.reaction import Reaction


@dataclass(frozen=True, eq=False, kw_only=True)
class Routine(Reaction[Run, Any]):
    """How the runs of a process are worked on that were started with one version and go through one channel.

    The runs of older versions come to the same ``definition``, which migrates or refuses them. Those of newer ones go
    to a program that knows them.
    """

    definition: Definition
    version: int
    channel: str

    def __repr__(self) -> str:
        return f"<routine {self.name}>"


def routines(definitions: Iterable[Definition], channels: Iterable[str]) -> list[Routine]:
    """What a program can do of runs: for each process, its versions up to the present one, in each channel."""
    return [
        _routine(definition, version, channel)
        for definition in definitions
        for channel in dict.fromkeys((definition.options.channel, *channels))
        for version in range(definition.version, min(definition.version, 1) - 1, -1)
    ]


def _routine(definition: Definition, version: int, channel: str) -> Routine:
    return Routine(
        definition=definition,
        version=version,
        channel=channel,
        function=_unplayed,
        name=route_of(definition.name, version, channel),
        aggregate=Run,
        on=RunStatus.PENDING,
        processing=RunStatus.IN_PROGRESS,
        complete=RunStatus.SUCCESS,
        failed=RunStatus.EXCEPTION,
        retry=definition.options.retry,
        queue=channel,
        priority=definition.options.priority,
    )


def _unplayed(_: Run) -> None:
    raise NotImplementedError("A run is worked on step by step.")
