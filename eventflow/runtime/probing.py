"""Probing: an event on each object that has stood in a status for too long, once within its grace."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from eventflow.errors import Erased, Unavailable, VersionConflict
from eventflow.model.aggregate import Aggregate
from eventflow.model.library import Probed
from eventflow.model.masking import Masker
from eventflow.model.probe import Probe
from eventflow.model.recorded import Context, Draft, Head, Header, Kind
from eventflow.model.telling import short
from eventflow.runtime.repository import Repository
from eventflow.store.log import Append, Log

log = logging.getLogger("eventflow.probing")

Find = Callable[[Probe[Any], datetime, int], Iterable[UUID]]
"""The streams that may be due for a probe, by a time before which they came to wait; at most so many."""


class Probing(NamedTuple):
    """What a round of one probe came to: the objects that were probed, and of which of them something went wrong."""

    probe: str
    category: str
    probed: tuple[UUID, ...]
    failed: tuple[UUID, ...]


class Prober:
    """Looks for objects whose time has come and probes them.

    Whom to look at, a projection says; whether it is time, the headers of the stream. The probe is appended behind just
    these headers, so of two who probe at once one is refused and records nothing.
    """

    def __init__(
        self, log: Log, repository: Repository, *, clock: Callable[[], datetime], masker: Masker, find: Find
    ) -> None:
        self._log, self._repository, self._clock, self._masker, self._find = log, repository, clock, masker, find

    def probe(
        self, probe: Probe[Any], *, limit: int | None = None, dry_run: bool = False, actor: str | None = None
    ) -> Probing:
        """One round; with ``dry_run`` nothing is recorded."""
        probed: list[UUID] = []
        failed: list[UUID] = []
        for stream in self._find(probe, self._clock() - probe.patience, limit or probe.batch):
            headers = self._log.headers(stream)
            if not probe.is_due(headers, self._clock()):
                continue
            well = True if dry_run else self._append(probe, headers, actor)
            if well is not None:
                probed.append(stream)
                failed += [] if well else [stream]
        return Probing(probe.name, probe.aggregate.category, tuple(probed), tuple(failed))

    def _append(self, probe: Probe[Any], headers: list[Header], actor: str | None) -> bool | None:
        """Whether it went well; nothing when somebody else was faster."""
        last, since = headers[-1], probe.since(headers)
        assert since is not None, "it is due"
        event, context = Probed(probe=probe.name, since=since), _context(last, actor)
        try:
            if probe.then is None:
                self._note(probe, event, last, context)
            else:
                self._repository.save_each([(one, context) for one in self._decided(probe, event, last)])
        except (VersionConflict, Erased):
            return None
        except Unavailable:
            raise
        except Exception as error:  # noqa: BLE001  # user code, or an object that cannot be read: the probe says so
            told = short(self._masker.text(f"{type(error).__name__}: {error}"))
            log.warning("The probe %s of %s failed: %s", probe.name, last.stream, told)
            return self._note_failure(probe, event.model_copy(update={"error": told}), last, context)
        return True

    def _note_failure(self, probe: Probe[Any], event: Probed, last: Header, context: Context) -> bool | None:
        try:
            self._note(probe, event, last, context)
        except VersionConflict:
            return None
        return False

    def _note(self, probe: Probe[Any], event: Probed, last: Header, context: Context) -> None:
        draft = Draft(event, last.status, last.status, kind=Kind.PROBE, reaction=probe.name, flow=last.flow)
        self._log.append(Append(last.stream, last.category, Head(last.version, last.hash), (draft,), context))

    def _decided(self, probe: Probe[Any], event: Probed, last: Header) -> list[Aggregate[Any]]:
        """The object with the probe and what ``then`` decided, and what was begun for it."""
        document = self._repository.get(probe.aggregate, last.stream)
        if document.version != last.version:
            raise VersionConflict(last.stream, last.version, document.version)
        document.record(event, kind=Kind.PROBE, reaction=probe.name)
        begun = probe.then(document) if probe.then is not None else None
        return [document, begun] if isinstance(begun, Aggregate) and begun is not document else [document]


def _context(last: Header, actor: str | None) -> Context:
    return Context(correlation=last.correlation, causation=last.position, tenant=last.tenant, actor=actor)
