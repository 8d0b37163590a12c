"""Whether a run fits the definition there is, and how one of an older version comes to fit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from eventflow.model.masking import Masker
from eventflow.model.process.definition import Definition, difference
from eventflow.model.process.memory import UNDO
from eventflow.model.process.process import Migration
from eventflow.model.process.run import Run
from eventflow.model.telling import told


class Misfit(NamedTuple):
    """Why a run does not go on."""

    reason: str


class Move(NamedTuple):
    """How a run goes on with the present definition."""

    definition: int
    fingerprint: str
    steps: tuple[str, ...]
    done: tuple[str, ...]
    step: str
    state: Mapping[str, Any]
    names: Mapping[str, str] = {}
    undoable: tuple[str, ...] = ()

    def record(self, run: Run, reason: str | None = None) -> None:
        """Record it, if that was not done before."""
        if (run.definition, run.fingerprint) != (self.definition, self.fingerprint):
            run.migrate(**self._asdict(), reason=reason)


def fitting(definition: Definition, run: Run, masker: Masker) -> Move | Misfit | None:
    """What has to be done before a run goes on with this definition: nothing, a move, or it does not go on."""
    if run.definition == definition.version:
        return None if run.fingerprint == definition.fingerprint else _changed(definition, run)
    if run.definition > definition.version:
        newer = f"{run.process} {run.definition} is newer than version {definition.version}, which is all there is here"
        return Misfit(f"{newer}: deploy the newer program, or restart it there.")
    return _moved(definition, run, masker)


def _changed(definition: Definition, run: Run) -> Misfit:
    how = difference(run.steps, definition.keys)
    version = definition.version
    return Misfit(
        f"The steps of {run.process} {version} have changed since this run began: {how}. Bring them back, or raise the"
        f" version and declare a migration: version={version + 1}, @migration(from_version={version})."
    )


def _moved(definition: Definition, run: Run, masker: Masker) -> Move | Misfit:
    state, step, done = dict(run.state), run.step or run.steps[-1], run.done
    for version in range(run.definition, definition.version):
        migration = definition.migrations.get(version)
        if migration is None:
            return _no_way(definition, run, version)
        try:
            state = migration.convert(state)
            definition_state = dict(state)
        except Exception as error:  # noqa: BLE001  # user code: whatever it raises, the run does not go on
            return Misfit(f"The migration from {run.process} {version} failed: {told(error, masker)}")
        state, step, done = definition_state, _now(migration, step), tuple(_now(migration, one) for one in done)
    return _arrived(definition, run, state, step, done, masker)


def _now(migration: Migration, step: str) -> str:
    if step.startswith(UNDO):
        return UNDO + _now(migration, step.removeprefix(UNDO))
    return migration.steps.get(step, step)


def _names(definition: Definition, run: Run) -> dict[str, str]:
    """What the steps of a run are called now, by what they were called."""
    names = {one: one for one in (*run.steps, *(run.undoing.steps if run.undoing else ()))}
    for version in range(run.definition, definition.version):
        names = {old: _now(definition.migrations[version], new) for old, new in names.items()}
    return names


def _no_way(definition: Definition, run: Run, version: int) -> Misfit:
    return Misfit(
        f"This run is of {run.process} {run.definition}, the program has version {definition.version}, and no migration"
        f" leads on from {version}. Declare one with @migration(from_version={version}), or bring the version back."
    )


def _arrived(
    definition: Definition, run: Run, state: dict[str, Any], step: str, done: tuple[str, ...], masker: Masker
) -> Move | Misfit:
    if step not in (definition.keys if run.undoing is None else definition.by_key):
        return Misfit(
            f'The migration from {run.process} {run.definition} does not say what has become of "{step}": version'
            f' {definition.version} has {", ".join(definition.keys)}. Say it with steps={{"{step}": ...}}.'
        )
    try:
        plain = definition.state(definition.revived(state))
    except Exception as error:  # noqa: BLE001  # validators are user code
        return Misfit(
            f"What the migration from {run.process} {run.definition} gave does not fit: {told(error, masker)}"
        )
    names = _names(definition, run)
    # What is being taken back is what was done, whatever steps there are now.
    keys = definition.keys if run.undoing is None else tuple(names[one] for one in run.steps)
    known = tuple(one for one in keys if one in done and one != step)
    return Move(
        definition.version, definition.fingerprint, keys, known, step, plain, names, definition.undoable
    )  # fmt: skip
