"""The words of a log: which event is meant by ``document:written``, and whether the log can still be read.

Made once, when the application is composed. Its lock is a small document to commit beside the code; ``covers`` says,
before anything is deployed, what the log would no longer find: the test every event-sourced system wishes it had had.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType
from typing import Any, Protocol

from eventflow.errors import Misconfigured, UnknownEvent, did_you_mean
from eventflow.model.aggregate import CATEGORY, Aggregate, commands, spell, status_type
from eventflow.model.event import Event
from eventflow.model.library import LIBRARY, Created
from eventflow.model.schema import Fields, fields_of, widens
from eventflow.model.system import is_reserved

NAME = re.compile(r"[a-z][a-z0-9_]*\Z")
"""How an event is written: ``written``, ``retry_scheduled``."""

Lock = dict[str, Any]


class Reacting(Protocol):
    """What the vocabulary needs to know of a reaction."""

    @property
    def name(self) -> str:
        """What it is called."""

    @property
    def aggregate(self) -> type[Aggregate[Any]]:
        """Whose status it reacts to."""

    @property
    def returns(self) -> tuple[type[Event], ...]:
        """The events that it says it returns."""


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Names to classes and back, by category. Made by ``Vocabulary.of``."""

    aggregates: Mapping[str, type[Aggregate[Any]]]
    classes: Mapping[str, type[Event]]
    names: Mapping[tuple[str, type[Event]], str]

    @classmethod
    def of(cls, aggregates: Iterable[type[Aggregate[Any]]], reactions: Iterable[Reacting] = ()) -> Vocabulary:
        """The vocabulary of these aggregates and what the reactions return. Raises ``Misconfigured``, all at once."""
        aggregates, reactions = tuple(aggregates), tuple(reactions)
        if found := problems(aggregates, reactions):
            raise Misconfigured(*found)
        classes: dict[str, type[Event]] = {}
        names: dict[tuple[str, type[Event]], str] = {}
        for aggregate in aggregates:
            category = aggregate.category
            for event in known_events(aggregate, reactions):
                names[category, event] = f"{category}:{event.event_name}"
                classes.update({f"{category}:{name}": event for name in (event.event_name, *event.event_was)})
        by_category = {one.category: one for one in aggregates}
        return cls(MappingProxyType(by_category), MappingProxyType(classes), MappingProxyType(names))

    def resolve(self, name: str) -> type[Event]:
        """The class behind ``document:written``, also by a name it had before. Raises ``UnknownEvent``."""
        try:
            return self.classes[name]
        except KeyError:
            raise UnknownEvent(name, sorted(self.classes)) from None

    def name(self, category: str, event: Event | type[Event]) -> str:
        """What the log calls an event in this category. Raises ``UnknownEvent`` when it is not one of its events."""
        kind = event if isinstance(event, type) else type(event)
        try:
            return self.names[category, kind]
        except KeyError:
            raise UnknownEvent(f"{category}:{kind.event_name}", sorted(self.names.values())) from None

    def erasable(self, *, usual: bool = False) -> frozenset[str]:
        """The categories whose bodies are enciphered; ``usual`` is what counts for those that say nothing of it.

        What the library keeps of its own work is not among them.
        """
        own = (one for one in self.aggregates.values() if not is_reserved(one.category))
        return frozenset(one.category for one in own if (usual if one.erasable is None else one.erasable))

    def lock(self) -> Lock:
        """What a log written today needs to be read: categories, statuses, fields, events. Plain JSON, sorted.

        What the library keeps for itself is the library's to read.
        """
        own = sorted(category for category in self.aggregates if not is_reserved(category))
        return {category: self._locked(self.aggregates[category]) for category in own}

    def covers(self, locked: Mapping[str, Any]) -> list[str]:
        """What a log written under this lock could not be read for, and what to do about it; nothing if all is well."""
        return [problem for category, words in locked.items() for problem in self._covers(category, words)]

    def _locked(self, aggregate: type[Aggregate[Any]]) -> dict[str, Any]:
        own = {kind for category, kind in self.names if category == aggregate.category and kind not in LIBRARY}
        return {
            "statuses": list(aggregate.statuses),
            "fields": fields_of(aggregate),
            "events": {
                event.event_name: {
                    "version": event.event_version,
                    "was": list(event.event_was),
                    "fields": fields_of(event),
                }
                for event in sorted(own, key=lambda one: one.event_name)
            },
        }

    def _covers(self, category: str, words: Mapping[str, Any]) -> Iterator[str]:
        aggregate = self.aggregates.get(category)
        if aggregate is None:
            near = did_you_mean(category, list(self.aggregates))
            yield f'The log knows the category "{category}", but no aggregate has it. Bring it back.{near}'
            return
        yield from _lost_statuses(aggregate, words.get("statuses", ()))
        yield from _changed_aggregate(aggregate, words.get("fields", {}))
        for name, was in words.get("events", {}).items():
            event = self.classes.get(f"{category}:{name}")
            yield from [self._lost(category, name)] if event is None else _changed_event(category, name, event, was)

    def _lost(self, category: str, name: str) -> str:
        own = [full.partition(":")[2] for full in self.classes if full.startswith(f"{category}:")]
        return (
            f'The log knows the event "{category}:{name}", but nothing here has that name. If it was renamed, say'
            f' was=("{name}",) on its class; if it is not used any more, list its class in events= of the aggregate.'
            f"{did_you_mean(name, own)}"
        )


