"""Runs of processes: where they stand, what keeps them from going on, what they know.

Without an application, headers and the read side still tell most of it; what a run knows is known to a program only
that has its words.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC
from typing import Any
from uuid import UUID

from eventflow.app import Eventflow
from eventflow.errors import NotFound, ProcessNotFound
from eventflow.model.process.long import waits_for
from eventflow.store.database import Database
from eventflow.store.work import Work
from eventflow_projections import Running, RunRow, Runs


def has_runs(app: Eventflow) -> bool:
    """Whether an application has processes."""
    return Running.name in app.projections.runners


def runs_of(app: Eventflow) -> Runs:
    """The runs of an application. Raises ``NotFound`` when it has no processes."""
    if not has_runs(app):
        raise NotFound("This application has no processes. Give it some: Eventflow(processes=[...]).")
    return app.runs


def told(row: RunRow, app: Eventflow | None = None) -> dict[str, Any]:
    """A run as the read side has it, with the title of its process."""
    said = {"id": row.id, "title": title(row.process, app), **asdict(row)}
    del said["stream"]
    return said


def title(process: str, app: Eventflow | None = None) -> str:
    """What people see of a process."""
    return process if app is None else app.processes.registry.title(process)


def fields(app: Eventflow | None, run: UUID, names: Sequence[str]) -> dict[str, Any]:
    """These fields of what a run knows; nothing where it does not know them."""
    if not names or app is None:
        return {}
    state = app.processes.get(run).state
    return {name: state.get(name) for name in names}


def waits(database: Database, run: UUID, channel: str, app: Eventflow | None = None) -> str | None:
    """What keeps a run from going on, or what its step waits for; the latter a program only can tell."""
    return held_up(database, run, channel, app) or (None if app is None else waits_for(app.processes.get(run)))


def held_up(database: Database, run: UUID, channel: str, app: Eventflow | None = None) -> str | None:
    """What keeps the run from being begun, until when, and whose error it is if it is one."""
    held = Work(database).held(run)
    if held is None:
        return None
    text = f"{held.what}, looked at again {held.due.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
    fatal = app.engine.doors.fatal(channel) if app is not None and "lockdown" in held.what else []
    return text + "".join(f"; {one.process} {one.run} has stopped with {one.error}" for one in fatal[:1])


def known(app: Eventflow | None, run: UUID) -> dict[str, Any] | None:
    """What a run knows now."""
    if app is None:
        return None
    try:
        return app.processes.known(run).model_dump()
    except (ProcessNotFound, ValueError):
        return app.processes.get(run).state  # of a process, or a version, that this program does not have


def step_titles(app: Eventflow, process: str) -> dict[str, str]:
    """What people see of the steps of a process, by their keys; nothing of one that this program does not have."""
    try:
        return {key: one.title for key, one in app.processes.registry.get(process).by_key.items()}
    except ProcessNotFound:
        return {}
