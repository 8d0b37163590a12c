"""The processes of an application, by name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from eventflow.errors import Misconfigured, ProcessNotFound, Refused, did_you_mean
from eventflow.model.process.definition import Definition, definition_of, problems
from eventflow.model.process.items import item_definitions
from eventflow.model.process.process import Process


class Registry:
    """What processes there are. Raises ``Misconfigured``, with everything that is wrong with any of them."""

    def __init__(self, processes: Sequence[type[Process]] = (), channels: Iterable[str] = ("default",)) -> None:
        if found := [*problems(processes)]:
            raise Misconfigured(*found)
        known = [definition_of(one) for one in processes]
        self._by_name: Mapping[str, Definition] = {one.name: one for one in known}
        self._items: Mapping[str, Definition] = {part.name: part for one in known for part in item_definitions(one)}
        own = (one.options.channel for one in self)
        self.channels = tuple(dict.fromkeys((*channels, *own)))

    def __iter__(self) -> Iterator[Definition]:
        """Everything that there may be runs of: the processes, and what the items of their steps are runs of."""
        yield from self._by_name.values()
        yield from self._items.values()

    @property
    def called(self) -> list[Any]:
        """The tasks and endpoints that are steps."""
        return [step.calls.reaction for one in self for step in one.steps if step.calls is not None]

    def __contains__(self, name: object) -> bool:
        return name in self._by_name

    def get(self, process: str | type[Process]) -> Definition:
        """What a process comes to, by its name or its class. Raises ``ProcessNotFound``."""
        name = process if isinstance(process, str) else process.keywords.name
        known = self._by_name.get(name) or self._items.get(name)
        if known is None or (isinstance(process, type) and known.process is not process):
            raise ProcessNotFound(name, list(self._by_name))
        return known

    def title(self, name: str) -> str:
        """What people see of a process; one that is not there (any more) is called by its name."""
        known = self._by_name.get(name) or self._items.get(name)
        return name if known is None else known.title

    def titles(self) -> dict[str, str]:
        """What people see of each process."""
        return {name: one.title for name, one in self._by_name.items()}

    def channel(self, definition: Definition, channel: Any = None) -> str:
        """The channel that a run goes through. Raises ``Refused`` for one that there is not."""
        chosen = definition.options.channel if channel is None else channel
        if chosen not in self.channels:
            near = did_you_mean(str(chosen), self.channels)
            raise Refused(f'There is no channel "{chosen}"; there are {", ".join(self.channels)}.{near}')
        return str(chosen)