def known_events(aggregate: type[Aggregate[Any]], reactions: Iterable[Reacting] = ()) -> tuple[type[Event], ...]:
    """The events of a category: the library's, ``events=``, what commands, folds and reactions mention."""
    by_commands = (one for command in commands(aggregate).values() for one in command.returns)
    by_reactions = (one for reaction in reactions if reaction.aggregate is aggregate for one in reaction.returns)
    declared: tuple[Any, ...] = aggregate.events  # whoever wrote them down
    found = (*LIBRARY, *declared, *by_commands, *aggregate.folded(), *by_reactions)
    return tuple(dict.fromkeys(one for one in found if isinstance(one, type) and issubclass(one, Event)))


def problems(aggregates: Sequence[Any], reactions: Sequence[Reacting] = ()) -> list[str]:
    """Everything that keeps these aggregates from being written into one log."""
    found = [f"{one!r} is no Aggregate." for one in aggregates if not _is_aggregate(one)]
    known = [one for one in aggregates if _is_aggregate(one)]
    by_category = defaultdict(list)
    for aggregate in known:
        by_category[aggregate.category].append(aggregate.__name__)
        found += [*_own_problems(aggregate), *_status_problems(aggregate), *_event_problems(aggregate, reactions)]
    shared = {category: names for category, names in by_category.items() if category and len(names) > 1}
    return found + [f'{" and ".join(names)} share the category "{category}".' for category, names in shared.items()]


def status_problem(aggregate: type[Aggregate[Any]], where: str, status: Any) -> str | None:
    """What is wrong with a status that is named somewhere, or nothing."""
    kind, name = status_type(aggregate), aggregate.__name__
    if kind is None or isinstance(status, kind):
        return None
    if isinstance(status, Enum):
        return f"{where}={status!s} is of {type(status).__name__}, but {name} has {kind.__name__}."
    if not isinstance(status, (str, int)):
        return f"{where}={status!r} is no status of {name}."
    if member := aggregate.statuses.get(str(status)):
        return f'{where}="{status}" is a plain value; write {kind.__name__}.{member.name}.'
    return f'{where}="{status}" is no status of {name}.{did_you_mean(str(status), list(aggregate.statuses))}'


def _is_aggregate(one: Any) -> bool:
    return isinstance(one, type) and issubclass(one, Aggregate)


def _own_problems(aggregate: type[Aggregate[Any]]) -> Iterator[str]:
    name = aggregate.__name__
    if not aggregate.category:
        yield f'{name} has no category. Write class {name}(Aggregate[...], category="{name.lower()}").'
    elif not CATEGORY.match(aggregate.category):
        yield f'{name} has the category "{aggregate.category}"; small letters, digits and _ are allowed.'
    for fold in aggregate.folded():
        if fold is Created:
            yield f"{name} folds Created. Override upcast_fields to read the fields of older streams."


def _status_problems(aggregate: type[Aggregate[Any]]) -> Iterator[str]:
    name, kind = aggregate.__name__, status_type(aggregate)
    if kind is None:
        yield f"{name} has no statuses. Write class {name}(Aggregate[{name}Status], ...)."
        return
    if odd := [one.name for one in kind if not isinstance(one.value, (str, int)) or isinstance(one.value, bool)]:
        yield f"{kind.__name__} must be a StrEnum or an IntEnum; {', '.join(odd)} has neither a text nor a number."
    if len({spell(one) for one in kind}) < len(kind):
        yield f"{kind.__name__} has two members that are written alike."
    if aggregate.initial is None:
        yield f"{name} has no initial status. Write initial={kind.__name__}.{next(iter(kind)).name}."
    for where, status in _named_statuses(aggregate):
        if problem := status_problem(aggregate, where, status):
            yield problem
    if (target := aggregate.cancels_whatever) is not None:
        first = next(iter(kind))
        yield (
            f"{aggregate.__name__}, cancelled={target!s}: it does not say from where, so that what is finished could be"
            f" cancelled, too. Write cancelled={{{kind.__name__}.{first.name}: {_written(target)}, ...}}."
        )


