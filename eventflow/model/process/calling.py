"""A step that does the task or the endpoint of an aggregate.

::

    class Release(Process, name="release", version=1):
        document: UUID

        typeset: ClassVar[Step] = calls(generate, of="document")
        announce: ClassVar[Step] = calls(publish, of="document", retry=Retry(attempts=5))

The reaction need not be listed among those of the application: the run decides when its turn is. The document has to
stand where the reaction waits for it; what the reaction comes to is recorded on the document together with the step,
both or neither. When the step fails, the document stays as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable
from uuid import UUID

from eventflow.errors import BadInput
from eventflow.model.process.awaiting import is_said


@runtime_checkable
class Doable(Protocol):
    """What is known here of a task or an endpoint."""

    @property
    def name(self) -> str:
        """What the log calls it."""

    @property
    def function(self) -> Any:
        """What is called with the document."""

    @property
    def aggregate(self) -> Any:
        """Of what kind the document is."""

    @property
    def on(self) -> Any:
        """The status in which it is done."""

    @property
    def is_async(self) -> bool:
        """Whether it runs on an event loop."""


class Handling(Protocol):
    """What is known here of a task or an endpoint that is a class."""

    def as_reaction(self) -> Any:
        """The reaction that it becomes."""


@dataclass(frozen=True)
class Calls:
    """Which reaction is done, and of which document: ``of`` is the field that holds its id, or a function."""

    reaction: Doable
    of: str | Callable[[Any], Any]

    def target(self, process: Any) -> UUID:
        """The document's stream. Raises ``BadInput`` when the process does not know it."""
        found = getattr(process, self.of, None) if isinstance(self.of, str) else self.of(process)
        try:
            return found if isinstance(found, UUID) else UUID(str(found))
        except ValueError as error:
            raise BadInput(
                f"{self.reaction.name} wants the id of a {self._category}, of= came to {found!r}."
            ) from error

    def problems(self) -> Iterator[str]:
        """What is wrong with it."""
        if not _is_reaction(self.reaction):
            yield f"calls({self.reaction!r}): wanted is what @task or @endpoint made, or a Task or Endpoint."
        elif self.reaction.is_async:
            yield f"calls({self.reaction.name}): a step is no coroutine; call a task or endpoint that is none."
        if not is_said(self.of):
            yield f"calls(..., of={self.of!r}): wanted is the name of the field with the document's id, or a function."

    @property
    def _category(self) -> str:
        return str(self.reaction.aggregate.category)


def _is_reaction(one: object) -> bool:
    return isinstance(one, Doable)
