"""What a process class comes to: its steps in their order, what they are known by, and what is wrong with it."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from hashlib import sha256
from json import dumps
from typing import Any, get_args

from eventflow.errors import did_you_mean
from eventflow.model.channel import DEFAULT, Channel, is_name
from eventflow.model.process.process import Migration, Options, Process, UndoOn, migrations_of
from eventflow.model.process.step import FINISH, KNOWN, START, Step, StepTask, in_words, step_of
from eventflow.model.process.ways import called_problems, field_problems, undo_steps, ways_problems
from eventflow.model.retry import Retry

TAKEN = frozenset(name for name in vars(Process) if not name.startswith("_")) | {"started", "finished"}
"""What a process has already: no field can be called so."""

OVERRIDABLE = frozenset(("boot", "before_step", "on_failure", "steps", "keywords"))


@dataclass(frozen=True, eq=False)
class Definition:
    """A process as the runtime knows it. Made by ``definition_of``, of a class without problems."""

    process: type[Process]
    options: Options
    steps: tuple[Step, ...]
    migrations: Mapping[int, Migration]

    @property
    def name(self) -> str:
        """What the log calls it."""
        return self.options.name

    @property
    def version(self) -> int:
        """Its version."""
        return self.options.version

    @property
    def title(self) -> str:
        """What people see."""
        return self.options.title or in_words(self.name)

    @cached_property
    def keys(self) -> tuple[str, ...]:
        """What the log calls its steps, in their order."""
        return tuple(one.key for one in self.steps)

    @cached_property
    def by_key(self) -> Mapping[str, Step]:
        """Its steps by what the log calls them, and what takes them back."""
        return {one.key: one for one in (*self.steps, *undo_steps(self.process, self.steps))}

    @cached_property
    def undoable(self) -> tuple[str, ...]:
        """The steps that something can take back."""
        return tuple(one.key for one in self.steps if one.undo is not None)

    @cached_property
    def fingerprint(self) -> str:
        """What its list of steps is known by."""
        return fingerprint(self.keys)

    def retry(self, step: str | None) -> Retry:
        """The retry of a step, or that of the process."""
        known = self.by_key.get(step or "")
        return self.options.retry if known is None or known.retry is None else known.retry

    def revived(self, state: Mapping[str, Any]) -> Process:
        """The process that knows this. Raises pydantic's ``ValidationError``."""
        return self.process.model_validate(state, by_name=True)

    def state(self, process: Process) -> dict[str, Any]:
        """What a process knows, as plain data."""
        return process.model_dump(round_trip=True)

    def learned(self, before: Process, now: Process) -> dict[str, Any]:
        """The fields that have changed, as plain data."""
        old, new = before.__dict__, now.__dict__
        changed = {name for name in self.process.__pydantic_fields__ if new[name] != old[name]}
        return now.model_dump(round_trip=True, include=changed) if changed else {}


def fingerprint(keys: Sequence[str]) -> str:
    """What a list of steps is known by.

    >>> fingerprint(["typeset", "announce"]) == fingerprint(["announce", "typeset"])
    False
    """
    return sha256(dumps(list(keys)).encode()).hexdigest()[:16]


def difference(before: Sequence[str], now: Sequence[str]) -> str:
    """How two lists of steps differ, in words.

    >>> difference(["typeset", "announce"], ["typeset", "publish"])
    '"announce" is gone, "publish" is new'
    >>> difference(["typeset", "announce"], ["announce", "typeset"])
    'the order was typeset, announce and is announce, typeset'
    """
    gone = [f'"{one}" is gone' for one in before if one not in now]
    new = [f'"{one}" is new' for one in now if one not in before]
    if gone or new:
        return ", ".join((*gone, *new))
    return f"the order was {', '.join(before)} and is {', '.join(now)}"


def definition_of(process: type[Process]) -> Definition:
    """What a process class comes to; ``problems`` tells whether there is anything wrong with it."""
    steps = tuple(step for step in map(step_of, _listed(process)) if step is not None)
    return Definition(process, process.keywords, steps, {one.version: one for one in migrations_of(process)})