def _written(status: Any) -> str:
    return f"{type(status).__name__}.{status.name}" if isinstance(status, Enum) else repr(status)


def _named_statuses(aggregate: type[Aggregate[Any]]) -> Iterator[tuple[str, Any]]:
    if aggregate.initial is not None:
        yield f"{aggregate.__name__}, initial", aggregate.initial
    for pair in aggregate.restarts.items():
        yield from ((f"{aggregate.__name__}, defibrillate", one) for one in pair)
    for pair in aggregate.cancellations.items():
        yield from ((f"{aggregate.__name__}, cancelled", one) for one in pair)
    for command in commands(aggregate).values():
        yield from ((f"{command.qualified}, source", one) for one in command.sources)
        yield f"{command.qualified}, to", command.to


def _event_problems(aggregate: type[Aggregate[Any]], reactions: Sequence[Reacting]) -> Iterator[str]:
    category = aggregate.category
    declared: tuple[Any, ...] = aggregate.events
    for one in declared:
        if not (isinstance(one, type) and issubclass(one, Event)):
            yield f"{aggregate.__name__}, events: {one!r} is no Event."
    for command in commands(aggregate).values():
        if command.unreadable:
            yield f"{command.qualified}: {command.unreadable}"
    owners: dict[str, type[Event]] = {}
    for event in known_events(aggregate, [one for one in reactions if hasattr(one, "returns")]):
        yield from _name_problems(event)
        for name in (event.event_name, *event.event_was):
            other = owners.setdefault(name, event)
            if other is not event:
                whose = f"the library's {other.__name__}" if other in LIBRARY else other.__name__
                yield f'"{category}:{name}" means both {whose} and {event.__name__}. Give one of them another name=.'


def _name_problems(event: type[Event]) -> Iterator[str]:
    for name in (event.event_name, *event.event_was):
        if not NAME.match(name):
            yield f'{event.__name__} has the name "{name}"; small letters, digits and _ are allowed.'
    if event.event_version < 1:
        yield f"{event.__name__} has the version {event.event_version}; the first one is 1."
    for step in event.event_upcasters:
        if not 1 <= step < event.event_version:
            yield (
                f"{event.__name__} upcasts from version {step}, but its version is {event.event_version}."
                f" Write version={step + 1} on the class."
            )


def _lost_statuses(aggregate: type[Aggregate[Any]], statuses: Iterable[str]) -> Iterator[str]:
    for status in statuses:
        if status not in aggregate.statuses:
            near = did_you_mean(status, list(aggregate.statuses))
            yield (
                f'The log knows the status "{status}" of {aggregate.category}, but {aggregate.__name__} does not have'
                f" it any more. Items may stand in it: bring it back.{near}"
            )


def _changed_aggregate(aggregate: type[Aggregate[Any]], locked: Fields) -> Iterator[str]:
    if not locked or aggregate.upcast_fields.__func__ is not Aggregate.upcast_fields.__func__:  # type: ignore[attr-defined]
        return
    now = fields_of(aggregate)
    for name, field in now.items():
        if name not in locked and field["required"]:
            yield f'{aggregate.category} has the new field "{name}", which older streams lack. Give it a default.'
        elif name in locked and not widens(locked[name]["type"], field["type"]):
            yield (
                f"{aggregate.category}.{name} was {locked[name]['type']} and is {field['type']} now."
                f" Override {aggregate.__name__}.upcast_fields to read the older streams."
            )


def _changed_event(category: str, name: str, event: type[Event], was: Mapping[str, Any]) -> Iterator[str]:
    written, full = int(was.get("version", 1)), f"{category}:{name}"
    if event.event_version < written:
        yield f"{full} is in the log in version {written}, but {event.__name__} has version {event.event_version}."
        return
    changes = list(_changes(was.get("fields", {}), fields_of(event)))
    if not changes or any(written <= step for step in event.event_upcasters):
        return
    told = "; ".join(changes)
    if event.event_version == written:
        yield (
            f"{full} has changed within version {written}: {told}. Write version={written + 1} on {event.__name__}"
            f" and say with @upcast({written}) how the older bodies are read."
        )
    else:
        yield f"{full} has changed since version {written}: {told}. Say with @upcast({written}) how it is read."


def _changes(locked: Fields, now: Fields) -> Iterator[str]:
    for name, field in locked.items():
        if name not in now:
            yield f'"{name}" is gone'
        elif not widens(field["type"], now[name]["type"]):
            yield f'"{name}" was {field["type"]} and is {now[name]["type"]}'
        elif now[name]["required"] and not field["required"]:
            yield f'"{name}" must be given now'
    for name, field in now.items():
        if name not in locked and field["required"]:
            yield f'"{name}" is new and must be given'
