"""What does not fit together in a composition, all of it at once, each with what to do about it."""

from __future__ import annotations

import inspect
from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import timedelta
from enum import Enum
from typing import Any

from eventflow.errors import Misconfigured
from eventflow.model import system, vocabulary
from eventflow.model.aggregate import LONGEST, commands
from eventflow.model.annotations import UNSAID, parts, read, result_of, strangers_in
from eventflow.model.callback import Callback, CallbackReaction, callback_of, is_choice, near_misses
from eventflow.model.handlers import Handler, reaction_of
from eventflow.model.limits import Concurrency
from eventflow.model.masking import Masker
from eventflow.model.misfits import misfits, missing
from eventflow.model.process.run import Run
from eventflow.model.reaction import Command, EndpointReaction, Reaction, TaskReaction, target
from eventflow.model.retry import Retry
from eventflow.model.transition import Transition


def composed(reactions: Sequence[Any]) -> list[Any]:
    """The reactions that are meant by classes; what cannot be made into one stays as it is, for ``check`` to tell."""
    return [_composed(one) for one in reactions]


def check(reactions: Sequence[Any], aggregates: Sequence[Any], callbacks: Sequence[Any] = ()) -> list[str]:
    """Everything that does not fit together in a composition, each with what to do about it; nothing if all is well."""
    reactions = composed(reactions)
    known = [one for one in reactions if isinstance(one, Reaction) and not isinstance(one, CallbackReaction)]
    calls = [one for one in callbacks_of(callbacks) if isinstance(one, CallbackReaction)]
    return [
        *(problem for one in reactions if one not in known for problem in _strange(one)),
        *(problem for one in callbacks for problem in _stranger(one)),
        *system.problems(aggregates),
        *vocabulary.problems(aggregates, [*known, *calls]),
        *(f"{one.name}: {problem}" for one in calls for problem in _call_problems(one, aggregates)),
        *_doubled_names(calls, "callbacks"),
        *(f"{one.name}: {problem}" for one in known for problem in _problems(one, aggregates)),
        *_doubled_names(known),
        *_doubled_statuses(known),
    ]


def callbacks_of(callbacks: Sequence[Any]) -> list[Any]:
    """The callbacks that are meant by classes; what cannot be made into one stays as it is, for ``check`` to tell."""
    return [one if _stranger(one) else callback_of(one) for one in callbacks]


def _composed(one: Any) -> Any:
    try:
        return reaction_of(one) if _is_handler(one) else one
    except Misconfigured:
        return one


def _stranger(one: Any) -> Sequence[str]:
    try:
        callback_of(one)
    except Misconfigured as error:
        return error.problems
    return []


def _strange(one: Any) -> Sequence[str]:
    if isinstance(one, CallbackReaction):
        return [f"{one.name} is a callback. Give it in callbacks=[...]."]
    if not _is_handler(one):
        return [
            f"{_called(one)} is no reaction. Decorate it with @task or @endpoint, or inherit from Task or Endpoint."
        ]
    try:
        reaction_of(one)
    except Misconfigured as error:
        return error.problems
    return []


def _is_handler(one: Any) -> bool:
    return isinstance(one, Handler) or (isinstance(one, type) and issubclass(one, Handler))


def _problems(reaction: Reaction[Any, Any], aggregates: Sequence[Any]) -> Iterator[str]:
    aggregate = reaction.aggregate
    if aggregate not in aggregates:
        yield f"{aggregate.__name__} is not among aggregates=[...]."
    handler = _handler(reaction)
    lacks = missing(handler) if handler else []
    yield from (*lacks, *(misfits(handler) if handler else ()))
    statuses = [*_status_problems(reaction)]
    yield from statuses
    if not statuses:
        yield from _loops(reaction)
        yield from _command_problems(reaction, (reaction.on,), (reaction.working,))
    if not lacks:
        yield from _result_problems(reaction)
    yield from _option_problems(reaction)


def _handler(reaction: Reaction[Any, Any]) -> Handler[Any, Any] | None:
    found = getattr(reaction.function, "__self__", None)
    return found if isinstance(found, Handler) else None


