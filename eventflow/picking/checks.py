"""What is wrong with the graph of a flow: everything at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from pydantic import ValidationError

from eventflow.errors import did_you_mean
from eventflow.picking.parts import KnownTask, State, TaskBinding, Transition
from eventflow.picking.reach import Reach


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that is wrong: a code for programs, the place in the definition, and a sentence for people."""

    code: str
    where: str
    message: str

    def __str__(self) -> str:
        return f"{self.where}: {self.message}"


@dataclass(frozen=True)
class Checked:
    """A graph that is looked at, with what the application around it knows."""

    subject_type: str | None
    states: Sequence[State]
    transitions: Sequence[Transition]
    tasks: Mapping[str, KnownTask] | None = None
    statuses: Collection[str] | None = None
    reach: Reach | None = None

    def problems(self) -> Iterator[Problem]:
        """All that is wrong, in the order of the graph.

        Whether tasks are known is looked at when ``tasks`` is given, whether statuses are when ``statuses`` is, and
        where work leads when ``reach`` is.
        """
        yield from self._start()
        yield from self._doubles()
        for number, state in enumerate(self.states):
            yield from self._state(f"states[{number}]", state)
        for number, transition in enumerate(self.transitions):
            yield from self._transition(f"transitions[{number}]", transition)
        yield from self.strays()
        yield from self._lost()

    def strays(self) -> Iterator[Problem]:
        """The work that leads out of the flow: what is bound to it would fail there."""
        for work, status in self.reach.strays() if self.reach is not None else ():
            message = f'{work.name} leads from "{work.on}" to "{status}", and no state of this flow stands for that.'
            yield Problem("stray_work", "states", message)

    def exits(self, state: State) -> list[Transition]:
        """The transitions that can be taken in a state."""
        own = [one for one in self.transitions if one.from_ == state.key]
        is_between = not state.is_start and not state.is_terminal
        return [*own, *(one for one in self.transitions if one.from_ is None)] if is_between else own

    def reached(self) -> set[str]:
        """The keys of the states that can be reached from START, with START itself."""
        known = {one.key: one for one in reversed(self.states)}
        waiting = [one for one in self.states if one.is_start]
        found = {one.key for one in waiting}
        while waiting:
            state = waiting.pop()
            ahead = {exit.to for exit in self.exits(state) if exit.to in known} | self._led(state)
            ahead -= found
            found |= ahead
            waiting.extend(known[key] for key in ahead)
        return found

    def _led(self, state: State) -> set[str]:
        """The keys of the other states to which work leads from this one."""
        if self.reach is None or (state.status is None and not state.is_start):
            return set()
        statuses = self.reach.leads(state.status)
        return {one.key for one in self.states if one.status in statuses} - {state.key}

    def _start(self) -> Iterator[Problem]:
        starts = [one for one in self.states if one.is_start]
        if len(starts) != 1:
            keys = ", ".join(f'"{one.key}"' for one in starts) or "none"
            yield Problem("one_start", "states", f"exactly one START is wanted, there is {keys}.")
            return
        start = starts[0]
        if start.is_terminal:
            yield Problem("terminal_start", "states", f'START "{start.key}" cannot be terminal.')
        leaving = [one.key for one in self.transitions if one.from_ == start.key]
        if len(leaving) != 1:
            there = ", ".join(f'"{key}"' for key in leaving) or "none"
            message = f'exactly one transition leaves START "{start.key}"; there is {there}.'
            yield Problem("start_exit", "transitions", message)

    def _doubles(self) -> Iterator[Problem]:
        statuses = [one.status for one in self.states if one.status is not None]
        for code, where, what, keys in (
            ("duplicate_state", "states", "states have the key", [one.key for one in self.states]),
            ("duplicate_status", "states", "states stand for the status", statuses),
            ("duplicate_transition", "transitions", "transitions have the key", [one.key for one in self.transitions]),
        ):
            for key, times in Counter(keys).items():
                if times > 1:
                    yield Problem(code, where, f'{times} {what} "{key}"; one is wanted.')
        for (source, target), times in Counter((one.from_, one.to) for one in self.transitions).items():
            if times > 1:
                message = f"{times} transitions lead from {_named(source)} to {_named(target)}; one is wanted."
                yield Problem("duplicate_edge", "transitions", message)

    def _state(self, where: str, state: State) -> Iterator[Problem]:
        if self.statuses is not None and state.status is not None and state.status not in self.statuses:
            hint = did_you_mean(state.status, sorted(self.statuses))
            message = f'the subject has no status "{state.status}".{hint}'
            yield Problem("unknown_status", f"{where}.status", message)
        for field, bindings in (("on_enter", state.on_enter), ("on_leave", state.on_leave)):
            yield from self._tasks(f"{where}.{field}", bindings)

    def _transition(self, where: str, transition: Transition) -> Iterator[Problem]:
        states = {one.key: one for one in self.states}
        for field, key in (("from", transition.from_), ("to", transition.to)):
            if key is not None and key not in states:
                message = f'this flow has no state "{key}".{did_you_mean(key, list(states))}'
                yield Problem("unknown_state", f"{where}.{field}", message)
        if transition.from_ is None and transition.to is None:
            yield Problem("no_ends", where, f'the transition "{transition.key}" needs a "from" or a "to".')
        source, target = states.get(transition.from_ or ""), states.get(transition.to or "")
        if target is not None and target.is_start:
            yield Problem("into_start", f"{where}.to", f'nothing leads into START "{target.key}".')
        if source is not None and source.is_terminal:
            yield Problem("terminal_exit", f"{where}.from", f'nothing leads out of the terminal state "{source.key}".')
        yield from self._tasks(f"{where}.tasks", transition.tasks)

    def _tasks(self, where: str, bindings: Sequence[TaskBinding]) -> Iterator[Problem]:
        if self.tasks is None:
            return
        for number, binding in enumerate(bindings):
            known = self.tasks.get(binding.task)
            place = f"{where}[{number}]"
            if known is None:
                hint = did_you_mean(binding.task, list(self.tasks))
                yield Problem("unknown_task", f"{place}.task", f'there is no task "{binding.task}".{hint}')
            else:
                yield from self._fits(place, binding, known)

    def _fits(self, place: str, binding: TaskBinding, known: KnownTask) -> Iterator[Problem]:
        if known.kind != binding.kind:
            message = f'the task "{binding.task}" is of the kind {known.kind}, not {binding.kind}.'
            yield Problem("wrong_kind", f"{place}.kind", message)
        if known.subject_type is not None and known.subject_type != self.subject_type:
            message = f'the task "{binding.task}" is for "{known.subject_type}", not for "{self.subject_type}".'
            yield Problem("wrong_subject", f"{place}.task", message)
        try:
            if known.config is not None:
                known.config.model_validate(binding.config)
        except ValidationError as error:
            for one in error.errors(include_url=False, include_context=False):
                at = ".".join(map(str, ("config", *one["loc"])))
                yield Problem("wrong_config", f"{place}.{at}", f"{one['msg']}.")

    def _lost(self) -> Iterator[Problem]:
        reached = self.reached()
        has_start = any(one.is_start for one in self.states)
        for number, state in enumerate(self.states):
            if has_start and state.key not in reached:
                message = f'the state "{state.key}" cannot be reached from START.'
                yield Problem("unreachable", f"states[{number}]", message)
            is_between = not state.is_start and not state.is_terminal
            is_left = self._led(state) or any(exit.to not in (None, state.key) for exit in self.exits(state))
            if is_between and not is_left:
                message = f'the state "{state.key}" is a dead end: no way leads out, and it is not terminal.'
                yield Problem("dead_end", f"states[{number}]", message)


def _named(key: str | None) -> str:
    return "anywhere" if key is None else f'"{key}"'
