"""A job: names and numbers that say which reaction may claim which stream at which version."""

from __future__ import annotations

from typing import Any, NamedTuple, Self
from uuid import NAMESPACE_OID, UUID, uuid5


class Job(NamedTuple):
    """A hint that work is due; the log decides whether it still is.

    ``version`` is the stream's version whose header made the work due, ``position`` the same header's place
    in the log, ``attempt`` counts from one.
    """

    reaction: str
    stream: UUID
    version: int
    attempt: int
    position: int

    @property
    def id(self) -> str:
        """The message id: the same job has the same id, however often it is sent."""
        return str(uuid5(NAMESPACE_OID, f"{self.reaction}/{self.stream}/{self.version}/{self.attempt}"))

    def message(self) -> dict[str, Any]:
        """The job as plain data for a broker.

        >>> Job("draft", UUID(int=7), 1, 1, 42).message()["stream"]
        '00000000-0000-0000-0000-000000000007'
        """
        return {**self._asdict(), "stream": str(self.stream)}

    @classmethod
    def of(cls, message: dict[str, Any]) -> Self:
        """The job that ``message()`` made."""
        return cls(**{**message, "stream": UUID(message["stream"])})