def _call_problems(callback: CallbackReaction[Any, Any], aggregates: Sequence[Any]) -> Iterator[str]:
    if callback.aggregate not in (*aggregates, Run):
        yield f"{callback.aggregate.__name__} is not among aggregates=[...]."
    statuses = [*_expectation_problems(callback), *_status_problems(callback, ("processing", "complete", "failed"))]
    yield from statuses
    if not statuses:
        working = callback.processing is None or is_choice(callback.processing)
        yield from _command_problems(callback, callback.expects, callback.expects if working else (callback.working,))
    if getattr(callback.function, "__func__", None) is Callback.handle:
        yield "handle(self, document, request) is missing."
    else:
        yield from _result_problems(callback)
    yield from (*near_misses(callback), *_calling_problems(callback))


def _expectation_problems(callback: CallbackReaction[Any, Any]) -> Iterator[str]:
    if not any(one is not None for one in callback.expects):
        yield "expects= is missing. Name the statuses in which it may come."
        return
    for one in callback.expects:
        if problem := vocabulary.status_problem(callback.aggregate, "expects", one):
            yield problem


def _calling_problems(callback: Any) -> Iterator[str]:
    if callback.verify is ...:
        yield (
            "verify= is missing: anybody could call it. Say who may, as in verify=HMACSignature.github(secret); or"
            " verify=None, if whoever comes so far was let in by somebody else."
        )
    for role in ("verify", "fingerprint", "identify"):
        if (one := getattr(callback, role)) not in (None, ...) and not callable(one):
            yield f"{role}={_called(one)} is no function of the request."
    if callback.lifetime is not None and not (
        isinstance(callback.lifetime, timedelta) and callback.lifetime > timedelta(0)
    ):
        yield f"lifetime={callback.lifetime!r} is no positive timedelta."
    for role in ("accepts", "methods"):
        if isinstance(one := getattr(callback, role), str):
            yield f'{role}="{one}" is one text. Write {role}=["{one}"].'
    if not callback.name.isidentifier():
        yield f"name={callback.name!r}: letters, digits and _ are allowed."


def _status_problems(
    reaction: Reaction[Any, Any], roles: Sequence[str] = ("on", "processing", "complete", "failed")
) -> Iterator[str]:
    for role in roles:
        step = getattr(reaction, role)
        if isinstance(step, Transition) and role != "on":
            continue
        if isinstance(reaction, CallbackReaction) and is_choice(step):
            continue
        if step is None and role != "processing":
            yield f"{role}= is missing."
        elif callable(step) and not isinstance(step, Enum):
            yield f"{role}={_called(step)} is no command. Decorate it with @transition."
        elif step is not None and (problem := vocabulary.status_problem(reaction.aggregate, role, step)):
            yield problem


def _loops(reaction: Reaction[Any, Any]) -> Iterator[str]:
    for role in ("complete", "failed"):
        if target(getattr(reaction, role)) is reaction.on:
            yield f"{role}= leads back to on={reaction.on!s}: it would start again for ever."
    if reaction.processing is not None and reaction.working is reaction.on:
        yield f"processing= is on={reaction.on!s} itself. Leave processing=None if the status shall stay."


def _command_problems(reaction: Reaction[Any, Any], begins: Sequence[Enum], working: Sequence[Enum]) -> Iterator[str]:
    own = commands(reaction.aggregate)
    for role, starts, samples in (
        ("processing", begins, ((),)),
        ("complete", working, (("result",), ())),
        ("failed", working, (("message",),)),
    ):
        command = getattr(reaction, role)
        if not isinstance(command, Transition):
            continue
        if own.get(command.name) is not command:
            yield f"{role}={command.qualified} is a command of another aggregate than {reaction.aggregate.__name__}."
        elif lost := [str(one) for one in starts if command.sources and one not in command.sources]:
            allowed = " or ".join(str(one) for one in command.sources)
            yield f"{role}={command.qualified} needs {allowed}, but the status is {' or '.join(lost)} then."
        if not any(_takes(command, sample) for sample in samples):
            wanted = {"processing": "nothing", "complete": "the result", "failed": "the message"}[role]
            yield f"{role}={command.qualified}{command.arguments} is called with {wanted} only."


def _takes(command: Command, sample: tuple[str, ...]) -> bool:
    try:
        command.arguments.bind(*sample)
    except TypeError:
        return False
    return True


