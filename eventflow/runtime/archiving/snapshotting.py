"""Snapshots of streams whose bodies are about to leave, so that loading one of them opens no archive."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from uuid import UUID

from eventflow.errors import Unavailable, UnknownEvent
from eventflow.model.telling import MASKER, told
from eventflow.model.vocabulary import Vocabulary
from eventflow.runtime.repository import Repository
from eventflow.store.archive.hot import Hot, Standing
from eventflow.store.log import Log

SOME = 200
"""Snapshots that are kept in one transaction."""


class Snapshotting:
    """Brings snapshots up to date."""

    def __init__(self, log: Log, hot: Hot, repository: Repository, vocabulary: Vocabulary) -> None:
        self._log, self._hot, self._repository, self._vocabulary = log, hot, repository, vocabulary

    def cover(self, bodies: Iterable[Standing]) -> dict[UUID, str]:
        """Snapshot every stream at or after these events; returns those that cannot be, and why."""
        last: dict[UUID, Standing] = {}
        for one in bodies:
            if one.stream not in last or last[one.stream].version < one.version:
                last[one.stream] = one
        left: dict[UUID, str] = {}
        behind = self._behind(last)
        for start in range(0, len(behind), SOME):
            self._cover(behind[start : start + SOME], left)
        return left

    def _behind(self, last: Mapping[UUID, Standing]) -> list[Standing]:
        known = self._hot.snapshotted(list(last))
        return [one for stream, one in last.items() if known.get(stream, 0) < one.version]

    def _cover(self, some: list[Standing], left: dict[UUID, str]) -> None:
        snapshots = []
        for one in some:
            try:
                kind = self._vocabulary.aggregates.get(one.category)
                if kind is None:
                    raise UnknownEvent(one.category, sorted(self._vocabulary.aggregates))
                snapshots.append(self._repository.get(kind, one.stream).snapshot())
            except Unavailable:
                raise
            except Exception as error:  # noqa: BLE001 - an aggregate is user code; the others are to leave all the same
                left[one.stream] = told(error, MASKER)
        self._log.snapshots.put(*snapshots)
