"""The ways in which a step is more than a call with its process: what it waits for, goes over, calls, takes back."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from eventflow.errors import did_you_mean
from eventflow.model.process.awaiting import Awaited, RunEnd
from eventflow.model.process.fan import Each
from eventflow.model.process.memory import UNDO
from eventflow.model.process.step import Step, in_words


def undo_steps(process: type[Any], steps: Sequence[Step]) -> list[Step]:
    """What takes steps back: a step for each that can be, with its retry and its time limit."""
    return [_undo_step(process, one) for one in steps if one.undo is not None]


def undoing(process: type[Any], undo: str | Callable[[Any], Any]) -> Callable[[Any], Any]:
    """The function that takes a step back; a method that is a step itself is meant as the function it was made of."""
    found = inspect.getattr_static(process, undo) if isinstance(undo, str) else undo
    return found.function if isinstance(found, Step) else found


def _undo_step(process: type[Any], step: Step) -> Step:
    assert step.undo is not None
    return replace(
        step,
        function=undoing(process, step.undo),
        key=f"{UNDO}{step.key}",
        title=f"Undo {in_words(step.key).lower()}",
        undo=None,
        light=False,
        awaits=None,
        over=None,
        calls=None,
        options={},
    )


# -- what is wrong with them -----------------------------------------------------------------------


def ways_problems(step: Step) -> Iterator[str]:
    """What is wrong with how a step is called, without its name."""
    ways = [one for one in (step.awaits, step.over, step.calls) if one is not None]
    if len(ways) > 1:
        yield "either awaits something, goes over items or calls a task: make several steps of it."
    for one in ways:
        if isinstance(one, (Awaited, Each)) or one is step.calls:
            yield from (f"has a problem: {problem}" for problem in one.problems())
        else:
            yield f"awaits {one!r}: wanted is Signal(...), Moment(...), Child(...) or RunEnd(...)."
    yield from _signature_problems(step)
    if inspect.iscoroutinefunction(step.function) or inspect.isasyncgenfunction(step.function):
        yield "is a coroutine: a step gives back the process, Done or nothing, or yields requests."


def _signature_problems(step: Step) -> Iterator[str]:
    takes = inspect.signature(step.function)
    if step.over is not None:
        if not _binds(takes, 2):
            yield f"is called with the process and an item, but takes {takes}."
    elif step.awaits is not None:
        if not (_binds(takes, 1) or _binds(takes, 2)):
            yield f"is called with the process and what it waited for, but takes {takes}."
    elif not _binds(takes, 1):
        yield f"is called with the process alone, but takes {takes}."


def field_problems(process: type[Any], steps: Sequence[Step]) -> Iterator[str]:
    """What steps name that the process does not have."""
    fields = list(process.__pydantic_fields__)
    for step in steps:
        for said, name in _named(step):
            if name not in fields:
                yield f'step "{step.key}": {said}="{name}" is no field of it.{did_you_mean(name, fields)}'
        if step.over is not None and step.over.gather is not None and not _is_method(process, step.over.gather):
            yield f'step "{step.key}": gather="{step.over.gather}" is no method of it.'


def called_problems(steps: Sequence[Step], aggregates: Sequence[Any]) -> Iterator[str]:
    """Whose tasks and endpoints steps call that the application does not know."""
    for step in steps:
        aggregate = getattr(getattr(step.calls, "reaction", None), "aggregate", None)
        if aggregate is not None and aggregate not in aggregates:
            yield f'step "{step.key}": {aggregate.__name__} is not among aggregates=[...].'


def _named(step: Step) -> Iterator[tuple[str, str]]:
    if step.over is not None:
        yield from ((said, one) for said in ("over", "into") if isinstance(one := getattr(step.over, said), str))
    if isinstance(step.awaits, RunEnd) and isinstance(step.awaits.of, str):
        yield "RunEnd", step.awaits.of
    if step.calls is not None and isinstance(step.calls.of, str):
        yield "of", step.calls.of


def _is_method(process: type[Any], name: str) -> bool:
    return callable(inspect.getattr_static(process, name, None))


def _binds(signature: inspect.Signature, count: int) -> bool:
    try:
        signature.bind(*[None] * count)
    except TypeError:
        return False
    return True
