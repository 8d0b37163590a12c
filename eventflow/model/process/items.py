"""The runs that the items of a step are: of a process that each step over items makes, with that one step.

They are called ``release.print_page``: whose step it is, and which. A run of it knows the whole that it is a part of,
as that was when the step's turn came.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Generator, Mapping
from typing import Any

from pydantic import create_model

from eventflow.model.process.awaiting import wanted
from eventflow.model.process.definition import Definition
from eventflow.model.process.process import Migration, Process
from eventflow.model.process.step import Done, Step


def items_name(process: str, step: str) -> str:
    """What the process of a step's items is called.

    >>> items_name("release", "print_page")
    'release.print_page'
    """
    return f"{process}.{step}"


def item_definitions(definition: Definition) -> list[Definition]:
    """The processes that the items of its steps are runs of."""
    return [_of_items(definition, one) for one in definition.steps if one.over is not None]


def item_state(whole: Mapping[str, Any], item: Any, index: int) -> dict[str, Any]:
    """What the run of an item knows when it begins."""
    return {"whole": dict(whole), "item": item, "index": index}


def _of_items(definition: Definition, step: Step) -> Definition:
    options = definition.options
    said = {
        "name": items_name(options.name, step.key),
        "version": options.version,
        "title": f"{definition.title}: {step.title}",
        "channel": options.channel,
        "retry": step.retry or options.retry,
        "priority": options.priority,
    }
    process: type[Process] = create_model(
        f"{definition.process.__name__}Item",
        __base__=Process,
        __module__=definition.process.__module__,
        __cls_kwargs__=said,
        whole=(definition.process, ...),
        item=(wanted(step.function), ...),
        index=(int, ...),
        result=(Any, None),
    )
    alone = Step(
        function=_one_of(step.function), key=step.key, title=step.title, retry=step.retry, time_limit=step.time_limit
    )
    ways = {version: _part(version, one.convert) for version, one in definition.migrations.items()}
    return Definition(process, process.keywords, (alone,), ways)


def _part(version: int, convert: Callable[[dict[str, Any]], dict[str, Any]]) -> Migration:
    """An item goes the way of the whole that it is a part of."""
    return Migration(version, {}, lambda state: {**state, "whole": convert(dict(state["whole"]))})


def _one_of(function: Callable[[Any, Any], Any]) -> Callable[[Any], Any]:
    def converse(part: Any) -> Generator[Any, Any, Any]:
        return _learned(part, (yield from function(part.whole, part.item)))

    def call(part: Any) -> Any:
        return _learned(part, function(part.whole, part.item))

    return converse if inspect.isgeneratorfunction(function) else call


def _learned(part: Any, result: Any) -> Any:
    if isinstance(result, Done):  # it has something to say, and what it made of it stands in the place of the process
        return Done(message=result.message, details=result.details, process=part.learn(result=result.process))
    return part.learn(result=result)