def _result_problems(reaction: Reaction[Any, Any]) -> Iterator[str]:
    speaks = inspect.isgeneratorfunction(reaction.function) or inspect.isasyncgenfunction(reaction.function)
    if isinstance(reaction, CallbackReaction) and (speaks or inspect.iscoroutinefunction(reaction.function)):
        yield "a callback returns its result at once: it neither yields nor awaits."
    if isinstance(reaction, EndpointReaction) and not speaks:
        yield "an endpoint yields requests, this function yields none. Use @task."
    if isinstance(reaction, TaskReaction) and speaks:
        yield "a task returns its result, this function yields. Use @endpoint for requests."
    try:
        annotation = reaction.annotation()
    except Exception as error:  # noqa: BLE001  # an annotation may be any expression
        yield f"what it returns cannot be read: {error}"
        return
    if annotation is UNSAID:
        yield "it does not say what it returns. Annotate it, so that the log knows its events."
    elif isinstance(reaction.complete, Transition):
        yield from _pair_problems(reaction.complete, result_of(annotation))
    elif strangers := strangers_in(annotation):
        wanted = "an event, several or None"
        yield f"it returns {_called(strangers[0])}, but complete={reaction.complete!s} takes {wanted}."


def _pair_problems(command: Command, result: Any) -> Iterator[str]:
    first = next(iter(command.arguments.parameters.values()), None)
    if first is None:
        return
    try:
        wanted = read(first.annotation, command.function, command.names)
    except Exception:  # noqa: BLE001  # unreadable: the type checker has to do
        return
    fits = parts(wanted)
    plain = all(isinstance(one, type) for one in (*fits, *parts(result)))
    if first.annotation is not first.empty and plain and not all(issubclass(one, fits) for one in parts(result)):
        yield f"it returns {_called(result)}, but complete={command.qualified} takes {_called(wanted)}."


def _option_problems(reaction: Any) -> Iterator[str]:
    if not isinstance(reaction.retry, Retry):
        yield f"retry={reaction.retry!r} is no Retry. Write retry=Retry(attempts=5, after=timedelta(seconds=30))."
    if not isinstance(reaction.time_limit, timedelta) or reaction.time_limit <= timedelta(0):
        yield f"time_limit={reaction.time_limit!r} is no positive timedelta."
    if reaction.masker is not None and not isinstance(reaction.masker, Masker):
        yield f"{_called(reaction.masker)} is no Masker. Write Masker(keys=[...])."
    if reaction.record_limit is not None and not (type(reaction.record_limit) is int and reaction.record_limit > 0):
        yield f"record_limit={reaction.record_limit!r} is no number of bytes above 0."
    if not isinstance(reaction.priority, int) or isinstance(reaction.priority, bool):
        yield f"priority={reaction.priority!r} is no whole number; lower ones go first."
    if reaction.after is not None and not (
        isinstance(reaction.after, timedelta) and timedelta(0) <= reaction.after <= LONGEST
    ):
        yield f"after={reaction.after!r} is no timedelta from zero to a thousand years."
    if not (isinstance(reaction.queue, str) and vocabulary.NAME.match(reaction.queue.replace("-", "_"))):
        yield f"queue={reaction.queue!r}: small letters, digits, - and _ are allowed."
    yield from _limit_problems(reaction)
    if not reaction.name.isidentifier():
        yield f"name={reaction.name!r}: letters, digits and _ are allowed."


def _limit_problems(reaction: Any) -> Iterator[str]:
    if reaction.concurrency is not None and not isinstance(reaction.concurrency, Concurrency):
        yield f"concurrency={reaction.concurrency!r} is no Concurrency. Write concurrency=Concurrency(3)."
    if reaction.host is not None and not (isinstance(reaction.host, str) or callable(reaction.host)):
        yield f'host={reaction.host!r} is no host. Write host="press.example", or a function of the item.'


def _doubled_names(reactions: Sequence[Reaction[Any, Any]], kind: str = "reactions") -> Iterator[str]:
    by_name = defaultdict(list)
    for one in reactions:
        by_name[one.name].append(one)
    for name, several in by_name.items():
        if len(several) > 1:
            yield f'{len(several)} {kind} are called "{name}". Give them different name=.'


def _doubled_statuses(reactions: Sequence[Reaction[Any, Any]]) -> Iterator[str]:
    by_status = defaultdict(list)
    for one in reactions:
        for flow in one.flows:
            by_status[one.aggregate, str(getattr(one.on, "value", one.on)), flow].append(one.name)
    for (aggregate, status, flow), names in by_status.items():
        if len(names) > 1:
            where = f'"{status}" of {getattr(aggregate, "category", aggregate)}'
            where += "" if flow is None else f' in "{flow}"'
            yield f"{' and '.join(names)} both react to {where}. One status starts one reaction."


def _called(one: Any) -> str:
    return str(getattr(one, "__name__", one))