def problems(processes: Sequence[Any], aggregates: Sequence[Any] | None = None) -> Iterator[str]:
    """Everything that is wrong with the processes of an application, each with what to do about it."""
    names: dict[str, str] = {}
    for one in processes:
        if not _is_process(one):
            called = getattr(one, "__name__", one)
            yield f"{called} is no process. Write class {_class_name(called)}(Process, name=..., version=1)."
            continue
        other = names.setdefault(one.keywords.name, one.__name__)
        if other is not one.__name__:
            yield f'{other} and {one.__name__} are both called "{one.keywords.name}". Give one of them another name=.'
        yield from (f"{one.__name__}: {problem}" for problem in _problems(one))
        if aggregates is not None:
            called = called_problems([step for step in map(step_of, _listed(one)) if step is not None], aggregates)
            yield from (f"{one.__name__}: {problem}" for problem in called)


def stray_channels(processes: Sequence[Any], channels: Sequence[Any]) -> Iterator[str]:
    """Processes whose channel is none of those that are declared; an application that declares none has them all.

    A channel that nobody declared would have no rules, whatever was written for the one that was meant.
    """
    if not channels:
        return
    declared = list(dict.fromkeys((*(one.name for one in channels if isinstance(one, Channel)), DEFAULT)))
    for one in processes:
        name = one.keywords.channel if _is_process(one) else DEFAULT
        if is_name(name) and name not in declared:
            near = did_you_mean(name, declared) or f' Add Channel("{name}").'
            yield f'{one.__name__}: channel="{name}" is none of channels=[...], {", ".join(declared)}.{near}'


def _is_process(one: Any) -> bool:
    return isinstance(one, type) and issubclass(one, Process) and one is not Process


def _problems(process: type[Process]) -> Iterator[str]:
    yield from _option_problems(process.keywords)
    yield from _field_problems(process)
    yield from _step_problems(process)
    yield from _migration_problems(process)


def _option_problems(options: Any) -> Iterator[str]:
    if not (isinstance(options.name, str) and options.name.isidentifier()):
        yield f"name={options.name!r}: letters, digits and _ are allowed."
    if type(options.version) is not int or options.version < 0:
        yield f"version={options.version!r} is no whole number from 0 on."
    if options.title is not None and not (isinstance(options.title, str) and options.title.strip()):
        yield f"title={options.title!r}: a text for people is wanted."
    if not is_name(options.channel):
        yield f"channel={options.channel!r}: small letters, digits, - and _ are allowed."
    if not isinstance(options.retry, Retry):
        yield f"retry={options.retry!r} is no Retry. Write retry=Retry(attempts=5, after=timedelta(seconds=30))."
    if options.deadline is not None and not _is_long(options.deadline):
        yield f"deadline={options.deadline!r} is no positive timedelta."
    if type(options.priority) is not int:
        yield f"priority={options.priority!r} is no whole number; lower ones go first."
    if options.undo_on not in get_args(UndoOn):
        yield f'undo_on={options.undo_on!r}: wanted is "abandon" or "failure".'
    for name in options.unknown:
        yield f"{name}= means nothing to a process.{did_you_mean(name, list(Options.__slots__))}"


def _field_problems(process: type[Process]) -> Iterator[str]:
    for name in process.__pydantic_fields__:
        if name in TAKEN:
            yield f'it cannot have a field "{name}": every process has that already.'
    for kind in process.__mro__:
        if issubclass(kind, Process) and kind is not Process:
            for name in vars(kind).keys() & (TAKEN - OVERRIDABLE - {"started", "finished"}):
                if not name.startswith("model_"):
                    yield f'"{name}" is what every process has already. Call it otherwise.'


def _step_problems(process: type[Process]) -> Iterator[str]:
    listed = _listed(process)
    for one in listed:
        if (found := step_of(one)) is None:
            yield (
                f"steps: {_called(one)} is no step. List methods marked @step, functions of a process, StepTasks, or"
                " a task or an endpoint of a document by calls(..., of=...)."
            )
        else:
            yield from _wrong_in(found, one)
    steps = [step for step in map(step_of, listed) if step is not None]
    if not any(one.key not in (START, FINISH) for one in steps):
        yield "it has no steps. Mark a method with @step, or list some in steps=[...]."
    seen: set[str] = set()
    for step in steps:
        if step.key in seen:
            yield f'two of its steps are called "{step.key}". Give one of them another key=.'
        seen.add(step.key)
    yield from _left_out(process, steps)
    yield from field_problems(process, steps)
    yield from _undo_problems(process, steps)


