"""What is to be done with a stream: the last header that bears a phase, and what came before it."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple, Protocol
from uuid import UUID

from eventflow.model.recorded import Phase

WAITS = ("put_aside", "step_waits")
"""What is recorded of work that waits."""


class HeaderLike(Protocol):
    """What a header and a draft have in common, as far as the work on their stream is concerned."""

    @property
    def version(self) -> int:
        """Its version in the stream."""

    @property
    def name(self) -> str:
        """The event's name, with or without its category."""

    @property
    def phase(self) -> str | None:
        """What it means for the work."""

    @property
    def status(self) -> str:
        """The status after it."""

    @property
    def reaction(self) -> str | None:
        """Whose attempt it is about."""

    @property
    def attempt(self) -> int | None:
        """Which attempt it is about."""

    @property
    def owner(self) -> UUID | None:
        """The worker that claims."""

    @property
    def due(self) -> datetime | None:
        """When the next attempt is due."""


class Standing(NamedTuple):
    """Where the work on a stream stands.

    ``origin`` is the version of the last announcement: everything since then is one story with one idempotency key.
    ``interruptions`` counts the attempts since then that ended with their worker, ``waits`` says that what was put
    aside waits and did not fail. Made by folding headers with
    ``after``; headers without a phase change nothing.
    """

    version: int = 0
    phase: Phase | None = None
    status: str = ""
    reaction: str | None = None
    attempt: int = 0
    origin: int = 0
    owner: UUID | None = None
    interruptions: int = 0
    due: datetime | None = None
    waits: bool = False

    def after(self, header: HeaderLike) -> Standing:
        """The standing once this header (or draft) has been appended."""
        phase = header.phase
        if phase is None:
            return self
        version = header.version
        if phase == Phase.ANNOUNCED:
            return Standing(version, Phase.ANNOUNCED, header.status, None, 0, version, due=header.due)
        if phase == Phase.CLAIMED:
            return Standing(
                version, Phase.CLAIMED, header.status, header.reaction, header.attempt or 0, self.origin, header.owner,
                self.interruptions,
            )  # fmt: skip
        name = header.name.rpartition(":")[2]
        interruptions = self.interruptions + (name == "interrupted")
        waits = name in WAITS or (name == "woken" and self.waits)
        return Standing(
            version, Phase(phase), header.status, header.reaction, header.attempt or 0, self.origin, None,
            interruptions, header.due, waits,
        )  # fmt: skip