def _wrong_in(step: Any, said: Any) -> Iterator[str]:
    where = f'step "{step.key}"'
    if not (isinstance(step.key, str) and step.key.replace("-", "_").isidentifier()):
        yield f"{where}: letters, digits, - and _ are allowed in its key."
    if step.retry is not None and not isinstance(step.retry, Retry):
        yield f"{where}: retry={step.retry!r} is no Retry. Write retry=Retry(attempts=5)."
    if not _is_long(step.time_limit):
        yield f"{where}: time_limit={step.time_limit!r} is no positive timedelta."
    for name in step.options:
        yield f"{where}: {name}= means nothing to a step.{did_you_mean(name, sorted(KNOWN))}"
    if isinstance(said, type) and issubclass(said, StepTask):
        if said.handle is StepTask.handle:
            yield f"{where}: {said.__name__} has no handle(self)."
    else:
        yield from (f"{where} {problem}" for problem in ways_problems(step))


def _left_out(process: type[Process], steps: Sequence[Step]) -> Iterator[str]:
    if process.steps is None:
        return
    for name, one in _methods(process).items():
        if one not in steps:
            yield f'"{name}" is marked @step, but not in steps=[...]. Put it there, or take the mark away.'


def _undo_problems(process: type[Process], steps: Sequence[Any]) -> Iterator[str]:
    for step in steps:
        if isinstance(step.undo, str) and not callable(getattr(process, step.undo, None)):
            methods = [name for name in dir(process) if not name.startswith(("_", "model_"))]
            yield f'step "{step.key}": undo="{step.undo}" is no method of it.{did_you_mean(step.undo, methods)}'
        elif step.undo is not None and not isinstance(step.undo, str) and not callable(step.undo):
            yield f'step "{step.key}": undo={step.undo!r} is neither the name of a method nor a function.'


def _migration_problems(process: type[Process]) -> Iterator[str]:
    seen: set[int] = set()
    if type(process.keywords.version) is not int:
        return
    for one in migrations_of(process):
        if one.version in seen:
            yield f"two migrations lead on from version {one.version}. Keep one."
        seen.add(one.version)
        if not one.version < process.keywords.version:
            yield f"it migrates from version {one.version}, but has the version {process.keywords.version} itself."


def _listed(process: type[Process]) -> list[Any]:
    """What is to be done, in order: what the class lists, else its marked methods; its beginning and its end around."""
    middle = list(process.steps) if process.steps is not None else list(_methods(process).values())
    middle = [getattr(process, one, one) if isinstance(one, str) else one for one in middle]
    return [*_hook(process, "started", START), *middle, *_hook(process, "finished", FINISH)]


def _hook(process: type[Process], name: str, key: str) -> list[Step]:
    found = inspect.getattr_static(process, name, None)
    if found is None or name in process.__pydantic_fields__:
        return []
    step = step_of(found)
    if step is None:
        return []
    said = {one: getattr(step, one) for one in KNOWN} | {"key": key, "title": f"Process {name}"}
    return [Step(function=step.function, options=step.options, **said)]


def _methods(process: type[Process]) -> dict[str, Step]:
    """The marked methods by name, those of a base class first; one that is overridden keeps its place."""
    found: dict[str, Step] = {}
    for kind in reversed(process.__mro__):
        for name, member in vars(kind).items():
            if isinstance(member, Step) and name not in ("started", "finished"):
                found[name] = member
            elif name in found:
                del found[name]
    return found


def _is_long(time: object) -> bool:
    return isinstance(time, timedelta) and time > timedelta(0)


def _called(one: Any) -> str:
    return str(getattr(one, "__name__", repr(one)))


def _class_name(called: object) -> str:
    return called if isinstance(called, str) and called.isidentifier() else "Release"
